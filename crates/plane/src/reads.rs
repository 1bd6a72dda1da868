//! Reads of one group that wait: for leadership to be confirmed, for an index to be applied, or for the leader's answer.
//! A read is linearizable because its index was committed, and this member's leadership confirmed, after it arrived.

use std::collections::{BTreeMap, VecDeque};

use crate::source::Waiter;

/// What to do when a read may be served.
#[derive(Debug)]
pub enum Read {
    /// Run these ranges (a READ request's body) and answer.
    Ranges { waiter: Waiter, body: Vec<u8> },
    /// Begin this watch (a WATCH request's body), if it is still wanted.
    Watch { waiter: Waiter, body: Vec<u8> },
    /// Tell another member the index.
    Index { peer: u64, id: u64 },
}

/// Reads of one group, by what they wait for.
#[derive(Debug, Default)]
pub struct Reads {
    /// Numbers given to reads that need confirmation; the core confirms all up to a number.
    pub sequence: u64,
    /// Waiting for the core to confirm leadership, in order of their number.
    pub unconfirmed: VecDeque<(u64, Read)>,
    /// Confirmed; waiting for an index to be applied.
    pub unapplied: BTreeMap<u64, Vec<Read>>,
    /// On a follower: the question to the leader under way, and the reads it was asked for.
    pub asked: Option<Asked>,
    /// On a follower: reads that came while a question was under way; the next one serves them all.
    pub unasked: Vec<Read>,
    /// Newest answer of the leader: when it was asked for (ms) and the index. A read that accepts some staleness lives off it.
    pub fresh: Option<(f64, u64)>,
    /// How many wait in all.
    pub count: usize,
}

/// A follower's question for the read index.
#[derive(Debug)]
pub struct Asked {
    /// Its number.
    pub id: u64,
    /// Whom.
    pub leader: u64,
    /// When, in ms of the clock.
    pub at: f64,
    /// The reads it will serve.
    pub reads: Vec<Read>,
}

impl Reads {
    /// Takes the reads whose index is applied.
    pub fn take_applied(&mut self, applied: u64) -> Vec<Read> {
        if self
            .unapplied
            .first_key_value()
            .is_none_or(|(index, _)| *index > applied)
        {
            return Vec::new();
        }
        let later = self.unapplied.split_off(&(applied + 1));
        let ready: Vec<Read> = std::mem::replace(&mut self.unapplied, later)
            .into_values()
            .flatten()
            .collect();
        self.count -= ready.len();
        ready
    }

    /// Moves the reads confirmed by the core to those that wait for `index`.
    pub fn confirm(&mut self, sequence: u64, index: u64) {
        while self.unconfirmed.front().is_some_and(|(number, _)| *number <= sequence) {
            if let Some((_, read)) = self.unconfirmed.pop_front() {
                self.unapplied.entry(index).or_default().push(read);
            }
        }
    }

    /// A question asked before a moment has been lost: its reads wait for the next one. Whether there was one.
    pub fn give_up_asked(&mut self, before: f64) -> bool {
        let asked = self.asked.take_if(|asked| asked.at < before);
        let lost = asked.is_some();
        self.unasked.extend(asked.into_iter().flat_map(|asked| asked.reads));
        lost
    }

    /// Takes everything that waits for a leader, to be failed.
    pub fn take_leaderless(&mut self) -> Vec<Read> {
        let mut out: Vec<Read> = self.unconfirmed.drain(..).map(|(_, read)| read).collect();
        if let Some(asked) = self.asked.take() {
            out.extend(asked.reads);
        }
        out.append(&mut self.unasked);
        self.count -= out.len();
        out
    }
}

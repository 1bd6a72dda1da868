//! Reads of one group that wait: for leadership to be confirmed, for an index to be applied, or for the leader's answer.
//! A read is linearizable because its index was committed, and this member's leadership confirmed, after it arrived.

use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::SyncSender;

use rafterdb_codec::limits;

use crate::askers::asker::{RequestBody, Waiter};

/// What to do when a read may be served.
#[derive(Debug)]
pub enum Read {
    /// Run these ranges (a READ request's body) and answer.
    Ranges { waiter: Waiter, body: RequestBody },
    /// Begin this watch (a WATCH request's body), if it is still wanted.
    Watch { waiter: Waiter, body: RequestBody },
    /// Tell another member the index.
    Index { peer: u64, id: u64 },
    /// Tell the thread that waits that it may read. Dropped: it may not.
    Blocking { teller: SyncSender<()> },
}

impl Read {
    /// Bytes that it holds while it waits.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Ranges { body, .. } | Self::Watch { body, .. } => body.len(),
            Self::Index { .. } | Self::Blocking { .. } => 0,
        }
    }
}

/// Reads of one group, by what they wait for.
#[derive(Debug, Default)]
pub struct WaitingReads {
    /// Numbers given to reads that need confirmation; the core confirms all up to a number. They never leave this member.
    pub sequence: u64,
    /// Waiting for the core to confirm leadership, in order of their number.
    pub unconfirmed: VecDeque<(u64, Read)>,
    /// Confirmed; waiting for an index to be applied.
    pub unapplied: BTreeMap<u64, Vec<Read>>,
    /// On a follower: the question to the leader under way, and the reads it was asked for.
    pub asked: Option<Asked>,
    /// On a follower: reads that came while a question was under way; the next one serves them all.
    pub unasked: Vec<Read>,
    /// Newest answer of a leader. A read that accepts some staleness lives off it.
    pub fresh: Option<Fresh>,
    /// How many wait in all.
    count: usize,
    /// Bytes that they hold.
    bytes: usize,
}

/// What a leader said is committed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fresh {
    /// When it was asked for, in ms of the clock.
    pub at: f64,
    /// The index.
    pub index: u64,
    /// Who said it.
    pub leader: u64,
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

impl WaitingReads {
    /// Counts a read in. False: too many wait, or too many bytes of them; it may not wait here.
    pub fn admit(&mut self, read: &Read) -> bool {
        let is_full = self.count >= limits::READS_WAITING_MAX
            || (self.bytes > 0 && self.bytes + read.bytes() > limits::READS_WAITING_BYTES_MAX);
        if !is_full {
            self.count += 1;
            self.bytes += read.bytes();
        }
        !is_full
    }

    /// Counts reads out.
    fn dismiss(&mut self, reads: &[Read]) {
        self.count -= reads.len();
        self.bytes -= reads.iter().map(Read::bytes).sum::<usize>();
    }

    /// Takes what was asked of a leader, if this is its answer to it: the question's number, from whom it was asked.
    pub fn take_asked(&mut self, leader: u64, id: u64) -> Option<Asked> {
        let asked = self.asked.take_if(|asked| asked.id == id && asked.leader == leader)?;
        self.dismiss(&asked.reads);
        Some(asked)
    }

    /// Takes the reads that wait for entries after `last`, and forgets an answer about them: a leader that is gone said that
    /// they are committed, and there may be no such entries.
    pub fn take_beyond(&mut self, last: u64) -> Vec<Read> {
        self.fresh.take_if(|fresh| fresh.index > last);
        let beyond = self.unapplied.split_off(&last.saturating_add(1));
        let out: Vec<Read> = beyond.into_values().flatten().collect();
        self.dismiss(&out);
        out
    }

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
        self.dismiss(&ready);
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

    /// Takes everything that waits for a leader, to be failed, if this one was asked.
    pub fn take_asked_of(&mut self, leader: u64) -> Vec<Read> {
        if self.asked.as_ref().is_some_and(|asked| asked.leader == leader) {
            self.take_leaderless()
        } else {
            Vec::new()
        }
    }

    /// Takes everything that waits for a leader, to be failed.
    pub fn take_leaderless(&mut self) -> Vec<Read> {
        let mut out: Vec<Read> = self.unconfirmed.drain(..).map(|(_, read)| read).collect();
        if let Some(asked) = self.asked.take() {
            out.extend(asked.reads);
        }
        out.append(&mut self.unasked);
        self.dismiss(&out);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::askers::asker::Asker;
    use crate::askers::principal::KeptPrincipal;

    fn read(bytes: usize) -> Read {
        let waiter = Waiter {
            asker: Asker::Peer(1, KeptPrincipal::default()),
            id: 1,
        };
        let body = RequestBody::new(&waiter.asker, &vec![0; bytes]);
        Read::Ranges { waiter, body }
    }

    fn ask(reads: &mut WaitingReads, id: u64, leader: u64) {
        assert!(reads.admit(&read(10)));
        let reads_of = vec![read(10)];
        reads.asked = Some(Asked {
            id,
            leader,
            at: 0.0,
            reads: reads_of,
        });
    }

    #[test]
    fn an_answer_counts_if_it_comes_from_who_was_asked_under_the_number_of_the_question() {
        let mut reads = WaitingReads::default();
        ask(&mut reads, 7, 2);
        assert!(reads.take_asked(2, 6).is_none(), "another question");
        assert!(reads.take_asked(3, 7).is_none(), "another member");
        assert_eq!(reads.take_asked(2, 7).map(|asked| asked.reads.len()), Some(1));
        assert_eq!((reads.count, reads.bytes), (0, 0));
    }

    #[test]
    fn what_waits_is_bounded_in_number_and_in_bytes() {
        let mut reads = WaitingReads::default();
        let half = read(limits::READS_WAITING_BYTES_MAX / 2);
        assert!(reads.admit(&half) && reads.admit(&half));
        assert!(!reads.admit(&read(1)));
        reads.dismiss(&[half]);
        assert!(reads.admit(&read(1)));
        let mut reads = WaitingReads::default();
        (0..limits::READS_WAITING_MAX).for_each(|_| assert!(reads.admit(&read(0))));
        assert!(!reads.admit(&read(0)));
    }

    #[test]
    fn reads_do_not_wait_for_entries_that_only_a_lost_leader_knew() {
        let mut reads = WaitingReads::default();
        for index in [5, 6, 1 << 52] {
            assert!(reads.admit(&read(1)));
            reads.unapplied.entry(index).or_default().push(read(1));
            reads.fresh = Some(Fresh {
                at: 0.0,
                index,
                leader: 2,
            });
        }
        assert_eq!(reads.take_beyond(5).len(), 2);
        assert_eq!((reads.count, reads.fresh), (1, None));
        assert_eq!(reads.take_applied(5).len(), 1);
    }
}

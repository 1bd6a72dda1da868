//! Events as the exchange hands them to the Raft core: the fields of FORMATS.md "The exchange", one after the other. Decides
//! nothing about when they are told.

use rafterdb_codec::{event, limits};

use crate::inbox::Facts;
use crate::member::Member;

/// Doubles of a MESSAGE event without its runs; every other event but OPENED is smaller.
pub const MESSAGE_FIELDS: usize = 14;

/// Writes the fields of events; a record that does not fit is left for the next exchange.
pub struct Events<'a> {
    pub doubles: &'a mut [f64],
    pub at: usize,
}

impl Events<'_> {
    pub fn has_room(&self, fields: usize) -> bool {
        self.at + fields <= self.doubles.len()
    }

    #[allow(clippy::cast_precision_loss, reason = "indexes, terms and ids are below 2^53")]
    pub fn put(&mut self, fields: &[u64]) {
        for field in fields {
            self.doubles[self.at] = *field as f64;
            self.at += 1;
        }
    }

    pub fn put_float(&mut self, value: f64) {
        self.doubles[self.at] = value;
        self.at += 1;
    }
}

/// Room for all facts of one group: durable 4, applied 3, reads 3, persisted 4, and proposals 4 a chunk.
pub const FACTS_FIELDS: usize = 14 + 4 * (limits::PROPOSAL_BYTES_MAX / limits::APPEND_BYTES_MAX) * 2;

pub fn tell_facts(member: &Member, id: u16, facts: &Facts, out: &mut Events<'_>) {
    let group = u64::from(id);
    if let Some((index, term)) = facts.durable {
        out.put(&[u64::from(event::DURABLE), group, index, term]);
    }
    if let Some(index) = facts.applied {
        out.put(&[u64::from(event::APPLIED), group, index]);
    }
    if let Some(sequence) = facts.reads {
        out.put(&[u64::from(event::READS), group, sequence]);
    }
    if let Some(index) = facts.persisted {
        out.put(&[
            u64::from(event::PERSISTED),
            group,
            index,
            member.log_reader.log_bytes(id),
        ]);
    }
    if facts.proposals {
        let state = member.group(id);
        state.proposals_noted.clear();
        state.proposals.lock().report(|count, bytes| {
            let fits = out.has_room(4);
            if fits {
                out.put(&[u64::from(event::PROPOSALS), group, count as u64, bytes as u64]);
            }
            fits
        });
    }
}

/// Tells the core where each group stands at start.
pub fn open_groups(member: &Member, out: &mut Events<'_>) {
    for opened in member.opened.lock().drain(..) {
        assert!(
            out.has_room(11 + 2 * opened.runs.len()),
            "opened: {} term runs do not fit",
            opened.runs.len()
        );
        out.put(&[
            u64::from(event::OPENED),
            u64::from(opened.group),
            opened.term,
            opened.vote,
            opened.commit,
        ]);
        out.put(&[
            opened.start.0,
            opened.start.1,
            opened.last,
            opened.applied,
            u64::from(opened.recovering),
            opened.runs.len() as u64,
        ]);
        for (first, term) in opened.runs {
            out.put(&[first, term]);
        }
    }
}

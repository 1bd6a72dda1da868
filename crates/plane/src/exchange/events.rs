//! Events as the exchange hands them to the Raft core: the fields of FORMATS.md "The exchange", one after the other. Decides
//! nothing about when they are told.

use rafterdb_codec::{event, limits};

use crate::log::reader::LogReader;
use crate::state::core_inbox::Facts;
use crate::state::group::Group;

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

    /// A count, and pairs of (first index, term).
    fn put_runs(&mut self, runs: &[(u64, u64)]) {
        self.put(&[runs.len() as u64]);
        for (first, term) in runs {
            self.put(&[*first, *term]);
        }
    }

    pub fn put_float(&mut self, value: f64) {
        self.doubles[self.at] = value;
        self.at += 1;
    }
}

/// Chunks of proposals that can wait to be told: two that follow each other hold more than one may.
pub const CHUNKS_MAX: usize = 2 * (limits::PROPOSAL_BYTES_MAX / limits::APPEND_BYTES_MAX) + 1;

/// Room for all facts of one group: durable 4, applied 3, committed 4, reads 3, persisted 4, and proposals 4 a chunk.
pub const FACTS_FIELDS: usize = 18 + 4 * CHUNKS_MAX;

const _: () = assert!(
    2 + FACTS_FIELDS <= limits::EVENTS_DOUBLES_MAX,
    "the facts of a group fit an array"
);

/// Writes what is new of a group.
pub fn tell_facts(state: &Group, log: &LogReader, facts: &Facts, out: &mut Events<'_>) {
    let group = u64::from(state.id);
    if let Some((index, term)) = facts.durable {
        out.put(&[u64::from(event::DURABLE), group, index, term]);
    }
    if let Some(index) = facts.applied {
        out.put(&[u64::from(event::APPLIED), group, index]);
    }
    if let Some((index, term)) = facts.committed {
        out.put(&[u64::from(event::COMMITTED), group, index, term]);
    }
    if let Some(sequence) = facts.reads {
        out.put(&[u64::from(event::READS), group, sequence]);
    }
    if let Some(index) = facts.persisted {
        out.put(&[
            u64::from(event::PERSISTED),
            group,
            index,
            log.files.held_bytes(state.id),
        ]);
    }
    if facts.proposals {
        state.proposals_wake.clear();
        state.proposals.lock().report(|count, bytes| {
            let fits = out.has_room(4);
            if fits {
                out.put(&[u64::from(event::PROPOSALS), group, count as u64, bytes as u64]);
            }
            fits
        });
    }
}

/// Where a group's log stands at open, as the core is told.
#[derive(Debug)]
pub struct Opened {
    /// Its number.
    pub group: u16,
    /// Current term.
    pub term: u64,
    /// Vote in it; 0 for none.
    pub vote: u64,
    /// Known to be committed.
    pub commit: u64,
    /// (index, term) of the entry the log starts after.
    pub start: (u64, u64),
    /// Last index in the log.
    pub last: u64,
    /// Applied to the store.
    pub applied: u64,
    /// The data directory is new, or may have lost something, and the core has not said since that the group is whole.
    pub recovering: bool,
    /// (first index, term) of the log's term runs.
    pub runs: Vec<(u64, u64)>,
}

/// Doubles of an OPENED event without its runs, and of an `OPENED_RUNS` event without its own.
const OPENED_FIELDS: usize = 11;
const OPENED_RUNS_FIELDS: usize = 3;

/// What the core has been told of where each group stands at start: as much in an exchange as fits, the runs of a long log
/// before its group.
#[derive(Debug)]
pub struct Opening {
    /// Where each group stood at open, until all is told.
    opened: Vec<Opened>,
    /// Groups told.
    groups: usize,
    /// Runs told of the next one.
    runs: usize,
    has_begun: bool,
    is_done: bool,
}

impl Opening {
    /// All of it is to be told.
    #[must_use]
    pub const fn new(opened: Vec<Opened>) -> Self {
        Self {
            opened,
            groups: 0,
            runs: 0,
            has_begun: false,
            is_done: false,
        }
    }

    /// True once: before anything was told.
    pub const fn is_new(&mut self) -> bool {
        !std::mem::replace(&mut self.has_begun, true)
    }

    /// Tells more. Whether all groups have been opened by then.
    pub fn tell(&mut self, out: &mut Events<'_>) -> bool {
        if self.is_done {
            return true;
        }
        let opened = std::mem::take(&mut self.opened);
        while let Some(next) = opened.get(self.groups) {
            if !self.tell_group(next, out) {
                self.opened = opened;
                return false;
            }
            (self.groups, self.runs) = (self.groups + 1, 0);
        }
        self.is_done = true;
        true
    }

    /// Tells of one group. Whether it is opened by then.
    fn tell_group(&mut self, opened: &Opened, out: &mut Events<'_>) -> bool {
        let group = u64::from(opened.group);
        let rest = &opened.runs[self.runs..];
        if out.has_room(OPENED_FIELDS + 2 * rest.len()) {
            out.put(&[u64::from(event::OPENED), group, opened.term, opened.vote, opened.commit]);
            out.put(&[opened.start.0, opened.start.1, opened.last, opened.applied]);
            out.put(&[u64::from(opened.recovering)]);
            out.put_runs(rest);
            return true;
        }
        // An array that holds other groups already is handed over first.
        let room = out.doubles.len().saturating_sub(out.at + OPENED_RUNS_FIELDS) / 2;
        if out.at == 2 && room > 0 {
            let (now, _) = rest.split_at(room.min(rest.len()));
            out.put(&[u64::from(event::OPENED_RUNS), group]);
            out.put_runs(now);
            self.runs += now.len();
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(group: u16, runs: u64) -> Opened {
        Opened {
            group,
            term: 1 << 20,
            vote: 0,
            commit: 0,
            start: (0, 0),
            last: runs,
            applied: 0,
            recovering: false,
            runs: (1..=runs).map(|run| (run, run)).collect(),
        }
    }

    /// (kind, group, runs) of the records of one array.
    fn records(doubles: &[f64], end: usize) -> Vec<(u16, u16, Vec<f64>)> {
        let (mut at, mut out) = (2, Vec::new());
        while at < end {
            let (kind, group) = (doubles[at] as u16, doubles[at + 1] as u16);
            let fields = if kind == event::OPENED {
                OPENED_FIELDS
            } else {
                OPENED_RUNS_FIELDS
            };
            let runs = doubles[at + fields - 1] as usize;
            out.push((kind, group, doubles[at + fields..at + fields + 2 * runs].to_vec()));
            at += fields + 2 * runs;
        }
        assert_eq!(at, end);
        out
    }

    /// Tells of groups through arrays of `capacity`; the arrays it took.
    fn tell(groups: &[Opened], capacity: usize) -> Vec<Vec<(u16, u16, Vec<f64>)>> {
        let (mut opening, mut arrays) = (Opening::new(Vec::new()), Vec::new());
        let mut at = 0;
        while at < groups.len() {
            let mut doubles = vec![0.0; capacity];
            let mut out = Events {
                doubles: &mut doubles,
                at: 2,
            };
            while at < groups.len() && opening.tell_group(&groups[at], &mut out) {
                (at, opening.runs) = (at + 1, 0);
            }
            let end = out.at;
            arrays.push(records(&doubles, end));
            assert!(arrays.len() < 1000, "it goes on and on");
        }
        arrays
    }

    /// What the core puts together: the runs of each group.
    fn gathered(arrays: &[Vec<(u16, u16, Vec<f64>)>]) -> Vec<Vec<f64>> {
        let (mut out, mut runs) = (Vec::new(), Vec::new());
        for (kind, group, more) in arrays.iter().flatten() {
            assert_eq!(usize::from(*group), out.len(), "one group after the other");
            runs.extend(more);
            if *kind == event::OPENED {
                out.push(std::mem::take(&mut runs));
            }
        }
        out
    }

    #[test]
    fn groups_that_do_not_fit_wait_for_the_next_array() {
        let groups: Vec<Opened> = (0..64).map(|group| opened(group, 520)).collect();
        let arrays = tell(&groups, limits::EVENTS_DOUBLES_MAX);
        assert_eq!(arrays.len(), 2);
        let expected: Vec<f64> = (1..=520).flat_map(|run| [f64::from(run); 2]).collect();
        assert!(gathered(&arrays).iter().all(|runs| *runs == expected));
        assert_eq!(gathered(&arrays).len(), 64);
    }

    #[test]
    fn the_runs_of_one_group_may_take_many_arrays() {
        for capacity in [13, 16, 100] {
            for runs in 0..150 {
                let groups = [opened(0, 1), opened(1, runs), opened(2, 1)];
                let gathered = gathered(&tell(&groups, capacity));
                let lengths: Vec<usize> = gathered.iter().map(|runs| runs.len() / 2).collect();
                assert_eq!(lengths, [1, runs as usize, 1], "{runs} runs in arrays of {capacity}");
            }
        }
    }

    #[test]
    fn a_group_that_fills_the_array_to_the_last_double_is_one_record() {
        let capacity = 2 + OPENED_FIELDS + 2 * 7;
        assert_eq!(tell(&[opened(0, 7)], capacity).len(), 1);
        assert_eq!(tell(&[opened(0, 8)], capacity).len(), 2);
    }
}

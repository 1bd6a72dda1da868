//! Which events tell the Raft core of a group: what is known of it, and where it stands at start. Decides nothing about when they
//! are told, and knows no layout.

use rafterdb_codec::{limits, ConfigurationEntry, Event, Events};

use crate::log::reader::LogReader;
use crate::state::core_inbox::Facts;
use crate::state::group::Group;

/// Chunks of proposals that can wait to be told: two that follow each other hold more than one may.
pub const CHUNKS_MAX: usize = 2 * (limits::PROPOSAL_BYTES_MAX / limits::APPEND_BYTES_MAX) + 1;

/// Room for all facts of one group: durable 4, applied 3, committed 4, reads 3, persisted 4, and proposals 4 a chunk.
pub const FACTS_FIELDS: usize = 18 + 4 * CHUNKS_MAX;

const _: () = assert!(
    2 + FACTS_FIELDS <= limits::EVENTS_DOUBLES_MAX,
    "the facts of a group fit an array"
);

/// Writes what is new of a group, but for its proposals.
pub fn tell_facts(state: &Group, log: &LogReader, facts: &Facts, out: &mut Events<'_>) {
    let mut tell = |event: &Event<'_>| {
        let is_told = out.tell(state.id, event);
        assert!(
            is_told,
            "exchange: the facts of a group fit the room that was asked for"
        );
    };
    if let Some((index, term)) = facts.durable {
        tell(&Event::Durable { index, term });
    }
    if let Some(index) = facts.applied {
        tell(&Event::Applied { index });
    }
    if let Some((index, term)) = facts.committed {
        tell(&Event::Committed { index, term });
    }
    if let Some(sequence) = facts.reads {
        tell(&Event::Reads { sequence });
    }
    if let Some(index) = facts.persisted {
        let log_bytes = log.files.held_bytes(state.id);
        tell(&Event::Persisted { index, log_bytes });
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
    /// The configuration that the store holds, and those of the log after it.
    pub configurations: Vec<ConfigurationEntry>,
}

/// What the core has been told of where each group stands at start: as much in an exchange as fits, the runs of a long log
/// before its group.
#[derive(Debug)]
pub struct Opening {
    /// Where each group stood at open, until all is told.
    opened: Vec<Opened>,
    /// Groups told.
    groups: usize,
    /// Configurations told of the next one.
    configurations: usize,
    /// Runs told of it.
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
            configurations: 0,
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
            self.groups += 1;
            (self.configurations, self.runs) = (0, 0);
        }
        self.is_done = true;
        true
    }

    /// Tells of one group. Whether it is opened by then.
    fn tell_group(&mut self, opened: &Opened, out: &mut Events<'_>) -> bool {
        for entry in &opened.configurations[self.configurations..] {
            if !tell_configuration(out, opened.group, entry) {
                return false;
            }
            self.configurations += 1;
        }
        let rest = &opened.runs[self.runs..];
        let whole = Event::Opened {
            term: opened.term,
            vote: opened.vote,
            commit: opened.commit,
            start: opened.start,
            last: opened.last,
            applied: opened.applied,
            recovering: opened.recovering,
            runs: rest,
        };
        if out.tell(opened.group, &whole) {
            return true;
        }
        // An array that holds other groups already is handed over first.
        let room = out.room().saturating_sub(Event::OpenedRuns { runs: &[] }.doubles()) / 2;
        if out.is_empty() && room > 0 {
            let (runs, _) = rest.split_at(room.min(rest.len()));
            if out.tell(opened.group, &Event::OpenedRuns { runs }) {
                self.runs += runs.len();
            }
        }
        false
    }
}

/// Tells of a configuration that is not a message's, before what has it. Whether it fitted.
pub fn tell_configuration(out: &mut Events<'_>, group: u16, entry: &ConfigurationEntry) -> bool {
    let parts = entry.configuration.parts();
    out.tell(
        group,
        &Event::Configuration {
            at: entry.index,
            term: entry.term,
            parts: &parts,
        },
    )
}

#[cfg(test)]
mod tests {
    use rafterdb_codec::{EventKind, EVENTS_HEADER_DOUBLES};

    use super::*;

    /// Doubles of an OPENED event without its runs, and of an `OPENED_RUNS` event without its own.
    const OPENED_FIELDS: usize = 11;
    const OPENED_RUNS_FIELDS: usize = 3;

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
            configurations: Vec::new(),
        }
    }

    /// (kind, group, runs) of the records of one array.
    fn records(doubles: &[f64], end: usize) -> Vec<(u16, u16, Vec<f64>)> {
        let (mut at, mut out) = (EVENTS_HEADER_DOUBLES, Vec::new());
        while at < end {
            let (kind, group) = (doubles[at] as u16, doubles[at + 1] as u16);
            let fields = if kind == EventKind::Opened as u16 {
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
            let mut out = Events::new(&mut doubles);
            while at < groups.len() && opening.tell_group(&groups[at], &mut out) {
                (at, opening.runs) = (at + 1, 0);
            }
            let end = out.finish(0.0);
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
            if *kind == EventKind::Opened as u16 {
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

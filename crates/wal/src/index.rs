//! Where the entries of each group are, and what is known of the group: the one set of rules by which records change
//! the log, used when writing and when recovering. Holds no bytes of entries and does no I/O.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use parking_lot::RwLock;
use rafterdb_codec::log::{Checkpoint, HardState, Record};

use crate::options::{MARK_GROUP_BYTES, MARK_LOG_BYTES};
use crate::segment::Segment;

/// A record's place.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Position {
    pub segment: u64,
    /// Of its batch.
    pub offset: u64,
    /// Records of the batch before it.
    pub record: u32,
    /// Bytes of all batches before its batch.
    pub log: u64,
}

/// A record without its bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change {
    Entries {
        first: u64,
        term: u64,
        count: u32,
        bytes: u64,
    },
    HardState(HardState),
    Start {
        index: u64,
        term: u64,
    },
    Cut {
        index: u64,
        term: u64,
    },
    Checkpoint(Checkpoint),
    /// The log goes on in that segment; concerns no group.
    Seal {
        next: u64,
    },
}

impl From<Record<'_>> for Change {
    fn from(record: Record<'_>) -> Self {
        match record {
            Record::Entries {
                first,
                term,
                count,
                block,
            } => Self::Entries {
                first,
                term,
                count,
                bytes: block.len() as u64,
            },
            Record::HardState(hard) => Self::HardState(hard),
            Record::Start { index, term } => Self::Start { index, term },
            Record::Cut { index, term } => Self::Cut { index, term },
            Record::Checkpoint(checkpoint) => Self::Checkpoint(checkpoint),
            Record::Seal { next } => Self::Seal { next },
        }
    }
}

/// The record from which entries can be found by reading forward.
#[derive(Clone, Copy, Debug)]
struct Mark {
    /// Entries from this index to the next mark's lie in this segment from this record on, in order.
    first: u64,
    position: Position,
    /// Bytes of the group's entries before it.
    group: u64,
}

/// A stretch of a segment that holds the entries from ≤ index < end of a group.
#[derive(Clone, Debug)]
pub(crate) struct Region {
    pub segment: Arc<Segment>,
    /// Of the batch with its first record, and that record's place in it.
    pub offset: u64,
    pub record: u32,
    pub end: u64,
}

/// One group's log.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub hard: HardState,
    /// (index, term) after which the log starts.
    pub start: (u64, u64),
    /// Never below `start`'s index.
    pub last: u64,
    /// (first index, term) of each run of one term after the start; indexes ascend, and so do Raft's terms.
    pub runs: VecDeque<(u64, u64)>,
    /// Entries below this index were in segments that are gone. At most start + 1 once the log is recovered.
    pub known: u64,
    /// Ascending in index and in position; the first covers start + 1. Empty if the log is.
    marks: VecDeque<Mark>,
    /// Bytes of entries ever appended.
    appended: u64,
}

impl Default for Group {
    fn default() -> Self {
        Self {
            hard: HardState::default(),
            start: (0, 0),
            last: 0,
            runs: VecDeque::new(),
            known: 1,
            marks: VecDeque::new(),
            appended: 0,
        }
    }
}

impl Group {
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            hard: self.hard,
            start: self.start,
            last: self.last,
        }
    }

    /// The term of an entry, or of the start; `None` outside the log.
    pub fn term(&self, index: u64) -> Option<u64> {
        if index == self.start.0 {
            return Some(self.start.1);
        }
        let at = self.runs.partition_point(|(first, _)| *first <= index);
        (index > self.start.0 && index <= self.last && at > 0).then(|| self.runs[at - 1].1)
    }

    /// The oldest segment that holds an entry which is still needed.
    pub fn oldest_segment(&self) -> Option<u64> {
        self.marks.front().map(|mark| mark.position.segment)
    }

    /// Bytes of its entries, up to the distance of a mark too many.
    pub fn bytes(&self) -> u64 {
        self.marks.front().map_or(0, |mark| self.appended - mark.group)
    }

    /// Bytes of the whole log from its first entry on: what would be freed if all others needed nothing.
    pub fn log_bytes(&self, log_end: u64) -> u64 {
        self.marks.front().map_or(0, |mark| log_end - mark.position.log)
    }

    /// Bytes of the group's entries after `index`, and of the whole log from there on; up to the distance of a mark too many.
    pub fn bytes_after(&self, index: u64, log_end: u64) -> (u64, u64) {
        let next = index.max(self.start.0) + 1;
        let at = self.marks.partition_point(|mark| mark.first <= next);
        match self.marks.get(at.saturating_sub(1)) {
            Some(mark) if next <= self.last => (self.appended - mark.group, log_end - mark.position.log),
            _ => (0, 0),
        }
    }

    fn apply(&mut self, change: Change, position: Position, is_new: bool) -> Result<(), String> {
        match change {
            Change::Entries {
                first,
                term,
                count,
                bytes,
            } => self.append(first, term, count, bytes, position),
            Change::HardState(hard) => {
                self.hard = hard;
                Ok(())
            }
            Change::Start { index, term } => {
                let (hard, appended) = (self.hard, self.appended);
                *self = Self {
                    hard,
                    start: (index, term),
                    last: index,
                    known: index + 1,
                    appended,
                    ..Self::default()
                };
                Ok(())
            }
            Change::Cut { index, term } => self.cut(index, term),
            Change::Seal { next } => Err(format!("a seal that names {next} is no part of a group's log")),
            Change::Checkpoint(Checkpoint { hard, start, last }) if is_new && start.0 <= last => {
                *self = Self {
                    hard,
                    start,
                    last,
                    known: last + 1,
                    ..Self::default()
                };
                Ok(())
            }
            Change::Checkpoint(checkpoint) if checkpoint == self.checkpoint() => Ok(()),
            Change::Checkpoint(checkpoint) => Err(format!(
                "its checkpoint {checkpoint:?} is not what the log says: {:?}",
                self.checkpoint()
            )),
        }
    }

    fn append(&mut self, first: u64, term: u64, count: u32, bytes: u64, position: Position) -> Result<(), String> {
        if count == 0 || first <= self.start.0 || first > self.last + 1 {
            let (start, last) = (self.start.0, self.last);
            return Err(format!(
                "{count} entries at {first} do not continue the log from {start} to {last}"
            ));
        }
        let overwrites = first <= self.last;
        while self.marks.back().is_some_and(|mark| mark.first >= first) {
            self.marks.pop_back();
        }
        while self.runs.back().is_some_and(|(run, _)| *run >= first) {
            self.runs.pop_back();
        }
        if self.runs.back().is_none_or(|(_, run)| *run != term) {
            self.runs.push_back((first, term));
        }
        let far = |mark: &Mark| {
            mark.position.segment != position.segment
                || self.appended - mark.group >= MARK_GROUP_BYTES
                || position.log - mark.position.log >= MARK_LOG_BYTES
        };
        if overwrites || self.marks.back().is_none_or(far) {
            self.marks.push_back(Mark {
                first,
                position,
                group: self.appended,
            });
        }
        self.known = self.known.min(first);
        self.last = first + u64::from(count) - 1;
        self.appended += bytes;
        Ok(())
    }

    fn cut(&mut self, index: u64, term: u64) -> Result<(), String> {
        if index < self.start.0 || index > self.last {
            return Err(format!(
                "a cut at {index} is outside the log from {} to {}",
                self.start.0, self.last
            ));
        }
        self.start = (index, term);
        while self.runs.get(1).is_some_and(|(first, _)| *first <= index + 1) {
            self.runs.pop_front();
        }
        if let Some(run) = self.runs.front_mut() {
            run.0 = run.0.max(index + 1);
        }
        while self.marks.get(1).is_some_and(|mark| mark.first <= index + 1) {
            self.marks.pop_front();
        }
        if self.last == index {
            self.runs.clear();
            self.marks.clear();
        }
        Ok(())
    }
}

/// All groups and segments, as far as they may be read.
#[derive(Debug, Default)]
pub(crate) struct Index {
    pub groups: BTreeMap<u16, Group>,
    pub segments: BTreeMap<u64, Arc<Segment>>,
    /// Bytes of all batches so far.
    pub log_end: u64,
}

/// The index as the writer and the readers share it.
pub(crate) type Shared = Arc<RwLock<Index>>;

impl Index {
    /// Applies a record. An error says which rule it breaks: damage when recovering, a bug when writing.
    pub fn apply(&mut self, group: u16, change: Change, position: Position) -> Result<(), String> {
        let is_new = !self.groups.contains_key(&group);
        let log = self.groups.entry(group).or_default();
        log.apply(change, position, is_new)
            .map_err(|reason| format!("group {group}: {reason}"))
    }

    /// Where the entries first ≤ index < end of a group are, in order; as many as may hold `bytes_max` bytes.
    /// The caller has checked that the group's log holds them.
    pub fn regions(&self, group: &Group, first: u64, end: u64, bytes_max: u64) -> Vec<Region> {
        let from = group
            .marks
            .partition_point(|mark| mark.first <= first)
            .saturating_sub(1);
        let mut regions = Vec::new();
        for at in from..group.marks.len() {
            let mark = &group.marks[at];
            // The first region may hold nothing but its very end: it does not count.
            let enough = at > from + 1 && mark.group - group.marks[from + 1].group >= bytes_max;
            if mark.first >= end || enough {
                break;
            }
            let region_end = group.marks.get(at + 1).map_or(group.last + 1, |next| next.first);
            let segment = self
                .segments
                .get(&mark.position.segment)
                .expect("a segment with needed entries is open");
            regions.push(Region {
                segment: Arc::clone(segment),
                offset: mark.position.offset,
                record: mark.position.record,
                end: region_end.min(end),
            });
        }
        regions
    }

    /// The oldest segment that any group needs.
    pub fn oldest_needed(&self) -> Option<u64> {
        self.groups.values().filter_map(Group::oldest_segment).min()
    }
}

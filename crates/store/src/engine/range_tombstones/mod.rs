//! Range tombstones: one change that deletes every key of a range, kept beside the rows instead of in them. Owns which of
//! them lie over a key; knows nothing of where rows are.
//!
//! A row of revision m is dead for a reader at revision `at` if a range tombstone over its key has a revision R with
//! m < R ≤ at. The first R above m is what killed the row: whether it is compacted decides what the row still counts for,
//! so that nobody depends on whether the row is still there.
//!
//! One may be forgotten when two things hold. (1) No row that it killed is left where rows are looked for: tables,
//! memtables, row cache. (2) Every kept revision is above a V that was the newest one when R was below the compacted revision
//! already: history still leads readers to killed rows, but only from changes that replaced one. A change made since then
//! replaces nothing (`latest` says there is nothing), so those are at or below V, and no reader goes back from them.
//!
//! The changes of the compacted revision itself are still told. If it is R, they are the rows that R killed, so all that lets such
//! rows go waits until the compacted revision is above R.

mod chunk;
mod islands;
mod live;
mod set;
#[cfg(test)]
mod set_model;
mod stored;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::RwLock;

use super::KeyRange;
use islands::Islands;
pub(super) use live::LiveRanges;
pub(super) use set::RangeTombstones;
pub(super) use stored::{decode_set, encode_set};

/// Where in history a change stands: its revision, and its place among those of the revision.
pub(super) type Place = (u64, u32);

/// The place after everything of a revision and before the next one.
pub(super) const fn after(revision: u64) -> Place {
    (revision + 1, 0)
}

/// Says that its rows may still be there.
const NOT_CLEARED: u64 = 0;

/// One range tombstone.
#[derive(Debug)]
pub(super) struct RangeTombstone {
    pub(super) place: Place,
    pub(super) start: Box<[u8]>,
    /// First key after the range; `None` for no upper bound.
    pub(super) end: Option<Box<[u8]>>,
    /// Where in the range something was written after it and before a later one over the same key.
    written: RwLock<Written>,
    /// The newest revision when none of its rows was left any more; [`NOT_CLEARED`] before.
    cleared_at: AtomicU64,
    /// The tables were rewritten for it: what is left of its rows stays for now.
    rewritten: AtomicBool,
}

/// What was noted in one.
#[derive(Debug, Default)]
struct Written {
    parts: Islands,
    /// It is about to be forgotten: what is written now is noted in what remains, too.
    is_closed: bool,
}

// The lock's content is whole after every step of a change: who panicked in between has left nothing half done.
impl std::panic::RefUnwindSafe for RangeTombstone {}

impl RangeTombstone {
    pub(super) fn new(place: Place, range: KeyRange<'_>) -> Self {
        Self {
            place,
            start: range.start.into(),
            end: range.end.map(Into::into),
            written: RwLock::default(),
            cleared_at: AtomicU64::new(NOT_CLEARED),
            rewritten: AtomicBool::new(false),
        }
    }

    pub(super) fn range(&self) -> KeyRange<'_> {
        KeyRange {
            start: &self.start,
            end: self.end.as_deref(),
        }
    }

    /// Bytes of its keys.
    fn bytes(&self) -> usize {
        self.start.len() + self.end.as_ref().map_or(0, |end| end.len())
    }

    pub(super) fn revision(&self) -> u64 {
        self.place.0
    }

    /// None of its rows is left, as of a moment when `newest` was the newest revision.
    pub(super) fn clear(&self, newest: u64) {
        let _ = self
            .cleared_at
            .compare_exchange(NOT_CLEARED, newest, Ordering::AcqRel, Ordering::Relaxed);
    }

    pub(super) fn cleared_at(&self) -> Option<u64> {
        Some(self.cleared_at.load(Ordering::Acquire)).filter(|newest| *newest != NOT_CLEARED)
    }

    /// Where in the store's history it stands.
    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// Whether the tables were rewritten for it already.
    pub(super) fn is_rewritten(&self) -> bool {
        self.rewritten.load(Ordering::Relaxed)
    }

    /// The tables have been rewritten for it.
    pub(super) fn note_rewrite(&self) {
        self.rewritten.store(true, Ordering::Relaxed);
    }

    /// Something is written to `key` after it. False: it is about to be forgotten.
    fn note(&self, key: &[u8]) -> bool {
        let mut written = self.written.write();
        written.parts.add(key);
        !written.is_closed
    }

    /// It is about to be forgotten: what was noted in it up to now. Later notes go to others as well.
    fn close(&self) -> Vec<islands::Part> {
        let mut written = self.written.write();
        written.is_closed = true;
        written.parts.parts().to_vec()
    }

    /// Takes what was noted in a later one.
    fn take_over(&self, parts: &[islands::Part]) {
        let mut written = self.written.write();
        for (first, last) in parts {
            if self.end.as_ref().is_none_or(|end| first < end) && *last >= self.start {
                written.parts.add_part(first, last);
            }
        }
    }

    fn overlaps(&self, other: &Self) -> bool {
        let begins_before_end = |one: &Self, other: &Self| other.end.as_ref().is_none_or(|end| one.start < *end);
        begins_before_end(self, other) && begins_before_end(other, self)
    }
}

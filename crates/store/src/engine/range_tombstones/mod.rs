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

mod islands;
mod live;
mod stored;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;

use parking_lot::RwLock;

use super::KeyRange;
use islands::Islands;
pub(super) use live::LiveRanges;
pub(super) use stored::{decode_bounds, decode_set, encode_bounds, encode_set};

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
    /// Where in the range something was written after it.
    written: RwLock<Islands>,
    /// The newest revision when none of its rows was left any more; [`NOT_CLEARED`] before.
    cleared_at: AtomicU64,
    /// The tables were rewritten for it: what is left of its rows stays for now.
    rewritten: AtomicBool,
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

    /// Whether the tables were rewritten for it already; from now on they were.
    pub(super) fn take_rewrite(&self) -> bool {
        self.rewritten.swap(true, Ordering::Relaxed)
    }

    /// The stretches of the range in which nothing was written after it: start, and first key after.
    pub(super) fn dead_stretches(&self) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
        self.written.read().gaps(&self.start, self.end.as_deref())
    }
}

/// The part of the key space from `start` to the next segment, and what lies over it, in order of place.
#[derive(Clone, Debug)]
struct Segment {
    start: Arc<[u8]>,
    over: Arc<[Arc<RangeTombstone>]>,
}

/// All range tombstones of an engine at one moment. Never changed: a new one takes its place.
#[derive(Debug, Default)]
pub(super) struct RangeTombstones {
    /// In order of place.
    all: Vec<Arc<RangeTombstone>>,
    /// In key order; before the first lies nothing.
    segments: Vec<Segment>,
}

impl RangeTombstones {
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn all(&self) -> &[Arc<RangeTombstone>] {
        &self.all
    }

    /// These and one more, which comes after them.
    pub(super) fn with(&self, added: Arc<RangeTombstone>) -> Self {
        let mut segments = self.segments.clone();
        split_at(&mut segments, &added.start);
        if let Some(end) = &added.end {
            split_at(&mut segments, end);
        }
        let inside = |segment: &&mut Segment| {
            *segment.start >= *added.start && added.end.as_ref().is_none_or(|end| *segment.start < **end)
        };
        for segment in segments.iter_mut().filter(inside) {
            segment.over = segment.over.iter().chain([&added]).cloned().collect();
        }
        let mut all = self.all.clone();
        all.push(added);
        Self { all, segments }
    }

    /// Those that `keeps` says.
    pub(super) fn keeping(&self, keeps: impl Fn(&RangeTombstone) -> bool) -> Self {
        let all: Vec<_> = self.all.iter().filter(|one| keeps(one)).cloned().collect();
        let mut segments: Vec<Segment> = Vec::new();
        for segment in &self.segments {
            let over: Arc<[_]> = segment.over.iter().filter(|one| keeps(one)).cloned().collect();
            let last = segments.last().map_or(&[][..], |segment| &segment.over);
            let is_same = last.len() == over.len() && last.iter().zip(&*over).all(|(a, b)| Arc::ptr_eq(a, b));
            if !is_same {
                segments.push(Segment {
                    start: Arc::clone(&segment.start),
                    over,
                });
            }
        }
        Self { all, segments }
    }

    fn over(&self, key: &[u8]) -> &[Arc<RangeTombstone>] {
        let after = self.segments.partition_point(|segment| &*segment.start <= key);
        after.checked_sub(1).map_or(&[], |at| &self.segments[at].over)
    }

    /// What killed the row of `key` that was written at `modified`: the first that came after it.
    pub(super) fn killer(&self, key: &[u8], modified: u64) -> Option<&RangeTombstone> {
        let over = self.over(key);
        let after = over.partition_point(|one| one.revision() <= modified);
        over.get(after).map(|one| &**one)
    }

    /// Whether the row of `key` that was written at `modified` is dead for who sees what comes before `horizon`.
    pub(super) fn hides(&self, key: &[u8], modified: u64, horizon: Place) -> bool {
        !self.is_empty() && self.killer(key, modified).is_some_and(|killer| killer.place < horizon)
    }

    /// Something is written to `key` at `modified`, in place of a version of `previous`.
    pub(super) fn note(&self, key: &[u8], previous: u64, modified: u64) {
        let later = self.over(key).iter().rev().filter(|one| one.revision() < modified);
        for one in later.take_while(|one| one.revision() > previous) {
            one.written.write().add(key);
        }
    }

    /// For who sees what comes before `horizon` and found a dead row at `key`: the key to go on at, with nothing alive in
    /// between. Downwards it is the first key not to look at any more. `None` if only going on will tell.
    pub(super) fn pass(&self, key: &[u8], horizon: Place, reverse: bool) -> Option<Vec<u8>> {
        let over = self.over(key);
        let seen = over.partition_point(|one| one.place < horizon);
        let last = &over[seen.checked_sub(1)?];
        let written = last.written.read();
        if reverse {
            written.below(key, &last.start)
        } else {
            written.above(key, last.end.as_deref())
        }
    }
}

/// Makes a segment begin at `key`.
fn split_at(segments: &mut Vec<Segment>, key: &[u8]) {
    let at = segments.partition_point(|segment| *segment.start < *key);
    if segments.get(at).is_some_and(|segment| *segment.start == *key) {
        return;
    }
    let over = at
        .checked_sub(1)
        .map_or_else(|| Arc::from([]), |before| Arc::clone(&segments[before].over));
    segments.insert(
        at,
        Segment {
            start: key.into(),
            over,
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tombstone(revision: u64, start: &[u8], end: Option<&[u8]>) -> Arc<RangeTombstone> {
        Arc::new(RangeTombstone::new((revision, 0), KeyRange { start, end }))
    }

    fn set() -> RangeTombstones {
        RangeTombstones::default()
            .with(tombstone(10, b"b", Some(b"f")))
            .with(tombstone(20, b"d", None))
            .with(tombstone(30, b"c", Some(b"e")))
    }

    #[test]
    fn the_first_that_comes_after_a_row_kills_it() {
        let killer = |key: &[u8], modified| set().killer(key, modified).map_or(0, RangeTombstone::revision);
        let cases: [(&[u8], u64, u64); 9] = [
            (b"a", 1, 0),
            (b"b", 9, 10),
            (b"b", 10, 0),
            (b"c", 9, 10),
            (b"c", 10, 30),
            (b"d", 9, 10),
            (b"d", 10, 20),
            (b"f", 9, 20),
            (b"z", 20, 0),
        ];
        for (key, modified, expected) in cases {
            assert_eq!(killer(key, modified), expected, "{key:?} at {modified}");
        }
        assert!(set().hides(b"d", 9, after(10)) && !set().hides(b"d", 9, (10, 0)) && !set().hides(b"d", 10, after(19)));
    }

    #[test]
    fn what_is_forgotten_hides_nothing() {
        let fewer = set().keeping(|one| one.revision() != 20);
        assert!(!fewer.hides(b"z", 1, after(99)) && fewer.hides(b"d", 10, after(30)));
        assert_eq!(fewer.segments.len(), 4);
        assert!(fewer.keeping(|_| false).is_empty());
    }

    #[test]
    fn a_dead_stretch_is_passed_at_once_and_what_was_written_in_it_is_not() {
        let set = set();
        assert_eq!(set.pass(b"d", after(30), false), Some(b"e".to_vec()));
        set.note(b"dd", 10, 31);
        set.note(b"b1", 0, 11);
        assert_eq!(set.pass(b"d", after(30), false), Some(b"dd".to_vec()));
        assert_eq!(set.pass(b"dz", after(30), true), Some(b"dd\0".to_vec()));
        assert_eq!(set.pass(b"d", after(30), true), Some(b"c".to_vec()));
        assert_eq!(set.pass(b"dd", after(30), false), None);
        assert_eq!(
            set.pass(b"b", after(10), false),
            Some(b"b1".to_vec()),
            "it was written to later only"
        );
        assert_eq!(set.pass(b"a", after(30), false), None);
    }
}

//! Stretches of the key space in which nothing lives, as whoever walked over their dead rows has found, so that the next one passes
//! them at once. They are in memory, of this engine alone, and change what a scan costs and nothing that it finds: no other member
//! knows them, and nothing is decided by them. Knows keys and revisions; nothing of where rows are.
//!
//! A stretch says: no key in it lives at its revision or at any later one up to now. So it must break where a key is made, before that
//! key's revision is published. The writer says so after the row is in its memtable ([`DeadStretches::made`]); a walk says where it
//! begins before it looks at the rows ([`DeadStretches::begin_walk`]). Of a row that a walk has missed it hears, then: each of the
//! two does its own part, fences, and looks at the other's.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::atomic::{fence, AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use rafterdb_codec::limits::KEY_BYTES_MAX;

use super::KeyRange;
use crate::waits::lock;
use crate::Wait;

/// Dead rows of a stretch that a walk notes before it goes on with the next one; neighbours with fewer become one.
pub(super) const ROWS_MAX: usize = 4096;
/// Stretches that are known; beyond that half of them are forgotten.
const STRETCHES_MAX: usize = 1 << 13;
/// Bytes of their keys.
const BYTES_MAX: usize = 1 << 20;
/// Rows of a deleted range, which nobody counts: so many that it is forgotten last, and joined with no neighbour.
const ROWS_UNKNOWN: usize = 1 << 20;

/// The revision of a walk that looks at the newest row of each key, whatever its revision.
pub(super) const NOW: u64 = u64::MAX - 1;

/// A key after all keys.
pub(super) fn after_all() -> Vec<u8> {
    vec![0xff; KEY_BYTES_MAX + 1]
}

/// The key that comes next after `key`.
pub(super) fn next_key(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}

#[derive(Debug)]
struct Stretch {
    /// First key after it.
    end: Box<[u8]>,
    /// Nothing lives in it from this revision on.
    since: u64,
    /// Dead rows in it, roughly.
    rows: usize,
}

/// What somebody is walking over.
#[derive(Debug)]
struct Walk {
    number: usize,
    reverse: bool,
    /// Upwards the first key of it, downwards the first key above it.
    bound: Vec<u8>,
    /// Of the keys that were made there meanwhile the one that is nearest.
    made: Option<Vec<u8>>,
}

#[derive(Debug, Default)]
struct Known {
    /// By first key; none overlaps another.
    stretches: BTreeMap<Box<[u8]>, Stretch>,
    bytes: usize,
    walks: Vec<Walk>,
    next_walk: usize,
    /// A stretch with fewer rows is not worth knowing.
    rows_min: usize,
}

/// The stretches that are known.
#[derive(Debug)]
pub(super) struct DeadStretches {
    known: Mutex<Known>,
    /// Of stretches and walks; the writer looks no further while there are none.
    count: AtomicUsize,
    /// The revision that the writer writes at.
    newest: AtomicU64,
}

impl DeadStretches {
    /// None yet. Stretches of fewer rows than `rows_min` are not kept.
    pub(super) fn new(rows_min: usize) -> Self {
        let known = Known {
            rows_min,
            ..Known::default()
        };
        Self {
            known: Mutex::new(known),
            count: AtomicUsize::new(0),
            newest: AtomicU64::new(0),
        }
    }

    /// Something is about to be written at `revision`, by the one writer.
    #[inline]
    pub(super) fn begin_write(&self, revision: u64) {
        self.newest.store(revision, Ordering::Release);
    }

    /// The key to go on at from `key` on for a reader at revision `at`, with nothing alive in between; downwards the first key not to
    /// look at any more. `None` if only going on will tell.
    pub(super) fn pass(&self, key: &[u8], at: u64, reverse: bool) -> Option<Vec<u8>> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        lock(Wait::DeadStretches, &self.known).pass(key, at, reverse)
    }

    /// Begins a walk: upwards from `bound` on, downwards below it. Rows that are looked at from now on count.
    pub(super) fn begin_walk(&self, bound: &[u8], reverse: bool) -> usize {
        let mut known = lock(Wait::DeadStretches, &self.known);
        let number = known.next_walk;
        known.next_walk += 1;
        known.walks.push(Walk {
            number,
            reverse,
            bound: bound.to_vec(),
            made: None,
        });
        self.recount(&known);
        drop(known);
        fence(Ordering::SeqCst);
        number
    }

    /// A walk that found `rows` dead rows, and nothing that lives at `at` or later, has come to `to`: upwards the first key that it has not
    /// looked at, downwards the last one that it has. Whether all of that is dead now, so that it may go on from there.
    pub(super) fn reach(&self, walk: usize, to: &[u8], at: u64, rows: usize) -> bool {
        // After the rows: none of them was written later.
        let since = if at == NOW {
            self.newest.load(Ordering::Acquire)
        } else {
            at
        };
        let mut known = lock(Wait::DeadStretches, &self.known);
        let Some(place) = known.walks.iter().position(|one| one.number == walk) else {
            return false;
        };
        let walk = &mut known.walks[place];
        let is_whole = walk.made.is_none();
        let bound = std::mem::replace(&mut walk.bound, to.to_vec());
        let made = walk.made.take();
        let (start, end) = if walk.reverse {
            let made = made.map_or_else(Vec::new, |made| next_key(&made));
            (made.max(to.to_vec()), bound)
        } else {
            (bound, made.into_iter().chain([to.to_vec()]).min().unwrap_or_default())
        };
        known.add(&start, &end, since, rows);
        self.recount(&known);
        is_whole
    }

    /// Ends a walk.
    pub(super) fn end_walk(&self, walk: usize) {
        let mut known = lock(Wait::DeadStretches, &self.known);
        known.walks.retain(|one| one.number != walk);
        self.recount(&known);
    }

    /// Everything in a range was deleted at `revision`.
    pub(super) fn deleted(&self, range: KeyRange<'_>, revision: u64) {
        let mut known = lock(Wait::DeadStretches, &self.known);
        match range.end {
            Some(end) => known.add(range.start, end, revision, ROWS_UNKNOWN),
            None => known.add(range.start, &after_all(), revision, ROWS_UNKNOWN),
        }
        self.recount(&known);
    }

    /// The rows that a range's deletion at `revision` left are gone.
    pub(super) fn is_gone(&self, range: KeyRange<'_>, revision: u64) {
        let mut known = lock(Wait::DeadStretches, &self.known);
        known.forget_within(range, revision);
        self.recount(&known);
    }

    /// A key was made that did not live: to be called once its row is where readers look.
    pub(super) fn made(&self, key: &[u8]) {
        fence(Ordering::SeqCst);
        if self.count.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut known = lock(Wait::DeadStretches, &self.known);
        for walk in &mut known.walks {
            walk.made(key);
        }
        known.split(key);
        self.recount(&known);
    }

    fn recount(&self, known: &Known) {
        self.count
            .store(known.stretches.len() + known.walks.len(), Ordering::Release);
    }
}

impl Walk {
    fn made(&mut self, key: &[u8]) {
        let is_nearer = |made: &Vec<u8>| if self.reverse { key > &**made } else { key < &**made };
        let is_within = if self.reverse {
            key < self.bound.as_slice()
        } else {
            key >= self.bound.as_slice()
        };
        if is_within && self.made.as_ref().is_none_or(is_nearer) {
            let made = self.made.get_or_insert_default();
            made.clear();
            made.extend_from_slice(key);
        }
    }
}

impl Known {
    /// The first key of the stretch that `key` is in.
    fn start_of(&self, key: &[u8]) -> Option<Box<[u8]>> {
        let below = (Bound::Unbounded, Bound::Included(key));
        let (start, stretch) = self.stretches.range::<[u8], _>(below).next_back()?;
        (*key < *stretch.end).then(|| start.clone())
    }

    fn pass(&self, key: &[u8], at: u64, reverse: bool) -> Option<Vec<u8>> {
        let start = self.start_of(key)?;
        let mut bound: Option<&[u8]> = None;
        if reverse {
            let below = (Bound::Unbounded, Bound::Included(&*start));
            for (start, stretch) in self.stretches.range::<[u8], _>(below).rev() {
                if stretch.since > at || bound.is_some_and(|bound| *bound != *stretch.end) {
                    break;
                }
                bound = Some(start);
            }
        } else {
            let above = (Bound::Included(&*start), Bound::Unbounded);
            for (start, stretch) in self.stretches.range::<[u8], _>(above) {
                if stretch.since > at || bound.is_some_and(|bound| *bound != **start) {
                    break;
                }
                bound = Some(&stretch.end);
            }
        }
        bound.map(<[u8]>::to_vec)
    }

    fn insert(&mut self, start: &[u8], end: &[u8], since: u64, rows: usize) {
        if start < end {
            self.bytes += start.len() + end.len();
            let end = end.into();
            self.stretches.insert(start.into(), Stretch { end, since, rows });
        }
    }

    fn remove(&mut self, start: &[u8]) -> Option<Stretch> {
        let stretch = self.stretches.remove(start)?;
        self.bytes -= start.len() + stretch.end.len();
        Some(stretch)
    }

    /// Adds a stretch. Those that it overlaps become a part of it, and so do its neighbours if they are small.
    fn add(&mut self, start: &[u8], end: &[u8], mut since: u64, mut rows: usize) {
        let is_known = |known: &Stretch| *known.end >= *end && known.since <= since;
        if start >= end
            || self
                .start_of(start)
                .is_some_and(|first| self.stretches.get(&first).is_some_and(is_known))
        {
            return;
        }
        let (mut start, mut end) = (Box::<[u8]>::from(start), Box::<[u8]>::from(end));
        while let Some(first) = self.last_below(&end).filter(|(_, last)| *last.end > *start) {
            let first: Box<[u8]> = first.0.into();
            let Some(overlapped) = self.remove(&first) else { break };
            start = start.min(first);
            end = end.max(overlapped.end);
            since = since.max(overlapped.since);
            rows = rows.max(overlapped.rows);
        }
        let below = self.last_below(&start).filter(|(_, last)| *last.end == *start);
        let below: Option<Box<[u8]>> = below.map(|(first, _)| first.into());
        for neighbour in [below, Some(end.clone())].into_iter().flatten() {
            let has_room = |known: &Stretch| known.rows + rows <= ROWS_MAX;
            if !self.stretches.get(&neighbour).is_some_and(has_room) {
                continue;
            }
            if let Some(small) = self.remove(&neighbour) {
                start = start.min(neighbour);
                end = end.max(small.end);
                since = since.max(small.since);
                rows += small.rows;
            }
        }
        self.insert(&start, &end, since, rows);
        self.shrink();
    }

    /// The last stretch that begins below `key`.
    fn last_below(&self, key: &[u8]) -> Option<(&[u8], &Stretch)> {
        let below = (Bound::Unbounded, Bound::Excluded(key));
        let (first, last) = self.stretches.range::<[u8], _>(below).next_back()?;
        Some((first, last))
    }

    /// A key lives: what lies on both sides of it is dead all the same. It may have about half of the rows each.
    fn split(&mut self, key: &[u8]) {
        let Some(start) = self.start_of(key) else { return };
        let Some(Stretch { end, since, rows }) = self.remove(&start) else {
            return;
        };
        if rows / 2 >= self.rows_min {
            self.insert(&start, key, since, rows / 2);
            self.insert(&next_key(key), &end, since, rows / 2);
        }
    }

    fn forget_within(&mut self, range: KeyRange<'_>, revision: u64) {
        let above = (Bound::Included(range.start), Bound::Unbounded);
        let within = self.stretches.range::<[u8], _>(above);
        let within = within.take_while(|(_, one)| range.end.is_none_or(|end| *one.end <= *end));
        let gone = within.filter(|(_, one)| one.since == revision);
        let gone: Vec<_> = gone.map(|(start, _)| start.clone()).collect();
        for start in gone {
            self.remove(&start);
        }
    }

    /// Forgets half of them, those with the fewest rows and of these the oldest, if they are too many.
    fn shrink(&mut self) {
        while self.stretches.len() > STRETCHES_MAX || self.bytes > BYTES_MAX && self.stretches.len() > 1 {
            let all = self.stretches.iter();
            let mut all: Vec<_> = all.map(|(start, one)| (one.rows, one.since, start.clone())).collect();
            let half = all.len() / 2;
            all.select_nth_unstable(half);
            for (_, _, start) in &all[..half] {
                self.remove(start);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: &'static [u8], end: &'static [u8]) -> KeyRange<'static> {
        KeyRange { start, end: Some(end) }
    }

    /// What is passed from each of some keys on, up and down, at a revision.
    fn passed(stretches: &DeadStretches, key: &[u8], at: u64) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
        (stretches.pass(key, at, false), stretches.pass(key, at, true))
    }

    fn of(one: &[u8], other: &[u8]) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
        (Some(one.to_vec()), Some(other.to_vec()))
    }

    #[test]
    fn a_stretch_is_passed_by_who_reads_at_its_revision_or_later() {
        let stretches = DeadStretches::new(1);
        stretches.deleted(range(b"b", b"f"), 10);
        assert_eq!(passed(&stretches, b"c", 10), of(b"f", b"b"));
        assert_eq!(passed(&stretches, b"c", 9), (None, None));
        assert_eq!(passed(&stretches, b"f", 10), (None, None));
        assert_eq!(passed(&stretches, b"a", 10), (None, None));
    }

    #[test]
    fn a_key_that_is_made_breaks_it() {
        let stretches = DeadStretches::new(1);
        stretches.deleted(range(b"b", b"f"), 10);
        stretches.made(b"b");
        assert_eq!(passed(&stretches, b"b", 10), (None, None));
        assert_eq!(passed(&stretches, b"c", 10), of(b"f", b"b\0"));
        stretches.made(b"d");
        assert_eq!(passed(&stretches, b"d", 10), (None, None));
        assert_eq!(passed(&stretches, b"c", 10), of(b"d", b"b\0"));
        assert_eq!(passed(&stretches, b"e", 10), of(b"f", b"d\0"));
    }

    #[test]
    fn a_walk_notes_no_further_than_to_the_next_key_that_is_made_meanwhile() {
        let stretches = DeadStretches::new(1);
        let up = stretches.begin_walk(b"c", false);
        let down = stretches.begin_walk(b"u", true);
        for key in [b"a", b"p", b"m", b"r", b"v"] {
            stretches.made(key);
        }
        assert!(!stretches.reach(up, b"z", 5, 10));
        assert!(!stretches.reach(down, b"b", 5, 10));
        assert_eq!(passed(&stretches, b"d", 5), of(b"m", b"c"));
        assert_eq!(passed(&stretches, b"s", 5), of(b"u", b"r\0"));
        assert_eq!(passed(&stretches, b"n", 5), (None, None));
        stretches.end_walk(up);
        stretches.end_walk(down);
    }

    #[test]
    fn canary_a_key_that_nobody_told_of_is_passed() {
        let stretches = DeadStretches::new(1);
        let walk = stretches.begin_walk(b"c", false);
        assert!(stretches.reach(walk, b"z", 5, 10), "and the walk goes on");
        stretches.end_walk(walk);
        assert_eq!(stretches.pass(b"m", 5, false), Some(b"z".to_vec()));
    }

    #[test]
    fn neighbours_become_one_while_they_are_small_and_are_passed_together() {
        let stretches = DeadStretches::new(1);
        let key = |number: usize| format!("{number:05}").into_bytes();
        let walk = stretches.begin_walk(&key(0), false);
        for number in 1..=ROWS_MAX {
            assert!(stretches.reach(walk, &key(number), 7, 3));
        }
        stretches.end_walk(walk);
        assert_eq!(stretches.known.lock().stretches.len(), 4);
        assert_eq!(passed(&stretches, &key(9), 7), of(&key(ROWS_MAX), &key(0)));
    }

    #[test]
    fn too_many_are_forgotten_but_for_the_largest() {
        let stretches = DeadStretches::new(1);
        let key = |number: usize| format!("{number:06}").into_bytes();
        for number in 0..2 * STRETCHES_MAX {
            let walk = stretches.begin_walk(&key(2 * number), false);
            let rows = if number == 7 { 100 } else { 10 };
            stretches.reach(walk, &key(2 * number + 1), 7, rows);
            stretches.end_walk(walk);
        }
        let known = stretches.known.lock();
        assert!(known.stretches.len() <= STRETCHES_MAX && known.bytes <= BYTES_MAX);
        assert!(known.stretches.contains_key(&*key(14)));
    }

    #[test]
    fn what_a_deleted_range_left_is_forgotten_when_it_is_gone() {
        let stretches = DeadStretches::new(1);
        stretches.deleted(range(b"b", b"f"), 10);
        stretches.deleted(range(b"m", b"p"), 11);
        stretches.is_gone(range(b"a", b"z"), 10);
        assert_eq!(passed(&stretches, b"c", 20), (None, None));
        assert_eq!(passed(&stretches, b"n", 20), of(b"p", b"m"));
        assert_eq!(stretches.known.lock().bytes, 2);
    }
}

//! All range tombstones of an engine at one moment: chunks of few, and over the full chunks a map of the newest over each key, since
//! that is what nearly everybody asks for. Adding one costs little however many there are and however they lie over one another.
//! Knows nothing of where rows are.

use std::sync::Arc;

use super::chunk::{Chunk, Edge, CHUNK_MAX};
use super::{Place, RangeTombstone};

/// After everything.
const END: Place = (u64::MAX, u32::MAX);

/// The part of the key space from an edge to the next one, and the newest over it. Numbers, so that many are copied fast: they count
/// through the chunks, each of which has [`CHUNK_MAX`].
#[derive(Clone, Copy, Debug)]
struct Top {
    start: Edge,
    /// [`NONE`] where nothing lies.
    newest: u32,
}

const NONE: u32 = u32::MAX;

/// All range tombstones at one moment. Never changed: a new one takes its place.
#[derive(Clone, Debug, Default)]
pub(in crate::engine) struct RangeTombstones {
    /// Each has [`CHUNK_MAX`]; in order of place.
    chunks: Vec<Arc<Chunk>>,
    /// The newest in `chunks`, in key order; before the first lies nothing.
    tops: Arc<[Top]>,
    /// Those after the chunks.
    open: Chunk,
    count: usize,
}

impl RangeTombstones {
    pub(in crate::engine) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(in crate::engine) fn count(&self) -> usize {
        self.count
    }

    /// In order of place.
    pub(in crate::engine) fn all(&self) -> impl DoubleEndedIterator<Item = &Arc<RangeTombstone>> {
        let full = self.chunks.iter().flat_map(|chunk| chunk.all());
        full.chain(self.open.all())
    }

    /// How many are above `revision`, and the bytes of their keys.
    pub(in crate::engine) fn above(&self, revision: u64) -> (usize, usize) {
        let (mut count, mut bytes) = (0, 0);
        for chunk in std::iter::once(&self.open).chain(self.chunks.iter().rev().map(|chunk| &**chunk)) {
            if chunk.begins_before((revision + 1, 0)) {
                let above = chunk.all().iter().rev().take_while(|one| one.revision() > revision);
                return above.fold((count, bytes), |(count, bytes), one| (count + 1, bytes + one.bytes()));
            }
            count += chunk.all().len();
            bytes += chunk.bytes();
        }
        (count, bytes)
    }

    /// These and one more, which comes after them.
    pub(in crate::engine) fn with(&self, added: Arc<RangeTombstone>) -> Self {
        let (mut chunks, mut tops) = (self.chunks.clone(), Arc::clone(&self.tops));
        let open = if self.open.all().len() < CHUNK_MAX {
            self.open.with(added)
        } else {
            chunks.push(Arc::new(self.open.clone()));
            tops = lay_over(&tops, &chunks);
            Chunk::default().with(added)
        };
        Self {
            chunks,
            tops,
            open,
            count: self.count + 1,
        }
    }

    /// Those that `keeps` says. What was noted in the others is noted in those before them that lie over the same keys.
    pub(in crate::engine) fn keeping(&self, keeps: impl Fn(&RangeTombstone) -> bool) -> Self {
        let mut kept = Self::default();
        for one in self.all() {
            if keeps(one) {
                kept = kept.with(Arc::clone(one));
                continue;
            }
            let parts = one.close();
            for before in kept.all().filter(|before| before.overlaps(one)) {
                before.take_over(&parts);
            }
        }
        kept
    }

    /// The newest over `key` of a revision above `modified` that comes before `horizon`.
    fn newest(&self, key: &[u8], modified: u64, horizon: Place) -> Option<&Arc<RangeTombstone>> {
        let is_above = |one: &&Arc<RangeTombstone>| one.revision() > modified;
        if let Some(newest) = self.open.newest(key, horizon) {
            return Some(newest).filter(is_above);
        }
        let top = self.tops[self.tops_begun(key).checked_sub(1)?];
        let newest = one_at(&self.chunks, top.newest).filter(is_above)?;
        if newest.place < horizon {
            return Some(newest);
        }
        let begun = self.chunks.partition_point(|chunk| chunk.begins_before(horizon));
        let later = self.chunks[..begun].iter().rev();
        let mut later = later.take_while(|chunk| chunk.last_revision() > modified);
        later.find_map(|chunk| chunk.newest(key, horizon)).filter(is_above)
    }

    /// Number of tops that begin at or below `key`.
    fn tops_begun(&self, key: &[u8]) -> usize {
        self.tops.partition_point(|top| key_at(&self.chunks, top.start) <= key)
    }

    /// Whether the row of `key` that was written at `modified` is dead for who sees what comes before `horizon`.
    pub(in crate::engine) fn hides(&self, key: &[u8], modified: u64, horizon: Place) -> bool {
        !self.is_empty() && self.newest(key, modified, horizon).is_some()
    }

    /// Whether the row of `key` that was written at `modified` is dead for who sees everything.
    pub(in crate::engine) fn kills(&self, key: &[u8], modified: u64) -> bool {
        self.hides(key, modified, END)
    }

    /// Something is written to `key` at `modified`, in place of a version of `previous`. Noted in the newest before it alone: who
    /// sees less has an earlier one as the newest, and nothing to find that was written after the next.
    pub(in crate::engine) fn note(&self, key: &[u8], previous: u64, modified: u64) {
        let mut horizon = (modified, 0);
        // One of the same revision as the previous version lies over that too: its transaction deleted the key by itself before.
        while let Some(one) = self.newest(key, previous.saturating_sub(1), horizon) {
            if one.note(key) {
                break;
            }
            horizon = one.place;
        }
    }

    /// For who sees what comes before `horizon` and found a dead row at `key`: the key to go on at, with nothing alive in
    /// between. Downwards it is the first key not to look at any more. `None` if only going on will tell.
    pub(in crate::engine) fn pass(&self, key: &[u8], horizon: Place, reverse: bool) -> Option<Vec<u8>> {
        let last = self.newest(key, 0, horizon)?;
        let written = last.written.read();
        let passed = if reverse {
            written.parts.below(key, &last.start)
        } else {
            written.parts.above(key, last.end.as_deref())
        }?;
        drop(written);
        // Where a later one lies over the keys, that is where writes are noted.
        let limit = self.later(key, last.place, horizon, reverse);
        let comes_first = |limit: &&[u8]| if reverse { **limit > *passed } else { **limit < *passed };
        match limit.filter(comes_first) {
            Some(limit) => Some(limit.to_vec()),
            None => Some(passed),
        }
    }

    /// How far from `key` on, which has none, nothing lies over the keys that comes after `than` and before `horizon`; at most to
    /// where the one at `than` ends.
    fn later(&self, key: &[u8], than: Place, horizon: Place, reverse: bool) -> Option<&[u8]> {
        let in_open = self.open.until_later(key, than, horizon, reverse);
        let newest_of_chunks = self.chunks.last().and_then(|chunk| chunk.all().last());
        let Some(newest) = newest_of_chunks.filter(|newest| newest.place > than) else {
            return in_open;
        };
        if newest.place < horizon {
            // All of the chunks are seen, so the one at `than` is on top at `key`.
            let after = self.tops_begun(key);
            let top = if reverse { after.checked_sub(1) } else { Some(after) };
            let limit = top.and_then(|at| self.tops.get(at));
            let limit = limit.map(|top| key_at(&self.chunks, top.start));
            return nearer(in_open, limit, reverse);
        }
        let begun = self.chunks.partition_point(|chunk| chunk.begins_before(horizon));
        let seen = self.chunks[..begun].iter().rev();
        let seen = seen.take_while(|chunk| chunk.last_revision() >= than.0);
        seen.map(|chunk| chunk.until_later(key, than, horizon, reverse))
            .fold(in_open, |one, other| nearer(one, other, reverse))
    }

    /// The stretches of the range of one of them in which nothing was written after it: start, and first key after.
    pub(in crate::engine) fn dead_stretches(&self, one: &RangeTombstone) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
        let written = RangeTombstone::new(one.place, one.range());
        for later in self.all().rev().take_while(|later| later.place >= one.place) {
            if later.overlaps(one) {
                written.take_over(later.written.read().parts.parts());
            }
        }
        let written = written.written.into_inner();
        written.parts.gaps(&one.start, one.end.as_deref())
    }
}

/// Which of two limits is met first.
fn nearer<T: Ord>(one: Option<T>, other: Option<T>, reverse: bool) -> Option<T> {
    if reverse {
        one.max(other)
    } else {
        one.into_iter().chain(other).min()
    }
}

fn one_at(chunks: &[Arc<Chunk>], number: u32) -> Option<&Arc<RangeTombstone>> {
    let number = number as usize;
    chunks.get(number / CHUNK_MAX)?.all().get(number % CHUNK_MAX)
}

fn key_at(chunks: &[Arc<Chunk>], edge: Edge) -> &[u8] {
    let (chunk, one) = (edge.one as usize / CHUNK_MAX, edge.one % CHUNK_MAX as u32);
    chunks[chunk].key_at(Edge { one, ..edge })
}

/// The newest over each key, of those under the last of the chunks and of that. What it does not touch is copied as it is.
fn lay_over(under: &[Top], chunks: &[Arc<Chunk>]) -> Arc<[Top]> {
    let Some(last) = chunks.last() else {
        return Arc::from([]);
    };
    let first = ((chunks.len() - 1) * CHUNK_MAX) as u32;
    let mut laid: Vec<Top> = Vec::with_capacity(under.len() + 2 * CHUNK_MAX);
    let push = |laid: &mut Vec<Top>, top: Top| {
        if laid.last().map_or(NONE, |last| last.newest) != top.newest {
            laid.push(top);
        }
    };
    let begun = |key: &[u8]| under.partition_point(|top| key_at(chunks, top.start) < key);
    let mut parts = last.tops().peekable();
    let mut from = parts.peek().map_or(under.len(), |(edge, _)| begun(last.key_at(*edge)));
    laid.extend_from_slice(&under[..from]);
    while let Some((edge, newest)) = parts.next() {
        let to = parts.peek().map_or(under.len(), |(next, _)| begun(last.key_at(*next)));
        let start = Edge {
            one: first + edge.one,
            ..edge
        };
        if let Some(newest) = newest {
            let newest = first + newest;
            push(&mut laid, Top { start, newest });
        } else {
            let newest = from.checked_sub(1).map_or(NONE, |at| under[at].newest);
            let run = &under[from..to];
            if run
                .first()
                .is_none_or(|top| key_at(chunks, top.start) != last.key_at(edge))
            {
                push(&mut laid, Top { start, newest });
            }
            if let [head, rest @ ..] = run {
                push(&mut laid, *head);
                laid.extend_from_slice(rest);
            }
        }
        from = to;
    }
    laid.into()
}

#[cfg(test)]
mod tests {
    use super::super::{after, KeyRange};
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
    fn the_newest_that_is_seen_kills_what_was_written_before_it() {
        let newest =
            |key: &[u8], modified, horizon| set().newest(key, modified, horizon).map_or(0, |one| one.revision());
        let cases: [(&[u8], u64, u64); 9] = [
            (b"a", 1, 0),
            (b"b", 9, 10),
            (b"b", 10, 0),
            (b"c", 9, 30),
            (b"c", 30, 0),
            (b"d", 9, 30),
            (b"d", 29, 30),
            (b"f", 9, 20),
            (b"z", 20, 0),
        ];
        for (key, modified, expected) in cases {
            assert_eq!(newest(key, modified, END), expected, "{key:?} at {modified}");
        }
        assert_eq!((newest(b"d", 9, after(20)), newest(b"d", 9, after(19))), (20, 10));
        assert!(set().hides(b"d", 9, after(10)) && !set().hides(b"d", 9, (10, 0)) && !set().hides(b"d", 10, after(19)));
    }

    #[test]
    fn many_that_lie_over_one_another_take_little_and_a_write_is_noted_in_one() {
        let mut set = RangeTombstones::default();
        for n in 0..1000_u16 {
            let (start, end) = (n.to_be_bytes(), (u16::MAX - n).to_be_bytes());
            set = set.with(tombstone(u64::from(n) + 2, &start, Some(&end)));
        }
        let references: usize = set.chunks.iter().map(|chunk| chunk.references()).sum();
        assert!(
            references < 2 * CHUNK_MAX * 1000,
            "{references}, and not a thousand times a thousand"
        );
        assert!(set.tops.len() <= 2000);
        set.note(&[9, 9], 0, 2000);
        let noted = set.all().filter(|one| !one.written.read().parts.parts().is_empty());
        assert_eq!(noted.count(), 1);
    }

    #[test]
    fn a_write_after_a_key_was_deleted_alone_and_within_a_range_at_once_is_not_passed() {
        let set = set();
        set.note(b"dd", 30, 31);
        assert_eq!(set.pass(b"d", after(31), false), Some(b"dd".to_vec()));
    }

    #[test]
    fn what_is_forgotten_hides_nothing() {
        let fewer = set().keeping(|one| one.revision() != 20);
        assert!(!fewer.hides(b"z", 1, after(99)) && fewer.hides(b"d", 10, after(30)));
        assert_eq!(fewer.count(), 2);
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

//! A few range tombstones that follow one another, with what lies over each part of the key space. So few that making it anew
//! with one more costs little, even if all of them lie over one another. Knows nothing of others.

use std::sync::Arc;

use super::{Place, RangeTombstone};

/// Range tombstones of a chunk: what it takes grows with the square.
pub(super) const CHUNK_MAX: usize = 32;

/// The start of one of a chunk, or its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge {
    /// Which of the chunk.
    pub(super) one: u32,
    pub(super) is_end: bool,
}

/// The part of the key space from `start` to the next segment, and what lies over it, in order of place.
#[derive(Clone, Debug)]
struct Segment {
    start: Arc<[u8]>,
    edge: Edge,
    over: Arc<[Arc<RangeTombstone>]>,
}

/// Up to [`CHUNK_MAX`] range tombstones. Never changed.
#[derive(Clone, Debug, Default)]
pub(super) struct Chunk {
    /// In order of place.
    all: Vec<Arc<RangeTombstone>>,
    /// In key order; before the first lies nothing.
    segments: Vec<Segment>,
    /// Bytes of their keys.
    bytes: usize,
}

impl Chunk {
    pub(super) fn all(&self) -> &[Arc<RangeTombstone>] {
        &self.all
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether it begins before `horizon`.
    pub(super) fn begins_before(&self, horizon: Place) -> bool {
        self.all.first().is_some_and(|first| first.place < horizon)
    }

    /// The revision of its last.
    pub(super) fn last_revision(&self) -> u64 {
        self.all.last().map_or(0, |last| last.revision())
    }

    /// These and one more, which comes after them.
    pub(super) fn with(&self, added: Arc<RangeTombstone>) -> Self {
        let mut segments = self.segments.clone();
        let one = self.all.len() as u32;
        split_at(&mut segments, &added.start, Edge { one, is_end: false });
        if let Some(end) = &added.end {
            split_at(&mut segments, end, Edge { one, is_end: true });
        }
        let inside = |segment: &&mut Segment| {
            *segment.start >= *added.start && added.end.as_ref().is_none_or(|end| *segment.start < **end)
        };
        for segment in segments.iter_mut().filter(inside) {
            segment.over = segment.over.iter().chain([&added]).cloned().collect();
        }
        let mut all = self.all.clone();
        let bytes = self.bytes + added.bytes();
        all.push(added);
        Self { all, segments, bytes }
    }

    /// Places that name one of them.
    #[cfg(test)]
    pub(super) fn references(&self) -> usize {
        self.segments.iter().map(|segment| segment.over.len()).sum()
    }

    /// The newest over `key` that comes before `horizon`.
    pub(super) fn newest(&self, key: &[u8], horizon: Place) -> Option<&Arc<RangeTombstone>> {
        let after = self.segments.partition_point(|segment| &*segment.start <= key);
        let over = &self.segments[after.checked_sub(1)?].over;
        over[..over.partition_point(|one| one.place < horizon)].last()
    }

    /// From `key` on to where nothing of it that comes after `than` and before `horizon` lies over the keys: upwards where the first of
    /// those begins, downwards where it ends.
    pub(super) fn until_later(&self, key: &[u8], than: Place, horizon: Place, reverse: bool) -> Option<&[u8]> {
        let is_later = |segment: &&Segment| {
            let seen = segment.over.partition_point(|one| one.place < horizon);
            seen.checked_sub(1).is_some_and(|at| segment.over[at].place > than)
        };
        let after = self.segments.partition_point(|segment| &*segment.start <= key);
        let (below, above) = self.segments.split_at(after);
        if !reverse {
            return above.iter().find(is_later).map(|segment| &*segment.start);
        }
        let at = below.iter().rposition(|segment| is_later(&segment))?;
        below.get(at + 1).map(|segment| &*segment.start)
    }

    /// Where its parts begin, and which of it is the newest over each.
    pub(super) fn tops(&self) -> impl Iterator<Item = (Edge, Option<u32>)> + '_ {
        self.segments.iter().map(|segment| {
            let newest = segment.over.last();
            let at = newest.map(|newest| self.all.partition_point(|one| one.place < newest.place) as u32);
            (segment.edge, at)
        })
    }

    /// The key at an edge; no edge is at an end that is not there.
    pub(super) fn key_at(&self, edge: Edge) -> &[u8] {
        let one = &self.all[edge.one as usize];
        if edge.is_end {
            one.end.as_deref().unwrap_or_default()
        } else {
            &one.start
        }
    }
}

/// Makes a segment begin at `key`.
fn split_at(segments: &mut Vec<Segment>, key: &[u8], edge: Edge) {
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
            edge,
            over,
        },
    );
}

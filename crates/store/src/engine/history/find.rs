//! Finding one change: by revision through the sparse index, and among the changes of one revision by key. A revision
//! that deletes a range has as many changes as the range had keys, in key order: such a run is searched by halves.

use std::sync::atomic::Ordering;
use std::sync::Arc;

use rafterdb_codec::store::history_file::IndexEntry;

use super::cursor::{Cursor, Source};
use super::segment::Sealed;
use super::History;
use crate::StoreError;

/// A revision with fewer index entries than this is read through.
const HALVING_ENTRIES_MIN: usize = 4;

/// A record found, its parts copied.
pub(in crate::engine) struct Found {
    pub(in crate::engine) row: Vec<u8>,
    /// Empty if the record has no before-image.
    pub(in crate::engine) before: Vec<u8>,
}

impl History {
    /// The change of `key` at `revision`, if there was one.
    pub(in crate::engine) fn find(&self, revision: u64, key: &[u8]) -> Result<Option<Found>, StoreError> {
        self.lookups.fetch_add(1, Ordering::Relaxed);
        for (source, entries) in self.segments_of(revision)? {
            if let Some(found) = self.find_by_halves(source, &entries, revision, key)? {
                return Ok(Some(found));
            }
        }
        let found = read_through(Cursor::at(self, revision)?, revision, key)?;
        if found.is_none() {
            // It should be there: if damage hides it, say where.
            Cursor::at(self, revision)?.check_up_to(revision)?;
        }
        Ok(found)
    }

    /// The version of `key` of revision `earlier`, if it is among the survivors of compaction; `modified` is the revision that
    /// replaced it.
    pub(in crate::engine) fn find_survivor(
        &self,
        modified: u64,
        earlier: u64,
        key: &[u8],
    ) -> Result<Option<Found>, StoreError> {
        let kept = self.kept();
        let at = kept.survivors.partition_point(|file| file.floor < earlier);
        let Some(file) = kept.survivors.get(at) else {
            return Ok(None);
        };
        self.find_in_file(file, file.chain.map_or(modified, |_| earlier), key)
    }

    /// The change of `key` at the floor, with what it replaced.
    pub(in crate::engine) fn find_at_floor(&self, floor: u64, key: &[u8]) -> Result<Option<Found>, StoreError> {
        let kept = self.kept();
        match kept.survivors.last().filter(|file| file.floor == floor) {
            Some(file) => self.find_in_file(file, floor, key),
            None => Ok(None),
        }
    }

    /// The change of `key` at `revision` in a survivors file or one of images.
    pub(super) fn find_in_file(
        &self,
        file: &Arc<Sealed>,
        revision: u64,
        key: &[u8],
    ) -> Result<Option<Found>, StoreError> {
        self.lookups.fetch_add(1, Ordering::Relaxed);
        let entries = within(&self.opened(file)?.index, revision);
        let source = Source::File(Arc::clone(file));
        if let Some(found) = self.find_by_halves(source, &entries, revision, key)? {
            return Ok(Some(found));
        }
        read_through(Cursor::in_file(self, file, revision)?, revision, key)
    }

    /// The segments that index entries of `revision` lie in, with those entries.
    fn segments_of(&self, revision: u64) -> Result<Vec<(Source, Vec<IndexEntry>)>, StoreError> {
        let (kept, tails) = {
            let state = self.state.read();
            let entries = state.tail.iter().map(|tail| within(&tail.index.entries, revision));
            let tails: Vec<_> = (state.number..).map(Source::Segment).zip(entries).collect();
            (Arc::clone(&state.kept), tails)
        };
        let mut found = Vec::new();
        let first = kept.segments.partition_point(|segment| segment.last < revision);
        for segment in kept.segments[first..]
            .iter()
            .take_while(|segment| segment.first <= revision)
        {
            let entries = within(&self.opened(segment)?.index, revision);
            found.push((Source::Segment(segment.number), entries));
        }
        found.extend(tails);
        found.retain(|(_, entries)| entries.len() >= HALVING_ENTRIES_MIN);
        Ok(found)
    }

    /// Looks for `key` among the changes of `revision` in one file, as if they were in key order.
    fn find_by_halves(
        &self,
        source: Source,
        entries: &[IndexEntry],
        revision: u64,
        key: &[u8],
    ) -> Result<Option<Found>, StoreError> {
        if entries.len() < HALVING_ENTRIES_MIN {
            return Ok(None);
        }
        let (mut low, mut high) = (0, entries.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let mut cursor = Cursor::probe(self, source.clone(), entries[middle].offset, revision);
            if cursor.advance()? && cursor.record().key <= key {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        // Before the first entry lies less than a step of the run, which reading through finds as well.
        let Some(entry) = low.checked_sub(1).map(|at| entries[at]) else {
            return Ok(None);
        };
        let mut cursor = Cursor::new(self, source, entry.offset, revision);
        while cursor.advance()? {
            let record = cursor.record();
            if record.revision > revision || record.key > key {
                break;
            }
            if record.key == key && !record.is_range() {
                return Ok(Some(copy(&cursor)));
            }
        }
        Ok(None)
    }
}

fn read_through(mut cursor: Cursor<'_>, revision: u64, key: &[u8]) -> Result<Option<Found>, StoreError> {
    while cursor.advance()? {
        let record = cursor.record();
        if record.revision > revision {
            break;
        }
        if record.revision == revision && record.key == key && !record.is_range() {
            return Ok(Some(copy(&cursor)));
        }
    }
    Ok(None)
}

fn copy(cursor: &Cursor<'_>) -> Found {
    let record = cursor.record();
    Found {
        row: record.row.to_vec(),
        before: record.before.to_vec(),
    }
}

/// The index entries that point at a record of `revision`.
fn within(entries: &[IndexEntry], revision: u64) -> Vec<IndexEntry> {
    let first = entries.partition_point(|entry| entry.revision < revision);
    let run = entries[first..].iter().take_while(|entry| entry.revision == revision);
    run.copied().collect()
}

//! Which versions outlive their compaction: of each key the last one up to the compacted revision, if a later change names it and
//! does not carry it. Looks at what goes and asks the store for the newest change of a key; never reads what stays. Knows no files
//! but those that it is told to read.
//!
//! Two passes over what goes. The first finds the last version of each key: in memory for as many keys as are allowed, by a range
//! of hashes; with more keys it is made again for the next range. The second asks about each of those, and writes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use rafterdb_codec::store::record::{Parts, Record};

use super::cursor::{Cursor, Source};
use super::kept::{Compaction, Plan};
use super::segment::RECORDS_BEGIN;
use super::survivors_file::Writer;
use super::History;
use crate::StoreError;

/// Keys that are remembered at a time: some six megabytes.
const KEYS_MAX: usize = 200_000;

/// Says whether a change above the compacted revision names the version that a record made, and does not carry it. True for one
/// of which it cannot be known: then that is kept in vain.
pub(in crate::engine) type IsNamed<'a> = &'a dyn Fn(&Record<'_>) -> Result<bool, StoreError>;

/// Records by their number among what goes.
#[derive(Default)]
struct Picked(Vec<u64>);

impl Picked {
    fn add(&mut self, number: usize) {
        let word = number / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (number % 64);
    }

    fn has(&self, number: usize) -> bool {
        self.0
            .get(number / 64)
            .is_some_and(|word| word >> (number % 64) & 1 == 1)
    }
}

/// What a compaction drops, in order. The changes of the new floor are kept apart, all of them.
pub(super) struct Going<'a> {
    pub(super) history: &'a History,
    pub(super) plan: &'a Plan,
    pub(super) compaction: Compaction,
    pub(super) stopping: &'a AtomicBool,
}

impl Going<'_> {
    /// Adds those that survive to `writer`. `false` if the engine stops meanwhile.
    pub(super) fn write_survivors(&self, is_named: IsNamed<'_>, writer: &mut Writer) -> Result<bool, StoreError> {
        if self.compaction.until <= self.compaction.to {
            // Nothing was changed since, so that nothing is named.
            return Ok(true);
        }
        let Some(picked) = self.last_of_each_key(KEYS_MAX)? else {
            return Ok(false);
        };
        self.each(&mut |number, record| {
            let is_apart = record.revision == self.compaction.to;
            if is_apart || !picked.has(number) || !is_named(record)? {
                return Ok(());
            }
            writer.add(&Parts {
                revision: record.revision,
                sub: record.sub,
                key: record.key,
                row: [record.row, &[]],
                before: &[],
            })
        })
    }

    /// The last record of each key. `None` if the engine stops meanwhile.
    fn last_of_each_key(&self, keys_max: usize) -> Result<Option<Picked>, StoreError> {
        let mut picked = Picked::default();
        let mut from = 0;
        loop {
            let mut to = u64::MAX;
            let mut last: HashMap<[u64; 2], usize> = HashMap::new();
            let finished = self.each(&mut |number, record| {
                let hash = rafterdb_hash::xxh3_128(record.key, 0);
                let place = (hash >> 64) as u64;
                if (from..=to).contains(&place) {
                    last.insert([place, hash as u64], number);
                }
                while last.len() > keys_max {
                    to = from + (to - from) / 2;
                    last.retain(|hash, _| hash[0] <= to);
                }
                Ok(())
            })?;
            if !finished {
                return Ok(None);
            }
            last.values().for_each(|number| picked.add(*number));
            if to == u64::MAX {
                return Ok(Some(picked));
            }
            from = to + 1;
        }
    }

    /// Calls `visit` with each record of a version that goes, numbered from 0. `false` if the engine stops meanwhile.
    fn each(&self, visit: &mut dyn FnMut(usize, &Record<'_>) -> Result<(), StoreError>) -> Result<bool, StoreError> {
        let floor = self.plan.old.floor;
        let files = self.plan.merged().iter().map(|file| {
            let source = Source::File(Arc::clone(file));
            Ok(Cursor::new(self.history, source, RECORDS_BEGIN, 0))
        });
        let cursors = files.chain(std::iter::once_with(|| Cursor::at(self.history, floor + 1)));
        let mut number = 0;
        let mut bytes = 0;
        for cursor in cursors {
            let mut cursor = cursor?;
            while cursor.advance()? {
                if self.stopping.load(Ordering::Relaxed) {
                    return Ok(false);
                }
                bytes += cursor.record_bytes().len() as u64;
                let record = cursor.record();
                if record.revision > self.compaction.to {
                    break;
                }
                if !record.is_range() {
                    visit(number, &record)?;
                    number += 1;
                }
            }
        }
        self.history.compaction_read.fetch_add(bytes, Ordering::Relaxed);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Sizes;
    use super::*;

    const RECORDS: u64 = 500;

    /// However few keys may be remembered at a time, the last record of each is found, and no other.
    #[test]
    fn the_last_of_each_key_is_found_with_any_number_of_passes() {
        let directory = tempfile::tempdir().expect("a directory");
        let sizes = Sizes {
            segment_bytes: 4_000,
            buffer_bytes: 500,
        };
        let history = History::create(&directory.path().join("history"), sizes).expect("a history");
        let key_of = |revision: u64| (revision * 7919 % 61).to_le_bytes();
        for revision in 1..=RECORDS {
            let parts = Parts {
                revision,
                sub: 0,
                key: &key_of(revision),
                row: [b"row", b""],
                before: b"",
            };
            history.append(&parts).expect("room");
        }
        let compaction = Compaction {
            to: RECORDS - 100,
            until: RECORDS,
            keep_segment: u64::MAX,
        };
        let going = Going {
            history: &history,
            plan: &super::super::kept::plan(&history.state, &compaction).expect("there is something to do"),
            compaction,
            stopping: &AtomicBool::new(false),
        };
        let is_last = |revision: u64| !(revision + 1..=compaction.to).any(|later| key_of(later) == key_of(revision));
        for keys_max in [1, 2, 7, 60, 61, KEYS_MAX] {
            let picked = going
                .last_of_each_key(keys_max)
                .expect("readable")
                .expect("not stopped");
            for revision in 1..=compaction.to {
                let at = format!("revision {revision}, {keys_max} keys at a time");
                assert_eq!(picked.has(revision as usize - 1), is_last(revision), "{at}");
            }
        }
    }
}

//! The engine's trait: reads, changes and compaction on memtables, tables and history. Owns the order in which a change is
//! written; knows nothing of how an engine begins and ends.

use std::sync::atomic::Ordering;
use std::sync::Arc;

use rafterdb_codec::store::range_tombstone::encode_bounds;
use rafterdb_codec::store::record::Parts;
use rafterdb_codec::store::row::Header;
use rafterdb_codec::Code;

use super::displaced::DisplacedRow;
use super::history::Changes;
use super::late_state::MakeState;
use super::lsm::LsmEngine;
use super::memtable::FETCHED_MAX;
use super::options::MEMTABLE_GROWTH;
use super::range_tombstones::{after, RangeTombstone};
use super::scan::Sight;
use super::shared::{Next, Wanting};
use super::snapshot::Pin;
use super::tables::lies_apart;
use super::{Change, ChangePlace, Engine, KeyRange, Mark, RowRef, Value, Visit};
use crate::StoreError;

impl LsmEngine {
    fn append_to_history(&self, parts: &Parts<'_>) -> Result<(), StoreError> {
        let history = &self.shared.history;
        history.append(parts).map_err(|error| self.shared.poison(error))?;
        self.shared.set_wanting(Wanting::History, history.is_short());
        Ok(())
    }

    fn look_at_latest(&self, key: &[u8], next: Next, visit: &mut dyn FnMut(RowRef<'_>)) -> Result<bool, StoreError> {
        let compacted = self.shared.compacted.load(Ordering::Relaxed);
        let ranges = self.shared.limits.ranges.load();
        let seen = self.shared.newest_of_writer(key, next, |packed| {
            let row = self.shared.parse(packed)?;
            // Such tombstones go away at some time, at another one on each member: to the machine they are gone at once.
            if row.is_tombstone() && row.modified <= compacted {
                return Ok(false);
            }
            let ranges = ranges.as_deref().filter(|_| !row.is_tombstone());
            let Some(ranges) = ranges.filter(|ranges| ranges.kills(key, row.modified)) else {
                visit(row);
                return Ok(true);
            };
            // So do killed rows. Before that it is a tombstone that stands for the row: what is written next leads back to it.
            if ranges.hides(key, row.modified, (compacted, 0)) {
                return Ok(false);
            }
            visit(RowRef {
                create: 0,
                version: 0,
                lease: 0,
                value: Value::none(),
                ..row
            });
            Ok(true)
        })?;
        seen.unwrap_or(Ok(false))
    }
}

impl Engine for LsmEngine {
    fn latest(&self, key: &[u8], visit: &mut dyn FnMut(RowRef<'_>)) -> Result<bool, StoreError> {
        self.look_at_latest(key, Next::Lives, visit)
    }

    fn latest_of_doomed(&self, key: &[u8], visit: &mut dyn FnMut(RowRef<'_>)) -> Result<bool, StoreError> {
        self.look_at_latest(key, Next::Dies, visit)
    }

    fn expect(&self, keys: &[&[u8]]) {
        let view = self.shared.view.load();
        for keys in keys.chunks(FETCHED_MAX) {
            let mut hashes = [0; FETCHED_MAX];
            for (hash, key) in hashes.iter_mut().zip(keys) {
                *hash = self.shared.hash(key);
            }
            let mut wanted = &mut hashes[..keys.len()];
            for memtable in view.memtables() {
                wanted = memtable.write().fetch(wanted);
            }
        }
    }

    fn value(&self, key: &[u8], row: &RowRef<'_>, read: &mut dyn FnMut(&[u8])) -> Result<(), StoreError> {
        self.shared.read_value(key, row, read)
    }

    fn get(&self, key: &[u8], at: u64, visit: &mut dyn FnMut(RowRef<'_>)) -> Result<bool, StoreError> {
        self.shared.check_not_compacted(at)?;
        // Before the row: what one of these has killed may be gone, and it forgotten, while this looks.
        let ranges = self.shared.limits.ranges.load();
        let seen = self.shared.newest(key, |packed| {
            let mut earlier = Vec::new();
            let Some(row) = self.shared.row_at(key, packed, at, &mut earlier)? else {
                return Ok(false);
            };
            if row.is_tombstone()
                || ranges
                    .as_deref()
                    .is_some_and(|ranges| ranges.hides(key, row.modified, after(at)))
            {
                return Ok(false);
            }
            self.shared.check_not_compacted(at)?;
            visit(row);
            Ok(true)
        })?;
        match seen {
            Some(seen) if !matches!(seen, Ok(false)) => seen,
            // Nothing there: it may have been compacted away while this looked for it.
            _ => self.shared.check_not_compacted(at).map(|()| false),
        }
    }

    fn replaced(
        &self,
        key: &[u8],
        modified: u64,
        previous: u64,
        visit: &mut dyn FnMut(RowRef<'_>),
    ) -> Result<bool, StoreError> {
        self.shared.check_not_compacted(modified)?;
        if previous == 0 {
            return Ok(false);
        }
        let packed = self.shared.replaced(key, modified, previous)?;
        self.shared.check_not_compacted(modified)?;
        if packed.is_empty() {
            return Ok(false);
        }
        let row = self.shared.parse(&packed)?;
        if row.is_tombstone() {
            return Ok(false);
        }
        visit(row);
        Ok(true)
    }

    fn scan(
        &self,
        range: KeyRange<'_>,
        at: u64,
        reverse: bool,
        visit: &mut dyn FnMut(&[u8], RowRef<'_>) -> Visit,
    ) -> Result<(), StoreError> {
        let mut steps = usize::MAX;
        self.scan_some(range, at, reverse, &mut steps, visit).map(|_| ())
    }

    fn scan_some(
        &self,
        range: KeyRange<'_>,
        at: u64,
        reverse: bool,
        steps: &mut usize,
        visit: &mut dyn FnMut(&[u8], RowRef<'_>) -> Visit,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.shared.scan(range, Sight::at(at), reverse, steps, visit)
    }

    fn changes_from(
        &self,
        from: ChangePlace<'_>,
        to: u64,
        visit: &mut dyn FnMut(Change<'_>) -> Visit,
    ) -> Result<(), StoreError> {
        self.shared.check_not_compacted(from.revision)?;
        let mut cursor = Changes::from(&self.shared.history, from.revision)?;
        // Again: from here on a segment that goes away is missed, before it would only have been passed over.
        self.shared.check_not_compacted(from.revision)?;
        while cursor.advance()? {
            let record = cursor.record();
            if record.revision > to {
                break;
            }
            if (record.revision, record.sub) < (from.revision, from.sub) {
                continue;
            }
            if record.is_range() {
                if self.shared.expand(&record, from, visit)? == Visit::Stop {
                    break;
                }
                continue;
            }
            let change = Change {
                sub: record.sub,
                key: record.key,
                row: self.shared.parse(record.row)?,
                replaced: None,
            };
            if visit(change) == Visit::Stop {
                break;
            }
        }
        Ok(())
    }

    fn write(&self, key: &[u8], sub: u32, row: RowRef<'_>) -> Result<(), StoreError> {
        self.shared.check()?;
        assert!(
            row.previous < row.modified && row.create <= row.modified,
            "revisions grow: a key changes at most once in a revision"
        );
        let Some(value) = row.value.bytes() else {
            let text = "a value that is written is at hand";
            return Err(StoreError::new(Code::Internal, text));
        };
        let view = self.shared.view.load();
        let before = self.shared.before_image(&view.active, key, &row)?;
        let header = Header::of(&row);
        let parts = Parts {
            revision: row.modified,
            sub,
            key,
            row: [header.as_bytes(), value],
            before: &before.packed,
        };
        // History first: whoever sees the row must be able to follow it back.
        self.append_to_history(&parts)?;
        if let Some(ranges) = self.shared.limits.ranges.load() {
            ranges.note(key, row.previous, row.modified);
        }
        self.shared.dead_stretches.begin_write(row.modified);
        let hash = self.shared.hash(key);
        if before.is_apart {
            view.active.displaced.note(DisplacedRow {
                key: key.into(),
                modified: row.previous,
                by: (row.modified, sub),
                is_named: !before.packed.is_empty(),
            });
        }
        if lies_apart(key, value.len()) {
            view.active.displaced.note_value();
            self.shared.has_values.store(true, Ordering::Relaxed);
            view.active
                .write()
                .insert(hash, key, Header::with_hash(&row).as_bytes(), value);
        } else {
            view.active.write().insert(hash, key, header.as_bytes(), value);
        }
        if row.version == 1 {
            self.shared.dead_stretches.made(key);
        } else if row.is_tombstone() && self.shared.deletions.is_sample() {
            self.shared.look_around(key)?;
        }
        if view.active.take_merge_due() {
            self.shared.work.lock().merge_keys = true;
            self.shared.changed.notify_all();
        }
        Ok(())
    }

    fn delete_range(&self, range: KeyRange<'_>, revision: u64, sub: u32) -> Result<(), StoreError> {
        self.shared.check()?;
        let parts = Parts {
            revision,
            sub,
            key: range.start,
            row: [&[], &[]],
            before: &encode_bounds(range.end),
        };
        self.append_to_history(&parts)?;
        self.shared.dead_stretches.begin_write(revision);
        let added = Arc::new(RangeTombstone::new((revision, sub), range));
        self.shared.limits.ranges.add(&added);
        self.shared.dead_stretches.deleted(range, revision);
        Ok(())
    }

    fn deleted_ranges(&self, revision: u64) -> (usize, usize) {
        let Some(ranges) = self.shared.limits.ranges.load() else {
            return (0, 0);
        };
        ranges.above(revision)
    }

    fn deleted_ranges_half(&self, revision: u64) -> u64 {
        let ranges = self.shared.limits.ranges.load();
        let half = ranges.and_then(|ranges| {
            let (count, _) = ranges.above(revision);
            let half = ranges.all().rev().nth(count / 2)?;
            Some(half.revision()).filter(|half| *half > revision)
        });
        half.unwrap_or_default()
    }

    fn keep(&self) -> Box<dyn Send> {
        Box::new(Pin::new(&self.shared))
    }

    fn scan_kept(
        &self,
        range: KeyRange<'_>,
        at: u64,
        visit: &mut dyn FnMut(&[u8], RowRef<'_>) -> Visit,
    ) -> Result<(), StoreError> {
        let mut steps = usize::MAX;
        self.shared
            .scan(range, Sight::kept_at(at), false, &mut steps, visit)
            .map(|_| ())
    }

    fn compact(&self, revision: u64) -> Result<(), StoreError> {
        self.shared.check()?;
        let before = self.shared.compacted.fetch_max(revision, Ordering::AcqRel);
        let frees_much = || {
            let ranges = self.shared.limits.ranges.load();
            let is_freed = |one: &Arc<RangeTombstone>| (before..revision).contains(&one.revision());
            ranges.is_some_and(|ranges| ranges.all().any(is_freed)) || self.shared.history.is_worth_a_flush(revision)
        };
        if revision > before && frees_much() {
            self.shared.flush_wanted.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    fn compacted(&self) -> u64 {
        self.shared.compacted.load(Ordering::Acquire)
    }

    fn is_full(&self) -> bool {
        if self.shared.is_wanting(Wanting::Flush) {
            // Another flush would wait for the one that waits for room; memory takes what still comes.
            return false;
        }
        let view = self.shared.view.load();
        let fill = view.fill(&self.shared.budget);
        if view.being_flushed().is_some() {
            // The writer would wait for it: memory takes what still comes, as far as there is any.
            return fill >= MEMTABLE_GROWTH;
        }
        fill >= 1.0 || self.shared.flush_wanted.load(Ordering::Relaxed)
    }

    fn rotate(&self, mark: Mark, state: Vec<u8>) -> Result<(), StoreError> {
        self.seal(mark, state.into(), None)
    }

    fn rotate_with(&self, mark: Mark, make_state: MakeState) -> Result<(), StoreError> {
        self.seal(mark, make_state.into(), None)
    }

    fn persisted(&self) -> Mark {
        self.shared.work.lock().persisted.mark
    }
}

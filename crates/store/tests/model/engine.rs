//! The `Engine` trait over plain maps: every version of every key, a log of changes, and what the last rotation kept.
//! Compaction really drops what may go, so that a machine that reads below it gets caught.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use rafterdb_codec::Code;
use rafterdb_store::{Change, ChangePlace, Engine, KeyRange, Mark, RowRef, StoreError, Value, Visit};

use super::harness::TestEngine;

#[derive(Clone, Debug)]
struct Row {
    create: u64,
    modified: u64,
    version: u64,
    lease: u64,
    previous: u64,
    value: Vec<u8>,
}

impl Row {
    fn borrow(&self) -> RowRef<'_> {
        RowRef {
            create: self.create,
            modified: self.modified,
            version: self.version,
            lease: self.lease,
            previous: self.previous,
            skips: &[],
            value: Value::of(&self.value),
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Rows {
    versions: BTreeMap<Vec<u8>, Vec<Row>>,
    changes: Vec<(u64, u32, Vec<u8>, Row)>,
    compacted: u64,
}

impl Rows {
    fn at(&self, key: &[u8], at: u64) -> Option<&Row> {
        let row = self.versions.get(key)?.iter().rev().find(|row| row.modified <= at)?;
        (row.version > 0).then_some(row)
    }

    fn check(&self, at: u64) -> Result<(), StoreError> {
        if at < self.compacted {
            return Err(StoreError::new(Code::Compacted, "below the compacted revision"));
        }
        Ok(())
    }
}

/// What survives a crash.
#[derive(Debug, Default)]
pub struct Disk(Mutex<Option<(Mark, Vec<u8>, Rows)>>);

#[derive(Debug, Default)]
pub struct ModelEngine {
    rows: RwLock<Rows>,
    disk: Arc<Disk>,
    /// Writes since the last rotation.
    writes: AtomicU64,
    /// Writes after which it is full.
    rotate_after: u64,
}

impl TestEngine for ModelEngine {
    type Disk = Arc<Disk>;

    fn open(disk: &Self::Disk, rotate_after: u64) -> (Self, Option<(Mark, Vec<u8>)>) {
        let kept = disk.0.lock().clone();
        let (recovered, rows) = kept.map_or((None, Rows::default()), |(mark, state, rows)| {
            (Some((mark, state)), rows)
        });
        let engine = Self {
            rows: RwLock::new(rows),
            disk: disk.clone(),
            writes: AtomicU64::new(0),
            rotate_after,
        };
        (engine, recovered)
    }

    fn new_disk() -> Self::Disk {
        Arc::default()
    }
}

impl Engine for ModelEngine {
    fn latest(&self, key: &[u8], visit: &mut dyn FnMut(RowRef<'_>)) -> Result<bool, StoreError> {
        let rows = self.rows.read();
        let latest = rows.versions.get(key).and_then(|versions| versions.last());
        Ok(latest.map(|row| visit(row.borrow())).is_some())
    }

    fn value(&self, _: &[u8], row: &RowRef<'_>, read: &mut dyn FnMut(&[u8])) -> Result<(), StoreError> {
        read(row.value.bytes().expect("all values are at hand"));
        Ok(())
    }

    fn get(&self, key: &[u8], at: u64, visit: &mut dyn FnMut(RowRef<'_>)) -> Result<bool, StoreError> {
        let rows = self.rows.read();
        rows.check(at)?;
        Ok(rows.at(key, at).map(|row| visit(row.borrow())).is_some())
    }

    fn replaced(
        &self,
        key: &[u8],
        modified: u64,
        previous: u64,
        visit: &mut dyn FnMut(RowRef<'_>),
    ) -> Result<bool, StoreError> {
        let rows = self.rows.read();
        rows.check(modified)?;
        let row = rows.at(key, modified - 1).filter(|row| row.modified == previous);
        Ok(row.map(|row| visit(row.borrow())).is_some())
    }

    fn scan(
        &self,
        range: KeyRange<'_>,
        at: u64,
        reverse: bool,
        visit: &mut dyn FnMut(&[u8], RowRef<'_>) -> Visit,
    ) -> Result<(), StoreError> {
        let rows = self.rows.read();
        rows.check(at)?;
        let upper = range.end.map_or(Bound::Unbounded, Bound::Excluded);
        let mut keys: Vec<&Vec<u8>> = rows
            .versions
            .range::<[u8], _>((Bound::Included(range.start), upper))
            .map(|(key, _)| key)
            .collect();
        if reverse {
            keys.reverse();
        }
        for key in keys {
            if let Some(row) = rows.at(key, at) {
                if visit(key, row.borrow()) == Visit::Stop {
                    break;
                }
            }
        }
        Ok(())
    }

    fn changes_from(
        &self,
        from: ChangePlace<'_>,
        to: u64,
        visit: &mut dyn FnMut(Change<'_>) -> Visit,
    ) -> Result<(), StoreError> {
        // A copy, so that a long visit does not hold up the writer.
        let changes: Vec<_> = {
            let rows = self.rows.read();
            rows.check(from.revision)?;
            rows.changes
                .iter()
                .filter(|change| {
                    let first = (from.revision, from.sub, from.key);
                    (change.0, change.1, change.2.as_slice()) >= first && change.0 <= to
                })
                .cloned()
                .collect()
        };
        for (_, sub, key, row) in &changes {
            if visit(Change {
                sub: *sub,
                key,
                row: row.borrow(),
                replaced: None,
            }) == Visit::Stop
            {
                break;
            }
        }
        Ok(())
    }

    fn write(&self, key: &[u8], sub: u32, row: RowRef<'_>) -> Result<(), StoreError> {
        let mut rows = self.rows.write();
        if let Some((revision, last, ..)) = rows.changes.last() {
            assert!((*revision, *last) < (row.modified, sub), "changes come in order");
        }
        let versions = rows.versions.entry(key.to_vec()).or_default();
        let replaced = versions.last().map_or(0, |row| row.modified);
        assert!(replaced < row.modified, "a key changes once in a revision");
        // A tombstone that compaction has dropped may be gone from the engine and from `latest` alike.
        assert_eq!(replaced, row.previous, "previous is the version that is replaced");
        let row = Row {
            create: row.create,
            modified: row.modified,
            version: row.version,
            lease: row.lease,
            previous: row.previous,
            value: row.value.bytes().expect("a value that is written is at hand").to_vec(),
        };
        versions.push(row.clone());
        rows.changes.push((row.modified, sub, key.to_vec(), row));
        self.writes.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn delete_range(&self, range: KeyRange<'_>, revision: u64, sub: u32) -> Result<(), StoreError> {
        let mut rows = self.rows.write();
        let rows = &mut *rows;
        let upper = range.end.map_or(Bound::Unbounded, Bound::Excluded);
        let doomed = rows
            .versions
            .range_mut::<[u8], _>((Bound::Included(range.start), upper));
        for (key, versions) in doomed {
            let Some(last) = versions
                .last()
                .filter(|last| last.version > 0 && last.modified < revision)
            else {
                continue;
            };
            let tombstone = Row {
                create: 0,
                modified: revision,
                version: 0,
                lease: 0,
                previous: last.modified,
                value: Vec::new(),
            };
            versions.push(tombstone.clone());
            rows.changes.push((revision, sub, key.clone(), tombstone));
        }
        Ok(())
    }

    fn deleted_ranges(&self, _: u64) -> (usize, usize) {
        (0, 0)
    }

    fn keep(&self) -> Box<dyn Send> {
        Box::new(())
    }

    fn scan_kept(
        &self,
        range: KeyRange<'_>,
        at: u64,
        visit: &mut dyn FnMut(&[u8], RowRef<'_>) -> Visit,
    ) -> Result<(), StoreError> {
        self.scan(range, at, false, visit)
    }

    fn compact(&self, revision: u64) -> Result<(), StoreError> {
        let mut rows = self.rows.write();
        rows.compacted = revision;
        // The changes of the compacted revision itself stay, with what they replaced.
        rows.changes.retain(|change| change.0 >= revision);
        rows.versions.retain(|_, versions| {
            let newest = versions.iter().rposition(|row| row.modified < revision).unwrap_or(0);
            versions.drain(..newest);
            versions.len() > 1 || versions[0].version > 0 || versions[0].modified > revision
        });
        Ok(())
    }

    fn compacted(&self) -> u64 {
        self.rows.read().compacted
    }

    fn is_full(&self) -> bool {
        self.writes.load(Ordering::Relaxed) >= self.rotate_after
    }

    fn rotate(&self, mark: Mark, state: Vec<u8>) -> Result<(), StoreError> {
        self.writes.store(0, Ordering::Relaxed);
        *self.disk.0.lock() = Some((mark, state, self.rows.read().clone()));
        Ok(())
    }

    fn persisted(&self) -> Mark {
        self.disk.0.lock().as_ref().map_or(Mark::default(), |(mark, ..)| *mark)
    }
}

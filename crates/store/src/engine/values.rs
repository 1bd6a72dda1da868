//! Values that lie apart from their rows, as the engine deals with them: which of them a change displaces, where one is found that is
//! asked for, and what is kept of those that history still names. Owns the order in which the places are looked at.
//!
//! A row with such a value is whole in history and in memory. A flush puts row and value apart into the tables. A change that
//! replaces a row whose own record may be compacted away names the replaced one in its record, without the value: nobody who applies an
//! entry reads an old value. The flush of the change, before it puts the new row in the place of the old one, copies the value
//! out of the tables into a file of images beside history, where it stays until the change is compacted too.
//!
//! So a value that is named moves one way: memtable that is flushed, tables, images. Who looks in this order does not miss it.

use std::sync::atomic::Ordering;

use rafterdb_codec::store::record::Parts;
use rafterdb_codec::store::row::{unpack, Header};
use rafterdb_codec::store::{RowRef, Value};

use super::displaced::DisplacedRow;
use super::failure::{compacted, corrupt};
use super::memtable::{Memtable, Reading};
use super::shared::{Flush, Next, Shared};
use super::tables::{lies_apart, StoredValue};
use crate::StoreError;

/// How often a value is looked for while the tables change: each time it has moved on.
const LOOKS_MAX: usize = 100;

/// What a change replaces, as its record in history says.
#[derive(Default)]
pub(super) struct BeforeImage {
    /// Packed; empty if history need not carry it.
    pub(super) packed: Vec<u8>,
    /// The row's value lies apart in the tables, or will.
    pub(super) is_apart: bool,
}

/// A row without its value.
pub(super) fn pack_apart(row: &RowRef<'_>) -> Vec<u8> {
    Header::with_hash(row).as_bytes().to_vec()
}

/// A row with its value, as history has it.
fn pack_whole(row: &RowRef<'_>, value: &[u8]) -> Vec<u8> {
    [Header::of(row).as_bytes(), value].concat()
}

impl Shared {
    /// What the change `row` of `key` replaces. Nothing is looked up if it is in `active`: then no flush has seen it, so what is
    /// compacted with its record is told by that record (see `is_named`), and no value of it lies in the tables.
    pub(super) fn before_image(
        &self,
        active: &Memtable,
        key: &[u8],
        row: &RowRef<'_>,
    ) -> Result<BeforeImage, StoreError> {
        let is_carried = row.previous <= self.compacted.load(Ordering::Relaxed);
        if row.previous == 0 || !(is_carried || self.has_values.load(Ordering::Relaxed)) {
            return Ok(BeforeImage::default());
        }
        if active.write().get(self.hash(key), key).is_some() {
            return Ok(BeforeImage::default());
        }
        let next = if row.is_tombstone() { Next::Dies } else { Next::Lives };
        let image = self.newest_of_writer(key, next, |packed| {
            let before = self.parse(packed)?;
            assert!(
                before.modified == row.previous,
                "previous version: revision {} says it replaces {}, but {} is the latest",
                row.modified,
                row.previous,
                before.modified
            );
            let is_apart = lies_apart(key, before.value.len());
            let packed = match (is_carried, is_apart) {
                (false, _) => Vec::new(),
                (true, true) => pack_apart(&before),
                (true, false) => packed.to_vec(),
            };
            Ok(BeforeImage { packed, is_apart })
        })?;
        image.unwrap_or_else(|| {
            Err(corrupt(
                &self.directory,
                None,
                "the row that a change replaces is missing",
            ))
        })
    }

    /// Calls `read` with the value of the row of `key` that a reader was shown.
    pub(super) fn read_value(
        &self,
        key: &[u8],
        row: &RowRef<'_>,
        read: &mut dyn FnMut(&[u8]),
    ) -> Result<(), StoreError> {
        if let Some(bytes) = row.value.bytes() {
            read(bytes);
            return Ok(());
        }
        for _ in 0..LOOKS_MAX {
            if let Some(found) = self.stored_value(key, row.modified)? {
                read(found.bytes());
                return Ok(());
            }
            // Replaced meanwhile: who reads at a revision that is not compacted finds it from what came after it.
            let at = row.modified.max(self.history.floor());
            let found = self.newest(key, |packed| {
                let mut earlier = Vec::new();
                let found = self.row_at(key, packed, at, &mut earlier)?;
                let Some(found) = found.filter(|found| found.modified == row.modified) else {
                    return Err(compacted(at));
                };
                Ok(found.value.bytes().map(&mut *read).is_some())
            })?;
            match found {
                Some(Ok(true)) => return Ok(()),
                Some(Ok(false)) => {}
                Some(Err(error)) => return Err(error),
                None => return Err(compacted(at)),
            }
        }
        Err(corrupt(&self.directory, None, "the value of a row is missing"))
    }

    /// The value of the row of `key` and revision `modified` in the tables.
    fn stored_value(&self, key: &[u8], modified: u64) -> Result<Option<StoredValue>, StoreError> {
        let found = self.tables.value(key)?;
        Ok(found.filter(|found| found.modified() == modified))
    }

    /// The row that the change of `key` at `changed` replaced, with its value, given what the record says of it. `None` if that is gone:
    /// the change was compacted.
    pub(super) fn with_value(&self, key: &[u8], changed: u64, before: Vec<u8>) -> Result<Option<Vec<u8>>, StoreError> {
        let row = self.parse(&before)?;
        if row.value.bytes().is_some() {
            return Ok(Some(before));
        }
        let hash = self.hash(key);
        let view = self.view.load();
        for memtable in view.memtables() {
            let reading = Reading::new(&**memtable);
            let found = reading.get(hash, key).map(|packed| self.parse(packed)).transpose()?;
            let found = found.filter(|found| found.modified == row.modified);
            if let Some(value) = found.and_then(|found| found.value.bytes()) {
                return Ok(Some(pack_whole(&row, value)));
            }
        }
        if let Some(whole) = self.stored_row(key, row.modified)? {
            return Ok(Some(whole));
        }
        self.history.find_image(changed, key)
    }

    /// The row of `key` and revision `modified` in the tables, with its value.
    fn stored_row(&self, key: &[u8], modified: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(packed) = self.tables.get(key)? else {
            return Ok(None);
        };
        let row = self.parse(&packed)?;
        if row.modified != modified {
            return Ok(None);
        }
        if let Some(value) = row.value.bytes() {
            // Written by a version that put no value apart.
            return Ok(Some(pack_whole(&row, value)));
        }
        let value = self.stored_value(key, modified)?;
        Ok(value.map(|value| pack_whole(&row, value.bytes())))
    }

    /// Copies the values that history names out of the tables, before a flush puts others in their place. Again after a flush that
    /// came no further, at no cost.
    /// `false`: the engine stops.
    pub(super) fn keep_images(&self, flush: &Flush) -> Result<bool, StoreError> {
        let last = flush.persists.mark.revision;
        flush.memtable.displaced.look(|displaced| {
            let mut named = displaced.iter().filter(|row| row.is_named).peekable();
            if named.peek().is_none() || self.history.has_images(last) {
                return Ok(true);
            }
            let mut images = self.history.begin_images(last)?;
            for DisplacedRow { key, modified, by, .. } in named {
                if self.is_stopping() {
                    return Ok(false);
                }
                let Some(row) = self.stored_row(key, *modified)? else {
                    let what = format!(
                        "the row of revision {modified} that revision {} replaces is missing",
                        by.0
                    );
                    return Err(corrupt(&self.directory, None, &what));
                };
                images.add(&Parts {
                    revision: by.0,
                    sub: by.1,
                    key,
                    row: [&row, &[]],
                    before: &[],
                })?;
            }
            self.history.keep_images(images).map(|()| true)
        })
    }
}

/// Whether a packed row has its value with it, as one that comes from elsewhere must, and no hash of it.
pub(super) fn is_whole(packed: &[u8]) -> bool {
    unpack(packed).is_some_and(|row| matches!(row.value, Value::Here(_)))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use rafterdb_codec::store::value::APART_BYTES_MIN;
    use rafterdb_codec::Code;

    use super::super::{Engine, EngineOptions, KeyRange, LsmEngine, Mark, Value, Visit};
    use super::*;

    /// A store that is written to as a state machine would, one change a revision.
    struct Store {
        engine: LsmEngine,
        revision: u64,
        directory: tempfile::TempDir,
    }

    fn options() -> EngineOptions {
        EngineOptions {
            memory_bytes: 16 << 20,
            ..EngineOptions::default()
        }
    }

    fn large(byte: u8) -> Vec<u8> {
        vec![byte; APART_BYTES_MIN]
    }

    impl Store {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let (engine, _) = LsmEngine::open(directory.path(), options()).unwrap();
            Self {
                engine,
                revision: 0,
                directory,
            }
        }

        fn change(&mut self, key: &[u8], value: Option<&[u8]>) -> u64 {
            self.revision += 1;
            let mut row = RowRef {
                create: self.revision,
                modified: self.revision,
                version: 1,
                lease: 0,
                previous: 0,
                skips: &[],
                value: value.map_or(Value::none(), Value::of),
            };
            let latest = &mut |latest: RowRef<'_>| {
                row.previous = latest.modified;
                row.version = latest.version + 1;
                if latest.version > 0 {
                    row.create = latest.create;
                }
            };
            self.engine.latest(key, latest).unwrap();
            if value.is_none() {
                (row.version, row.create) = (0, 0);
            }
            self.engine.write(key, 0, row).unwrap();
            self.revision
        }

        fn delete_range(&mut self, start: &[u8], end: &[u8]) {
            self.revision += 1;
            let range = KeyRange { start, end: Some(end) };
            self.engine.delete_range(range, self.revision, 0).unwrap();
        }

        fn mark(&self) -> Mark {
            Mark {
                index: self.revision,
                term: 1,
                revision: self.revision,
            }
        }

        fn flush(&self) {
            self.engine.rotate(self.mark(), Vec::new()).unwrap();
            self.wait(|engine| !engine.stats().flushing && !engine.stats().compacting);
        }

        fn wait(&self, until: impl Fn(&LsmEngine) -> bool) {
            let give_up = Instant::now() + Duration::from_secs(60);
            while !until(&self.engine) {
                assert!(Instant::now() < give_up, "the engine does not come to rest");
                std::thread::sleep(Duration::from_millis(2));
            }
        }

        fn reopen(self) -> Self {
            self.engine.close(None).unwrap();
            drop(self.engine);
            let (engine, _) = LsmEngine::open(self.directory.path(), options()).unwrap();
            Self { engine, ..self }
        }

        fn value_at(&self, key: &[u8], at: u64) -> Result<Option<Vec<u8>>, StoreError> {
            let (mut found, mut read) = (None, Ok(()));
            self.engine.get(key, at, &mut |row| {
                read = self.engine.value(key, &row, &mut |value| found = Some(value.to_vec()));
            })?;
            read.map(|()| found)
        }

        /// Keys that the tables have values of.
        fn stored(&self) -> Vec<Vec<u8>> {
            let mut keys = Vec::new();
            let mut values = self.engine.shared.tables.values(&[], None);
            while let Some((key, _)) = values.next(&self.engine.shared.tables).unwrap() {
                keys.push(key[1..].to_vec());
            }
            keys
        }

        fn image_files(&self) -> usize {
            let history = self.engine.shared.directory.join("history");
            let names = std::fs::read_dir(history).unwrap().flatten().map(|entry| entry.path());
            names
                .filter(|path| path.extension().is_some_and(|end| end == "images"))
                .count()
        }
    }

    #[test]
    fn an_old_value_is_found_wherever_it_has_moved() {
        let mut store = Store::new();
        let old = store.change(b"key", Some(&large(1)));
        store.engine.compact(old).unwrap();
        store.flush();
        // In a memtable that is flushed, and kept for readers; then in the tables alone.
        for is_in_memory in [true, false] {
            if !is_in_memory {
                store = store.reopen();
                let mut is_apart = false;
                store
                    .engine
                    .latest(b"key", &mut |row| is_apart = row.value.bytes().is_none())
                    .unwrap();
                assert!(is_apart);
            }
            assert_eq!(store.value_at(b"key", old).unwrap(), Some(large(1)));
        }
        let new = store.change(b"key", Some(b"small"));
        let replaced = |store: &Store| {
            let mut found = None;
            let visit = &mut |row: RowRef<'_>| found = row.value.bytes().map(<[u8]>::to_vec);
            store.engine.replaced(b"key", new, old, visit).map(|_| found)
        };
        // Named by a change that no flush has seen; in a file of images; in that after a start.
        for step in 0..3 {
            match step {
                0 => assert_eq!(store.image_files(), 0),
                1 => {
                    store.flush();
                    assert_eq!((store.image_files(), store.stored()), (1, vec![]));
                }
                _ => store = store.reopen(),
            }
            assert_eq!(store.value_at(b"key", old).unwrap(), Some(large(1)), "step {step}");
            assert_eq!(replaced(&store).unwrap(), Some(large(1)), "step {step}");
            assert_eq!(store.value_at(b"key", new).unwrap(), Some(b"small".to_vec()));
        }
        // The changes of the compacted revision are still told, with what they replaced.
        store.engine.compact(new).unwrap();
        store.flush();
        assert_eq!(store.engine.stats().history_floor, new);
        assert_eq!(store.value_at(b"key", old).unwrap_err().code, Code::Compacted);
        assert_eq!(replaced(&store).unwrap(), Some(large(1)));
        assert_eq!(store.image_files(), 1);
        let last = store.change(b"other", Some(b""));
        store.engine.compact(last).unwrap();
        store.flush();
        assert_eq!(store.image_files(), 0);
    }

    #[test]
    fn no_value_stays_that_nobody_can_ask_for() {
        let mut store = Store::new();
        for key in [b"a", b"b", b"c", b"d", b"e"] {
            store.change(key, Some(&large(1)));
        }
        store.flush();
        assert_eq!(store.stored().len(), 5);
        store.change(b"a", Some(b"small"));
        store.change(b"b", Some(&large(2)));
        store.change(b"c", None);
        store.delete_range(b"d", b"e");
        // Replaced twice between two flushes, the first time by a large one.
        store.change(b"e", Some(&large(2)));
        store.change(b"e", Some(b"small"));
        store.flush();
        assert_eq!(store.stored(), [b"b", b"d"]);
        let last = store.change(b"f", Some(b""));
        store.engine.compact(last).unwrap();
        store.flush();
        store.wait(|_| store.stored() == [b"b"]);
        let all = KeyRange { start: b"", end: None };
        let mut keys = Vec::new();
        let visit = &mut |key: &[u8], _: RowRef<'_>| {
            keys.push(key.to_vec());
            Visit::Next
        };
        store.engine.scan(all, last, false, visit).unwrap();
        assert_eq!(keys, [b"a", b"b", b"e", b"f"]);
        assert_eq!(store.value_at(b"b", last).unwrap(), Some(large(2)));
    }

    #[test]
    fn a_flush_that_comes_back_to_its_images_finds_them() {
        let mut store = Store::new();
        let old = store.change(b"key", Some(&large(1)));
        store.engine.compact(old).unwrap();
        store.flush();
        store.change(b"key", None);
        store.flush();
        assert!(store.engine.shared.history.has_images(store.revision));
        assert!(!store.engine.shared.history.has_images(store.revision + 1));
    }
}

//! A compaction costs what goes, not what stays: it reads the records that it drops, and leaves few small files of those that are
//! still needed, however many steps it was done in. Bytes are counted, not timed.

// A failure in a helper is the test's.
#![allow(clippy::unwrap_used)]

mod engine_model;

use std::path::Path;
use std::time::Duration;

use engine_model::{apply, compare, replay, Model, Operation, Rng};
use rafterdb_store::{Engine, EngineOptions, LsmEngine};

const SEGMENT_BYTES: u64 = 16_000;
const KEYS: u64 = 40;
const VALUE_BYTES: usize = 400;
const RECORD_BYTES_MIN: u64 = VALUE_BYTES as u64 + 30;

fn options() -> EngineOptions {
    EngineOptions {
        memory_bytes: 16 << 20,
        history_segment_bytes: Some(SEGMENT_BYTES),
        ..EngineOptions::default()
    }
}

struct Store {
    model: Model,
    engine: LsmEngine,
}

impl Store {
    fn open(directory: &Path) -> Self {
        Self {
            model: Model::default(),
            engine: LsmEngine::open(directory, options()).unwrap().0,
        }
    }

    fn change(&mut self, key: &str, value: Option<Vec<u8>>) {
        let change = Operation::Change(vec![(key.as_bytes().to_vec(), value)]);
        apply(&mut self.model, &self.engine, change);
    }

    /// Puts the keys in turn: each change names one a turn before it.
    fn write(&mut self, changes: u64) {
        for _ in 0..changes {
            let turn = self.model.revision;
            self.change(&format!("key {}", turn % KEYS), Some(vec![turn as u8; VALUE_BYTES]));
        }
    }

    fn flush(&mut self) {
        self.engine.rotate(self.model.mark(), self.model.state()).unwrap();
        self.rest();
    }

    fn rest(&self) {
        while self.engine.stats().flushing || self.engine.stats().compacting {
            std::thread::sleep(Duration::from_millis(1));
            self.engine.compact(0).unwrap();
        }
    }

    /// Compacts to `revision`. Returns the bytes that this read.
    fn compact(&mut self, revision: u64) -> u64 {
        let before = self.engine.stats().history_compaction_read_bytes;
        apply(&mut self.model, &self.engine, Operation::Compact(revision));
        self.flush();
        assert_eq!(self.engine.stats().history_floor, revision);
        self.engine.stats().history_compaction_read_bytes - before
    }

    fn check(&self) {
        compare(&self.model, &self.engine, &mut Rng::new(self.model.revision), 20);
    }
}

/// Bytes read by a compaction of so many changes, with so many that stay.
fn read_bytes(going: u64, staying: u64) -> u64 {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::open(directory.path());
    store.write(going + staying);
    store.flush();
    let read = store.compact(going);
    store.check();
    read
}

#[test]
fn a_compaction_reads_what_goes_whatever_stays() {
    let going = 100;
    let few = read_bytes(going, 200);
    let many = read_bytes(going, 5_000);
    println!("{few} bytes read with 200 changes that stay, {many} with 5,000");
    assert_eq!(few, many, "bytes read do not depend on what stays");
    // Twice, and the canary: it is counted.
    let written = going * RECORD_BYTES_MIN;
    assert!(
        many >= written && many <= written * 5 / 2,
        "{many} bytes read of {written}"
    );
}

fn survivors(directory: &Path) -> Vec<u64> {
    let history = directory.join("generation-1").join("history");
    let files = std::fs::read_dir(history).unwrap().flatten();
    let survivors = files.filter(|file| {
        file.path()
            .extension()
            .is_some_and(|extension| extension == "survivors")
    });
    // One that is not needed any more may go between being listed and looked at.
    survivors.filter_map(|file| Some(file.metadata().ok()?.len())).collect()
}

/// Each step costs what it drops, all steps little more than one; what the steps leave does not gather.
#[test]
fn many_small_compactions_leave_few_survivors_and_read_little() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::open(directory.path());
    let (step, staying) = (50, 1_000);
    store.write(staying);
    let mut read = 0;
    for _ in 0..40 {
        store.write(step);
        read += store.compact(store.model.compacted + step);
    }
    let written = 40 * step * RECORD_BYTES_MIN;
    assert!(read <= written * 5, "{read} bytes read, of {written} that went");
    let left = survivors(directory.path());
    let live = KEYS * RECORD_BYTES_MIN;
    assert!(
        left.len() <= 4 && left.iter().sum::<u64>() <= live * 3,
        "{left:?} bytes of survivors for {live} that live"
    );
    store.check();
    // Nor do the changes that stay hide in them: all goes at the end.
    store.compact(store.model.revision);
    assert!(survivors(directory.path()).iter().sum::<u64>() <= 3 * RECORD_BYTES_MIN);
    let Store { model, engine } = store;
    engine.close(None).unwrap();
    drop(engine);
    let (engine, last) = LsmEngine::open(directory.path(), options()).unwrap();
    replay(&model, &engine, last.map_or(0, |(mark, _)| mark.index));
    compare(&model, &engine, &mut Rng::new(1), 20);
}

/// Large survivors stay in their file while small ones are merged behind it, until nobody needs them; over restarts too.
#[test]
fn a_large_survivors_file_is_not_written_again_for_a_small_step() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::open(directory.path());
    let large = 1_000;
    let put_all = |store: &mut Store| {
        for number in 0..large {
            store.change(&format!("large {number}"), Some(vec![number as u8; VALUE_BYTES]));
        }
    };
    put_all(&mut store);
    store.write(200);
    put_all(&mut store);
    store.flush();
    store.compact(large);
    let large_bytes = *survivors(directory.path()).iter().max().unwrap();
    assert!(large_bytes >= (large - 1) * RECORD_BYTES_MIN);
    for step in 1..=5 {
        let read = store.compact(large + step * 10);
        assert!(read < large_bytes / 4, "{read} bytes read, {large_bytes} in the file");
        assert!(survivors(directory.path()).contains(&large_bytes));
        store.check();
        let Store { model, engine } = store;
        engine.close(None).unwrap();
        drop(engine);
        let (engine, last) = LsmEngine::open(directory.path(), options()).unwrap();
        replay(&model, &engine, last.map_or(0, |(mark, _)| mark.index));
        store = Store { model, engine };
        store.check();
    }
    store.write(1);
    store.compact(store.model.revision);
    assert!(survivors(directory.path()).iter().sum::<u64>() <= 3 * RECORD_BYTES_MIN);
    store.check();
}

/// The newest change of a key names no earlier one if the deletion before it was compacted for callers, but not on disk yet.
#[test]
fn a_version_whose_deletion_is_compacted_later_than_it_survives() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::open(directory.path());
    store.change("key", Some(b"first".to_vec()));
    store.change("other", Some(b"value".to_vec()));
    store.change("key", None);
    let deleted = store.model.revision;
    apply(&mut store.model, &store.engine, Operation::Compact(deleted));
    // Holds what is on disk one revision below.
    let kept = store.engine.keep();
    store.change("key", Some(b"again".to_vec()));
    store.flush();
    assert_eq!(store.engine.stats().history_floor, deleted - 1);
    drop(kept);
    store.rest();
    assert_eq!(store.engine.stats().history_floor, deleted);
    store.check();
    let mut previous = Vec::new();
    let visit = &mut |row: rafterdb_store::RowRef<'_>| previous = row.value.bytes().unwrap().to_vec();
    assert!(store.engine.replaced(b"key", deleted, deleted - 2, visit).unwrap());
    assert_eq!(previous, b"first");
}

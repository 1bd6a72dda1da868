//! However long a search for dead rows takes, memtables are flushed beside it: the thread that flushes does not search.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod engine_model;

use std::time::{Duration, Instant};

use engine_model::{apply, Model, Operation};
use rafterdb_store::{Engine, EngineOptions, LsmEngine};

/// After so many deletions a search is asked for: of 64 one is noted, and 64 of those are enough.
const DELETIONS: u64 = 64 * 64;

fn key(number: u64) -> Vec<u8> {
    format!("key/{number:06}").into_bytes()
}

#[test]
fn a_memtable_is_flushed_while_dead_rows_are_searched_for() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, _) = LsmEngine::open(directory.path(), EngineOptions::default()).unwrap();
    let mut model = Model::default();
    let mut change = |numbers: std::ops::Range<u64>, value: Option<Vec<u8>>| {
        let changes = numbers.map(|number| (key(number), value.clone())).collect();
        apply(&mut model, &engine, Operation::Change(changes));
    };
    change(0..2 * DELETIONS, Some(b"value".to_vec()));
    rafterdb_fault::arm("store.search.start=pause").unwrap();
    // The second search is for whoever is free.
    for from in [0, DELETIONS] {
        change(from..from + DELETIONS, None);
        std::thread::sleep(Duration::from_millis(100));
    }
    engine.rotate(model.mark(), model.state()).unwrap();
    let until = Instant::now() + Duration::from_secs(10);
    while engine.persisted() != model.mark() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(2));
    }
    let persisted = engine.persisted();
    rafterdb_fault::disarm();
    assert_eq!(persisted, model.mark(), "the flush waits for a search");
}

//! Keys that fit in a fifth of an engine's memory can be written over and over without a flush for each round; a few more keys cannot.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod engine_model;

use engine_model::{apply, Model, Operation};
use rafterdb_store::{Engine, EngineOptions, LsmEngine};

const MEMORY: u64 = 32 << 20;
const FIFTH: u64 = MEMORY / 5;
const VALUE: [u8; 256] = [7; 256];

/// How many rounds over all keys are written until the engine asks for a flush.
fn rounds_before_a_flush(memtable_bytes: u64) -> u64 {
    let directory = tempfile::tempdir().unwrap();
    let options = EngineOptions {
        memory_bytes: MEMORY,
        ..EngineOptions::default()
    };
    let (engine, _) = LsmEngine::open(directory.path(), options).unwrap();
    let mut model = Model::default();
    let mut keys = 0;
    let mut write = |from: u64, to: u64| {
        for first in (from..to).step_by(100) {
            let changes = (first..to.min(first + 100)).map(|key| (key.to_be_bytes().to_vec(), Some(VALUE.to_vec())));
            apply(&mut model, &engine, Operation::Change(changes.collect()));
        }
    };
    while engine.stats().memtable_bytes < memtable_bytes {
        write(keys, keys + 100);
        keys += 100;
    }
    let mut rounds = 1;
    while !engine.is_full() {
        write(0, keys);
        rounds += 1;
    }
    rounds
}

#[test]
fn keys_that_fit_in_a_fifth_of_the_memory_are_not_flushed_each_time_they_are_written_over() {
    let [fits, does_not] = [FIFTH * 19 / 20, FIFTH * 21 / 20].map(rounds_before_a_flush);
    assert!(fits >= 4 && does_not == 1, "{fits} and {does_not} rounds");
}

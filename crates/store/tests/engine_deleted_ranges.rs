//! What a deleted range held leaves the disk once that is compacted, with no other write there; then the range is forgotten,
//! and until then a dead stretch is passed without looking at its rows.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod engine_model;

use std::time::{Duration, Instant};

use engine_model::{apply, compare, Model, Operation, Rng};
use rafterdb_store::{Engine, EngineOptions, KeyRange, LsmEngine, Visit};

const KEYS: u32 = 60_000;

fn key(number: u32) -> Vec<u8> {
    format!("k{number:08}").into_bytes()
}

fn filled(directory: &std::path::Path) -> (Model, LsmEngine, Rng) {
    let options = EngineOptions {
        memory_bytes: 16 << 20,
        memtable_bytes: Some(2 << 20),
        ..EngineOptions::default()
    };
    let (engine, _) = LsmEngine::open(directory, options).unwrap();
    let (mut model, mut rng) = (Model::default(), Rng::new(3));
    for first in (0..KEYS).step_by(2_000) {
        let changes = (first..first + 2_000).map(|number| {
            let value: Vec<u8> = (0..8).flat_map(|_| rng.next().to_le_bytes()).collect();
            (key(number), Some(value))
        });
        let changes = changes.collect();
        apply(&mut model, &engine, Operation::Change(changes));
        if engine.is_full() {
            engine.rotate(model.mark(), model.state()).unwrap();
        }
    }
    (model, engine, rng)
}

fn delete(model: &mut Model, engine: &LsmEngine, start: u32, end: u32) {
    let span = (key(start), Some(key(end)));
    apply(model, engine, Operation::Delete(Vec::new(), vec![span]));
}

fn flush(model: &Model, engine: &LsmEngine) {
    engine.rotate(model.mark(), model.state()).unwrap();
    while engine.stats().flushing || engine.stats().compacting {
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn compact(model: &mut Model, engine: &LsmEngine) {
    let revision = model.revision;
    apply(model, engine, Operation::Compact(revision));
    flush(model, engine);
}

#[test]
fn the_disk_space_of_a_deleted_range_comes_back_and_the_range_is_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    let (mut model, engine, mut rng) = filled(directory.path());
    flush(&model, &engine);
    let before = engine.stats().tables_disk_bytes;
    delete(&mut model, &engine, 100, KEYS - 100);
    apply(
        &mut model,
        &engine,
        Operation::Change(vec![(key(777), Some(vec![1])), (key(40_000), Some(vec![2]))]),
    );
    flush(&model, &engine);
    assert!(
        engine.stats().tables_disk_bytes >= before,
        "until it is compacted somebody may read it"
    );
    assert_eq!(engine.deleted_ranges(0).0, 1);
    compact(&mut model, &engine);
    let after = engine.stats().tables_disk_bytes;
    assert!(after < before / 20, "{after} bytes of {before} are left");
    compare(&model, &engine, &mut rng, 10);
    // Changes that replaced what was deleted lead back to it, until they are compacted too.
    for _ in 0..3 {
        let change = (key(5), Some(vec![3]));
        apply(&mut model, &engine, Operation::Change(vec![change]));
        compact(&mut model, &engine);
    }
    assert_eq!(engine.deleted_ranges(0), (0, 0));
    compare(&model, &engine, &mut rng, 10);
    drop(engine);
    let (engine, _) = LsmEngine::open(directory.path(), EngineOptions::default()).unwrap();
    compare(&model, &engine, &mut rng, 10);
}

fn time_to_count(engine: &LsmEngine, at: u64) -> (Duration, usize) {
    let mut best = Duration::MAX;
    let mut count = 0;
    for _ in 0..5 {
        let began = Instant::now();
        count = 0;
        let all = KeyRange { start: b"k", end: None };
        let visited = engine.scan(all, at, false, &mut |_, _| {
            count += 1;
            Visit::Next
        });
        visited.unwrap();
        best = best.min(began.elapsed());
    }
    (best, count)
}

#[test]
fn a_dead_stretch_costs_no_look_at_each_row() {
    let directory = tempfile::tempdir().unwrap();
    let (mut model, engine, _) = filled(directory.path());
    let before = model.revision;
    delete(&mut model, &engine, 0, KEYS);
    for number in [7, 30_000, 59_999] {
        let change = (key(number), Some(vec![1]));
        apply(&mut model, &engine, Operation::Change(vec![change]));
    }
    let (dead, count) = time_to_count(&engine, model.revision);
    let (live, all) = time_to_count(&engine, before);
    assert_eq!((count, all), (3, KEYS as usize));
    assert!(dead * 20 < live, "{dead:?} for three keys, {live:?} for all");
}

#[test]
fn a_scan_that_begins_in_dead_stretches_looks_at_none_of_their_rows() {
    let directory = tempfile::tempdir().unwrap();
    let (mut model, engine, _) = filled(directory.path());
    for first in [10_000, 11_000, 12_000] {
        delete(&mut model, &engine, first, first + 1_500);
    }
    let looks = |start: u32, end: u32| {
        let (start, end) = (key(start), key(end));
        let range = KeyRange {
            start: &start,
            end: Some(&end),
        };
        let (mut steps, mut count) = (1_000_usize, 0);
        let visit = &mut |_: &[u8], _: rafterdb_store::RowRef<'_>| {
            count += 1;
            Visit::Next
        };
        engine
            .scan_some(range, model.revision, false, &mut steps, visit)
            .unwrap();
        (1_000 - steps, count)
    };
    assert_eq!(looks(10_100, 13_400), (0, 0));
    assert_eq!(looks(10_100, 13_507), (7, 7));
    assert_eq!(looks(9_995, 10_001), (6, 5));
}

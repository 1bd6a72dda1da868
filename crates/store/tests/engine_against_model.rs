//! Random operations, flushes, restarts, crashes and snapshots against a plain model: every read at every kept revision
//! must be the model's. A failing seed is printed; `ENGINE_SEED=<seed>` runs it alone.

// A failure in a helper is the test's.
#![allow(clippy::unwrap_used)]

mod engine_model;

use std::path::Path;

use engine_model::{apply, compare, random_operation, replay, Model, Rng};
use rafterdb_store::{install_snapshot, Engine, EngineOptions, LsmEngine};

const SEEDS: u64 = 6;
const STEPS: u64 = 1_500;

fn options(rng: &mut Rng) -> EngineOptions {
    EngineOptions {
        memory_bytes: 16 << 20,
        history_segment_bytes: Some(4_000 << rng.below(6)),
        memtable_bytes: Some(20_000 << rng.below(6)),
        dead_rows: 1 << rng.below(6),
        ..EngineOptions::default()
    }
}

/// Opens the engine and applies what it has not persisted.
fn reopen(model: &Model, directory: &Path, rng: &mut Rng) -> LsmEngine {
    let (engine, last) = LsmEngine::open(directory, options(rng)).unwrap();
    let index = match last {
        None => 0,
        Some((mark, state)) => {
            let then = model.at_index(mark.index);
            assert_eq!(mark, then.mark());
            assert_eq!(state, then.state());
            assert_eq!(engine.compacted(), then.compacted);
            mark.index
        }
    };
    assert_eq!(engine.persisted().index, index);
    replay(model, &engine, index);
    engine
}

fn install_elsewhere(model: &Model, engine: &LsmEngine, rng: &mut Rng) {
    let snapshot = engine.snapshot(model.mark(), model.state()).unwrap();
    let mut stream = Vec::new();
    snapshot.write(&mut stream).unwrap();
    let other = tempfile::tempdir().unwrap();
    let (mark, state) = install_snapshot(other.path(), &mut stream.as_slice()).unwrap();
    assert_eq!((mark, state), (model.mark(), model.state()));
    let copy = reopen(model, other.path(), rng);
    compare(model, &copy, rng, 10);
}

fn run(seed: u64) {
    println!("ENGINE_SEED={seed}");
    let mut rng = Rng::new(seed);
    let keys = 5 + rng.below(300);
    let directory = tempfile::tempdir().unwrap();
    let mut model = Model::default();
    let mut engine = reopen(&model, directory.path(), &mut rng);
    for step in 0..STEPS {
        let operation = random_operation(&model, &mut rng, keys);
        apply(&mut model, &engine, operation);
        if engine.is_full() || rng.chance(80) {
            engine.rotate(model.mark(), model.state()).unwrap();
        }
        match rng.below(250) {
            0 => compare(&model, &engine, &mut rng, 4),
            1 => {
                engine.close(Some((model.mark(), model.state()))).unwrap();
                drop(engine);
                engine = reopen(&model, directory.path(), &mut rng);
                assert_eq!(engine.persisted(), model.mark());
            }
            2 | 3 => {
                drop(engine);
                engine = reopen(&model, directory.path(), &mut rng);
            }
            4 => install_elsewhere(&model, &engine, &mut rng),
            5 => {
                // A snapshot of the past replaces what is there; the log leads on from it.
                let snapshot = engine.snapshot(model.mark(), model.state()).unwrap();
                for _ in 0..rng.below(100) {
                    let operation = random_operation(&model, &mut rng, keys);
                    apply(&mut model, &engine, operation);
                }
                let mut stream = Vec::new();
                snapshot.write(&mut stream).unwrap();
                install_snapshot(directory.path(), &mut stream.as_slice()).unwrap();
                drop(engine);
                engine = reopen(&model, directory.path(), &mut rng);
            }
            _ => {}
        }
        if step % 100 == 99 {
            compare(&model, &engine, &mut rng, 6);
        }
    }
    compare(&model, &engine, &mut rng, 60);
}

#[test]
fn every_read_is_the_models() {
    if let Ok(seed) = std::env::var("ENGINE_SEED") {
        return run(seed.parse().unwrap());
    }
    for seed in 1..=SEEDS {
        run(seed);
    }
}

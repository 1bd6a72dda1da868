//! Keys of every length up to the limit of 64 KiB, and those beside one another at the limit, are found, listed in order
//! and kept over a restart.

// A failure in a helper is the test's.
#![allow(clippy::unwrap_used)]

mod engine_model;

use engine_model::{apply, compare, replay, Model, Operation, Rng};
use rafterdb_store::{Engine, EngineOptions, LsmEngine};

fn keys() -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    for length in [1, 255, 256, 257, 65_533, 65_534, 65_535, 65_536] {
        keys.push(vec![b'k'; length]);
        let mut other = vec![b'k'; length];
        other[length - 1] = b'l';
        keys.push(other);
    }
    keys
}

#[test]
fn keys_at_the_limit_are_like_others() {
    let directory = tempfile::tempdir().unwrap();
    let mut rng = Rng::new(17);
    let mut model = Model::default();
    let (mut engine, _) = LsmEngine::open(directory.path(), EngineOptions::default()).unwrap();
    let keys = keys();
    for round in 0..6 {
        for _ in 0..30 {
            let key = keys[rng.below(keys.len() as u64) as usize].clone();
            let value = (!rng.chance(5)).then(|| vec![round; rng.below(50) as usize]);
            apply(&mut model, &engine, Operation::Change(vec![(key, value)]));
        }
        engine.rotate(model.mark(), model.state()).unwrap();
        compare(&model, &engine, &mut rng, 10);
        drop(engine);
        let (again, last) = LsmEngine::open(directory.path(), EngineOptions::default()).unwrap();
        replay(&model, &again, last.map_or(0, |(mark, _)| mark.index));
        compare(&model, &again, &mut rng, 10);
        engine = again;
    }
}

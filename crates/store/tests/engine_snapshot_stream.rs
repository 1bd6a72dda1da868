//! A snapshot's stream that is cut, changed or not a snapshot is refused, and what was there stays. A good one is the
//! same store at the moment it was taken, whatever was written since.

// A failure in a helper is the test's.
#![allow(clippy::unwrap_used)]

mod engine_model;

use engine_model::{apply, compare, random_operation, replay, Model, Rng};
use rafterdb_codec::Code;
use rafterdb_store::{install_snapshot, EngineOptions, LsmEngine};

fn fill(model: &mut Model, engine: &LsmEngine, rng: &mut Rng, count: u64) {
    for _ in 0..count {
        let operation = random_operation(model, rng, 100);
        apply(model, engine, operation);
    }
}

#[test]
fn a_damaged_stream_is_refused() {
    let seed = 21;
    println!("seed {seed}");
    let mut rng = Rng::new(seed);
    let directory = tempfile::tempdir().unwrap();
    let (engine, _) = LsmEngine::open(directory.path(), EngineOptions::default()).unwrap();
    let mut model = Model::default();
    fill(&mut model, &engine, &mut rng, 500);
    let snapshot = engine.snapshot(model.mark(), model.state()).unwrap();
    let then = model.clone();
    fill(&mut model, &engine, &mut rng, 300);
    let mut stream = Vec::new();
    snapshot.write(&mut stream).unwrap();

    let target = tempfile::tempdir().unwrap();
    let (first, _) = LsmEngine::open(target.path(), EngineOptions::default()).unwrap();
    let mut kept = Model::default();
    fill(&mut kept, &first, &mut rng, 50);
    first.close(Some((kept.mark(), kept.state()))).unwrap();
    drop(first);
    for round in 0..40 {
        let mut damaged = stream.clone();
        if round % 2 == 0 {
            damaged.truncate(rng.below(stream.len() as u64) as usize);
        } else {
            damaged[rng.below(stream.len() as u64) as usize] ^= 1 << rng.below(8);
        }
        let error = install_snapshot(target.path(), &mut damaged.as_slice()).unwrap_err();
        assert!(matches!(error.code, Code::StoreCorrupt | Code::Io), "{error}");
    }
    let (same, last) = LsmEngine::open(target.path(), EngineOptions::default()).unwrap();
    assert_eq!(last, Some((kept.mark(), kept.state())));
    compare(&kept, &same, &mut rng, 5);
    drop(same);

    assert_eq!(
        install_snapshot(target.path(), &mut stream.as_slice()).unwrap(),
        (then.mark(), then.state())
    );
    let (copy, last) = LsmEngine::open(target.path(), EngineOptions::default()).unwrap();
    assert_eq!(last, Some((then.mark(), then.state())));
    compare(&then, &copy, &mut rng, 40);
    replay(&model, &copy, then.mark().index);
    compare(&model, &copy, &mut rng, 40);
}

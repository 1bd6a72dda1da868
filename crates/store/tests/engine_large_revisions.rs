//! A revision that deletes a large range is as quick to look back beyond as a small one, also when what it deleted was
//! compacted: neither reads nor compaction nor snapshots take time that grows with its square.

// A failure in a helper is the test's.
#![allow(clippy::unwrap_used)]

mod engine_model;

use std::time::{Duration, Instant};

use engine_model::{apply, compare, Model, Operation, Rng, Version};
use rafterdb_store::{install_snapshot, Engine, EngineOptions, KeyRange, LsmEngine, Visit};

const KEYS: u64 = 8_000;

/// Quadratic behaviour takes minutes; this is far from both, on a busy machine too.
const LIMIT: Duration = Duration::from_secs(60);

fn key(number: u64) -> Vec<u8> {
    format!("key/{number:08}").into_bytes()
}

/// All rows at `at` are the model's.
fn check(model: &Model, engine: &LsmEngine, at: u64) {
    let mut expected = model
        .versions
        .keys()
        .filter_map(|key| Some((key, model.live_at(key, at)?)));
    let all = KeyRange { start: b"", end: None };
    let mut rows = 0;
    let scanned = engine.scan(all, at, false, &mut |key, row| {
        assert_eq!(
            expected.next(),
            Some((&key.to_vec(), &Version::of(engine, key, &row))),
            "at {at}"
        );
        rows += 1;
        Visit::Next
    });
    scanned.unwrap();
    assert_eq!(expected.next(), None, "at {at}");
    assert!(rows == 0 || rows == KEYS);
}

fn check_kept(model: &Model, engine: &LsmEngine) {
    for at in model.compacted..=model.revision {
        check(model, engine, at);
    }
}

fn wait_until_idle(engine: &LsmEngine) {
    while engine.stats().flushing || engine.stats().compacting {
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_deleted_range_is_looked_back_beyond_quickly() {
    let directory = tempfile::tempdir().unwrap();
    let options = || EngineOptions {
        history_segment_bytes: Some(400_000),
        ..EngineOptions::default()
    };
    let (engine, _) = LsmEngine::open(directory.path(), options()).unwrap();
    let begin = Instant::now();
    let mut model = Model::default();
    let all = |value: Option<&[u8]>| {
        (0..KEYS)
            .map(|number| (key(number), value.map(<[u8]>::to_vec)))
            .collect()
    };
    apply(&mut model, &engine, Operation::Change(all(Some(b"first"))));
    apply(&mut model, &engine, Operation::Compact(1));
    // Its records carry what they replaced.
    apply(&mut model, &engine, Operation::Change(all(None)));
    apply(&mut model, &engine, Operation::Change(all(Some(b"second"))));
    engine.rotate(model.mark(), model.state()).unwrap();
    wait_until_idle(&engine);
    assert_eq!(engine.stats().history_floor, 1);
    check_kept(&model, &engine);
    // What revision 3 made becomes a survivor of the compaction at 3, and goes through a second one.
    apply(&mut model, &engine, Operation::Change(all(None)));
    for compacted in [2, 3] {
        apply(&mut model, &engine, Operation::Compact(compacted));
        engine.rotate(model.mark(), model.state()).unwrap();
        wait_until_idle(&engine);
        assert_eq!(engine.stats().history_floor, compacted);
        check_kept(&model, &engine);
    }
    let mut stream = Vec::new();
    engine
        .snapshot(model.mark(), model.state())
        .unwrap()
        .write(&mut stream)
        .unwrap();
    let copied = tempfile::tempdir().unwrap();
    install_snapshot(copied.path(), &mut stream.as_slice()).unwrap();
    let (copy, _) = LsmEngine::open(copied.path(), options()).unwrap();
    check_kept(&model, &copy);
    println!("{:?}", begin.elapsed());
    assert!(begin.elapsed() < LIMIT, "{:?}", begin.elapsed());
}

/// The model's own order is by key; this one has a revision whose changes are in none.
#[test]
fn a_large_revision_in_no_order_is_read_too() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, _) = LsmEngine::open(directory.path(), EngineOptions::default()).unwrap();
    let mut model = Model::default();
    let scattered = |value: &[u8]| {
        (0..2_000)
            .map(|at| (key(at * 7_919 % 2_000), Some(value.to_vec())))
            .collect()
    };
    for value in [b"first", b"later", b"again"] {
        apply(&mut model, &engine, Operation::Change(scattered(value)));
    }
    compare(&model, &engine, &mut Rng::new(8), 10);
}

//! Deleted keys leave the tables for good once their revision is compacted, and not before.

// A failure in a helper is the test's.
#![allow(clippy::unwrap_used)]

mod engine_model;

use std::time::Duration;

use engine_model::{apply, compare, Model, Operation, Rng};
use rafterdb_store::{Engine, EngineOptions, LsmEngine};

fn flush(model: &Model, engine: &LsmEngine) {
    engine.rotate(model.mark(), model.state()).unwrap();
    while engine.stats().flushing || engine.stats().compacting {
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Flushes that overlap everything, so that compaction merges all tables.
fn churn(model: &mut Model, engine: &LsmEngine) {
    for round in 0..10u8 {
        let edges = [b"a".to_vec(), b"z".to_vec()].map(|key| (key, Some(vec![round])));
        apply(model, engine, Operation::Change(edges.to_vec()));
        flush(model, engine);
    }
}

#[test]
fn compacted_tombstones_leave_the_tables() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, _) = LsmEngine::open(directory.path(), EngineOptions::default()).unwrap();
    let mut model = Model::default();
    let mut rng = Rng::new(1);
    // Keys that do not compress: what is left of them shows in the tables' size.
    let keys: Vec<Vec<u8>> = (0..4_000)
        .map(|_| (0..8).flat_map(|_| rng.next().to_le_bytes()).collect())
        .collect();
    let all = |value: Option<Vec<u8>>| {
        let mut changes: Vec<_> = keys
            .iter()
            .map(|key| ([b"k", key.as_slice()].concat(), value.clone()))
            .collect();
        changes.sort();
        Operation::Change(changes)
    };
    apply(&mut model, &engine, all(Some(b"value".to_vec())));
    flush(&model, &engine);
    apply(&mut model, &engine, all(None));
    churn(&mut model, &engine);
    let before = engine.stats().tables_disk_bytes;
    assert!(
        before > 4_000 * 64,
        "tombstones are kept until they are compacted: {before} bytes"
    );
    let compacted = model.revision;
    apply(&mut model, &engine, Operation::Compact(compacted));
    churn(&mut model, &engine);
    let after = engine.stats().tables_disk_bytes;
    assert!(after < before / 10, "{after} bytes of {before} are left");
    compare(&model, &engine, &mut rng, 10);
}

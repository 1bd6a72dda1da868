//! The comparison with the model is a checker, so it must fail when there is something to find: each kind of wrong model
//! is told from the engine.

// A failure in a helper is the test's.
#![allow(clippy::unwrap_used)]

mod engine_model;

use engine_model::{apply, change_differences, differences, random_operation, Model, Rng};
use rafterdb_store::{EngineOptions, KeyRange, LsmEngine};

fn built() -> (Model, LsmEngine, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let (engine, _) = LsmEngine::open(directory.path(), EngineOptions::default()).unwrap();
    let mut rng = Rng::new(9);
    let mut model = Model::default();
    for _ in 0..300 {
        let operation = random_operation(&model, &mut rng, 40);
        apply(&mut model, &engine, operation);
    }
    (model, engine, directory)
}

const ALL: KeyRange<'static> = KeyRange { start: b"", end: None };

fn is_told_apart(spoil: impl FnOnce(&mut Model)) -> bool {
    let (mut model, engine, _directory) = built();
    let count = |model: &Model| {
        let at: Vec<_> = (model.compacted..=model.revision).collect();
        let reads: usize = at.iter().map(|at| differences(model, &engine, ALL, *at).len()).sum();
        reads + change_differences(model, &engine, model.compacted + 1, model.revision).len()
    };
    assert_eq!(count(&model), 0, "before it is spoilt");
    spoil(&mut model);
    count(&model) > 0
}

/// A key with a version that was live above the compacted revision.
fn some_key(model: &Model) -> Vec<u8> {
    let live = |key: &&Vec<u8>| model.live_at(key, model.revision).is_some();
    model.versions.keys().find(live).unwrap().clone()
}

#[test]
fn a_changed_value_is_noticed() {
    assert!(is_told_apart(|model| {
        let key = some_key(model);
        model.versions.get_mut(&key).unwrap().last_mut().unwrap().value.push(1);
    }));
}

#[test]
fn a_lost_key_is_noticed() {
    assert!(is_told_apart(|model| {
        let key = some_key(model);
        // Kept as a tombstone, so that the model still asks for it.
        model.versions.get_mut(&key).unwrap().last_mut().unwrap().version = 0;
    }));
}

#[test]
fn a_forgotten_old_version_is_noticed() {
    assert!(is_told_apart(|model| {
        let compacted = model.compacted;
        let versions = model.versions.values_mut();
        let replaced = versions.filter(|versions| versions.len() > 1);
        let old = replaced.filter_map(|versions| {
            let at = versions.len() - 2;
            (versions[at].modified > compacted && versions[at].version > 0).then_some((versions, at))
        });
        let (versions, at) = old.last().unwrap();
        versions.remove(at);
    }));
}

#[test]
fn a_lost_change_is_noticed() {
    assert!(is_told_apart(|model| {
        model.changes.pop();
    }));
}

//! After a failed write or sync the engine takes no more writes and says why; what was read before can still be read,
//! and a closed engine says that it is closed.

// A failure in a helper is the test's.
#![allow(clippy::unwrap_used)]

mod engine_model;

use engine_model::{apply, compare, replay, Model, Operation, Rng};
use rafterdb_codec::Code;
use rafterdb_store::{Engine, EngineOptions, LsmEngine, RowRef, Value};

fn put(key: &str) -> Operation {
    Operation::Change(vec![(key.into(), Some(b"value".to_vec()))])
}

fn row(model: &Model) -> RowRef<'static> {
    RowRef {
        create: model.revision + 1,
        modified: model.revision + 1,
        version: 1,
        lease: 0,
        previous: 0,
        skips: &[],
        value: Value::none(),
    }
}

/// The points are those of the whole process, so the cases of this file run in one test.
#[test]
fn a_failure_ends_all_writes() {
    for fault in [
        "store.history.sync=error",
        // A failed sync is final, whatever it says.
        "store.history.sync=full",
        "store.flush.tables=error",
        "store.flush.installed=error",
    ] {
        let directory = tempfile::tempdir().unwrap();
        let (engine, _) = LsmEngine::open(directory.path(), EngineOptions::default()).unwrap();
        let mut model = Model::default();
        apply(&mut model, &engine, put("a"));
        rafterdb_fault::arm(fault).unwrap();
        engine.rotate(model.mark(), model.state()).unwrap();
        let error = loop {
            if let Err(error) = engine.write(b"b", 0, row(&model)) {
                break error;
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
            if engine.persisted() == model.mark() {
                panic!("{fault}: the flush went through");
            }
        };
        rafterdb_fault::disarm();
        assert_eq!(error.code, Code::Poisoned, "{fault}");
        assert!(
            error.text.contains("flushing to") || error.text.contains("syncing"),
            "{fault}: {error}"
        );
        for poisoned in [
            engine.compact(1),
            engine.rotate(model.mark(), Vec::new()),
            engine.close(None),
        ] {
            assert_eq!(poisoned.unwrap_err().code, Code::Poisoned, "{fault}");
        }
        assert!(engine.get(b"a", model.revision, &mut |_| {}).unwrap());
        drop(engine);
        let (engine, last) = LsmEngine::open(directory.path(), EngineOptions::default()).unwrap();
        replay(&model, &engine, last.map_or(0, |(mark, _)| mark.index));
        compare(&model, &engine, &mut Rng::new(1), 2);
    }
    room_is_waited_for();
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = std::time::Instant::now();
    while !is_so() {
        assert!(began.elapsed().as_secs() < 20, "{what}");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

/// A flush that finds no room is none that failed: it goes on when there is some, and meanwhile writes and reads do.
fn room_is_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, _) = LsmEngine::open(directory.path(), EngineOptions::default()).unwrap();
    let mut model = Model::default();
    apply(&mut model, &engine, put("a"));
    rafterdb_fault::arm("store.flush.tables=full@1+").unwrap();
    engine.rotate(model.mark(), model.state()).unwrap();
    let flushed = model.mark();
    until("it is short of room", || engine.is_short());
    apply(&mut model, &engine, put("b"));
    assert!(!engine.is_full(), "another flush is not asked for");
    let refused = engine.rotate(model.mark(), model.state()).unwrap_err();
    assert_eq!(refused.code, Code::DiskFull);
    assert!(engine.get(b"b", model.revision, &mut |_| {}).unwrap());
    rafterdb_fault::disarm();
    until("it goes on", || !engine.is_short() && engine.persisted() == flushed);
    engine.close(Some((model.mark(), model.state()))).unwrap();
    assert_eq!(engine.persisted(), model.mark());
}

#[test]
fn a_closed_engine_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, _) = LsmEngine::open(directory.path(), EngineOptions::default()).unwrap();
    let mut model = Model::default();
    apply(&mut model, &engine, put("a"));
    engine.close(Some((model.mark(), model.state()))).unwrap();
    assert_eq!(engine.persisted(), model.mark());
    assert_eq!(engine.write(b"b", 0, row(&model)).unwrap_err().code, Code::Closed);
    assert!(engine.get(b"a", model.revision, &mut |_| {}).unwrap());
}

#[test]
fn a_compacted_revision_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, _) = LsmEngine::open(directory.path(), EngineOptions::default()).unwrap();
    let mut model = Model::default();
    for _ in 0..5 {
        apply(&mut model, &engine, put("a"));
    }
    apply(&mut model, &engine, Operation::Compact(3));
    let error = engine.get(b"a", 2, &mut |_| {}).unwrap_err();
    assert_eq!((error.code, error.detail), (Code::Compacted, 3));
    assert!(engine.get(b"a", 3, &mut |_| {}).unwrap());
    let mut visit = |_: rafterdb_store::Change<'_>| rafterdb_store::Visit::Next;
    assert_eq!(engine.changes(2, 5, &mut visit).unwrap_err().code, Code::Compacted);
    engine.changes(3, 5, &mut visit).unwrap();
}

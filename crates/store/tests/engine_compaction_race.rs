//! A segment of history that is completed while a compaction is under way is kept, also when everything before it goes:
//! what a compaction says is kept, and what is kept, are one fact.

// A failure in a helper is the test's.
#![allow(clippy::unwrap_used)]

mod engine_model;

use std::sync::Mutex;
use std::time::Duration;

use engine_model::{apply, compare, Model, Operation, Rng};
use rafterdb_store::{Engine, EngineOptions, LsmEngine};

const SEGMENT_BYTES: u64 = 16_000;

fn options() -> EngineOptions {
    EngineOptions {
        memory_bytes: 16 << 20,
        history_segment_bytes: Some(SEGMENT_BYTES),
        ..EngineOptions::default()
    }
}

/// Writes a little more than so many segments.
fn write_segments(model: &mut Model, engine: &LsmEngine, segments: u64) {
    for number in 0..=segments * SEGMENT_BYTES / 1_000 {
        let key = format!("key {}", number % 7).into_bytes();
        apply(
            model,
            engine,
            Operation::Change(vec![(key, Some(vec![number as u8; 1_000]))]),
        );
    }
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(std::time::Instant::now() < deadline, "{what} does not come");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn flush(model: &Model, engine: &LsmEngine) {
    engine.rotate(model.mark(), model.state()).unwrap();
    wait_until("a flush", || engine.persisted() == model.mark());
}

fn reopened(model: &Model, engine: LsmEngine, directory: &std::path::Path) -> LsmEngine {
    engine.close(None).unwrap();
    drop(engine);
    let (engine, last) = LsmEngine::open(directory, options()).unwrap();
    assert_eq!(last.map(|(mark, _)| mark), Some(model.mark()));
    engine
}

/// The fault points are those of the whole process.
static POINTS: Mutex<()> = Mutex::new(());

#[test]
fn a_segment_that_is_sealed_beside_a_compaction_is_kept() {
    let _points = POINTS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let directory = tempfile::tempdir().unwrap();
    let (engine, _) = LsmEngine::open(directory.path(), options()).unwrap();
    let mut model = Model::default();
    wait_until("the compaction of the start", || !engine.stats().compacting);
    write_segments(&mut model, &engine, 3);
    // Everything that is complete may go.
    let everything = model.revision;
    apply(&mut model, &engine, Operation::Compact(everything));
    rafterdb_fault::arm("store.compact.planned=pause").unwrap();
    flush(&model, &engine);
    wait_until("the compaction", || rafterdb_fault::has_struck("store.compact.planned"));
    write_segments(&mut model, &engine, 1);
    rafterdb_fault::disarm();
    wait_until("its end", || !engine.stats().compacting);
    flush(&model, &engine);
    compare(&model, &engine, &mut Rng::new(1), 20);
    let engine = reopened(&model, engine, directory.path());
    compare(&model, &engine, &mut Rng::new(2), 20);
}

/// Files of the history that are open though they are deleted, so that their space is not free.
#[cfg(target_os = "linux")]
fn deleted_but_open(directory: &std::path::Path) -> Vec<String> {
    let open = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    let names = open.filter_map(|entry| Some(std::fs::read_link(entry.path()).ok()?.to_string_lossy().into_owned()));
    let ours = directory.to_string_lossy().into_owned();
    names
        .filter(|name| name.starts_with(&ours) && name.contains(".segment") && name.ends_with("(deleted)"))
        .collect()
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_is_opened_beside_a_compaction_does_not_stay_open() {
    let _points = POINTS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let directory = tempfile::tempdir().unwrap();
    let (engine, _) = LsmEngine::open(directory.path(), options()).unwrap();
    let mut model = Model::default();
    write_segments(&mut model, &engine, 3);
    wait_until("the compaction of the start", || !engine.stats().compacting);
    rafterdb_fault::arm("store.history.opened=pause").unwrap();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| engine.get(b"key 1", 3, &mut |_| ()));
        wait_until("the reader", || rafterdb_fault::has_struck("store.history.opened"));
        let everything = model.revision;
        apply(&mut model, &engine, Operation::Compact(everything));
        flush(&model, &engine);
        wait_until("the compaction", || !engine.stats().compacting);
        rafterdb_fault::disarm();
        assert!(reader.join().unwrap().is_err(), "what it read was compacted meanwhile");
    });
    assert_eq!(deleted_but_open(directory.path()), Vec::<String>::new());
}

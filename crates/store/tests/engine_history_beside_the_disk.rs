//! Whoever applies entries does not wait for a disk that hangs while history is written: memory holds what is to be written, up to a bound,
//! and readers find it there. When the disk goes on, all of it comes to the files.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod engine_model;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use engine_model::{apply, compare, replay, Model, Operation, Rng};
use rafterdb_store::{EngineOptions, LsmEngine};

/// History is handed over in buffers of 32 KiB, of which 32 may wait.
fn options() -> EngineOptions {
    EngineOptions {
        memory_bytes: 16 << 20,
        ..EngineOptions::default()
    }
}

/// A place hangs for as long as this lives.
struct Hang(PathBuf);

impl Hang {
    fn at(point: &str, directory: &std::path::Path) -> Self {
        let file = directory.join("hung");
        std::fs::write(&file, []).unwrap();
        rafterdb_fault::arm(&format!("{point}=hang:{}@1+", file.display())).unwrap();
        Self(file)
    }
}

impl Hang {
    fn end(&self) {
        rafterdb_fault::disarm();
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Drop for Hang {
    fn drop(&mut self) {
        self.end();
    }
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn put(number: usize) -> Operation {
    Operation::Change(vec![(
        format!("key/{}", number % 50).into_bytes(),
        Some(vec![number as u8; 2_000]),
    )])
}

/// The points are those of the whole process, so the cases of this file run in one test.
#[test]
fn writes_and_reads_go_on_while_history_cannot_be_written() {
    for point in ["store.history.write", "store.history.create", "store.history.seal"] {
        let places = tempfile::tempdir().unwrap();
        let store = places.path().join("store");
        let (engine, _) = LsmEngine::open(&store, options()).unwrap();
        let mut model = Model::default();
        // As much as brings the file being written near its end, if that is where it is to hang: 4 MiB.
        let before = if point == "store.history.write" { 0 } else { 2_000 };
        for number in 0..before {
            apply(&mut model, &engine, put(number));
        }
        let hang = Hang::at(point, places.path());
        writes_go_on(&mut model, &engine, &hang);
        until("it hangs", || rafterdb_fault::has_struck(point));
        compare(&model, &engine, &mut Rng::new(1), 30);
        is_held_up_at_last(&mut model, &engine, hang);
        compare(&model, &engine, &mut Rng::new(2), 30);
        engine.close(Some((model.mark(), model.state()))).unwrap();
        drop(engine);
        let (engine, last) = LsmEngine::open(&store, options()).unwrap();
        assert_eq!(last.unwrap().0, model.mark(), "{point}");
        replay(&model, &engine, model.mark().index);
        compare(&model, &engine, &mut Rng::new(3), 30);
    }
}

/// Fewer bytes than may wait.
fn writes_go_on(model: &mut Model, engine: &LsmEngine, hang: &Hang) {
    std::thread::scope(|scope| {
        let writes = scope.spawn(|| {
            for number in 0..350 {
                apply(model, engine, put(number));
            }
        });
        let began = Instant::now();
        while !writes.is_finished() && began.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(1));
        }
        let is_held_up = !writes.is_finished();
        if is_held_up {
            // Else nothing here would ever end.
            hang.end();
        }
        assert!(!is_held_up, "who writes waits for the disk");
    });
}

/// Memory is bounded: who adds more than may wait is held up, until the disk goes on.
fn is_held_up_at_last(model: &mut Model, engine: &LsmEngine, hang: Hang) {
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..1_500 {
                apply(model, engine, put(number));
            }
            is_done.store(true, Ordering::Relaxed);
        });
        std::thread::sleep(Duration::from_millis(500));
        assert!(!is_done.load(Ordering::Relaxed), "memory takes it all");
        assert!(engine.stats().history_memory_bytes < 3 << 20, "{:?}", engine.stats());
        drop(hang);
        until("it goes on", || is_done.load(Ordering::Relaxed));
    });
}

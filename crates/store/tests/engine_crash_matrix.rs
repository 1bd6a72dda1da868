//! A process that dies at any fault point of the engine leaves a store that opens, stands at the last flush that was
//! reported or a later one, and after the replay of the log answers as if nothing had happened. The same for a disk that
//! reports an error there: writes end, nothing wrong is told, and a new start recovers.

// A failure in a helper is the test's.
#![allow(clippy::unwrap_used)]

mod engine_model;

use std::io::Write;
use std::path::Path;
use std::process::Command;

use engine_model::stream::Lent;
use engine_model::{apply, compare, random_operation, replay, Model, Rng};
use rafterdb_store::{install_snapshot, Engine, EngineOptions, LsmEngine, PreparedStore};

const DIRECTORY: &str = "ENGINE_CRASH_DIRECTORY";
const SEED: &str = "ENGINE_CRASH_SEED";
const OPERATIONS: u64 = 900;
const KEYS: u64 = 60;

fn options() -> EngineOptions {
    EngineOptions {
        memory_bytes: 16 << 20,
        history_segment_bytes: Some(16_000),
        memtable_bytes: Some(60_000),
        ..EngineOptions::default()
    }
}

/// The whole log: it depends on the seed alone.
fn log_of(seed: u64) -> Model {
    let mut rng = Rng::new(seed);
    let mut model = Model::default();
    while (model.log.len() as u64) < OPERATIONS {
        let operation = random_operation(&model, &mut rng, KEYS);
        model.apply(operation);
    }
    model
}

/// Opens, checks and brings the engine up to entry `to` of the log.
fn recover(model: &Model, directory: &Path, to: u64) -> LsmEngine {
    let (engine, last) = LsmEngine::open(directory, options()).unwrap();
    let index = last.map_or(0, |(mark, state)| {
        let then = model.at_index(mark.index);
        assert_eq!((mark, state), (then.mark(), then.state()));
        mark.index
    });
    replay(&model.at_index(to), &engine, index);
    engine
}

/// What the child process does: the log with flushes, a restart, and a snapshot installed over itself, telling the flushes
/// and the installation in a file.
fn work(directory: &Path, seed: u64) {
    let whole = log_of(seed);
    let report = |line: String| {
        let path = directory.join("report");
        let mut file = std::fs::File::options().create(true).append(true).open(path).unwrap();
        writeln!(file, "{line}").unwrap();
    };
    let store = directory.join("store");
    let (mut engine, _) = LsmEngine::open(&store, options()).unwrap();
    let mut model = Model::default();
    for (at, operation) in whole.log.iter().enumerate() {
        let persisted = directory.join("report");
        engine.on_persisted(Box::new(move |mark| {
            let mut file = std::fs::File::options()
                .create(true)
                .append(true)
                .open(&persisted)
                .unwrap();
            writeln!(file, "{}", mark.index).unwrap();
        }));
        apply(&mut model, &engine, operation.clone());
        if engine.is_full() || at % 60 == 59 {
            engine.rotate(model.mark(), model.state()).unwrap();
        }
        if at == 300 {
            engine.close(Some((model.mark(), model.state()))).unwrap();
            drop(engine);
            engine = recover(&whole, &store, model.log.len() as u64);
        }
        if at == 500 {
            let mut stream = Vec::new();
            let snapshot = engine.snapshot(model.mark(), model.state()).unwrap();
            snapshot.write(&mut stream).unwrap();
            report(model.mark().index.to_string());
            install_snapshot(&store, &mut stream.as_slice()).unwrap();
            drop(engine);
            engine = recover(&whole, &store, model.log.len() as u64);
        }
        if at == 700 {
            // An increment goes on from the store itself.
            let mut stream = Vec::new();
            let snapshot = engine.snapshot(model.mark(), model.state()).unwrap();
            snapshot
                .write_above(u64::midpoint(model.compacted, model.revision), &mut stream)
                .unwrap();
            report(model.mark().index.to_string());
            let view = engine.snapshot(model.mark(), model.state()).unwrap();
            let prepared = PreparedStore::build_on(&store, &mut stream.as_slice(), &mut Lent(Some(view))).unwrap();
            prepared.switch().unwrap();
            drop(engine);
            engine = recover(&whole, &store, model.log.len() as u64);
        }
        if at % 100 == 99 {
            // Lets compaction come to its points.
            while engine.stats().compacting || engine.stats().flushing {
                std::thread::sleep(std::time::Duration::from_millis(1));
                engine.compact(0).unwrap();
            }
        }
    }
    engine.close(Some((model.mark(), model.state()))).unwrap();
}

/// The child's entry: does nothing when the tests are run as such.
#[test]
fn child() {
    if let Ok(directory) = std::env::var(DIRECTORY) {
        work(Path::new(&directory), std::env::var(SEED).unwrap().parse().unwrap());
    }
}

/// Whether the child came to its end. If not, it must be the fault that ended it.
fn run_child(directory: &Path, seed: u64, faults: &str) -> bool {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["child", "--exact", "--nocapture"])
        .env(DIRECTORY, directory)
        .env(SEED, seed.to_string())
        .env(rafterdb_fault::VARIABLE, faults)
        .output()
        .unwrap();
    if output.status.success() {
        return true;
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    if faults.contains("=abort") {
        // Ended by a signal, or on Windows by the code of an abort.
        assert!(cfg!(windows) || output.status.code().is_none(), "{faults}: {said}");
    } else {
        assert!(said.contains("os error"), "{faults}: {said}");
    }
    false
}

/// What a crash leaves must lead to the model.
fn check(model: &Model, directory: &Path, what: &str) {
    let store = directory.join("store");
    let reported = std::fs::read_to_string(directory.join("report")).unwrap_or_default();
    let reported = reported.lines().filter_map(|line| line.parse().ok()).max().unwrap_or(0);
    let engine = recover(model, &store, OPERATIONS);
    assert!(
        engine.persisted().index >= reported,
        "{what}: stands at {}, but {reported} was reported",
        engine.persisted().index
    );
    compare(model, &engine, &mut Rng::new(reported + 1), 20);
    engine.close(Some((model.mark(), model.state()))).unwrap();
    drop(engine);
    let engine = recover(model, &store, OPERATIONS);
    assert_eq!(engine.persisted(), model.mark(), "{what}");
    compare(model, &engine, &mut Rng::new(reported + 2), 5);
}

fn engine_points() -> Vec<&'static str> {
    let ours = rafterdb_fault::POINTS.iter().map(|(name, _)| *name);
    // A search for dead rows writes nothing, and comes after more deletions than there are here.
    let is_struck = |name: &&str| name.starts_with("store.") && !name.starts_with("store.search.");
    ours.filter(is_struck).collect()
}

/// Points that are only reached after an earlier death.
const AFTER_A_CRASH: [&str; 1] = ["store.history.cut"];

fn matrix(action: &str) {
    let points = engine_points();
    assert!(points.len() >= 14, "the points are listed: {points:?}");
    let mut late = 0;
    for (number, point) in points.into_iter().enumerate() {
        // By its ninth time a compaction finds survivors files of several before it.
        let is_compaction = point.starts_with("store.compact");
        for hit in [1, 3, 9].into_iter().filter(|hit| *hit < 9 || is_compaction) {
            let seed = 40 + number as u64;
            let model = log_of(seed);
            let directory = tempfile::tempdir().unwrap();
            let what = format!("{point}={action}@{hit}, seed {seed}");
            let mut faults = what.split(',').next().unwrap().to_string();
            if AFTER_A_CRASH.contains(&point) {
                // The first run dies with history beyond the last flush; the second is struck while it recovers.
                assert!(
                    !run_child(directory.path(), seed, "store.flush.start=abort@4"),
                    "{what}: first run"
                );
                faults = format!("{point}={action}");
            }
            let finished = run_child(directory.path(), seed, &faults);
            let rare = hit > 1 && (point.starts_with("store.install") || is_compaction);
            assert!(!finished || rare, "{what}: the point was not reached");
            late += usize::from(hit == 9 && !finished);
            check(&model, directory.path(), &what);
        }
    }
    assert!(late > 0, "no compaction comes to its ninth time");
}

#[test]
fn a_death_at_each_point_loses_nothing() {
    matrix("abort");
}

#[test]
fn an_error_at_each_point_loses_nothing() {
    matrix("error");
}

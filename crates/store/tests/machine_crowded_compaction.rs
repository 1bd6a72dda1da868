//! A process that dies within the early compaction, the one for which a member asks when half as many range tombstones are kept as
//! may be, leaves a store that answers as the model does. It dies at the fault points of flush and compaction, and by a signal at some
//! moment while rows of the deleted ranges are given back, where no fault point is.

#![allow(clippy::unwrap_used)] // A test fails by panicking.
#![cfg(unix)]

mod model;

use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::engine::ModelEngine;
use model::harness::{Collector, TestEngine};
use model::semantics::{Op, PutOp};
use model::wire::encode_batch;
use rafterdb_codec::{BatchHeader, Entry, EntryKind};
use rafterdb_store::{Bounds, Engine, EngineOptions, KeyRange, LsmEngine, Machine, Visit};

const DIRECTORY: &str = "CROWDED_COMPACTION_DIRECTORY";
const FAULT: &str = "CROWDED_COMPACTION_FAULT";
/// Of these each entry but the first ones deletes again what it has written over.
const GROUPS: u64 = 300;

/// Every delete of two keys or more is a range tombstone.
fn bounds() -> Bounds {
    Bounds {
        delete_steps_max: 1,
        ..Bounds::default()
    }
}

fn open(directory: &Path) -> Machine<LsmEngine> {
    let options = EngineOptions {
        memory_bytes: 16 << 20,
        history_segment_bytes: Some(64 << 10),
        memtable_bytes: Some(300_000),
        ..EngineOptions::default()
    };
    let (engine, recovered) = LsmEngine::open(&directory.join("store"), options).unwrap();
    Machine::with_versions(engine, recovered, Arc::new(Collector::default()), vec![bounds()]).unwrap()
}

fn key(group: u64, number: u8) -> Vec<u8> {
    format!("group/{group:04}/{number}").into_bytes()
}

/// What entry `index` says: some keys of a group, of which all but one are deleted again.
fn entry(index: u64) -> Vec<u8> {
    let group = index * 7 % GROUPS;
    let put = |number| {
        Op::Put(PutOp {
            key: key(group, number),
            value: index.to_le_bytes().repeat(16),
            ..PutOp::default()
        })
    };
    let mut ops: Vec<Op> = (0..4).map(put).collect();
    ops.push(Op::Delete {
        key: key(group, 0),
        end: key(group, 3),
        previous: false,
    });
    encode_batch(BatchHeader::default(), &ops)
}

fn apply<E: Engine>(machine: &Machine<E>, index: u64, body: &[u8]) {
    let mut results = Vec::new();
    machine
        .apply(index, 1, &Entry::new(EntryKind::Batch, body), &mut results)
        .unwrap();
    machine.publish().unwrap();
}

fn compaction(revision: u64) -> Vec<u8> {
    encode_batch(BatchHeader::default(), &[Op::Compact(revision)])
}

/// The last entry before the early compaction, and the revision to which it goes; known once it has been asked for.
type Asked = (u64, u64);

/// Entries until the machine asks for the compaction.
fn fill(machine: &Machine<LsmEngine>) -> Asked {
    for index in 1..10_000 {
        apply(machine, index, &entry(index));
        let revision = machine.crowded_revision();
        if revision > 0 {
            return (index, revision);
        }
    }
    panic!("the compaction is not asked for");
}

/// The child's entry: does nothing when the tests are run as such.
#[test]
fn child() {
    let Ok(directory) = std::env::var(DIRECTORY) else {
        return;
    };
    let directory = Path::new(&directory);
    let machine = open(directory);
    let (last, revision) = fill(&machine);
    wait_for_rest(&machine);
    rafterdb_fault::arm(&std::env::var(FAULT).unwrap()).unwrap();
    // Whole or not there.
    std::fs::write(directory.join("asking"), format!("{last} {revision}")).unwrap();
    std::fs::rename(directory.join("asking"), directory.join("asked")).unwrap();
    apply(&machine, last + 1, &compaction(revision));
    wait_for_rest(&machine);
    std::fs::write(directory.join("done"), "").unwrap();
}

fn wait_for_rest(machine: &Machine<LsmEngine>) {
    let is_busy = || {
        let stats = machine.engine().stats();
        stats.flushing || stats.compacting
    };
    while is_busy() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn start_child(directory: &Path, fault: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["child", "--exact"])
        .env(DIRECTORY, directory)
        .env(FAULT, fault)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap()
}

fn pairs<E: Engine>(engine: &E, at: u64) -> Vec<(Vec<u8>, u64, u64, Vec<u8>)> {
    let mut pairs = Vec::new();
    let all = KeyRange { start: b"", end: None };
    engine
        .scan(all, at, false, &mut |key, row| {
            let mut value = Vec::new();
            engine.value(key, &row, &mut |bytes| value = bytes.to_vec()).unwrap();
            pairs.push((key.to_vec(), row.create, row.modified, value));
            Visit::Next
        })
        .unwrap();
    pairs
}

/// What is left must be what the model has, once the entries that were not flushed are applied again.
fn check(directory: &Path, what: &str) {
    let asked = std::fs::read_to_string(directory.join("asked")).unwrap();
    let (last, revision) = asked.split_once(' ').unwrap();
    let (last, revision): Asked = (last.parse().unwrap(), revision.parse().unwrap());
    let log: Vec<_> = (1..=last).map(entry).chain([compaction(revision)]).collect();
    let (engine, _) = ModelEngine::open(&ModelEngine::new_disk(), u64::MAX);
    let model = Machine::with_versions(engine, None, Arc::new(Collector::default()), vec![bounds()]).unwrap();
    let machine = open(directory);
    let stands_at = machine.status().mark.index;
    for (body, index) in log.iter().zip(1..) {
        apply(&model, index, body);
        if index > stands_at {
            apply(&machine, index, body);
        }
    }
    for round in ["after the replay", "at rest"] {
        assert_eq!(machine.status(), model.status(), "{what}, {round}");
        assert_eq!(machine.engine().compacted(), revision, "{what}, {round}");
        let newest = model.revision();
        for at in [revision, (revision + newest) / 2, newest] {
            let (found, expected) = (pairs(machine.engine(), at), pairs(model.engine(), at));
            assert!(found == expected, "{what}, {round}, at {at}: {} pairs", found.len());
        }
        assert!(machine.verify_hash().unwrap(), "{what}, {round}");
        wait_for_rest(&machine);
    }
}

#[test]
fn a_death_at_each_point_of_the_early_compaction_loses_nothing() {
    let points = rafterdb_fault::POINTS.iter().map(|(name, _)| *name);
    let is_of_it = |name: &&str| {
        ["store.flush.", "store.compact."]
            .iter()
            .any(|kind| name.starts_with(kind))
    };
    let mut deaths = 0;
    for point in points.filter(is_of_it) {
        let directory = tempfile::tempdir().unwrap();
        let status = start_child(directory.path(), &format!("{point}=abort")).wait().unwrap();
        let is_done = directory.path().join("done").exists();
        assert_eq!(status.success(), is_done, "{point}");
        deaths += usize::from(!is_done);
        check(directory.path(), point);
    }
    assert!(deaths >= 5, "{deaths} deaths");
}

#[test]
fn a_death_at_any_moment_of_the_early_compaction_loses_nothing() {
    let mut deaths = 0;
    for step in 0..10_u32 {
        let directory = tempfile::tempdir().unwrap();
        let mut child = start_child(directory.path(), "");
        let until = Instant::now() + Duration::from_secs(120);
        while !directory.path().join("asked").exists() {
            assert!(Instant::now() < until, "the child does not come to the compaction");
            std::thread::sleep(Duration::from_micros(200));
        }
        // The first ones close together: most happens within milliseconds.
        std::thread::sleep(Duration::from_micros(500) * step * step);
        child.kill().unwrap();
        child.wait().unwrap();
        deaths += usize::from(!directory.path().join("done").exists());
        check(directory.path(), &format!("step {step}"));
    }
    assert!(deaths >= 2, "{deaths} deaths");
}

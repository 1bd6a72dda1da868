//! A compaction asks for a flush, so that its space is free soon. While there is no room for that flush, the machine goes on: the
//! compaction is in the log, as what was applied is, and the flush comes later.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod model;

use std::sync::Arc;
use std::time::{Duration, Instant};

use model::harness::Collector;
use model::semantics::{Op, PutOp};
use model::wire::encode_batch;
use rafterdb_codec::{BatchHeader, Entry, EntryKind};
use rafterdb_store::{EngineOptions, LsmEngine, Machine};

const PUTS: u64 = 4_000;

fn apply(machine: &Machine<LsmEngine>, ops: &[Op]) {
    let body = encode_batch(BatchHeader::default(), ops);
    let mut results = Vec::new();
    machine
        .apply(
            machine.applied() + 1,
            1,
            &Entry::new(EntryKind::Batch, &body),
            &mut results,
        )
        .unwrap();
    machine.publish().unwrap();
}

fn put(number: u64) -> Op {
    Op::Put(PutOp {
        key: format!("key/{}", number % 100).into_bytes(),
        value: vec![7; 256],
        ..PutOp::default()
    })
}

fn open(directory: &std::path::Path) -> Machine<LsmEngine> {
    let (engine, recovered) = LsmEngine::open(directory, EngineOptions::default()).unwrap();
    Machine::new(engine, recovered, Arc::new(Collector::default())).unwrap()
}

#[test]
fn a_compaction_goes_through_while_there_is_no_room_to_flush() {
    let directory = tempfile::tempdir().unwrap();
    let machine = open(directory.path());
    apply(&machine, &(0..PUTS).map(put).collect::<Vec<_>>());
    let at = machine.revision();
    rafterdb_fault::arm("store.history.write=full@1+").unwrap();
    apply(&machine, &[Op::Compact(at)]);
    let began = Instant::now();
    while !machine.engine().is_short() {
        assert!(began.elapsed() < Duration::from_secs(20), "it finds room");
        std::thread::sleep(Duration::from_millis(1));
    }
    apply(&machine, &[put(1)]);
    assert_eq!(machine.revision(), at + 1);
    rafterdb_fault::disarm();
    while machine.engine().is_short() || machine.engine().stats().history_floor < at {
        assert!(began.elapsed() < Duration::from_secs(20), "it does not go on");
        machine.engine().try_again();
        apply(&machine, &[put(2)]);
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(machine.verify_hash().unwrap());
    let revision = machine.revision();
    machine.rotate().unwrap();
    machine.engine().close(None).unwrap();
    drop(machine);
    assert_eq!(open(directory.path()).revision(), revision);
}

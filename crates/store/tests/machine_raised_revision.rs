//! A store whose revision was raised has revisions at which nothing changed. Reads, watches, compactions, snapshots and restarts
//! among them do what they do elsewhere. (The random tests raise revisions too; here are the cases by name.)

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod model;

use std::sync::Arc;

use model::harness::{Collector, Harness, TestEngine};
use model::semantics::{Op, Outcome, PutOp, RangeOp, Semantics};
use model::wire::{decode_results, decode_write, encode_batch, encode_read};
use rafterdb_codec::{BatchHeader, Code, OperationResults, WatchEvents, WatchRequest, BATCH_RETRY};
use rafterdb_store::{install_snapshot, LsmEngine, Machine, WatchId};

const RAISED: u64 = 1_000;

fn put(key: &str) -> Op {
    Op::Put(PutOp {
        key: key.into(),
        value: b"value".to_vec(),
        ..PutOp::default()
    })
}

struct Store {
    harness: Harness<LsmEngine>,
    semantics: Semantics,
}

impl Store {
    /// A key at revision 2, the revision raised, the key again and another one after it.
    fn new() -> Self {
        let mut store = Self {
            harness: Harness::new(1_000),
            semantics: Semantics::default(),
        };
        store.apply(&[put("a")]);
        store.apply(&[Op::Raise(RAISED)]);
        store.apply(&[put("a"), put("b")]);
        store
    }

    fn apply(&mut self, ops: &[Op]) -> Vec<Outcome> {
        let (applied, results) = self.harness.apply(encode_batch(BatchHeader::default(), ops));
        self.harness.machine().publish().unwrap();
        let found = decode_write(applied.flags, &results);
        let expected: Vec<Outcome> = ops.iter().map(|op| self.semantics.apply(op)).collect();
        assert_eq!(found, expected);
        found
    }

    /// Reads everything at a revision, which must be what the semantics say.
    fn check_read<E: rafterdb_store::Engine>(&self, machine: &Machine<E>, revision: u64) -> Outcome {
        let range = RangeOp {
            key: vec![0],
            end: vec![0],
            revision,
            ..RangeOp::default()
        };
        let mut out = Vec::new();
        machine
            .read(&encode_read(std::slice::from_ref(&range)), &mut out)
            .unwrap();
        let found = decode_results(OperationResults::new(&out)).remove(0);
        assert_eq!(found, self.semantics.range(&range), "at {revision}");
        found
    }

    fn check_reads<E: rafterdb_store::Engine>(&self, machine: &Machine<E>) {
        for revision in [0, 1, 2, 3, 500, RAISED - 1, RAISED, RAISED + 1, RAISED + 2, RAISED + 3] {
            self.check_read(machine, revision);
        }
    }

    fn watch(&self, request: u64, start: u64) -> Result<(), Code> {
        let watch = WatchRequest {
            flags: 0,
            start_revision: start,
            credit: 100,
            cluster: 0,
            key: &[0],
            end: &[0],
        };
        let id = WatchId { connection: 1, request };
        self.harness.machine().watch(id, &watch).map_err(|error| error.code)
    }

    /// Revisions of the events of each watch, once all of them are served.
    fn events(&self, request: u64) -> Vec<u64> {
        while self.harness.machine().catch_up().unwrap() {}
        let mut revisions = Vec::new();
        for (id, code, body) in self.harness.collector.0.lock().iter() {
            if id.request == request && *code == Code::Ok {
                let events = WatchEvents::parse(body).unwrap();
                revisions.extend(events.map(|event| event.unwrap().pair.modified));
            }
        }
        revisions
    }
}

#[test]
fn what_is_written_after_a_raise_comes_after_it() {
    let mut store = Store::new();
    assert_eq!(store.semantics.revision(), RAISED + 2);
    store.check_reads(store.harness.machine());
    // It is there already, or it is too far: nothing happens.
    assert_eq!(store.apply(&[Op::Raise(5)]), [Outcome::Raise { revision: RAISED + 2 }]);
    let too_far = [Op::Raise((1 << 52) + 1), put("c")];
    assert_eq!(store.apply(&too_far)[0], Outcome::Error(Code::InvalidArgument));
    assert_eq!(store.semantics.revision(), RAISED + 3);
    assert_eq!(
        store.apply(&[Op::Raise(1 << 52)]),
        [Outcome::Raise { revision: 1 << 52 }]
    );
    assert!(store.harness.machine().verify_hash().unwrap());
}

#[test]
fn a_raise_that_is_sent_again_is_done_once() {
    let mut store = Store::new();
    let header = BatchHeader {
        session: store.harness.start_session(),
        sequence: 1,
        acked: 1,
        ..BatchHeader::default()
    };
    let body = encode_batch(header, &[Op::Raise(2_000), put("c")]);
    let (_, first) = store.harness.apply(body.clone());
    store.harness.apply(encode_batch(BatchHeader::default(), &[put("d")]));
    let mut again = body;
    again[24] |= BATCH_RETRY;
    let (applied, second) = store.harness.apply(again);
    assert!(applied.is_duplicate && first == second);
    store.harness.machine().publish().unwrap();
    assert_eq!(store.harness.machine().revision(), 2_002);
}

#[test]
fn a_restart_finds_the_raised_revision_from_the_flush_and_from_the_log() {
    let mut store = Store::new();
    store.harness.crash();
    store.check_reads(store.harness.machine());
    store.harness.machine().rotate().unwrap();
    store.apply(&[Op::Raise(5_000)]);
    store.harness.crash();
    assert_eq!(store.harness.machine().revision(), 5_000);
    store.harness.machine().rotate().unwrap();
    store.harness.crash();
    store.apply(&[put("c")]);
    store.check_reads(store.harness.machine());
    store.check_read(store.harness.machine(), 4_999);
}

#[test]
fn watches_begin_and_go_on_within_the_gap() {
    let mut store = Store::new();
    for (request, start) in [
        (1, 2),
        (2, 500),
        (3, RAISED),
        (4, RAISED + 1),
        (5, 0),
        (6, 3_000),
        (7, 7_000),
    ] {
        store.watch(request, start).unwrap();
    }
    // Live watches see it pass, those of the future are reached by it or not yet.
    store.apply(&[Op::Raise(5_000)]);
    store.apply(&[put("c")]);
    assert_eq!(store.events(1), [2, 1_001, 1_002, 5_001]);
    for request in 2..=4 {
        assert_eq!(store.events(request), [1_001, 1_002, 5_001], "watch {request}");
    }
    for (request, expected) in [(5, vec![5_001]), (6, vec![5_001]), (7, vec![])] {
        assert_eq!(store.events(request), expected, "watch {request}");
    }
}

#[test]
fn a_compaction_within_the_gap_keeps_what_is_above_it() {
    let mut store = Store::new();
    store.apply(&[Op::Compact(500)]);
    store.check_reads(store.harness.machine());
    assert_eq!(
        store.check_read(store.harness.machine(), 499),
        Outcome::Error(Code::Compacted)
    );
    assert_eq!(store.watch(1, 499), Err(Code::WatchLost));
    store.watch(2, 501).unwrap();
    assert_eq!(store.events(2), [1_001, 1_002]);
    store.harness.machine().rotate().unwrap();
    store.harness.crash();
    store.check_reads(store.harness.machine());
}

#[test]
fn a_snapshot_carries_the_raised_revision() {
    let mut store = Store::new();
    store.apply(&[Op::Compact(700), Op::Raise(9_000)]);
    let machine = store.harness.machine();
    let (mark, state) = machine.state();
    let mut stream = Vec::new();
    let snapshot = machine.engine().snapshot(mark, state).unwrap();
    snapshot.write(&mut stream).unwrap();
    let disk = LsmEngine::new_disk();
    install_snapshot(disk.path(), &mut stream.as_slice()).unwrap();
    let (engine, recovered) = <LsmEngine as TestEngine>::open(&disk, 1_000);
    let copy = Machine::new(engine, recovered, Arc::new(Collector::default())).unwrap();
    assert_eq!(copy.status(), machine.status());
    assert!(copy.verify_hash().unwrap());
    store.check_reads(&copy);
    store.check_read(&copy, 8_000);
}

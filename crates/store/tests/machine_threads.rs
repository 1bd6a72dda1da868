//! Readers and watches beside the apply thread: transactions are seen whole, and every watch gets everything, while
//! entries are applied, revisions compacted and watches started, starved and caught up on other threads.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod model;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;
use std::thread;

use model::engine::ModelEngine;
use model::harness::{Collector, TestEngine};
use model::semantics::{Op, Outcome, PutOp, RangeOp, TxnOp};
use model::wire::{decode_results, encode_batch, encode_read};
use rafterdb_codec::{BatchHeader, Code, Entry, EntryKind, OperationResults, WatchEvents, WatchRequest};
use rafterdb_store::{LsmEngine, Machine, WatchId};

const ENTRIES: u64 = 3_000;
const KEYS: [&[u8]; 3] = [b"x", b"y", b"z"];
const WATCHES: u64 = 6;

/// One revision that gives all keys the same value.
fn write_all(number: u64) -> Op {
    let put = |key: &&[u8]| {
        Op::Put(PutOp {
            key: key.to_vec(),
            value: number.to_le_bytes().to_vec(),
            ..PutOp::default()
        })
    };
    Op::Txn(TxnOp {
        compares: Vec::new(),
        then: KEYS.iter().map(put).collect(),
        otherwise: Vec::new(),
    })
}

fn apply_all<E: TestEngine>(machine: &Machine<E>, watched: &AtomicU64) {
    let mut results = Vec::new();
    for index in 1..=ENTRIES {
        let mut ops = vec![write_all(index)];
        // The slowest watch bounds the compaction, or it would be lost.
        let revision = watched.load(Ordering::Relaxed).min(machine.revision());
        if index % 50 == 0 && revision > 20 {
            ops.push(Op::Compact(revision - 10));
        }
        results.clear();
        machine
            .apply(
                index,
                1,
                &Entry::new(EntryKind::Batch, &encode_batch(BatchHeader::default(), &ops)),
                &mut results,
            )
            .unwrap();
        if index % 7 == 0 {
            machine.publish().unwrap();
        }
    }
    machine.publish().unwrap();
}

fn read_all<E: TestEngine>(machine: &Machine<E>, is_done: &AtomicBool) -> u64 {
    let range = RangeOp {
        key: vec![0],
        end: vec![0],
        ..RangeOp::default()
    };
    let body = encode_read(&[range.clone(), range]);
    let (mut out, mut reads, mut last) = (Vec::new(), 0, 0);
    while !is_done.load(Ordering::Relaxed) {
        out.clear();
        let revision = machine.read(&body, &mut out).unwrap();
        assert!(revision >= last, "a revision goes back");
        last = revision;
        let results = decode_results(OperationResults::new(&out));
        assert_eq!(results[0], results[1], "one request, one revision");
        let Outcome::Range { pairs, .. } = &results[0] else {
            panic!("{results:?}")
        };
        let expected = if revision == 1 { 0 } else { KEYS.len() };
        assert_eq!(pairs.len(), expected, "at {revision}");
        assert!(
            pairs
                .iter()
                .all(|kv| kv.modified == revision && kv.value == pairs[0].value),
            "a torn transaction"
        );
        reads += 1;
    }
    reads
}

/// What each watch has seen: its events, and how far it was told to have come.
#[derive(Default)]
struct Seen(HashMap<WatchId, (Events, u64)>);

/// Revision and key of each event.
type Events = Vec<(u64, Vec<u8>)>;

impl Seen {
    /// Takes in what was delivered, gives credit back for it, and returns the revision that all watches have reached.
    fn take<E: TestEngine>(&mut self, machine: &Machine<E>, collector: &Collector) -> u64 {
        for (id, code, body) in collector.take() {
            assert_eq!(code, Code::Ok);
            let events = WatchEvents::parse(&body).unwrap();
            let (revision, count) = (events.revision, events.left);
            let (seen, reached) = self.0.entry(id).or_default();
            seen.extend(
                events
                    .map(|event| event.unwrap())
                    .map(|event| (event.pair.modified, event.pair.key.to_vec())),
            );
            *reached = revision;
            // Odd watches starve now and then: theirs comes late.
            if id.request % 2 == 0 || count % 2 == 0 {
                machine.watch_credit(id, count);
            }
        }
        self.0.values().map(|(_, reached)| *reached).min().unwrap_or(0)
    }
}

#[test]
fn readers_and_watches_keep_up_with_the_apply_thread() {
    run::<ModelEngine>();
}

#[test]
fn readers_and_watches_keep_up_with_the_apply_thread_on_disk() {
    run::<LsmEngine>();
}

fn run<E: TestEngine>() {
    let disk = E::new_disk();
    let (engine, _) = E::open(&disk, 5_000);
    let collector = Arc::new(Collector::default());
    let machine = Machine::new(engine, None, collector.clone()).unwrap();
    let (is_done, watched) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut seen = Seen::default();
    for request in 0..WATCHES {
        let key = KEYS[request as usize % 3];
        let watch = WatchRequest {
            flags: 0,
            start_revision: request % 2,
            credit: 40,
            cluster: 0,
            key,
            end: b"",
        };
        machine.watch(WatchId { connection: 1, request }, &watch).unwrap();
    }
    thread::scope(|scope| {
        let reader = scope.spawn(|| read_all(&machine, &is_done));
        scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                if !machine.catch_up().unwrap() {
                    thread::yield_now();
                }
            }
        });
        let apply = scope.spawn(|| apply_all(&machine, &watched));
        while !apply.is_finished() {
            watched.store(seen.take(&machine, &collector), Ordering::Relaxed);
            thread::yield_now();
        }
        is_done.store(true, Ordering::Relaxed);
        assert!(reader.join().unwrap() > 0);
    });
    for request in 0..WATCHES {
        machine.watch_credit(WatchId { connection: 1, request }, u32::MAX);
    }
    while machine.catch_up().unwrap() {}
    seen.take(&machine, &collector);
    for (id, (events, _)) in seen.0 {
        let key = KEYS[id.request as usize % 3].to_vec();
        let expected: Events = (2..=ENTRIES + 1).map(|revision| (revision, key.clone())).collect();
        assert_eq!(events, expected, "watch {id:?}");
    }
    assert!(machine.verify_hash().unwrap());
}

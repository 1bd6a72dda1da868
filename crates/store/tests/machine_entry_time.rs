//! No request that passes the gate keeps the apply thread busy for long: measured as the processor time of its thread, which other
//! work on the machine does not lengthen much. What each of them took is printed. How many steps an entry takes, which does not depend on the
//! machine, is counted in machine_entry_bounds.rs.

#![allow(clippy::unwrap_used)] // A test fails by panicking.
#![cfg(target_os = "linux")]

mod model;

use std::sync::Arc;
use std::time::Duration;

use model::engine::ModelEngine;
use model::harness::{Collector, Harness};
use model::semantics::{CompareOp, Op, Outcome, PutOp, RangeOp, Relation, Target, TxnOp};
use model::wire::{decode_write, encode_batch};
use rafterdb_codec::limits::{BATCH_OPERATIONS_MAX, BATCH_RANGES_MAX, TXN_OPERATIONS_MAX};
use rafterdb_codec::{validate_batch, BatchHeader, Code, EntryKind, Limits};
use rafterdb_store::{EngineOptions, LsmEngine, Machine};

const KEYS: u32 = 400_000;
/// Values of 100,000 bytes, above the others.
const LARGE: u32 = 400;
const LARGE_BYTES: usize = 100_000;
/// What an entry may take, and three times that where code is not made fast.
const TIME_MAX: Duration = Duration::from_millis(if cfg!(debug_assertions) { 30 } else { 10 });
/// Each request is applied so often, over other keys; the shortest counts, as the others met a cold machine.
const ROUNDS: u32 = 4;

struct Loaded {
    machine: Machine<LsmEngine>,
    index: u64,
    _directory: tempfile::TempDir,
}

impl Loaded {
    fn apply(&mut self, ops: &[Op]) -> (Duration, usize) {
        let body = encode_batch(BatchHeader::default(), ops);
        let checked = validate_batch(&body, &Limits::default());
        assert!(checked.is_ok(), "{:?}", checked.err());
        let mut results = Vec::new();
        self.index += 1;
        let began = thread_time();
        self.machine
            .apply(self.index, 1, EntryKind::Batch as u8, &body, &mut results)
            .unwrap();
        let took = thread_time() - began;
        self.machine.publish().unwrap();
        (took, body.len())
    }
}

fn thread_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the time is there to be written.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    assert_eq!(failed, 0);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn key(number: u32) -> Vec<u8> {
    format!("table/{number:08}").into_bytes()
}

/// Keys far from one another, of all that there are.
fn scattered(number: u32) -> u32 {
    number.wrapping_mul(0x9e37_79b1) % KEYS
}

fn put_of(number: u32, bytes: usize) -> Op {
    Op::Put(PutOp {
        key: key(number),
        value: vec![number as u8; bytes],
        previous: true,
        ..PutOp::default()
    })
}

fn touch(number: u32) -> Op {
    Op::Put(PutOp {
        key: key(number),
        ignore_value: true,
        lease: 1,
        ..PutOp::default()
    })
}

fn delete(first: u32, count: u32) -> Op {
    Op::Delete {
        key: key(first),
        end: key(first + count),
        previous: true,
    }
}

fn range(first: u32, count: u32) -> Op {
    Op::Range(RangeOp {
        key: key(first),
        end: key(first + count),
        ..RangeOp::default()
    })
}

fn get(number: u32) -> Op {
    Op::Range(RangeOp {
        key: key(number),
        ..RangeOp::default()
    })
}

fn compare(first: u32, count: u32) -> CompareOp {
    CompareOp {
        key: key(first),
        end: if count == 1 { Vec::new() } else { key(first + count) },
        relation: Relation::Greater,
        target: Target::Version(0),
    }
}

fn txn(compares: Vec<CompareOp>, then: Vec<Op>) -> Op {
    Op::Txn(TxnOp {
        compares,
        then,
        otherwise: Vec::new(),
    })
}

fn each(count: usize, op: impl Fn(u32) -> Op) -> Vec<Op> {
    (0..u32::try_from(count).unwrap()).map(op).collect()
}

type Request = (&'static str, fn(u32) -> Vec<Op>);

/// Each of them is as much of its kind as passes the gate; a round has other keys than those before it.
const WORST: [Request; 17] = [
    ("puts of few bytes, with the pairs before", |round| {
        each(BATCH_OPERATIONS_MAX, |n| put_of(scattered(n + round * 2_048), 20))
    }),
    ("puts of 4 MB", |round| {
        each(39, |n| put_of(scattered(n + round * 39), LARGE_BYTES))
    }),
    ("puts of 1.5 MB each", |round| {
        each(2, |n| put_of(scattered(n + round * 2), 1_500_000))
    }),
    ("puts of 2 KB each", |round| {
        each(1_000, |n| put_of(scattered(n + 7 * round), 3_900))
    }),
    ("puts that keep values of 100 KB", |round| {
        each(BATCH_OPERATIONS_MAX, |n| touch(KEYS + (n + round) % LARGE))
    }),
    ("puts over values of 100 KB", |round| {
        each(80, |n| put_of(KEYS + n + 80 * round, 10))
    }),
    ("deletes of 8 keys each, and puts", |round| {
        let mut ops = each(BATCH_RANGES_MAX, |n| delete(100_000 + 2_200 * round + 8 * n, 8));
        ops.extend(each(BATCH_OPERATIONS_MAX - BATCH_RANGES_MAX, |n| {
            put_of(scattered(n + 5_000 + round * 1_700), 20)
        }));
        ops
    }),
    ("deletes of 500 keys each", |round| {
        each(BATCH_RANGES_MAX, |n| delete(120_000 + 2_200 * round + 500 * n, 500))
    }),
    ("deletes of 500 keys each, twice 126 in a transaction", |round| {
        let half = |half: u32| {
            txn(
                vec![],
                each(126, |n| delete(160_000 + 100 * round + 500 * (126 * half + n), 500)),
            )
        };
        vec![txn(vec![], vec![half(0), half(1)])]
    }),
    ("deletes of most keys", |round| {
        each(BATCH_RANGES_MAX, |n| delete(300_000 + 25_000 * round + 20 * n, 19_000))
    }),
    ("compares of 3,900 keys, and puts", |round| {
        vec![txn(
            vec![compare(20_000 + 4_000 * round, 3_900)],
            each(TXN_OPERATIONS_MAX, |n| put_of(n, 20)),
        )]
    }),
    ("128 compares and 128 ranges", |round| {
        vec![txn(
            (0..128).map(|n| compare(20_000 + 31 * n, 30)).collect(),
            each(128, |n| range(40_000 + 10_000 * round + 40 * n, 40)),
        )]
    }),
    ("256 ranges with nothing to return", |round| {
        let halves = |half: u32| txn(vec![], each(127, |n| range(40_000 + 1_000 * round + n + 128 * half, 5)));
        vec![halves(0), halves(1)]
    }),
    ("a range of all", |_| vec![txn(vec![], vec![range(0, KEYS)])]),
    ("gets of single keys", |round| {
        let several = |t| {
            txn(
                vec![],
                each(TXN_OPERATIONS_MAX, |n| get(scattered(10_000 * round + 128 * t + n))),
            )
        };
        each(7, several)
    }),
    ("compares of single keys", |round| {
        let compares = |t: u32| {
            (0..120)
                .map(|n| compare(scattered(10_000 * round + 120 * t + n), 1))
                .collect()
        };
        each(8, |t| txn(compares(t), vec![]))
    }),
    ("deletes of values of 100 KB", |round| {
        each(40, |n| delete(KEYS + 4 * n + 100 * round, 4))
    }),
];

fn load() -> Loaded {
    let directory = tempfile::tempdir().unwrap();
    let (engine, _) = LsmEngine::open(directory.path(), EngineOptions::default()).unwrap();
    let machine = Machine::new(engine, None, Arc::new(Collector::default())).unwrap();
    let mut loaded = Loaded {
        machine,
        index: 0,
        _directory: directory,
    };
    for first in (0..KEYS).step_by(1_000) {
        loaded.apply(&each(1_000, |n| put_of(scattered(first + n), 100)));
    }
    // Scattering leaves some out.
    for first in (0..KEYS).step_by(1_000) {
        loaded.apply(&each(1_000, |n| put_of(first + n, 100)));
    }
    for first in (0..LARGE).step_by(40) {
        loaded.apply(&each(40, |n| put_of(KEYS + first + n, LARGE_BYTES)));
    }
    loaded.machine.rotate().unwrap();
    loaded
}

#[test]
fn no_request_takes_the_apply_thread_long() {
    let mut loaded = load();
    let mut too_long = Vec::new();
    for (name, request) in WORST {
        let times: Vec<_> = (0..ROUNDS).map(|round| loaded.apply(&request(round))).collect();
        let (shortest, bytes) = *times.iter().min().unwrap();
        let longest = times.iter().max().unwrap().0;
        println!("{name:<56} {shortest:>10.1?} to {longest:>10.1?}, {bytes:>8} bytes");
        if shortest > TIME_MAX {
            too_long.push((name, shortest));
        }
    }
    assert_eq!(too_long, []);
}

#[test]
fn values_that_puts_keep_are_bounded_together() {
    let mut harness = Harness::<ModelEngine>::new(1_000);
    let apply = |harness: &mut Harness<ModelEngine>, ops: &[Op]| {
        let (applied, results) = harness.apply(encode_batch(BatchHeader::default(), ops));
        decode_write(applied.flags, &results)
    };
    apply(&mut harness, &each(8, |n| put_of(n, 1_000_000))[..4]);
    apply(&mut harness, &each(8, |n| put_of(n, 1_000_000))[4..]);
    let is_refused = |outcome: &Outcome| *outcome == Outcome::Error(Code::TooManyOperations);
    // 4,992 steps, of which each value takes 976.
    let outcomes = apply(&mut harness, &each(8, touch));
    let refused: Vec<bool> = outcomes.iter().map(is_refused).collect();
    assert_eq!(refused, [false, false, false, false, false, true, true, true]);
    // A transaction does all of it or nothing.
    let revision = harness.machine().publish().unwrap().revision;
    let outcomes = apply(&mut harness, &[txn(vec![], each(8, touch))]);
    assert!(is_refused(&outcomes[0]), "{outcomes:?}");
    assert_eq!(harness.machine().publish().unwrap().revision, revision);
    // Small values are of the put's own step, however many.
    apply(&mut harness, &each(1_000, |n| put_of(n, 1_000)));
    let outcomes = apply(&mut harness, &each(1_000, touch));
    assert!(!outcomes.iter().any(is_refused));
    harness.crash();
}

//! No request that passes the gate keeps the apply thread busy for long: measured as the processor time of its thread, which other
//! work on the machine does not lengthen much. What each of them took is printed. How many steps an entry takes, which does not depend on the
//! machine, is counted in machine_entry_bounds.rs.

#![allow(clippy::unwrap_used)] // A test fails by panicking.
#![cfg(target_os = "linux")]

mod model;
mod timed;

use std::time::Duration;

use model::engine::ModelEngine;
use model::harness::Harness;
use model::semantics::{CompareOp, Op, Outcome, PutOp, RangeOp, Relation, Target, TxnOp};
use model::wire::{decode_write, encode_batch};
use rafterdb_codec::limits::{BATCH_OPERATIONS_MAX, BATCH_RANGES_MAX, TXN_OPERATIONS_MAX};
use rafterdb_codec::{BatchHeader, Code};
use rafterdb_store::EngineOptions;
use timed::{delete_one, each, key, load_cold, open, Loaded, TIME_MAX};

const KEYS: u32 = 400_000;
/// Values of 100,000 bytes, above the others.
const LARGE: u32 = 400;
const LARGE_BYTES: usize = 100_000;
/// Each request is applied so often, over other keys; the shortest counts, as the others met a cold machine.
const ROUNDS: u32 = 4;

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
    ("puts of 8 KB each", |round| {
        each(500, |n| put_of(scattered(n + 7 * round), 7_800))
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
    ("deletes of 500 keys each, twice 63 in a transaction", |round| {
        let half = |half: u32| {
            txn(
                vec![],
                each(63, |n| delete(160_000 + 100 * round + 500 * (63 * half + n), 500)),
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
    ("64 compares and 64 ranges", |round| {
        vec![txn(
            (0..64).map(|n| compare(20_000 + 62 * n, 61)).collect(),
            each(64, |n| range(40_000 + 10_000 * round + 40 * n, 40)),
        )]
    }),
    ("128 ranges with nothing to return", |round| {
        let halves = |half: u32| txn(vec![], each(63, |n| range(40_000 + 1_000 * round + n + 64 * half, 5)));
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
        each(3, several)
    }),
    ("compares of single keys", |round| {
        let compares = |t: u32| {
            (0..120)
                .map(|n| compare(scattered(10_000 * round + 120 * t + n), 1))
                .collect()
        };
        each(4, |t| txn(compares(t), vec![]))
    }),
    ("deletes of values of 100 KB", |round| {
        each(40, |n| delete(KEYS + 4 * n + 100 * round, 4))
    }),
];

fn load() -> Loaded {
    let mut loaded = open(EngineOptions::default());
    for first in (0..KEYS).step_by(500) {
        loaded.apply(&each(500, |n| put_of(scattered(first + n), 100)));
    }
    // Scattering leaves some out.
    for first in (0..KEYS).step_by(500) {
        loaded.apply(&each(500, |n| put_of(first + n, 100)));
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

fn put_small(number: u32) -> Op {
    Op::Put(PutOp {
        key: key(number),
        value: vec![1; 10],
        ..PutOp::default()
    })
}

fn delete_quietly(first: u32, count: u32) -> Op {
    Op::Delete {
        key: key(first),
        end: key(first + count),
        previous: false,
    }
}

/// The request of each round.
type Requests<'a> = &'a dyn Fn(u32) -> Vec<Op>;

/// What replaces and deletes large values, with a history that is compacted, so that it must keep them, and with one that is not.
#[test]
fn old_values_are_not_read_to_replace_or_delete_them() {
    let mut too_long = Vec::new();
    for (values, bytes) in [(1_536, 100_000), (192, 1 << 20), (6_144, 4_095)] {
        for is_compacted in [false, true] {
            let mut loaded = load_cold(values, bytes, is_compacted);
            let third = values / 3;
            let puts = third.min(512) as usize;
            let deletes = (values / 12).min(u32::try_from(BATCH_RANGES_MAX).unwrap());
            let put = |round: u32| each(puts, |n| put_small(round * third + n));
            let delete = |round: u32| {
                let from = 2 * third + round * (third / 2);
                each(deletes as usize / 2, |n| delete_quietly(from + n * 2, 2))
            };
            let rounds: [(&str, Requests<'_>); 2] = [("puts", &put), ("deletes of ranges", &delete)];
            for (name, request) in rounds {
                let times: Vec<_> = (0..2).map(|round| loaded.apply(&request(round)).0).collect();
                let name = format!("{name} over {bytes} bytes each, compacted: {is_compacted}");
                println!("{name:<64} {times:>10.1?}");
                let shortest = times.into_iter().min().unwrap();
                if shortest > TIME_MAX {
                    too_long.push((name, shortest));
                }
            }
        }
    }
    assert_eq!(too_long, []);
}

/// Keys that were deleted one by one, and are not compacted.
const DEAD: u32 = if cfg!(debug_assertions) { 600_000 } else { 1_000_000 };

/// What passes over all of them, and what meets them at as many places as it may.
const OVER_DEAD: [Request; 5] = [
    ("a delete of all", |_| vec![delete(0, DEAD)]),
    ("a compare of all", |_| vec![txn(vec![compare(0, DEAD)], vec![])]),
    ("a range of all in a transaction", |_| {
        vec![txn(vec![], vec![range(0, DEAD)])]
    }),
    ("deletes of as many parts as there may be", |round| {
        let part = DEAD / 256;
        each(BATCH_RANGES_MAX, |n| delete(2 * part * n + round, part))
    }),
    ("ranges of as many parts as there may be", |round| {
        let part = DEAD / 256;
        let parts = |half: u32| {
            txn(
                vec![],
                each(63, |n| range(2 * part * (n + 64 * half) + part + round, part)),
            )
        };
        vec![parts(0), parts(1)]
    }),
];

fn over_dead(dead_rows: usize) -> Vec<(&'static str, Duration)> {
    let mut loaded = open(EngineOptions {
        dead_rows,
        ..EngineOptions::default()
    });
    for first in (0..DEAD).step_by(500) {
        loaded.apply(&each(500, |n| put_of(first + n, 100)));
    }
    for first in (0..DEAD).step_by(500) {
        loaded.apply(&each(500, |n| delete_one(first + n)));
    }
    let mut longest = Vec::new();
    for (name, request) in OVER_DEAD {
        let times: Vec<_> = (0..ROUNDS).map(|round| loaded.apply(&request(round)).0).collect();
        println!("{name:<56} {times:>10.1?}");
        longest.extend(times.into_iter().max().map(|time| (name, time)));
    }
    longest
}

#[test]
fn keys_that_were_deleted_one_by_one_are_not_walked_over() {
    let mut too_long = over_dead(24);
    too_long.retain(|(_, time)| *time > TIME_MAX);
    assert_eq!(too_long, []);
}

#[test]
fn canary_without_dead_stretches_they_are() {
    let walked = over_dead(usize::MAX);
    assert!(walked.iter().any(|(_, time)| *time > TIME_MAX), "{walked:?}");
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

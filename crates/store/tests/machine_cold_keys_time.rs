//! Entries of single keys that are in no cache keep the apply thread no longer than others: each key has to be looked up in the tables. As in
//! machine_entry_time.rs it is the processor time of the thread that counts, and what each took is printed.

#![allow(clippy::unwrap_used)] // A test fails by panicking.
#![cfg(target_os = "linux")]

mod model;
mod timed;

use std::time::Duration;

use model::semantics::{CompareOp, Op, PutOp, RangeOp, Relation, Target, TxnOp};
use rafterdb_codec::limits::{BATCH_OPERATIONS_MAX, TXN_OPERATIONS_MAX};
use rafterdb_store::EngineOptions;
use timed::{delete_one, each, key, load_cold, noise, open, TIME_MAX};

/// Keys in the tables.
const KEYS: u32 = if cfg!(debug_assertions) { 100_000 } else { 1_000_000 };
/// Entries of each kind, none over keys of another.
const ROUNDS: u32 = 12;

/// Keys far from one another, of so many: another one for each number.
fn scattered(number: u32, keys: u32) -> u32 {
    // Odd, and no factor of five: so it has no factor in common with the number of keys.
    (u64::from(number) * 618_033 % u64::from(keys)) as u32
}

fn put(number: u32, previous: bool) -> Op {
    Op::Put(PutOp {
        key: key(number),
        value: vec![number as u8; 20],
        previous,
        ..PutOp::default()
    })
}

fn compare(number: u32) -> CompareOp {
    CompareOp {
        key: key(number),
        end: Vec::new(),
        relation: Relation::Greater,
        target: Target::Version(0),
    }
}

fn get(number: u32) -> Op {
    Op::Range(RangeOp {
        key: key(number),
        ..RangeOp::default()
    })
}

fn txn(compares: Vec<CompareOp>, then: Vec<Op>) -> Op {
    Op::Txn(TxnOp {
        compares,
        then,
        otherwise: Vec::new(),
    })
}

/// Which key is the next one, by its number in the request.
type Next<'a> = &'a dyn Fn(u32) -> u32;
type Request = (&'static str, fn(Next<'_>) -> Vec<Op>);

/// As many operations on single keys as an entry may have.
const OVER_COLD: [Request; 6] = [
    ("deletes", |from| each(BATCH_OPERATIONS_MAX, |n| delete_one(from(n)))),
    ("deletes with the pairs before", |from| {
        each(BATCH_OPERATIONS_MAX, |n| Op::Delete {
            key: key(from(n)),
            end: Vec::new(),
            previous: true,
        })
    }),
    ("puts", |from| each(BATCH_OPERATIONS_MAX, |n| put(from(n), false))),
    ("puts with the pairs before", |from| {
        each(BATCH_OPERATIONS_MAX, |n| put(from(n), true))
    }),
    ("gets", |from| {
        let part = |part: u32| each(TXN_OPERATIONS_MAX, |n| get(from(128 * part + n)));
        each(3, |n| txn(vec![], part(n)))
    }),
    ("compares", |from| {
        let part = |part: u32| (0..120).map(|n| compare(from(120 * part + n))).collect();
        each(4, |n| txn(part(n), vec![]))
    }),
];

/// All but the longest one: other work on the machine may have lengthened that.
fn longest(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() - 2]
}

#[test]
fn single_keys_in_no_cache_take_the_apply_thread_no_longer() {
    let mut too_long = Vec::new();
    for (keys, bytes, is_compacted) in [
        (KEYS, 100, false),
        (KEYS, 100, true),
        // The longest that lie with their rows, each in a block of its own.
        (KEYS / 20, 4_095, true),
    ] {
        let mut loaded = load_cold(keys, bytes, is_compacted);
        let mut from = 0;
        for (name, request) in OVER_COLD {
            let mut times = Vec::new();
            for _ in 0..ROUNDS {
                times.push(loaded.apply(&request(&|n| scattered(from + n, keys))).0);
                from += 512;
            }
            println!("{name:<32} {bytes:>5} bytes, compacted: {is_compacted:<5} {times:>8.1?}");
            let longest = longest(times);
            if longest > TIME_MAX {
                too_long.push((name, bytes, is_compacted, longest));
            }
        }
        println!("{:?}", loaded.machine.longest_apply());
    }
    assert_eq!(too_long, []);
}

/// The times of many entries: all but one in a thousand, which others may have lengthened, and the longest.
fn told(what: &str, mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    let part = |part: usize| times[(times.len() - 1) * part / 1000];
    println!(
        "{what}: p50 {:?}, p99 {:?}, p99.9 {:?}, longest {:?}",
        part(500),
        part(990),
        part(999),
        times.last()
    );
    part(999)
}

#[test]
fn all_keys_may_be_deleted_one_by_one() {
    let mut loaded = open(EngineOptions::default());
    for first in (0..KEYS).step_by(500) {
        loaded.apply(&each(500, |n| {
            Op::Put(PutOp {
                key: key(first + n),
                value: noise(first + n, 100),
                ..PutOp::default()
            })
        }));
    }
    let entries = (0..KEYS).step_by(500);
    let times = entries.map(|first| loaded.apply(&each(500, |n| delete_one(first + n))).0);
    assert!(told("deletes", times.collect()) <= TIME_MAX);
    println!("{:?}", loaded.machine.longest_apply());
}

/// New keys are put in order now and then, and when somebody reads a range, which may be in a transaction.
#[test]
fn new_keys_may_come_in_any_order() {
    let mut loaded = open(EngineOptions::default());
    let (mut puts, mut ranges) = (Vec::new(), Vec::new());
    for entry in 0..KEYS / 1_024 {
        let puts_of = each(BATCH_OPERATIONS_MAX, |n| put(scattered(entry * 512 + n, KEYS), false));
        puts.push(loaded.apply(&puts_of).0);
        if entry % 8 == 7 {
            let all = RangeOp {
                key: key(0),
                end: key(KEYS),
                limit: 1,
                ..RangeOp::default()
            };
            ranges.push(loaded.apply(&[txn(vec![], vec![Op::Range(all)])]).0);
        }
    }
    assert!(told("puts", puts) <= TIME_MAX);
    assert!(told("ranges", ranges) <= TIME_MAX);
}

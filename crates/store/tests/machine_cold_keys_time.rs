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

/// Keys far from one another, of all that there are: another one for each number.
fn scattered(number: u32) -> u32 {
    // Odd, and no factor of five: so it has no factor in common with the number of keys.
    (u64::from(number) * 618_033 % u64::from(KEYS)) as u32
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

type Request = (&'static str, fn(u32) -> Vec<Op>);

/// As many operations on single keys as an entry may have, from the given number on.
const OVER_COLD: [Request; 6] = [
    ("deletes", |from| {
        each(BATCH_OPERATIONS_MAX, |n| delete_one(scattered(from + n)))
    }),
    ("deletes with the pairs before", |from| {
        each(BATCH_OPERATIONS_MAX, |n| Op::Delete {
            key: key(scattered(from + n)),
            end: Vec::new(),
            previous: true,
        })
    }),
    ("puts", |from| {
        each(BATCH_OPERATIONS_MAX, |n| put(scattered(from + n), false))
    }),
    ("puts with the pairs before", |from| {
        each(BATCH_OPERATIONS_MAX, |n| put(scattered(from + n), true))
    }),
    ("gets", |from| {
        let part = |part: u32| each(TXN_OPERATIONS_MAX, |n| get(scattered(from + 128 * part + n)));
        each(3, |n| txn(vec![], part(n)))
    }),
    ("compares", |from| {
        let part = |part: u32| (0..120).map(|n| compare(scattered(from + 120 * part + n))).collect();
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
    for is_compacted in [false, true] {
        let mut loaded = load_cold(KEYS, 100, is_compacted);
        let mut from = 0;
        for (name, request) in OVER_COLD {
            let mut times = Vec::new();
            for _ in 0..ROUNDS {
                times.push(loaded.apply(&request(from)).0);
                from += 512;
            }
            println!("{name:<32} compacted: {is_compacted:<5} {times:>8.1?}");
            let longest = longest(times);
            if longest > TIME_MAX {
                too_long.push((name, is_compacted, longest));
            }
        }
        println!("{:?}", loaded.machine.longest_apply());
    }
    assert_eq!(too_long, []);
}

#[test]
fn all_keys_deleted_one_by_one() {
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
    println!("filled: {:?}", loaded.machine.longest_apply());
    let mut times: Vec<(Duration, u32)> = Vec::new();
    for first in (0..KEYS).step_by(500) {
        let time = loaded.apply(&each(500, |n| delete_one(first + n))).0;
        times.push((time, first));
    }
    times.sort_unstable();
    let part = |part: usize| times[(times.len() - 1) * part / 1000].0;
    println!(
        "p50 {:?}, p99 {:?}, p999 {:?}, longest {:?}",
        part(500),
        part(990),
        part(999),
        &times[times.len() - 8..]
    );
    println!("deleted: {:?}", loaded.machine.longest_apply());
    assert!(part(995) < TIME_MAX);
}

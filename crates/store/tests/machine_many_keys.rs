//! One entry that concerns very many keys: a delete is one change whatever their number, compares look at a bounded number, and
//! watches are told of each key all the same.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod model;

use model::engine::ModelEngine;
use model::harness::Harness;
use model::semantics::{CompareOp, Op, Outcome, PutOp, RangeOp, Relation, Target, TxnOp};
use model::wire::{decode_results, decode_write, encode_batch, encode_read};
use rafterdb_codec::{
    BatchHeader, Code, Entry, EntryKind, OperationResults, WatchEvents, WatchRequest, BATCH_RETRY, WATCH_PREV_KV,
};
use rafterdb_store::{Bounds, LsmEngine, WatchId};

const KEYS: u32 = 20_000;

fn key(number: u32) -> Vec<u8> {
    format!("k{number:06}").into_bytes()
}

fn put(key: Vec<u8>) -> Op {
    Op::Put(PutOp {
        key,
        value: vec![7; 20],
        ..PutOp::default()
    })
}

fn delete_all() -> Op {
    Op::Delete {
        key: b"k".to_vec(),
        end: b"l".to_vec(),
        previous: false,
    }
}

fn filled() -> Harness<LsmEngine> {
    filled_with(KEYS)
}

fn filled_with(keys: u32) -> Harness<LsmEngine> {
    let mut harness = Harness::new(1_000_000);
    for first in (0..keys).step_by(1000) {
        let ops: Vec<Op> = (first..first + 1000).map(|number| put(key(number))).collect();
        harness.apply(encode_batch(BatchHeader::default(), &ops));
    }
    harness.machine().publish().unwrap();
    harness
}

#[test]
fn a_delete_of_many_keys_is_one_change_and_says_how_many_they_were() {
    let mut harness = filled();
    let written = |harness: &Harness<LsmEngine>| {
        let stats = harness.machine().engine().stats();
        (stats.history_written_bytes, stats.memtable_bytes)
    };
    let (history, memtable) = written(&harness);
    let header = BatchHeader {
        session: harness.start_session(),
        sequence: 1,
        acked: 1,
        ..BatchHeader::default()
    };
    let body = encode_batch(header, &[delete_all()]);
    let (applied, results) = harness.apply(body.clone());
    let (history_after, memtable_after) = written(&harness);
    assert!(
        history_after - history < 200,
        "{} bytes of history",
        history_after - history
    );
    assert_eq!(memtable_after, memtable, "no row is written");
    let expected = [Outcome::Delete {
        revision: u64::from(KEYS) + 2,
        deleted: u64::from(KEYS),
        pairs: Vec::new(),
    }];
    assert_eq!(decode_write(applied.flags, &results), expected);
    // The answer that is kept has no count either: it is filled in again.
    let mut again = body;
    again[24] |= BATCH_RETRY;
    harness.crash();
    let (applied, results) = harness.apply(again.clone());
    assert!(applied.is_duplicate && applied.is_uncounted);
    assert_eq!(decode_write(applied.flags, &results), expected);
    // Once it is compacted nobody knows it any more.
    harness.apply(encode_batch(
        BatchHeader::default(),
        &[Op::Compact(u64::from(KEYS) + 2)],
    ));
    harness.machine().publish().unwrap();
    assert_eq!(harness.apply(again).0.code, Code::ResultForgotten);
}

#[test]
fn a_key_that_is_deleted_alone_and_in_a_range_at_once_and_then_written_is_found_by_ranges() {
    let mut harness = filled();
    let alone = Op::Delete {
        key: key(7),
        end: Vec::new(),
        previous: false,
    };
    let both = Op::Txn(TxnOp {
        compares: Vec::new(),
        then: vec![alone, delete_all()],
        otherwise: Vec::new(),
    });
    harness.apply(encode_batch(BatchHeader::default(), &[both]));
    harness.apply(encode_batch(BatchHeader::default(), &[put(key(7))]));
    harness.machine().publish().unwrap();
    for (start, reverse) in [(0, false), (0, true), (7, false)] {
        let range = RangeOp {
            key: key(start),
            end: b"l".to_vec(),
            reverse,
            ..RangeOp::default()
        };
        let mut out = Vec::new();
        harness.machine().read(&encode_read(&[range]), &mut out).unwrap();
        let Outcome::Range { pairs, .. } = decode_results(OperationResults::new(&out)).remove(0) else {
            panic!("a range");
        };
        let keys: Vec<_> = pairs.into_iter().map(|pair| pair.key).collect();
        assert_eq!(keys, [key(7)], "from {start}, reverse: {reverse}");
    }
}

#[test]
fn a_compaction_does_not_overtake_the_count_of_what_was_applied_before_it() {
    let harness = filled();
    let body = encode_batch(
        BatchHeader::default(),
        // Above the delete: what it killed may go.
        &[delete_all(), put(b"x".to_vec()), Op::Compact(u64::from(KEYS) + 3)],
    );
    let mut results = Vec::new();
    let machine = harness.machine();
    let index = u64::from(KEYS / 1000) + 1;
    machine
        .apply(index, 1, &Entry::new(EntryKind::Batch, &body), &mut results)
        .unwrap();
    let kept = machine.keep_for_counts();
    machine.publish().unwrap();
    machine.rotate().unwrap();
    while machine.engine().stats().flushing || machine.engine().stats().compacting {
        std::thread::yield_now();
    }
    machine.fill_in(&kept, &body, &mut results).unwrap();
    let Outcome::Delete { deleted, .. } = &decode_write(0, &results)[0] else {
        panic!("a delete");
    };
    assert_eq!(*deleted, u64::from(KEYS));
    // Canary: who keeps nothing before the compaction is told so.
    let late = machine.keep_for_counts();
    let mut again = Vec::new();
    let refused = machine
        .apply(index + 1, 1, &Entry::new(EntryKind::Batch, &body), &mut again)
        .unwrap();
    assert!(!refused.is_uncounted, "nothing is left to delete");
    results[16..24].copy_from_slice(&u64::MAX.to_le_bytes());
    let error = machine.fill_in(&late, &body, &mut results).unwrap_err();
    assert_eq!(error.code, Code::ResultForgotten);
}

#[test]
fn watches_are_told_of_each_key_of_a_deleted_range_in_pieces() {
    let mut harness = filled();
    let id = WatchId {
        connection: 1,
        request: 1,
    };
    let request = WatchRequest {
        flags: WATCH_PREV_KV,
        start_revision: 0,
        credit: 1,
        cluster: 0,
        key: b"k",
        end: b"l",
    };
    harness.machine().watch(id, &request).unwrap();
    harness.apply(encode_batch(BatchHeader::default(), &[delete_all(), put(key(3))]));
    harness.machine().publish().unwrap();
    let mut told = Vec::new();
    for _ in 0..100 {
        harness.machine().watch_credit(id, 1000);
        while harness.machine().catch_up().unwrap() {}
        for (_, code, body) in harness.collector.take() {
            assert_eq!(code, Code::Ok);
            for event in WatchEvents::parse(&body).unwrap() {
                let event = event.unwrap();
                let previous = event.previous.map(|pair| pair.modified);
                told.push((event.pair.modified, event.pair.key.to_vec(), previous));
            }
        }
        if told.len() > KEYS as usize {
            break;
        }
    }
    let revision = u64::from(KEYS) + 2;
    let deleted = (0..KEYS).map(|number| (revision, key(number), Some(u64::from(number) + 2)));
    let expected: Vec<_> = deleted.chain([(revision + 1, key(3), None)]).collect();
    assert!(told == expected, "{} events", told.len());
}

#[test]
fn a_deleted_range_is_walked_in_pieces_for_a_watch_that_wants_little_of_it() {
    let keys = 600_000;
    let mut harness = filled_with(keys);
    harness.apply(encode_batch(BatchHeader::default(), &[delete_all()]));
    harness.machine().publish().unwrap();
    let id = WatchId {
        connection: 1,
        request: 1,
    };
    let last = key(keys - 1);
    let request = WatchRequest {
        flags: 0,
        start_revision: u64::from(keys) + 2,
        credit: 10,
        cluster: 0,
        key: &last,
        end: b"",
    };
    harness.machine().watch(id, &request).unwrap();
    let mut calls = 1;
    while harness.machine().catch_up().unwrap() {
        calls += 1;
    }
    assert_eq!(calls, 3, "a quarter of a million keys a call");
    let bodies = harness.collector.take();
    let events = bodies.iter().flat_map(|(_, _, body)| WatchEvents::parse(body).unwrap());
    let told: Vec<_> = events.map(|event| event.unwrap().pair.key.to_vec()).collect();
    assert_eq!(told, [last]);
}

fn comparing(end: u32) -> Op {
    Op::Txn(TxnOp {
        compares: vec![CompareOp {
            key: key(0),
            end: key(end),
            relation: Relation::Greater,
            target: Target::Version(0),
        }],
        then: vec![put(b"done".to_vec())],
        otherwise: Vec::new(),
    })
}

#[test]
fn compares_of_a_transaction_look_at_a_bounded_number_of_keys() {
    let mut harness = filled();
    let most = u32::try_from(Bounds::default().compare_steps_max).unwrap();
    let (applied, results) = harness.apply(encode_batch(BatchHeader::default(), &[comparing(most)]));
    assert!(matches!(
        decode_write(applied.flags, &results)[..],
        [Outcome::Txn { succeeded: true, .. }]
    ));
    let (applied, results) = harness.apply(encode_batch(BatchHeader::default(), &[comparing(most + 1)]));
    assert_eq!(
        decode_write(applied.flags, &results),
        [Outcome::Error(Code::TooManyOperations)]
    );
    // An entry has so much of this in all.
    let ops: Vec<Op> = (0..2).map(|_| comparing(most)).collect();
    let (applied, results) = harness.apply(encode_batch(BatchHeader::default(), &ops));
    let refused = decode_write(applied.flags, &results);
    assert_eq!(
        refused
            .iter()
            .filter(|outcome| matches!(outcome, Outcome::Error(_)))
            .count(),
        1
    );
}

#[test]
fn a_range_in_a_transaction_is_counted_later_with_what_the_transaction_did_before() {
    let mut harness = Harness::<ModelEngine>::bounded(
        1000,
        Bounds {
            count_steps_max: 3,
            delete_steps_max: 2,
            ..Bounds::default()
        },
    );
    let ops: Vec<Op> = (0..20).map(|number| put(key(number))).collect();
    harness.apply(encode_batch(BatchHeader::default(), &ops));
    let count = || {
        Op::Range(RangeOp {
            key: b"k".to_vec(),
            end: b"l".to_vec(),
            limit: 1,
            ..RangeOp::default()
        })
    };
    let delete = Op::Delete {
        key: key(5),
        end: key(15),
        previous: false,
    };
    let txn = Op::Txn(TxnOp {
        compares: Vec::new(),
        then: vec![count(), put(key(50)), put(key(0)), count(), delete, count()],
        otherwise: Vec::new(),
    });
    let (applied, results) = harness.apply(encode_batch(BatchHeader::default(), &[txn]));
    let outcomes = decode_write(applied.flags, &results);
    let [Outcome::Txn { results, .. }] = &outcomes[..] else {
        panic!("{outcomes:?}");
    };
    let counts: Vec<u64> = results
        .iter()
        .filter_map(|outcome| match outcome {
            Outcome::Range { count, .. } => Some(*count),
            Outcome::Delete { deleted, .. } => Some(*deleted),
            _ => None,
        })
        .collect();
    assert_eq!((harness.filled_in, counts), (1, vec![20, 21, 10, 11]));
}

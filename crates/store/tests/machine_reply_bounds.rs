//! Replies are bounded, and say so: ranges stop with MORE, previous pairs are left out with a flag, nothing is just missing.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod model;

use model::engine::ModelEngine;
use model::harness::Harness;
use model::semantics::{Op, Outcome, PutOp, RangeOp};
use model::wire::{decode_results, encode_batch, encode_read};
use rafterdb_codec::limits::{BATCH_OPERATIONS_MAX, FRAME_BYTES_MAX, READ_REPLY_BYTES_MAX, VALUE_BYTES_LARGEST};
use rafterdb_codec::{BatchHeader, Code, Consistency, OperationResults, Range, ReadRequest};
use rafterdb_codec::{
    MESSAGE_HEADER_BYTES, RANGE_NO_COUNT, RESULT_PREVIOUS_LEFT_OUT, RESULT_PUT_PREVIOUS, RESULT_RANGE_MORE,
};

const KEYS: u8 = 10;
const VALUE_BYTES: usize = 300 << 10;

fn put(key: u8, previous: bool) -> Op {
    Op::Put(PutOp {
        key: vec![b'k', key],
        value: vec![key; VALUE_BYTES],
        previous,
        ..PutOp::default()
    })
}

fn filled() -> Harness<ModelEngine> {
    let mut harness = Harness::new(1000);
    let ops: Vec<Op> = (0..KEYS).map(|key| put(key, false)).collect();
    harness.apply(encode_batch(BatchHeader::default(), &ops));
    harness.machine().publish().unwrap();
    harness
}

fn all() -> RangeOp {
    RangeOp {
        key: vec![0],
        end: vec![0],
        ..RangeOp::default()
    }
}

fn read(harness: &Harness<ModelEngine>, body: &[u8]) -> Vec<Outcome> {
    let mut out = Vec::new();
    harness.machine().read(body, &mut out).unwrap();
    assert!(out.len() < READ_REPLY_BYTES_MAX + VALUE_BYTES + 1000);
    decode_results(OperationResults::new(&out))
}

#[test]
fn a_full_reply_stops_with_more_and_later_ranges_are_empty() {
    let harness = filled();
    let single = RangeOp {
        key: vec![b'k', 0],
        ..RangeOp::default()
    };
    let results = read(&harness, &encode_read(&[single.clone(), all(), single]));
    let shape = |outcome: &Outcome| match outcome {
        Outcome::Range { pairs, count, more, .. } => (pairs.len(), *count, *more),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        results.iter().map(shape).collect::<Vec<_>>(),
        [(1, 1, false), (3, u64::from(KEYS), true), (0, 0, true)]
    );
}

#[test]
fn pages_reach_everything() {
    let harness = filled();
    let (mut seen, mut range) = (Vec::new(), all());
    loop {
        let Some(Outcome::Range { pairs, more, .. }) = read(&harness, &encode_read(&[range.clone()])).pop() else {
            panic!("not a range")
        };
        seen.extend(pairs.into_iter().map(|kv| kv.key));
        if !more {
            break;
        }
        range.key = [seen.last().unwrap().as_slice(), &[0]].concat();
    }
    assert_eq!(seen, (0..KEYS).map(|key| vec![b'k', key]).collect::<Vec<_>>());
}

#[test]
fn a_range_that_does_not_count_stops_at_its_limit() {
    let harness = filled();
    for (limit, expected) in [(2, (2, true)), (3, (3, true)), (u64::from(KEYS), (4, true))] {
        let mut body = Vec::new();
        ReadRequest::encode_header(&mut body, Consistency::Serializable, 1, 0);
        Range {
            flags: RANGE_NO_COUNT,
            limit,
            revision: 0,
            key: b"k",
            end: b"l",
        }
        .encode(&mut body);
        let mut out = Vec::new();
        harness.machine().read(&body, &mut out).unwrap();
        let result = OperationResults::new(&out).next().unwrap().unwrap();
        let counted = result.counted_pairs().unwrap();
        assert_eq!(counted.count, u64::from(counted.length));
        assert_eq!((counted.length, result.flags & RESULT_RANGE_MORE != 0), expected);
    }
}

#[test]
fn previous_pairs_of_one_batch_are_bounded() {
    let mut harness = filled();
    let ops: Vec<Op> = (0..3).flat_map(|_| (0..KEYS).map(|key| put(key, true))).collect();
    let (applied, results) = harness.apply(encode_batch(BatchHeader::default(), &ops));
    assert_eq!(applied.code, Code::Ok);
    assert!(results.len() < FRAME_BYTES_MAX);
    let flags: Vec<u8> = OperationResults::new(&results)
        .map(|result| result.unwrap().flags)
        .collect();
    let kept = flags.iter().take_while(|flags| **flags == RESULT_PUT_PREVIOUS).count();
    assert!(kept >= 5 && kept < flags.len());
    assert!(flags[kept..].iter().all(|flags| *flags == RESULT_PREVIOUS_LEFT_OUT));
    let delete = Op::Delete {
        key: b"k".to_vec(),
        end: b"l".to_vec(),
        previous: true,
    };
    let (_, results) = harness.apply(encode_batch(
        BatchHeader::default(),
        &[put(0, true), put(1, true), delete],
    ));
    let last = OperationResults::new(&results).last().unwrap().unwrap();
    assert_eq!(last.counted_pairs().unwrap().count, u64::from(KEYS));
    assert!(last.counted_pairs().unwrap().length <= u32::from(KEYS));
}

#[test]
fn reads_that_are_wrong_are_told_so() {
    let harness = filled();
    let range = |key: &[u8], end: &[u8]| RangeOp {
        key: key.to_vec(),
        end: end.to_vec(),
        ..RangeOp::default()
    };
    let future = RangeOp {
        revision: 1000,
        ..all()
    };
    let results = read(&harness, &encode_read(&[range(b"", b""), range(b"b", b"a"), future]));
    let expected = [Code::KeyEmpty, Code::RangeReversed, Code::FutureRevision].map(Outcome::Error);
    assert_eq!(results, expected);
    let mut out = b"kept".to_vec();
    let mut body = encode_read(&[all()]);
    body.push(0);
    assert_eq!(
        harness.machine().read(&body, &mut out).unwrap_err().code,
        Code::ProtocolError
    );
    assert_eq!(out, b"kept");
}

/// The largest answers there can be: as many operations as a batch may have, each refused or answered at length, after pairs
/// that fill the reply.
#[test]
fn the_answer_to_the_largest_batch_fits_a_frame() {
    let mut harness = filled();
    let large = |previous| {
        Op::Put(PutOp {
            key: vec![b'l'],
            value: vec![0; VALUE_BYTES_LARGEST],
            previous,
            ..PutOp::default()
        })
    };
    harness.apply(encode_batch(BatchHeader::default(), &[large(false)]));
    let mut ops: Vec<Op> = (0..6).map(|key| put(key, true)).collect();
    // The reply is not full yet: the largest pair goes along.
    ops.truncate(5);
    ops.push(large(true));
    ops.resize(BATCH_OPERATIONS_MAX, Op::Compact(u64::MAX));
    let (applied, results) = harness.apply(encode_batch(BatchHeader::default(), &ops));
    assert_eq!(applied.code, Code::Ok);
    assert!(results.len() > 5 * VALUE_BYTES + VALUE_BYTES_LARGEST);
    let frame = MESSAGE_HEADER_BYTES + results.len();
    assert!(frame <= FRAME_BYTES_MAX, "{frame} bytes");
    let last = OperationResults::new(&results).last().unwrap().unwrap();
    assert_eq!(last.code, Code::FutureRevision);
}

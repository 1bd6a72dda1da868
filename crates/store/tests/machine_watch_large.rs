//! Changes larger than a response, a frame or the feed reach a watch whole, in order and in pieces that fit a frame.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod model;

use model::harness::Harness;
use model::semantics::{Op, PutOp};
use model::wire::encode_batch;
use rafterdb_codec::limits::FRAME_BYTES_MAX;
use rafterdb_codec::{BatchHeader, Code, WatchEvents, WatchRequest, WATCH_PREV_KV};
use rafterdb_store::{LsmEngine, WatchId};

const VALUE_BYTES: usize = 700 << 10;
const ID: WatchId = WatchId {
    connection: 1,
    request: 1,
};

fn filled(keys: u8) -> Harness<LsmEngine> {
    let mut harness = Harness::new(100_000);
    for key in 0..keys {
        let put = PutOp {
            key: vec![b'k', key],
            value: vec![key; VALUE_BYTES],
            ..PutOp::default()
        };
        harness.apply(encode_batch(BatchHeader::default(), &[Op::Put(put)]));
    }
    harness.machine().publish().unwrap();
    harness
}

fn watch(harness: &Harness<LsmEngine>, start_revision: u64, credit: u32) {
    let request = WatchRequest {
        flags: WATCH_PREV_KV,
        start_revision,
        credit,
        cluster: 0,
        key: b"k",
        end: b"l",
    };
    harness.machine().watch(ID, &request).unwrap();
}

fn delete_all(harness: &mut Harness<LsmEngine>) {
    let delete = Op::Delete {
        key: b"k".to_vec(),
        end: b"l".to_vec(),
        previous: false,
    };
    harness.apply(encode_batch(BatchHeader::default(), &[delete]));
    harness.machine().publish().unwrap();
}

/// The events' (revision, last byte of key, bytes of previous value); every response fits a frame.
fn events(harness: &Harness<LsmEngine>) -> Vec<(u64, u8, usize)> {
    let mut events = Vec::new();
    let mut reached = 0;
    for (_, code, body) in harness.collector.take() {
        assert_eq!(code, Code::Ok);
        assert!(body.len() < FRAME_BYTES_MAX, "{} bytes", body.len());
        let response = WatchEvents::parse(&body).unwrap();
        assert!(reached <= response.revision);
        reached = response.revision;
        for event in response {
            let event = event.unwrap();
            let previous = event.previous.map_or(0, |pair| pair.value.len());
            events.push((event.pair.modified, event.pair.key[1], previous));
        }
    }
    events
}

fn expected(keys: u8) -> Vec<(u64, u8, usize)> {
    (0..keys).map(|key| (u64::from(keys) + 2, key, VALUE_BYTES)).collect()
}

#[test]
fn a_revision_larger_than_a_frame_is_split() {
    let mut harness = filled(16);
    watch(&harness, 0, 1000);
    delete_all(&mut harness);
    assert!(!harness.machine().catch_up().unwrap(), "it was live all the time");
    assert_eq!(events(&harness), expected(16));
}

#[test]
fn a_revision_larger_than_the_feed_is_served_from_history() {
    let mut harness = filled(60);
    watch(&harness, 0, 1000);
    delete_all(&mut harness);
    let mut calls = 1;
    while harness.machine().catch_up().unwrap() {
        calls += 1;
    }
    assert!(calls > 1, "one call does a bounded amount");
    assert_eq!(events(&harness), expected(60));
}

#[test]
fn credit_stops_a_split_revision_between_responses() {
    let mut harness = filled(60);
    delete_all(&mut harness);
    watch(&harness, 62, 1);
    while harness.machine().catch_up().unwrap() {}
    let mut seen = events(&harness);
    assert!(!seen.is_empty() && seen.len() < 60, "{} events", seen.len());
    while seen.len() < 60 {
        harness.machine().watch_credit(ID, 20);
        while harness.machine().catch_up().unwrap() {}
        seen.extend(events(&harness));
    }
    assert_eq!(seen, expected(60));
}

#[test]
fn large_values_from_the_past_come_in_bounded_calls() {
    let harness = filled(40);
    watch(&harness, 1, 1000);
    let mut calls = 1;
    while harness.machine().catch_up().unwrap() {
        calls += 1;
    }
    assert!(calls > 10, "{calls} calls for 27 MiB");
    assert_eq!(
        events(&harness),
        (0..40).map(|key| (u64::from(key) + 2, key, 0)).collect::<Vec<_>>()
    );
}

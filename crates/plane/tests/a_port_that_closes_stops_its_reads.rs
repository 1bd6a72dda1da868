//! Whoever asked is gone: what is long and not answered yet stops before its next slice.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod harness;

use std::time::Duration;

use harness::{eventually, Bench};
use rafterdb_codec::{
    BatchHeader, CommandKind, Consistency, EventKind, Put, Range, ReadRequest, Request, RequestKind, RANGE_COUNT_ONLY,
};

const KEYS: u32 = 16_000;
/// Of one batch.
const BATCH_KEYS: u32 = 500;
/// Of one count; a slice is 4096 rows.
const SLICES: u64 = 4;
const COUNTS: u64 = 200;

fn submit(bench: &Bench, kind: RequestKind, id: u64, body: &[u8]) {
    let mut submission = Vec::new();
    let request = Request {
        kind: kind.into(),
        flags: 0,
        group: 0,
        id,
        body,
    };
    request.encode(&mut submission);
    bench.member.submit(&bench.port, &submission).unwrap();
}

fn puts(keys: std::ops::Range<u32>) -> Vec<u8> {
    let mut batch = Vec::new();
    let header = BatchHeader {
        count: keys.len() as u32,
        ..BatchHeader::default()
    };
    header.encode(&mut batch);
    for key in keys {
        let key = format!("k{key}");
        let put = Put {
            flags: 0,
            lease: 0,
            key: key.as_bytes(),
            value: b"value",
        };
        put.encode(&mut batch);
    }
    batch
}

fn slices(bench: &Bench) -> u64 {
    bench.member.counters().read_slices.get()
}

#[test]
fn reads_of_a_port_that_is_closed_stop() {
    let bench = Bench::open();
    bench.lead(6);
    bench.begin_to_lead(1, 6);
    for first in (0..KEYS).step_by(BATCH_KEYS as usize) {
        let index = u64::from(first / BATCH_KEYS) + 2;
        submit(
            &bench,
            RequestKind::Write,
            index,
            &puts(first..KEYS.min(first + BATCH_KEYS)),
        );
        let count = bench.event(EventKind::Proposals)[0];
        bench.command(&[CommandKind::Accept as u64, 0, index, 6, count]);
        while bench.event(EventKind::Durable)[0] < index {}
        bench.command(&[CommandKind::Commit as u64, 0, index]);
        while bench.event(EventKind::Applied)[0] < index {}
    }
    let mut read = Vec::new();
    ReadRequest::encode_header(&mut read, Consistency::Serializable, 1, 0);
    let all = Range {
        flags: RANGE_COUNT_ONLY,
        limit: 0,
        revision: 0,
        key: b"k",
        end: b"l",
    };
    all.encode(&mut read);
    submit(&bench, RequestKind::Read, 1, &read);
    let answer = bench.answer(1);
    assert_eq!(answer.body[16..24], u64::from(KEYS).to_le_bytes());
    assert_eq!(slices(&bench), SLICES);
    for id in 0..COUNTS {
        submit(&bench, RequestKind::Read, 1000 + id, &read);
    }
    bench.member.close_port(&bench.port);
    let mut last = 0;
    eventually("no more is read", || {
        std::thread::sleep(Duration::from_millis(100));
        let is_over = slices(&bench) == last;
        last = slices(&bench);
        is_over.then_some(())
    });
    assert!(last < SLICES * COUNTS / 2, "{last} slices");
}

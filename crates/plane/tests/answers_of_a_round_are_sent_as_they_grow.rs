//! Many small writes in one round that are each answered with much: their answers are sent, and so counted, as they are made, and
//! not gathered until the round is over. The only test of its process, whose memory it looks at.

#![allow(clippy::unwrap_used)] // It fails by panicking.

mod client;
mod harness;

use client::{peak_memory, write, Client};
use harness::Bench;
use rafterdb_codec::{encode_txn, BatchHeader, Code, CommandKind, EventKind, Range, TxnPart};

const TERM: u64 = 6;
const MIB: usize = 1 << 20;
const MOST: usize = 16 * MIB;
const WRITES: u64 = 200;

/// A transaction that returns the key's pair.
fn reading_txn(key: &[u8]) -> Vec<u8> {
    let mut range = Vec::new();
    let (flags, limit, revision, end) = (0, 0, 0, &[][..]);
    Range {
        flags,
        limit,
        revision,
        key,
        end,
    }
    .encode(&mut range);
    let mut body = Vec::new();
    BatchHeader {
        count: 1,
        ..BatchHeader::default()
    }
    .encode(&mut body);
    let then = TxnPart {
        count: 1,
        bytes: &range,
    };
    encode_txn(&mut body, TxnPart::default(), then, TxnPart::default());
    body
}

#[test]
fn a_round_gathers_little_of_what_it_is_answered_with() {
    let bench = Bench::open_with(MOST);
    bench.lead(TERM);
    bench.begin_to_lead(1, TERM);
    bench.put_value(1, 2, TERM, &vec![7; MIB]);
    bench.command(&[CommandKind::Commit as u64, 0, 2]);
    assert_eq!(bench.answer(1).code, Code::Ok);
    let mut client = Client::new(&bench);
    let body = reading_txn(b"k1");
    client.submit(&(0..WRITES).flat_map(|id| write(id, &body)).collect::<Vec<u8>>());
    // They come in as many pieces as the socket gives them in.
    let mut next = 3;
    while next < 3 + WRITES {
        let count = bench.event(EventKind::Proposals)[0];
        bench.command(&[CommandKind::Accept as u64, 0, next, TERM, count]);
        next += count;
    }
    while bench.event(EventKind::Durable)[0] < 2 + WRITES {}
    let before = peak_memory();
    bench.command(&[CommandKind::Commit as u64, 0, 2 + WRITES]);
    while bench.event(EventKind::Applied)[0] < 2 + WRITES {}
    let grown = peak_memory() - before;
    assert!(grown < 4 * MOST, "{} MiB more memory", grown / MIB);
    assert!(client.answers() < 200, "who does not read is cut off");
    bench.put(1000, 3 + WRITES, TERM);
    bench.command(&[CommandKind::Commit as u64, 0, 3 + WRITES]);
    assert_eq!(bench.answer(1000).code, Code::Ok);
}

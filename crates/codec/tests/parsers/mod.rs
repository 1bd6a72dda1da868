//! Every parser of the crate, each taking an input to its end; those of what lies on disk are in `stored.rs`. Knows what each may allocate.

mod stored;

pub use stored::STORED;

use rafterdb_codec::*;

use crate::checker::{nothing, Parser};

/// Them.
pub const PARSERS: &[Parser] = &[
    borrowing("block", block),
    borrowing("batch", |input| {
        Batch::parse(input).is_ok_and(|batch| batch.operations().all(|operation| operation.is_ok()))
    }),
    Parser {
        name: "validated batch",
        accepts: |input| validate_batch(input, &Limits::default()).is_ok(),
        // The sets of keys that a transaction writes, and a refusal's text.
        may_allocate: |input| 1024 + 64 * input,
    },
    borrowing("read", |input| {
        ReadRequest::parse(input).is_ok_and(|read| read.ranges().all(|range| range.is_ok()))
    }),
    borrowing("watch", |input| WatchRequest::parse(input).is_ok()),
    Parser {
        name: "change of members",
        accepts: |input| ConfigurationChange::parse(input).is_ok(),
        // Members, their texts, and the sets that look for one twice.
        may_allocate: |input| 4096 + 16 * input,
    },
    borrowing("credit", |input| parse_watch_credit(input).is_ok()),
    borrowing("known members", |input| KnownMembers::parse(input).is_ok()),
    borrowing("number", |input| parse_number(input).is_ok()),
    borrowing("error", |input| parse_error(input).is_ok()),
    borrowing("plain", |input| parse_plain(input).is_ok()),
    borrowing("requests", |input| Requests::new(input).all(|request| request.is_ok())),
    borrowing("responses", |input| {
        Responses::new(input).all(|response| response.is_ok())
    }),
    borrowing("results", |input| results(OperationResults::new(input), 0)),
    borrowing("watch events", |input| {
        WatchEvents::parse(input).is_ok_and(|mut events| events.all(|event| event.is_ok()))
    }),
    borrowing("frames", frames),
    borrowing("synchronous read", |input| SyncRead::parse(input).is_ok()),
    borrowing("challenge", |input| decode_challenge(input).is_some()),
    borrowing("proof", |input| decode_proof(input).is_some()),
    Parser {
        name: "hello",
        accepts: |input| Hello::decode(input).is_ok(),
        // The name, where what is not UTF-8 takes three bytes instead of one: it grows twice, to twice as much each time.
        may_allocate: |input| 64 + 8 * input,
    },
    Parser {
        name: "refusal",
        accepts: |input| decode_refusal(input).is_some(),
        // The text, likewise.
        may_allocate: |input| 64 + 8 * input,
    },
    borrowing("peer records", |input| {
        PeerRecords::new(input).all(|record| match record {
            Ok(PeerRecord::Raft(raft)) => raft.check(false).is_ok(),
            Ok(PeerRecord::Snapshot(record)) => SnapshotRecord::parse(record).is_ok(),
            record => record.is_ok(),
        })
    }),
];

const fn borrowing(name: &'static str, accepts: fn(&[u8]) -> bool) -> Parser {
    Parser {
        name,
        accepts,
        may_allocate: nothing,
    }
}

/// Entries one by one, and the ways to walk and cut a block, which must agree.
fn block(input: &[u8]) -> bool {
    let (mut rest, mut count) = (input, 0);
    let sound = loop {
        if rest.is_empty() {
            break true;
        }
        match Entry::decode_from(rest) {
            Ok((entry, consumed)) => {
                assert_eq!(consumed, entry.encoded_size());
                (rest, count) = (&rest[consumed..], count + 1);
            }
            Err(_) => break false,
        }
    };
    assert_eq!(count_entries(input).ok(), sound.then_some(count));
    assert_eq!(skip_entries(input, count).map(<[u8]>::len), Ok(rest.len()));
    assert!(skip_entries(input, count + 1).is_err());
    if let Ok((bytes, cut)) = split_entries(input, 100) {
        assert!(bytes <= input.len() && cut <= count);
    }
    sound
}

fn results(mut results: OperationResults<'_>, depth: usize) -> bool {
    results.all(|result| {
        result.is_ok_and(|result| match (result.code, result.operation) {
            (Code::Ok, OperationKind::Put) => result.previous().is_ok(),
            (Code::Ok, OperationKind::Txn) if depth < TXN_DEPTH_MAX => {
                result.nested().is_ok_and(|nested| self::results(nested, depth + 1))
            }
            (Code::Ok, OperationKind::Range | OperationKind::DeleteRange) => result
                .counted_pairs()
                .is_ok_and(|mut counted| counted.pairs.all(|pair| pair.is_ok())),
            (Code::Ok, _) => true,
            _ => result.error().is_ok(),
        })
    })
}

/// Frames one by one; what is missing of the last one must agree with whether it can be cut.
fn frames(input: &[u8]) -> bool {
    let mut rest = input;
    while !rest.is_empty() {
        let missing = Frame::missing(rest, limits::FRAME_BYTES_MAX);
        match Frame::decode_from(rest, limits::FRAME_BYTES_MAX) {
            Ok(Some((body, consumed))) => {
                assert_eq!((consumed, missing), (FRAME_HEADER_BYTES + body.len(), Ok(0)));
                rest = &rest[consumed..];
            }
            Ok(None) => {
                assert!(
                    missing.is_ok_and(|missing| (1..=FRAME_HEADER_BYTES + limits::FRAME_BYTES_MAX).contains(&missing))
                );
                return false;
            }
            // Too long, or whole and damaged.
            Err(_) => {
                assert!(missing.is_err() || missing == Ok(0));
                return false;
            }
        }
    }
    true
}

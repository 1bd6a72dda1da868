//! A valid message of any layout, with the name of the parser that must take it to its end. Knows only the encoders.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use rafterdb_codec::*;

use super::operations::{bytes, encode, operation, Owned};
use super::stored::stored;

/// Name of a parser, and what it must take.
pub type Message = (&'static str, Vec<u8>);

/// Any of them.
pub fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        3 => block().prop_map(|bytes| ("block", bytes)),
        3 => batch().prop_map(|bytes| ("batch", bytes)),
        1 => read().prop_map(|bytes| ("read", bytes)),
        1 => watch().prop_map(|bytes| ("watch", bytes)),
        1 => (any::<u64>(), any::<u32>()).prop_map(|(id, events)| ("credit", number_and_count(id, events))),
        1 => any::<[u64; 3]>().prop_map(|numbers| ("known members", known_members(numbers))),
        2 => change_of_members().prop_map(|bytes| ("change of members", bytes)),
        1 => any::<u64>().prop_map(|number| ("number", number.to_le_bytes().to_vec())),
        1 => (any::<u64>(), any::<u32>()).prop_map(|(revision, count)| ("plain", number_and_count(revision, count))),
        1 => (any::<u64>(), text()).prop_map(|(detail, text)| ("error", error(detail, &text))),
        2 => requests().prop_map(|bytes| ("requests", bytes)),
        2 => responses().prop_map(|bytes| ("responses", bytes)),
        2 => results().prop_map(|bytes| ("results", bytes)),
        1 => watch_events().prop_map(|bytes| ("watch events", bytes)),
        3 => vec(bytes(), 0..4).prop_map(|bodies| ("frames", frames(&bodies))),
        1 => (0u8..3, bytes()).prop_map(|(how, key)| ("synchronous read", sync_read(how, &key))),
        1 => any::<[u8; 32]>().prop_map(|nonce| ("challenge", encode_challenge(&nonce))),
        1 => any::<[u8; 32]>().prop_map(|proof| ("proof", encode_proof(&proof))),
        2 => hello().prop_map(|bytes| ("hello", bytes)),
        1 => text().prop_map(|text| ("refusal", encode_refusal(Code::ClusterMismatch, 0, &text))),
        3 => peer_records().prop_map(|bytes| ("peer records", bytes)),
        12 => stored(),
    ]
}

/// Frames with sound checksums around bodies.
pub fn frames(bodies: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    for body in bodies {
        let frame = Frame::new([body]).unwrap();
        let at = out.len();
        out.resize(at + frame.encoded_size(), 0);
        frame.encode_to(&mut out[at..]).unwrap();
    }
    out
}

fn known_members([index, term, leader]: [u64; 3]) -> Vec<u8> {
    let mut body = Vec::new();
    KnownMembers { index, term, leader }.encode(&mut body);
    body
}

fn sync_read(consistency: u8, key: &[u8]) -> Vec<u8> {
    let head = [consistency, 0, 0, 0, key.len() as u8, 0, 0, 0];
    [&head[..], &[7, 0, 0, 0, 0, 0, 0, 0], key].concat()
}

/// Members with these ids, who vote or learn.
pub fn configuration(name: &str, members: impl Iterator<Item = (u64, bool)>) -> Configuration {
    let member = |(id, votes)| ConfiguredMember {
        id,
        part: u8::from(votes),
        priority: (id % 256) as u8,
        name: format!("{name}{id}"),
        endpoint: format!("127.0.0.1:{id}"),
    };
    Configuration {
        members: members.map(member).collect(),
    }
}

fn change_of_members() -> impl Strategy<Value = Vec<u8>> {
    let votes = vec(any::<bool>(), 0..limits::MEMBERS_MAX);
    (0..=SAFE_NUMBER_MAX, any::<bool>(), votes, "[a-z]{1,9}").prop_map(|(from, is_forced, votes, name)| {
        let mut bytes = Vec::new();
        let change = ConfigurationChange {
            from,
            is_forced,
            wanted: configuration(&name, (1..).zip([true].into_iter().chain(votes))),
        };
        change.encode(&mut bytes).unwrap();
        bytes
    })
}

fn hello() -> impl Strategy<Value = Vec<u8>> {
    let kind = select(HelloKind::ALL);
    (kind, any::<[u64; 4]>(), any::<bool>(), any::<[u8; 32]>(), text()).prop_map(
        |(kind, [roster, cluster, member_id, to], has_token, proof, name)| {
            Hello {
                kind,
                roster,
                cluster,
                member_id,
                to,
                has_token,
                proof,
                name,
            }
            .encode()
        },
    )
}

fn text() -> impl Strategy<Value = String> {
    "[a-z é]{0,12}"
}

/// Somebody whose name is as much of some bytes as one may have.
fn principal(bytes: &[u8]) -> Principal<'_> {
    Principal::new(&bytes[..bytes.len().min(limits::PRINCIPAL_BYTES_MAX)]).unwrap()
}

fn block() -> impl Strategy<Value = Vec<u8>> {
    vec((0u8..3, 0u8..3, bytes(), bytes()), 0..8).prop_map(|entries| {
        let mut out = Vec::new();
        for (kind, version, name, body) in &entries {
            let entry = Entry {
                version: *version,
                principal: principal(name),
                ..Entry::new(*kind, body)
            };
            entry.encode(&mut out).unwrap();
        }
        out
    })
}

fn batch() -> impl Strategy<Value = Vec<u8>> {
    (0u64..3, 1u64..9, vec(operation(), 0..5)).prop_map(|(session, sequence, operations)| {
        let mut out = Vec::new();
        BatchHeader {
            session,
            sequence,
            acked: 1,
            flags: 0,
            count: operations.len() as u32,
        }
        .encode(&mut out);
        operations.iter().for_each(|operation| encode(operation, &mut out));
        out
    })
}

fn read() -> impl Strategy<Value = Vec<u8>> {
    let range = (0u8..16, 0u64..9, 0u64..9, bytes(), bytes()).prop_map(|(f, l, r, k, e)| Owned::Range(f, l, r, k, e));
    (select(Consistency::ALL), any::<u64>(), vec(range, 0..4)).prop_map(|(consistency, staleness, ranges)| {
        let mut out = Vec::new();
        ReadRequest::encode_header(&mut out, consistency, ranges.len() as u32, staleness);
        ranges.iter().for_each(|range| encode(range, &mut out));
        out
    })
}

fn watch() -> impl Strategy<Value = Vec<u8>> {
    (
        0u8..4,
        0..=SAFE_NUMBER_MAX,
        any::<u64>(),
        any::<u32>(),
        bytes(),
        bytes(),
    )
        .prop_map(|(flags, start_revision, cluster, credit, key, end)| {
            let mut out = Vec::new();
            WatchRequest {
                flags,
                start_revision,
                credit,
                cluster,
                key: &key,
                end: &end,
            }
            .encode(&mut out);
            out
        })
}

fn number_and_count(number: u64, count: u32) -> Vec<u8> {
    let mut out = Vec::new();
    encode_plain(&mut out, number, count);
    out
}

fn error(detail: u64, text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    encode_error(&mut out, detail, text);
    out
}

fn requests() -> impl Strategy<Value = Vec<u8>> {
    vec((1u8..10, any::<u16>(), any::<u64>(), batch()), 0..4).prop_map(|requests| {
        let mut out = Vec::new();
        for (kind, group, id, body) in &requests {
            let (kind, group, id, flags) = (*kind, *group, *id, 0);
            Request {
                kind,
                flags,
                group,
                id,
                body,
            }
            .encode(&mut out);
        }
        out
    })
}

fn responses() -> impl Strategy<Value = Vec<u8>> {
    vec((1u8..10, any::<u64>(), results()), 0..4).prop_map(|responses| {
        let mut out = Vec::new();
        for (kind, id, body) in &responses {
            let (kind, id, flags, code) = (*kind, *id, 0, Code::Ok);
            Response {
                kind,
                flags,
                code,
                id,
                body,
            }
            .encode(&mut out);
        }
        out
    })
}

/// A put's, a range's and a failed one's, alone and inside a transaction's.
fn results() -> impl Strategy<Value = Vec<u8>> {
    (any::<u64>(), bytes(), bytes(), 0u32..4, text()).prop_map(|(revision, key, value, pairs, text)| {
        let pair = pair(revision, &key, &value);
        let mut nested = Vec::new();
        let put = OpenResult::begin(&mut nested, OperationKind::Put);
        pair.encode(&mut nested);
        put.finish(&mut nested, RESULT_PUT_PREVIOUS, revision);
        let range = OpenResult::begin(&mut nested, OperationKind::Range);
        nested.extend_from_slice(&number_and_count(u64::from(pairs), pairs));
        (0..pairs).for_each(|_| pair.encode(&mut nested));
        range.finish(&mut nested, 0, revision);
        let failed = OpenResult::begin(&mut nested, OperationKind::Put);
        failed.fail(&mut nested, Code::Compacted, revision, 9, &text);

        let mut out = nested.clone();
        let txn = OpenResult::begin(&mut out, OperationKind::Txn);
        out.extend_from_slice(&3u32.to_le_bytes());
        out.extend_from_slice(&nested);
        txn.finish(&mut out, RESULT_TXN_SUCCEEDED, revision);
        out
    })
}

fn pair<'a>(modified: u64, key: &'a [u8], value: &'a [u8]) -> Pair<'a> {
    Pair {
        create: 1,
        modified,
        version: 2,
        lease: 0,
        key,
        value,
    }
}

fn watch_events() -> impl Strategy<Value = Vec<u8>> {
    (any::<u64>(), vec((any::<bool>(), bytes(), bytes()), 0..4)).prop_map(|(revision, events)| {
        let mut out = Vec::new();
        encode_watch_header(&mut out, revision, events.len() as u32);
        for (is_delete, key, value) in &events {
            let (is_delete, pair) = (*is_delete, pair(revision, key, value));
            let previous = is_delete.then_some(pair);
            WatchEvent {
                is_delete,
                pair,
                previous,
            }
            .encode(&mut out);
        }
        out
    })
}

fn peer_records() -> impl Strategy<Value = Vec<u8>> {
    (any::<u16>(), 4u64..1 << 50, vec(1u32..4, 0..4), bytes()).prop_map(|(group, term, counts, body)| {
        let fields = [term, 1, 2, 3, 4, SAFE_NUMBER_MAX];
        let runs = counts.iter().zip(1..).map(|(count, term)| Run { term, count: *count });
        let runs: Vec<Run> = runs.collect();
        let mut payload = Vec::new();
        for _ in 0..counts.iter().sum() {
            let entry = Entry {
                principal: principal(&body),
                ..Entry::new(EntryKind::Batch, &body)
            };
            entry.encode(&mut payload).unwrap();
        }
        let (kind, id, code, index, flags) = (RequestKind::Write.into(), term, Code::Ok, term, 0);
        let mut out = Vec::new();
        RaftHeader {
            kind: MessageKind::Append,
            group,
            term,
            fields,
        }
        .encode(&mut out, &runs, payload.len());
        out.extend_from_slice(&payload);
        let body = &body[..];
        let request = Request {
            kind,
            flags,
            group,
            id,
            body,
        };
        let principal = principal(body);
        Forward { principal, request }.encode(&mut out);
        encode_forwarded_header(&mut out);
        Response {
            kind,
            flags,
            code,
            id,
            body,
        }
        .encode(&mut out);
        encode_read_index(&mut out, group, id);
        ReadReply {
            group,
            id,
            code,
            index,
            term: index / 2,
        }
        .encode(&mut out);
        let (offset, bytes) = (index, body);
        let part = SnapshotMessage::Data { offset, bytes };
        SnapshotRecord { group, id, part }.encode(&mut out);
        out
    })
}

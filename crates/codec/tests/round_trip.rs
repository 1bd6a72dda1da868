//! Goal: what is encoded is what is parsed, for every layout.
//! `RAFTERDB_FUZZ_CASES` sets the number of cases of each (default 256), `RAFTERDB_SEED` repeats a run.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod generate;

use generate::operations::{bytes, encode, operation, Owned, OwnedCompare};
use proptest::collection::vec;
use proptest::prelude::*;
use rafterdb_codec::*;

fn decode(operation: Operation<'_>) -> Owned {
    match operation {
        Operation::Put(put) => Owned::Put(put.flags, put.lease, put.key.into(), put.value.into()),
        Operation::DeleteRange(delete) => Owned::Delete(delete.flags, delete.key.into(), delete.end.into()),
        Operation::Range(range) => Owned::Range(
            range.flags,
            range.limit,
            range.revision,
            range.key.into(),
            range.end.into(),
        ),
        Operation::Compact { revision } => Owned::Compact(revision),
        Operation::RaiseRevision { revision } => Owned::Raise(revision),
        Operation::Txn(txn) => {
            let branch = |succeeded| {
                txn.branch(succeeded)
                    .map(|operation| decode(operation.unwrap()))
                    .collect()
            };
            let compares = txn.compares().map(|compare| decode_compare(compare.unwrap())).collect();
            Owned::Txn(compares, branch(true), branch(false))
        }
    }
}

fn decode_compare(compare: Compare<'_>) -> OwnedCompare {
    let (target, number, value) = match compare.operand {
        Operand::Version(number) => (CompareTarget::Version, number, vec![]),
        Operand::Create(number) => (CompareTarget::Create, number, vec![]),
        Operand::Modified(number) => (CompareTarget::Mod, number, vec![]),
        Operand::Lease(number) => (CompareTarget::Lease, number, vec![]),
        Operand::Value(value) => (CompareTarget::Value, 0, value.to_vec()),
    };
    OwnedCompare(
        compare.result,
        target,
        number,
        compare.key.into(),
        compare.end.into(),
        value,
    )
}

proptest! {
    #![proptest_config(generate::config(256))]

    #[test]
    fn batches(session: u64, sequence: u64, acked: u64, retry in 0u8..2, operations in vec(operation(), 0..6)) {
        let mut body = Vec::new();
        let header = BatchHeader { session, sequence, acked, flags: retry, count: operations.len() as u32 };
        header.encode(&mut body);
        operations.iter().for_each(|operation| encode(operation, &mut body));
        let batch = Batch::parse(&body).unwrap();
        prop_assert_eq!(batch.header, header);
        let parsed: Vec<Owned> = batch.operations().map(|operation| decode(operation.unwrap())).collect();
        prop_assert_eq!(&parsed, &operations);
        body.push(0);
        prop_assert!(Batch::parse(&body).unwrap().operations().any(|operation| operation.is_err()), "a byte too many");
    }

    #[test]
    fn blocks(bodies in vec((0u8..3, bytes()), 0..12), skip in 0u64..12, bytes_max in 0usize..300) {
        let mut block = Vec::new();
        bodies.iter().for_each(|(kind, body)| Entry::new(*kind, body).encode(&mut block).unwrap());
        let parsed: Vec<(u8, Vec<u8>)> = Entries::new(&block).map(|e| e.unwrap()).map(|e| (e.kind, e.body.into())).collect();
        prop_assert_eq!(&parsed, &bodies);
        prop_assert_eq!(count_entries(&block).unwrap(), bodies.len() as u64);
        match skip_entries(&block, skip) {
            Ok(rest) => prop_assert_eq!(count_entries(rest).unwrap(), bodies.len() as u64 - skip),
            Err(_) => prop_assert!(skip > bodies.len() as u64),
        }
        let (length, count) = split_entries(&block, bytes_max).unwrap();
        prop_assert_eq!(count_entries(&block[..length]).unwrap(), count);
        prop_assert!(length <= bytes_max || count == 1);
        if let Some((_, next)) = bodies.get(count as usize) {
            prop_assert!(length + ENTRY_HEADER_BYTES + next.len() > bytes_max);
        }
    }

    #[test]
    fn results(numbers: [u64; 4], revision: u64, key in bytes(), value in bytes(), text in "[a-z ]{0,20}") {
        let [create, modified, version, lease] = numbers;
        let pair = Pair { create, modified, version, lease, key: &key, value: &value };
        let mut out = Vec::new();
        let txn = OpenResult::begin(&mut out, OperationKind::Txn);
        out.extend_from_slice(&3u32.to_le_bytes());
        let put = OpenResult::begin(&mut out, OperationKind::Put);
        pair.encode(&mut out);
        put.finish(&mut out, RESULT_PUT_PREVIOUS, revision);
        let range = OpenResult::begin(&mut out, OperationKind::Range);
        out.extend_from_slice(&7u64.to_le_bytes());
        out.extend_from_slice(&2u32.to_le_bytes());
        pair.encode(&mut out);
        pair.encode(&mut out);
        range.finish(&mut out, RESULT_RANGE_MORE, revision);
        let failed = OpenResult::begin(&mut out, OperationKind::Put);
        failed.fail(&mut out, Code::Compacted, revision, 9, &text);
        txn.finish(&mut out, RESULT_TXN_SUCCEEDED, revision);

        let txn = OperationResults::new(&out).next().unwrap().unwrap();
        prop_assert_eq!((txn.code, txn.operation, txn.flags, txn.revision), (Code::Ok, OperationKind::Txn, 1, revision));
        let nested: Vec<_> = txn.nested().unwrap().map(|result| result.unwrap()).collect();
        prop_assert_eq!(nested.len(), 3);
        prop_assert_eq!(nested[0].previous().unwrap(), Some(pair));
        let counted = nested[1].counted_pairs().unwrap();
        prop_assert_eq!((counted.count, counted.length), (7, 2));
        prop_assert!(counted.pairs.map(|found| found.unwrap()).eq([pair, pair]));
        prop_assert_eq!((nested[2].code, nested[2].error().unwrap()), (Code::Compacted, (9, text.as_str())));
    }

    #[test]
    fn requests_and_responses(bodies in vec((any::<u8>(), any::<u16>(), any::<u64>(), bytes()), 0..8)) {
        let (mut submission, mut delivery) = (Vec::new(), Vec::new());
        for (kind, group, id, body) in &bodies {
            Request { kind: *kind, flags: 0, group: *group, id: *id, body }.encode(&mut submission);
            Response { kind: *kind, flags: 1, code: Code::Busy, id: *id, body }.encode(&mut delivery);
        }
        let requests: Vec<_> = Requests::new(&submission).map(|r| r.unwrap()).map(|r| (r.kind, r.group, r.id, r.body.to_vec())).collect();
        prop_assert_eq!(&requests, &bodies);
        let responses: Vec<_> = Responses::new(&delivery).map(|r| r.unwrap()).collect();
        prop_assert!(responses.iter().all(|r| r.code == Code::Busy && r.flags == RESPONSE_PLAIN));
        prop_assert!(responses.iter().map(|r| (r.kind, r.id, r.body)).eq(bodies.iter().map(|b| (b.0, b.2, b.3.as_slice()))));
    }

    #[test]
    fn reads_and_watches(count in 0u32..5, staleness: u64, flags in 0u8..4, start: u64, credit: u32, key in bytes(), end in bytes()) {
        let mut body = Vec::new();
        ReadRequest::encode_header(&mut body, Consistency::Bounded, count, staleness);
        let range = Range { flags: RANGE_REVERSE, limit: start, revision: staleness, key: &key, end: &end };
        (0..count).for_each(|_| range.encode(&mut body));
        let read = ReadRequest::parse(&body).unwrap();
        prop_assert_eq!((read.consistency, read.max_staleness_ms), (Consistency::Bounded, staleness));
        prop_assert!(read.ranges().map(|found| found.unwrap()).eq((0..count).map(|_| range)));
        for walked in 0..=count {
            let mut ranges = read.ranges();
            prop_assert_eq!(ranges.by_ref().take(walked as usize).count(), walked as usize);
            let from = read.ranges_from(ranges.place());
            prop_assert!(from.map(|found| found.unwrap()).eq((walked..count).map(|_| range)));
        }

        let watch = WatchRequest { flags, start_revision: start & SAFE_NUMBER_MAX, credit, cluster: staleness, key: &key, end: &end };
        let mut body = Vec::new();
        watch.encode(&mut body);
        prop_assert_eq!(WatchRequest::parse(&body).unwrap(), watch);
    }

    #[test]
    fn watch_events(revision: u64, key in bytes(), value in bytes(), with_previous: bool) {
        let pair = Pair { create: 1, modified: revision, version: 2, lease: 0, key: &key, value: &value };
        let event = WatchEvent { is_delete: !with_previous, pair, previous: with_previous.then_some(pair) };
        let mut body = Vec::new();
        encode_watch_header(&mut body, revision, 2);
        event.encode(&mut body);
        event.encode(&mut body);
        let events = WatchEvents::parse(&body).unwrap();
        prop_assert_eq!(events.revision, revision);
        prop_assert!(events.map(|found| found.unwrap()).eq([event, event]));
    }

    #[test]
    fn peer_records(group: u16, term in 4u64..1 << 50, counts in vec(1u32..4, 0..4), id: u64) {
        let fields = [term, 1, 2, 3, 4, SAFE_NUMBER_MAX];
        let runs: Vec<Run> = counts.iter().zip(1..).map(|(count, term)| Run { term, count: *count }).collect();
        let total: u32 = counts.iter().sum();
        let mut payload = Vec::new();
        (0..total).for_each(|index| Entry::new(EntryKind::Batch, &index.to_le_bytes()).encode(&mut payload).unwrap());
        let header = RaftHeader { kind: MessageKind::Append, group, term, fields };
        let request = Request { kind: 1, flags: 0, group, id, body: b"body" };
        let reply = ReadReply { group, id, code: Code::Ok, index: term, term: id };
        let mut frame = Vec::new();
        header.encode(&mut frame, &runs, payload.len());
        frame.extend_from_slice(&payload);
        let forward = Forward { principal: Principal::new(b"ann").unwrap(), request };
        forward.encode(&mut frame);
        encode_read_index(&mut frame, group, id);
        reply.encode(&mut frame);
        let snapshot = SnapshotRecord { group, id, part: SnapshotMessage::Data { offset: term, bytes: b"part" } };
        snapshot.encode(&mut frame);

        let records: Vec<_> = PeerRecords::new(&frame).map(|record| record.unwrap()).collect();
        prop_assert_eq!(records.len(), 5);
        let PeerRecord::Raft(raft) = records[0] else { panic!("not a Raft record") };
        prop_assert_eq!((raft.header, raft.payload), (header, payload.as_slice()));
        prop_assert!(raft.runs.iter().eq(runs));
        prop_assert_eq!(raft.check(false).unwrap().count, u64::from(total));
        prop_assert_eq!(records[1], PeerRecord::Forward(forward));
        prop_assert_eq!(records[2], PeerRecord::ReadIndex { group, id });
        prop_assert_eq!(records[3], PeerRecord::ReadReply(reply));
        let PeerRecord::Snapshot(record) = records[4] else { panic!("not a part of a snapshot") };
        prop_assert_eq!(SnapshotRecord::parse(record), Ok(snapshot));
    }
}

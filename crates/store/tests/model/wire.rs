//! Operations of the semantics into bytes, and results back out of them.

use rafterdb_codec::*;

use super::semantics::{CompareOp, Kv, Op, Outcome, RangeOp, Relation, Target, TxnOp};

pub fn encode_batch(header: BatchHeader, ops: &[Op]) -> Vec<u8> {
    let mut out = Vec::new();
    BatchHeader {
        count: ops.len() as u32,
        ..header
    }
    .encode(&mut out);
    ops.iter().for_each(|op| encode_op(op, &mut out));
    out
}

pub fn encode_read(ranges: &[RangeOp]) -> Vec<u8> {
    let mut out = Vec::new();
    ReadRequest::encode_header(&mut out, Consistency::Serializable, ranges.len() as u32, 0);
    ranges
        .iter()
        .for_each(|range| encode_op(&Op::Range(range.clone()), &mut out));
    out
}

pub fn encode_op(op: &Op, out: &mut Vec<u8>) {
    let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
    match op {
        Op::Put(put) => {
            let flags = flag(put.previous, PUT_PREV_KV)
                | flag(put.ignore_value, PUT_IGNORE_VALUE)
                | flag(put.ignore_lease, PUT_IGNORE_LEASE);
            Put {
                flags,
                lease: put.lease,
                key: &put.key,
                value: &put.value,
            }
            .encode(out);
        }
        Op::Delete { key, end, previous } => {
            DeleteRange {
                flags: flag(*previous, DELETE_PREV_KV),
                key,
                end,
            }
            .encode(out);
        }
        Op::Range(range) => {
            let flags = flag(range.keys_only, RANGE_KEYS_ONLY)
                | flag(range.count_only, RANGE_COUNT_ONLY)
                | flag(range.reverse, RANGE_REVERSE);
            Range {
                flags,
                limit: range.limit,
                revision: range.revision,
                key: &range.key,
                end: &range.end,
            }
            .encode(out);
        }
        Op::Txn(txn) => encode_transaction(txn, out),
        Op::Compact(revision) => encode_compact(out, *revision),
        Op::Raise(revision) => encode_raise_revision(out, *revision),
    }
}

fn encode_transaction(txn: &TxnOp, out: &mut Vec<u8>) {
    let mut parts: [Vec<u8>; 3] = Default::default();
    txn.compares
        .iter()
        .for_each(|compare| encode_compare(compare, &mut parts[0]));
    txn.then.iter().for_each(|op| encode_op(op, &mut parts[1]));
    txn.otherwise.iter().for_each(|op| encode_op(op, &mut parts[2]));
    let counts = [txn.compares.len(), txn.then.len(), txn.otherwise.len()];
    let part = |index: usize| TxnPart {
        count: counts[index] as u16,
        bytes: &parts[index],
    };
    encode_txn(out, part(0), part(1), part(2));
}

fn encode_compare(compare: &CompareOp, out: &mut Vec<u8>) {
    let result = match compare.relation {
        Relation::Equal => CompareResult::Equal,
        Relation::Greater => CompareResult::Greater,
        Relation::Less => CompareResult::Less,
        Relation::NotEqual => CompareResult::NotEqual,
    };
    let operand = match &compare.target {
        Target::Version(number) => Operand::Version(*number),
        Target::Create(number) => Operand::Create(*number),
        Target::Modified(number) => Operand::Modified(*number),
        Target::Lease(number) => Operand::Lease(*number),
        Target::Value(value) => Operand::Value(value),
    };
    Compare {
        result,
        operand,
        key: &compare.key,
        end: &compare.end,
    }
    .encode(out);
}

pub fn kv(pair: Pair<'_>) -> Kv {
    Kv {
        key: pair.key.to_vec(),
        value: pair.value.to_vec(),
        create: pair.create,
        modified: pair.modified,
        version: pair.version,
        lease: pair.lease,
    }
}

/// The outcomes of a WRITE response's body; a plain one says so in its flags.
pub fn decode_write(flags: u8, body: &[u8]) -> Vec<Outcome> {
    if flags & RESPONSE_PLAIN == 0 {
        return decode_results(OperationResults::new(body));
    }
    let (first, count) = parse_plain(body).unwrap();
    (first..first + u64::from(count))
        .map(|revision| Outcome::Put {
            revision,
            previous: None,
        })
        .collect()
}

pub fn decode_results(results: OperationResults<'_>) -> Vec<Outcome> {
    results.map(|result| decode_result(&result.unwrap())).collect()
}

fn decode_result(result: &OperationResult<'_>) -> Outcome {
    let revision = result.revision;
    if result.code != Code::Ok {
        assert!(!result.error().unwrap().1.is_empty(), "an error says what to do");
        return Outcome::Error(result.code);
    }
    match result.operation {
        OperationKind::Put => Outcome::Put {
            revision,
            previous: result.previous().unwrap().map(kv),
        },
        OperationKind::DeleteRange => {
            let counted = result.counted_pairs().unwrap();
            let pairs = counted.pairs.map(|pair| kv(pair.unwrap())).collect();
            Outcome::Delete {
                revision,
                deleted: counted.count,
                pairs,
            }
        }
        OperationKind::Range => {
            let counted = result.counted_pairs().unwrap();
            let pairs = counted.pairs.map(|pair| kv(pair.unwrap())).collect();
            Outcome::Range {
                revision,
                count: counted.count,
                pairs,
                more: result.flags & RESULT_RANGE_MORE != 0,
            }
        }
        OperationKind::Txn => {
            let succeeded = result.flags & RESULT_TXN_SUCCEEDED != 0;
            Outcome::Txn {
                revision,
                succeeded,
                results: decode_results(result.nested().unwrap()),
            }
        }
        OperationKind::RaiseRevision => Outcome::Raise { revision },
        OperationKind::Compact => Outcome::Compact { revision },
    }
}

//! Operations of every kind, owned, and their bytes. Knows only the encoders.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use rafterdb_codec::*;

/// A short key or value.
pub fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..40)
}

/// An operation of the wire, owned.
#[derive(Clone, Debug, PartialEq)]
pub enum Owned {
    Put(u8, u64, Vec<u8>, Vec<u8>),
    Delete(u8, Vec<u8>, Vec<u8>),
    Range(u8, u64, u64, Vec<u8>, Vec<u8>),
    Compact(u64),
    Raise(u64),
    Txn(Vec<OwnedCompare>, Vec<Owned>, Vec<Owned>),
}

/// A compare of the wire, owned: result, target, number, key, end, value.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnedCompare(
    pub CompareResult,
    pub CompareTarget,
    pub u64,
    pub Vec<u8>,
    pub Vec<u8>,
    pub Vec<u8>,
);

/// Any operation, transactions within transactions included.
pub fn operation() -> impl Strategy<Value = Owned> {
    let leaf = prop_oneof![
        (0u8..8, 1u64.., bytes(), bytes()).prop_map(|(f, l, k, v)| Owned::Put(f | PUT_HAS_LEASE, l, k, v)),
        (0u8..8, bytes(), bytes()).prop_map(|(f, k, v)| Owned::Put(f, 0, k, v)),
        (0u8..2, bytes(), bytes()).prop_map(|(f, k, e)| Owned::Delete(f, k, e)),
        (0u8..16, any::<u64>(), any::<u64>(), bytes(), bytes()).prop_map(|(f, l, r, k, e)| Owned::Range(f, l, r, k, e)),
        any::<u64>().prop_map(Owned::Compact),
        any::<u64>().prop_map(Owned::Raise),
    ];
    let (result, target) = (select(CompareResult::ALL), select(CompareTarget::ALL));
    let compare = (result, target, any::<u64>(), bytes(), bytes(), bytes())
        .prop_map(|(r, t, n, k, e, v)| {
            let is_value = t == CompareTarget::Value;
            OwnedCompare(
                r,
                t,
                if is_value { 0 } else { n },
                k,
                e,
                if is_value { v } else { vec![] },
            )
        })
        .boxed();
    leaf.prop_recursive(4, 32, 4, move |inner| {
        (vec(compare.clone(), 0..3), vec(inner.clone(), 0..4), vec(inner, 0..4))
            .prop_map(|(compares, then, otherwise)| Owned::Txn(compares, then, otherwise))
    })
}

/// Appends an operation.
pub fn encode(operation: &Owned, out: &mut Vec<u8>) {
    match operation {
        Owned::Put(flags, lease, key, value) => Put {
            flags: *flags,
            lease: *lease,
            key,
            value,
        }
        .encode(out),
        Owned::Delete(flags, key, end) => DeleteRange {
            flags: *flags,
            key,
            end,
        }
        .encode(out),
        Owned::Range(flags, limit, revision, key, end) => {
            Range {
                flags: *flags,
                limit: *limit,
                revision: *revision,
                key,
                end,
            }
            .encode(out);
        }
        Owned::Compact(revision) => encode_compact(out, *revision),
        Owned::Raise(revision) => encode_raise_revision(out, *revision),
        Owned::Txn(compares, then, otherwise) => {
            let mut parts: [Vec<u8>; 3] = Default::default();
            compares
                .iter()
                .for_each(|compare| encode_compare(compare, &mut parts[0]));
            then.iter().for_each(|operation| encode(operation, &mut parts[1]));
            otherwise.iter().for_each(|operation| encode(operation, &mut parts[2]));
            let counts = [compares.len(), then.len(), otherwise.len()];
            let part = |index: usize| TxnPart {
                count: counts[index] as u16,
                bytes: &parts[index],
            };
            encode_txn(out, part(0), part(1), part(2));
        }
    }
}

fn encode_compare(compare: &OwnedCompare, out: &mut Vec<u8>) {
    let OwnedCompare(result, target, number, key, end, value) = compare;
    let operand = match *target {
        CompareTarget::Version => Operand::Version(*number),
        CompareTarget::Create => Operand::Create(*number),
        CompareTarget::Mod => Operand::Modified(*number),
        CompareTarget::Value => Operand::Value(value),
        CompareTarget::Lease => Operand::Lease(*number),
    };
    Compare {
        result: *result,
        operand,
        key,
        end,
    }
    .encode(out);
}

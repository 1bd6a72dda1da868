//! What a member refuses before it proposes a batch, with etcd's rules and messages that say what to do.
//! Knows the bytes alone: nothing that depends on the store's state.

use crate::batch::{Batch, BatchHeader};
use crate::limits::{
    BATCH_OPERATIONS_MAX, BATCH_RANGES_MAX, KEY_BYTES_MAX, REVISION_RAISED_MAX, SESSION_WINDOW_MAX, TXN_OPERATIONS_MAX,
    VALUE_BYTES_MAX,
};
use crate::operations::{Operation, Put, Txn, PUT_HAS_LEASE, PUT_IGNORE_LEASE, PUT_IGNORE_VALUE, TXN_DEPTH_MAX};
use crate::refusal::Refusal;
use crate::selection::Selection;
use crate::weight::Weight;
use crate::written_keys::WrittenKeys;
use crate::Code;

/// Operations of one transaction, everything nested in it included.
pub const TXN_NESTED_OPERATIONS_MAX: usize = 1024;

/// The bounds that a member may be configured with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a value.
    pub value_bytes_max: usize,
    /// Operations, or compares, in one part of a transaction.
    pub txn_operations_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            value_bytes_max: VALUE_BYTES_MAX,
            txn_operations_max: TXN_OPERATIONS_MAX,
        }
    }
}

/// What a valid batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchInfo {
    /// Its session; 0: no deduplication.
    pub session: u64,
    /// Its number in the session.
    pub sequence: u64,
    /// Operations in it.
    pub operations: u32,
    /// Every operation is a put without options.
    pub is_plain: bool,
}

/// Checks a batch body from end to end.
pub fn validate_batch(body: &[u8], limits: &Limits) -> Result<BatchInfo, Refusal> {
    let batch = Batch::parse(body)?;
    let header = batch.header;
    if header.is_start() {
        validate_start(&header)?;
    }
    if header.session != 0 {
        validate_session(header.sequence, header.acked)?;
    }
    let mut is_plain = true;
    let mut weight = Weight::default();
    for (position, operation) in batch.operations().enumerate() {
        let operation = operation?;
        is_plain &= matches!(operation, Operation::Put(Put { flags: 0, .. }));
        match validate_operation(&operation, limits) {
            Ok(()) => {
                weight = weight.and(Weight::of(&operation));
                validate_weight(weight)?;
            }
            Err((code, text)) => {
                // Only a client that batches by hand has more than one operation to tell apart.
                let text = if header.count == 1 {
                    text
                } else {
                    format!("operation {position}: {text}")
                };
                return Err((code, text));
            }
        }
    }
    Ok(BatchInfo {
        session: header.session,
        sequence: header.sequence,
        operations: header.count,
        is_plain,
    })
}

fn validate_start(header: &BatchHeader) -> Result<(), Refusal> {
    if header.session == 0 || header.count > 0 || header.is_retry() {
        let text = "what starts a session has a random number, no operations, and is not sent again";
        return Err((Code::InvalidArgument, text.into()));
    }
    Ok(())
}

fn validate_session(sequence: u64, acked: u64) -> Result<(), Refusal> {
    if sequence == 0 || acked > sequence {
        return Err((
            Code::InvalidArgument,
            "a session's sequences begin at 1 and are not below acked".into(),
        ));
    }
    if sequence - acked >= SESSION_WINDOW_MAX as u64 {
        let text = format!("{SESSION_WINDOW_MAX} batches of the session are unanswered: wait for answers");
        return Err((Code::Busy, text));
    }
    Ok(())
}

/// The answer to more would not fit a frame, and applying more would hold up whoever comes next.
#[inline]
fn validate_weight(weight: Weight) -> Result<(), Refusal> {
    if weight.operations > BATCH_OPERATIONS_MAX {
        let text = format!(
            "the batch has more than {BATCH_OPERATIONS_MAX} operations, those in transactions and their compares included: \
             split it"
        );
        return Err((Code::TooManyOperations, text));
    }
    if weight.ranges > BATCH_RANGES_MAX {
        let text =
            format!("the batch has more than {BATCH_RANGES_MAX} operations and compares on ranges of keys: split it");
        return Err((Code::TooManyOperations, text));
    }
    Ok(())
}

#[inline]
fn validate_operation(operation: &Operation<'_>, limits: &Limits) -> Result<(), Refusal> {
    match operation {
        Operation::Put(put) => validate_put(put, limits),
        Operation::DeleteRange(delete) => validate_selection(&delete.selection()),
        Operation::Txn(txn) => validate_txn(txn, limits),
        Operation::Compact { .. } => Ok(()),
        Operation::RaiseRevision { revision } => validate_raise(*revision),
        Operation::Range(_) => Err((
            Code::InvalidArgument,
            "a batch writes: send ranges in a READ request or in a transaction".into(),
        )),
    }
}

/// Checks a raise of the store's revision: what comes after it must be numbers that JavaScript can hold.
pub fn validate_raise(revision: u64) -> Result<(), Refusal> {
    if revision > REVISION_RAISED_MAX as u64 {
        let text =
            format!("a store's revision can be raised to at most {REVISION_RAISED_MAX} (2^52), not to {revision}");
        return Err((Code::InvalidArgument, text));
    }
    Ok(())
}

/// Checks one put.
#[inline]
pub fn validate_put(put: &Put<'_>, limits: &Limits) -> Result<(), Refusal> {
    validate_key(put.key)?;
    validate_value(put.value, limits)?;
    if put.flags & PUT_IGNORE_VALUE != 0 && !put.value.is_empty() {
        return Err((
            Code::InvalidArgument,
            "value is provided: leave it empty with IGNORE_VALUE".into(),
        ));
    }
    if put.flags & PUT_IGNORE_LEASE != 0 && put.flags & PUT_HAS_LEASE != 0 {
        return Err((
            Code::InvalidArgument,
            "lease is provided: leave it out with IGNORE_LEASE".into(),
        ));
    }
    Ok(())
}

/// Checks the keys of a range, deleteRange, compare or watch.
pub fn validate_selection(selection: &Selection<'_>) -> Result<(), Refusal> {
    match *selection {
        Selection::One(key) => validate_key(key),
        Selection::Span { start, end } => {
            validate_key(start)?;
            if let Some(end) = end {
                validate_length(end)?;
            }
            if selection.is_reversed() {
                return Err((
                    Code::RangeReversed,
                    "the range ends before it starts: swap its ends".into(),
                ));
            }
            Ok(())
        }
    }
}

#[inline]
fn validate_key(key: &[u8]) -> Result<(), Refusal> {
    if key.is_empty() {
        return Err((Code::KeyEmpty, "the key is empty: a key needs at least one byte".into()));
    }
    validate_length(key)
}

#[inline]
fn validate_length(key: &[u8]) -> Result<(), Refusal> {
    if key.len() > KEY_BYTES_MAX {
        let length = key.len();
        let text = format!("the key has {length} bytes, at most {KEY_BYTES_MAX} are allowed: shorten it");
        return Err((Code::KeyTooLarge, text));
    }
    Ok(())
}

#[inline]
fn validate_value(value: &[u8], limits: &Limits) -> Result<(), Refusal> {
    if value.len() > limits.value_bytes_max {
        let (length, most) = (value.len(), limits.value_bytes_max);
        let text = format!("the value has {length} bytes, at most {most} are allowed: split it or raise valueBytesMax");
        return Err((Code::ValueTooLarge, text));
    }
    Ok(())
}

/// Checks a transaction: its structure, its keys, its size, and that no key is written twice.
pub fn validate_txn(txn: &Txn<'_>, limits: &Limits) -> Result<(), Refusal> {
    txn.check()?;
    let mut left = TXN_NESTED_OPERATIONS_MAX;
    validate_parts(txn, limits, limits.txn_operations_max, &mut left)?;
    WrittenKeys::of_txn(txn).map(drop)
}

fn too_many(most: usize) -> Refusal {
    (
        Code::TooManyOperations,
        format!("the transaction has more than {most} operations: split it"),
    )
}

/// As in etcd, what a transaction's largest part uses up is not left for those nested in it.
fn validate_parts(txn: &Txn<'_>, limits: &Limits, allowed: usize, left: &mut usize) -> Result<(), Refusal> {
    let largest = txn.largest_part();
    if largest > allowed {
        return Err(too_many(limits.txn_operations_max));
    }
    for compare in txn.compares() {
        let compare = compare?;
        validate_selection(&compare.selection())?;
        if let crate::compare::Operand::Value(value) = compare.operand {
            validate_value(value, limits)?;
        }
    }
    for operation in txn.branch(true).chain(txn.branch(false)) {
        *left = left.checked_sub(1).ok_or_else(|| too_many(TXN_NESTED_OPERATIONS_MAX))?;
        match operation? {
            Operation::Put(put) => validate_put(&put, limits)?,
            Operation::DeleteRange(delete) => validate_selection(&delete.selection())?,
            Operation::Range(range) => validate_selection(&range.selection())?,
            Operation::Txn(nested) => validate_parts(&nested, limits, allowed - largest, left)?,
            Operation::Compact { .. } => {
                return Err((
                    Code::InvalidArgument,
                    "a transaction cannot compact: send the compaction alone".into(),
                ));
            }
            Operation::RaiseRevision { .. } => {
                return Err((
                    Code::InvalidArgument,
                    "a transaction cannot raise the revision: send that alone".into(),
                ));
            }
        }
    }
    Ok(())
}

const _: () = assert!(TXN_DEPTH_MAX <= TXN_OPERATIONS_MAX, "nesting uses up operations");

//! The compares of a transaction, each against the state before the transaction. Changes nothing, and knows no operations.

use std::cmp::Ordering;

use rafterdb_codec::{Code, Compare, CompareResult, Operand, Operation, Selection, Txn};

use super::bounds::{take, Bounds};
use super::refusal::Failure;
use crate::{Engine, KeyRange, RowRef, StoreError, Value, Visit};

/// What compares look at, and how much.
pub(super) struct Compares<'a, E> {
    pub(super) engine: &'a E,
    /// The state before the transaction.
    pub(super) revision: u64,
    /// Of the entry.
    pub(super) bounds: Bounds,
    /// Steps that they may still take.
    pub(super) left: u64,
}

impl<E: Engine> Compares<'_, E> {
    /// Evaluates the compares of a transaction and of those nested in the branches that will run.
    /// Appends to `path` which branch each takes.
    pub(super) fn decide(&mut self, txn: &Txn<'_>, path: &mut Vec<bool>) -> Result<(), Failure> {
        let mut succeeded = true;
        for compare in txn.compares() {
            succeeded = self.holds(&compare?)?;
            if !succeeded {
                break;
            }
        }
        path.push(succeeded);
        for operation in txn.branch(succeeded) {
            if let Operation::Txn(nested) = operation? {
                self.decide(&nested, path)?;
            }
        }
        Ok(())
    }

    fn holds(&mut self, compare: &Compare<'_>) -> Result<bool, Failure> {
        let (left, bounds) = (&mut self.left, &self.bounds);
        let mut found = false;
        let mut holds = true;
        let mut is_too_much = false;
        let mut read = Ok(());
        let engine = self.engine;
        match compare.selection() {
            Selection::One(key) => {
                self.engine.latest(key, &mut |row| {
                    if !row.is_tombstone() {
                        found = true;
                        read = accepts(engine, key, &row, compare).map(|accepts| holds = accepts);
                    }
                })?;
            }
            Selection::Span { start, end: Some(end) } if end <= start => {}
            Selection::Span { start, end } => {
                self.engine
                    .scan(KeyRange { start, end }, self.revision, false, &mut |key, row| {
                        is_too_much = !take(left, bounds.steps_of(key, row.value));
                        if is_too_much {
                            return Visit::Stop;
                        }
                        found = true;
                        read = accepts(engine, key, &row, compare).map(|accepts| holds = accepts);
                        if holds && read.is_ok() {
                            Visit::Next
                        } else {
                            Visit::Stop
                        }
                    })?;
            }
        }
        read?;
        if is_too_much {
            return Err(Failure::refuse(Code::TooManyOperations, 0, self.too_many_compared()));
        }
        Ok(if found { holds } else { holds_without_key(compare) })
    }

    fn too_many_compared(&self) -> String {
        let most = self.bounds.compare_steps_max;
        format!(
            "the compares look at more keys than may be: at most {most} in the ranges of a transaction, fewer when values are long \
             or when others of the same batch have looked at many; compare smaller ranges"
        )
    }
}

/// Whether a row is as a compare wants it. A value that lies apart is not read to see that it is not equal to another.
fn accepts<E: Engine>(engine: &E, key: &[u8], row: &RowRef<'_>, compare: &Compare<'_>) -> Result<bool, StoreError> {
    let Operand::Value(operand) = compare.operand else {
        return Ok(compare.accepts(ordering(row, &[], compare.operand)));
    };
    let asks_for_equal = matches!(compare.result, CompareResult::Equal | CompareResult::NotEqual);
    let is_apart = row.value.bytes().is_none();
    if asks_for_equal && is_apart && row.value != Value::Here(operand) {
        return Ok(compare.accepts(Ordering::Less));
    }
    let mut accepts = false;
    engine.value(key, row, &mut |value| {
        accepts = compare.accepts(ordering(row, value, compare.operand));
    })?;
    Ok(accepts)
}

/// How what was found compares to what is asked for.
fn ordering(row: &RowRef<'_>, found: &[u8], operand: Operand<'_>) -> Ordering {
    match operand {
        Operand::Version(number) => row.version.cmp(&number),
        Operand::Create(number) => row.create.cmp(&number),
        Operand::Modified(number) => row.modified.cmp(&number),
        Operand::Lease(number) => row.lease.cmp(&number),
        Operand::Value(value) => found.cmp(value),
    }
}

/// A key that does not exist has no value, and 0 for everything else.
fn holds_without_key(compare: &Compare<'_>) -> bool {
    let none = RowRef {
        create: 0,
        modified: 0,
        version: 0,
        lease: 0,
        previous: 0,
        skips: &[],
        value: Value::none(),
    };
    !matches!(compare.operand, Operand::Value(_)) && compare.accepts(ordering(&none, &[], compare.operand))
}

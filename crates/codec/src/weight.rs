//! How much an operation is, in numbers that bound what applying a batch costs. Knows the bytes alone: what lies in a range, and how
//! much of it is looked at, is the state machine's.

use crate::operations::{Operation, Operations, Txn, TXN_DEPTH_MAX};

/// Operations and ranges of an operation, or of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weight {
    /// It and those nested in it, of both branches, and their compares.
    pub operations: usize,
    /// Those that may run and are not on one key: deletes, ranges and compares.
    pub ranges: usize,
}

impl Weight {
    /// Of one operation.
    #[must_use]
    #[inline]
    pub fn of(operation: &Operation<'_>) -> Self {
        Self::at(operation, 0)
    }

    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            operations: self.operations + other.operations,
            ranges: self.ranges + other.ranges,
        }
    }

    fn at(operation: &Operation<'_>, depth: usize) -> Self {
        let ranges = match operation {
            Operation::DeleteRange(delete) => usize::from(!delete.end.is_empty()),
            Operation::Range(range) => usize::from(!range.end.is_empty()),
            // What nests deeper is refused.
            Operation::Txn(txn) if depth < TXN_DEPTH_MAX => return Self::of_txn(txn, depth),
            _ => 0,
        };
        Self { operations: 1, ranges }
    }

    fn of_txn(txn: &Txn<'_>, depth: usize) -> Self {
        let of_branch = |operations: Operations<'_>| {
            let each = operations.flatten().map(|operation| Self::at(&operation, depth + 1));
            each.fold(Self::default(), Self::and)
        };
        let (then, otherwise) = (of_branch(txn.branch(true)), of_branch(txn.branch(false)));
        let (mut compares, mut compared_ranges) = (0, 0);
        for compare in txn.compares().flatten() {
            compares += 1;
            compared_ranges += usize::from(!compare.end.is_empty());
        }
        Self {
            operations: 1 + compares + then.operations + otherwise.operations,
            ranges: compared_ranges + then.ranges.max(otherwise.ranges),
        }
    }
}

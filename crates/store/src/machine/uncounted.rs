//! The mark of a count that applying an entry left out, and whether results have one. Knows nothing of how it is filled in.

use rafterdb_codec::{Code, OperationKind, OperationResult, OperationResults};

/// In place of a count that is to be filled in.
pub(super) const UNCOUNTED: u64 = u64::MAX;

/// Whether results have counts to be filled in.
pub(super) fn has_uncounted(results: &[u8]) -> bool {
    OperationResults::new(results)
        .flatten()
        .any(|result| is_uncounted(&result))
}

fn is_uncounted(result: &OperationResult<'_>) -> bool {
    if result.code != Code::Ok {
        return false;
    }
    match result.operation {
        OperationKind::Range | OperationKind::DeleteRange => {
            result.counted_pairs().is_ok_and(|counted| counted.count == UNCOUNTED)
        }
        OperationKind::Txn => result
            .nested()
            .is_ok_and(|nested| nested.flatten().any(|result| is_uncounted(&result))),
        OperationKind::Put | OperationKind::Compact | OperationKind::RaiseRevision => false,
    }
}

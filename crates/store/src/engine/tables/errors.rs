//! What the table library reports, as an error of ours.

use std::path::Path;

use super::super::failure::{corrupt, io_failure};
use crate::StoreError;

pub(super) fn is_damage(error: &lsm_tree::Error) -> bool {
    match error {
        lsm_tree::Error::Io(error) => error.kind() == std::io::ErrorKind::UnexpectedEof,
        _ => true,
    }
}

/// Whether it was the filter that ended a compaction.
pub(super) fn is_interruption(error: &lsm_tree::Error) -> bool {
    matches!(error, lsm_tree::Error::Io(error) if error.kind() == std::io::ErrorKind::Interrupted)
}

pub(super) fn failure(error: &lsm_tree::Error, doing: &str, path: &Path) -> StoreError {
    match error {
        lsm_tree::Error::Io(io) if !is_damage(error) => io_failure(io, doing, path),
        _ => corrupt(path, None, &format!("the tables are damaged ({error})")),
    }
}

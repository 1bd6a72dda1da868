//! Errors of the engine: what the operating system or a table reports, as a code and a text that says what to do.

use std::io;
use std::path::Path;

use rafterdb_codec::Code;

use crate::StoreError;

/// Error number of a full disk, and of a full quota, where numbers are those of Unix.
const DISK_FULL_ERRORS: [i32; 2] = [28, 122];

/// What the operating system reports while `doing` something to `path`.
pub(super) fn io_failure(error: &io::Error, doing: &str, path: &Path) -> StoreError {
    let number = error.raw_os_error().unwrap_or(0);
    let full = error.kind() == io::ErrorKind::StorageFull || (cfg!(unix) && DISK_FULL_ERRORS.contains(&number));
    if full {
        StoreError::new(
            Code::DiskFull,
            format!(
                "disk full while {doing} {}: free some space and start the member again",
                path.display()
            ),
        )
    } else {
        StoreError::new(Code::Io, format!("{doing} {}: {error}", path.display()))
    }
}

/// Damage in `path`, at `offset` if it is known.
pub(super) fn corrupt(path: &Path, offset: Option<u64>, what: &str) -> StoreError {
    let place = offset.map_or_else(String::new, |offset| format!(" at offset {offset}"));
    StoreError::new(
        Code::StoreCorrupt,
        format!(
            "{}{place}: {what}. Restore this member's data from a backup, or remove its data directory and let it \
             catch up from the other members",
            path.display()
        ),
    )
}

/// What an earlier failure left behind.
pub(super) fn poisoned(cause: &StoreError) -> StoreError {
    StoreError::new(
        Code::Poisoned,
        format!("the store takes no more writes since it failed: {cause}"),
    )
}

/// The revision was compacted, perhaps while it was read.
pub(super) fn compacted(revision: u64) -> StoreError {
    StoreError {
        code: Code::Compacted,
        detail: revision,
        text: format!("revisions up to {revision} have been compacted"),
    }
}

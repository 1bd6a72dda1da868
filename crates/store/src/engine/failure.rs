//! Errors of the engine: what the operating system or a table reports, as a code and a text that says what to do.

use std::io;
use std::path::Path;

use rafterdb_codec::Code;

use crate::StoreError;

/// What the operating system reports while `doing` something to `path`.
pub(super) fn io_failure(error: &io::Error, doing: &str, path: &Path) -> StoreError {
    StoreError::new(
        rafterdb_codec::code_of(error),
        format!("{doing} {}: {error}", path.display()),
    )
}

/// What the operating system reports of a sync: final, whatever the reason, as nobody knows what it has kept.
pub(super) fn sync_failure(error: &io::Error, path: &Path) -> StoreError {
    StoreError::new(Code::Io, format!("syncing {}: {error}", path.display()))
}

/// What a write is told that would need another flush while one waits for room, or for descriptors.
pub(super) fn short() -> StoreError {
    StoreError::new(
        Code::DiskFull,
        "a flush waits for room on the disk, or for file descriptors; it goes on by itself when there is some",
    )
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

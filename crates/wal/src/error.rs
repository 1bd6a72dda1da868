//! What can go wrong in the log. Codes are those of crates/codec/tables.json.

use std::io;
use std::path::{Path, PathBuf};

use rafterdb_codec::Code;

/// What a person can do about a damaged log.
pub(crate) const WAY_OUT: &str =
    "Nothing was changed. If the other members are well, restore this one from them: stop it, \
    move its data directory away and start it again; it fetches a snapshot and the log from the leader. \
    Do so with fewer than half of the members at a time";

/// An operating error of the log, with the code that programs match: `DISK_FULL`, `OUT_OF_FILES`, `IO`, `LOG_CORRUPT`,
/// `LOG_SEGMENT_MISSING`, `FORMAT_NEWER`, `POISONED`; from reads also `COMPACTED` and `INVALID_ARGUMENT`.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{text}")]
pub struct WalError {
    /// What kind of failure.
    pub code: Code,
    /// The file it concerns.
    pub file: Option<PathBuf>,
    /// Where in the file, bytes.
    pub offset: Option<u64>,
    /// For people: what happened and what to do.
    pub text: String,
}

impl WalError {
    pub(crate) fn new(code: Code, text: impl Into<String>) -> Self {
        Self {
            code,
            file: None,
            offset: None,
            text: text.into(),
        }
    }

    /// An error of the operating system while `doing` something with `file`.
    pub(crate) fn io(error: &io::Error, doing: &str, file: &Path) -> Self {
        let code = rafterdb_codec::code_of(error);
        let text = format!("log: cannot {doing} {}: {error}", file.display());
        Self {
            code,
            file: Some(file.to_owned()),
            offset: None,
            text,
        }
    }

    /// Damage that is not a torn end of the log.
    pub(crate) fn corrupt(file: &Path, offset: u64, what: &str) -> Self {
        Self {
            code: Code::LogCorrupt,
            file: Some(file.to_owned()),
            offset: Some(offset),
            text: format!("log: {} is damaged at byte {offset}: {what}. {WAY_OUT}", file.display()),
        }
    }
}

//! Why an operation of an entry is not done: it is refused, and nothing was changed; or the store has failed.

use rafterdb_codec::{Code, Malformed, Refusal};

use crate::StoreError;

/// Why an operation was refused; nothing was changed.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) code: Code,
    pub(super) detail: u64,
    pub(super) text: String,
}

/// Either the operation is refused, or the store has failed.
#[derive(Debug)]
pub(super) enum Failure {
    Refused(Refused),
    Fatal(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Fatal(error)
    }
}

impl From<Malformed> for Failure {
    fn from(malformed: Malformed) -> Self {
        Self::refuse(malformed.code(), 0, malformed.0)
    }
}

impl Failure {
    pub(super) fn refuse(code: Code, detail: u64, text: impl Into<String>) -> Self {
        Self::Refused(Refused {
            code,
            detail,
            text: text.into(),
        })
    }
}

impl From<Refusal> for Failure {
    fn from((code, text): Refusal) -> Self {
        Self::refuse(code, 0, text)
    }
}

pub(super) fn future_text(revision: u64, current: u64) -> String {
    format!("revision {revision} is in the future, the current one is {current}: ask for that or a lower one")
}

pub(super) fn compacted_text(revision: u64, compacted: u64) -> String {
    format!("revision {revision} has been compacted, the compacted revision is {compacted}: ask for a later one")
}

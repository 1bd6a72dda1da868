//! What can go wrong with a network: a code for programs, a text for people.

use rafterdb_codec::{Code, NotHello};

/// An operating error of the network.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{text}")]
pub struct NetError {
    /// What programs match: `PORT_IN_USE`, `ADDRESS_INVALID`, `UNREACHABLE`, `CLUSTER_MISMATCH`, `PROTOCOL_VERSION`,
    /// `MEMBER_UNKNOWN`, `MEMBER_REMOVED`, `TOKEN_MISMATCH`, `PROTOCOL_ERROR`, `TIMEOUT`, `CLOSED`, `IO`.
    pub code: Code,
    /// Of `MEMBER_REMOVED` the index of the configuration that says so; else 0.
    pub detail: u64,
    /// For people: what happened and what to do.
    pub text: String,
}

impl From<NotHello> for NetError {
    fn from(not: NotHello) -> Self {
        Self::new(not.code(), not.to_string())
    }
}

impl NetError {
    /// An error of a code.
    pub fn new(code: Code, text: impl Into<String>) -> Self {
        Self {
            code,
            detail: 0,
            text: text.into(),
        }
    }

    /// The same, with a detail.
    pub(crate) fn with_detail(self, detail: u64) -> Self {
        Self { detail, ..self }
    }
}

//! What can go wrong in the store. Codes are those of crates/codec/tables.json.

use rafterdb_codec::Code;

/// An operating error of the store, with the code that programs match.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{text}")]
pub struct StoreError {
    /// What kind of failure.
    pub code: Code,
    /// A number that belongs to it, such as the compacted revision; 0 if none.
    pub detail: u64,
    /// For people: what happened and what to do.
    pub text: String,
}

impl StoreError {
    /// An error without a number.
    pub fn new(code: Code, text: impl Into<String>) -> Self {
        Self {
            code,
            detail: 0,
            text: text.into(),
        }
    }
}

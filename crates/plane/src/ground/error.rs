//! What can go wrong in the plane, with the codes of crates/codec/tables.json.

use rafterdb_codec::Code;

use crate::ground::directory_names::named;

/// An operating error of a member.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{text}")]
pub struct PlaneError {
    /// What programs match.
    pub code: Code,
    /// For people: what happened and what to do.
    pub text: String,
}

impl PlaneError {
    /// An error of a code. Files are called in it what people call them.
    pub fn new(code: Code, text: impl Into<String>) -> Self {
        Self {
            code,
            text: named(&text.into()).into_owned(),
        }
    }

    /// With which code calls fail after it has ended the member: `POISONED`, unless it is that the member is none any more.
    #[must_use]
    pub const fn code_of_calls(&self) -> Code {
        match self.code {
            Code::MemberRemoved => Code::MemberRemoved,
            _ => Code::Poisoned,
        }
    }

    /// An input or output error, naming what was being done.
    pub fn io(doing: &str, error: &std::io::Error) -> Self {
        Self::new(rafterdb_codec::code_of(error), format!("{doing}: {error}"))
    }
}

impl From<rafterdb_store::StoreError> for PlaneError {
    fn from(error: rafterdb_store::StoreError) -> Self {
        Self::new(error.code, error.text)
    }
}

impl From<rafterdb_wal::WalError> for PlaneError {
    fn from(error: rafterdb_wal::WalError) -> Self {
        Self::new(error.code, error.to_string())
    }
}

impl From<rafterdb_net::NetError> for PlaneError {
    fn from(error: rafterdb_net::NetError) -> Self {
        Self::new(error.code, error.to_string())
    }
}

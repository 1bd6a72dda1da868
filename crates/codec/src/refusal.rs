//! Why a member refuses what a client sends: a code for programs and a text for people.

use crate::{Code, Malformed};

/// A refusal: the code that programs match, and what to do about it.
pub type Refusal = (Code, String);

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Self {
        (malformed.code(), malformed.0.to_string())
    }
}

//! Who is behind a request, by name: it travels from whoever authenticated them to the entry that the request becomes, and to the
//! machine that applies it. Knows no users and no rights.

use crate::limits::PRINCIPAL_BYTES_MAX;
use crate::reader::{Parsed, Reader};

/// A name of at most [`PRINCIPAL_BYTES_MAX`] bytes, borrowed. Empty: anonymous.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Principal<'a>(&'a [u8]);

impl<'a> Principal<'a> {
    /// Nobody in particular.
    pub const ANONYMOUS: Principal<'static> = Principal(&[]);

    /// Who has this name; `None` if it is too long.
    #[must_use]
    pub const fn new(name: &'a [u8]) -> Option<Self> {
        if name.len() > PRINCIPAL_BYTES_MAX {
            return None;
        }
        Some(Self(name))
    }

    /// Reads a name of so many bytes.
    #[inline]
    pub(crate) fn parse(reader: &mut Reader<'a>, bytes: u8) -> Parsed<Self> {
        reader.bytes(usize::from(bytes)).map(Self)
    }

    /// The name.
    #[must_use]
    pub const fn name(self) -> &'a [u8] {
        self.0
    }

    /// Whether it is nobody in particular.
    #[must_use]
    pub const fn is_anonymous(self) -> bool {
        self.0.is_empty()
    }

    /// Bytes of the name, as they are encoded.
    #[allow(clippy::cast_possible_truncation, reason = "at most PRINCIPAL_BYTES_MAX")]
    pub(crate) const fn length(self) -> u8 {
        self.0.len() as u8
    }
}

const _: () = assert!(
    PRINCIPAL_BYTES_MAX <= u8::MAX as usize,
    "a byte tells how long a name is"
);

//! Why something could not be encoded into the caller's buffer. Knows no layout.

/// An encoder's refusal; the output is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unencodable {
    /// The output is too short.
    NoRoom {
        /// Bytes that are needed: the `encoded_size`.
        needed: usize,
        /// Bytes that were given.
        given: usize,
    },
    /// The body is longer than its length field can tell.
    TooLong {
        /// Bytes of the body.
        bytes: usize,
    },
}

impl std::fmt::Display for Unencodable {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoRoom { needed, given } => {
                write!(
                    formatter,
                    "{needed} bytes are needed, the buffer has {given}: make it larger"
                )
            }
            Self::TooLong { bytes } => write!(formatter, "a body of {bytes} bytes is too long: at most 4 GiB - 1 fit"),
        }
    }
}

impl std::error::Error for Unencodable {}

/// A body's length as it is encoded.
pub(crate) fn body_length(bytes: usize) -> Result<u32, Unencodable> {
    u32::try_from(bytes).map_err(|_| Unencodable::TooLong { bytes })
}

/// The first `needed` bytes of an output.
pub(crate) fn room(out: &mut [u8], needed: usize) -> Result<&mut [u8], Unencodable> {
    let given = out.len();
    out.get_mut(..needed).ok_or(Unencodable::NoRoom { needed, given })
}

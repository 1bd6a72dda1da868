//! The header before a payload (its layout stands in the crate's header): written, parsed and checked here alone.
//! Knows no library that compresses.

use crate::algorithm::Algorithm;
use crate::error::CompressError;

/// The most bytes that are compressed in one call (2,113,929,216, the limit of an LZ4 block); more are stored.
pub const COMPRESS_INPUT_BYTES_MAX: usize = 0x7e00_0000;

/// The flag of an input that is stored as it is; one byte is all that it costs.
pub(crate) const STORED: u8 = 0;
const WITH_DICTIONARY: u8 = 0x80;
const HEADER_BYTES_MAX: usize = 9;

/// What stands before the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub algorithm: Algorithm,
    /// Bytes of the original; at most `u32::MAX`.
    pub length: usize,
    pub dictionary: Option<u32>,
}

/// An input taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parsed<'a> {
    Stored(&'a [u8]),
    Compressed(Header, &'a [u8]),
}

impl Header {
    /// Bytes of a header: 5, or 9 with a dictionary.
    pub const fn bytes(dictionary: bool) -> usize {
        if dictionary {
            HEADER_BYTES_MAX
        } else {
            5
        }
    }

    /// Writes the header to the begin of `out`, which has room for it.
    pub fn write(&self, out: &mut [u8]) {
        debug_assert!(self.length <= COMPRESS_INPUT_BYTES_MAX, "the length fits its field");
        out[0] = self.algorithm as u8;
        out[1..5].copy_from_slice(&(self.length as u32).to_le_bytes());
        if let Some(id) = self.dictionary {
            out[0] |= WITH_DICTIONARY;
            out[5..HEADER_BYTES_MAX].copy_from_slice(&id.to_le_bytes());
        }
    }
}

/// Takes an input apart. A length that no payload of this size can decode to is refused, so that whoever believes a
/// parsed header allocates in proportion to what it was sent.
///
/// # Errors
/// `Truncated`, `UnknownFlag` and `Corrupt`.
pub(crate) fn parse(input: &[u8]) -> Result<Parsed<'_>, CompressError> {
    let truncated = CompressError::Truncated { bytes: input.len() };
    let Some((&flag, rest)) = input.split_first() else {
        return Err(truncated);
    };
    let algorithm = match flag & !WITH_DICTIONARY {
        1 => Algorithm::Lz4,
        2 => Algorithm::Zstd,
        3 => Algorithm::Gzip,
        _ if flag == STORED => return Ok(Parsed::Stored(rest)),
        _ => return Err(CompressError::UnknownFlag { flag }),
    };
    let Some((length, mut payload)) = rest.split_first_chunk() else {
        return Err(truncated);
    };
    let length = u32::from_le_bytes(*length) as usize;
    let mut dictionary = None;
    if flag & WITH_DICTIONARY != 0 {
        if algorithm == Algorithm::Gzip {
            return Err(CompressError::UnknownFlag { flag });
        }
        let Some((id, rest)) = payload.split_first_chunk() else {
            return Err(truncated);
        };
        dictionary = Some(u32::from_le_bytes(*id));
        payload = rest;
    }
    if length > payload.len().saturating_mul(algorithm.expansion_max()) {
        return Err(CompressError::Corrupt {
            algorithm,
            reason: "it declares more bytes than a payload of its size can hold",
        });
    }
    let header = Header {
        algorithm,
        length,
        dictionary,
    };
    Ok(Parsed::Compressed(header, payload))
}

//! The CRC-32C of many keys in one call. Owns the check of the boundaries; must not know which kernel runs.

use super::dispatch::Kernel;
use crate::Path;
use std::fmt;

/// What is wrong with the boundaries of keys in a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoundaryError {
    /// There must be one boundary more than results.
    Count {
        /// Boundaries given.
        offsets: usize,
        /// Places for results.
        out: usize,
    },
    /// The key number `key` ends before it begins.
    Order {
        /// From 0.
        key: usize,
    },
    /// The last boundary lies behind the end of the buffer.
    Range {
        /// The last boundary, bytes.
        end: u32,
        /// Length of the buffer, bytes.
        buffer: usize,
    },
}

impl std::error::Error for BoundaryError {}

impl fmt::Display for BoundaryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count { offsets, out } => {
                write!(
                    f,
                    "{offsets} boundaries for {out} results: there must be one more than results"
                )
            }
            Self::Order { key } => write!(f, "key {key} ends before it begins: boundaries must ascend"),
            Self::Range { end, buffer } => write!(f, "the last key ends at {end}, the buffer at {buffer}"),
        }
    }
}

/// The CRC-32C of each key `buffer[offsets[i]..offsets[i + 1]]`, written to `out[i]`.
///
/// # Errors
/// [`BoundaryError`] unless there is one offset more than places in `out`, and they ascend (equal ones make an empty key)
/// and end within the buffer. Then `out` is left as it was.
pub fn crc32c_many(buffer: &[u8], offsets: &[u32], out: &mut [u32]) -> Result<(), BoundaryError> {
    many(Kernel::best(), buffer, offsets, out)
}

/// As [`crc32c_many`], on a given path; `None` where this machine lacks its instructions.
///
/// # Errors
/// As [`crc32c_many`].
#[must_use]
pub fn crc32c_many_on(
    path: Path,
    buffer: &[u8],
    offsets: &[u32],
    out: &mut [u32],
) -> Option<Result<(), BoundaryError>> {
    Some(many(Kernel::on(path)?, buffer, offsets, out))
}

fn many(kernel: &Kernel, buffer: &[u8], offsets: &[u32], out: &mut [u32]) -> Result<(), BoundaryError> {
    check(buffer, offsets, out)?;
    kernel.many(buffer, offsets, out);
    Ok(())
}

fn check(buffer: &[u8], offsets: &[u32], out: &[u32]) -> Result<(), BoundaryError> {
    let end = match offsets.last() {
        Some(end) if offsets.len() - 1 == out.len() => *end,
        _ => {
            return Err(BoundaryError::Count {
                offsets: offsets.len(),
                out: out.len(),
            })
        }
    };
    // All of them: a search that stops at the first would look at one at a time.
    let descents = offsets.windows(2).filter(|key| key[0] > key[1]).count();
    if descents != 0 {
        let key = offsets.windows(2).position(|key| key[0] > key[1]).unwrap_or_default();
        return Err(BoundaryError::Order { key });
    }
    if end as usize > buffer.len() {
        return Err(BoundaryError::Range {
            end,
            buffer: buffer.len(),
        });
    }
    Ok(())
}

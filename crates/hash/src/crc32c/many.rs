//! The CRC-32C of many keys in one call. Must not know which kernel runs.

use super::dispatch::Kernel;
use crate::{Keys, KeysError, Path};

/// The CRC-32C of each key `buffer[offsets[i]..offsets[i + 1]]`, written to `out[i]`.
///
/// # Errors
/// [`KeysError`], and `out` is as it was: the offsets do not ascend within `buffer` ([`Keys::new`]), or `out` has not one
/// place a key.
pub fn crc32c_many(buffer: &[u8], offsets: &[u32], out: &mut [u32]) -> Result<(), KeysError> {
    many(Kernel::best(), buffer, offsets, out)
}

/// As [`crc32c_many`], on a given path; `None` where this machine lacks its instructions.
///
/// # Errors
/// As [`crc32c_many`].
#[must_use]
pub fn crc32c_many_on(path: Path, buffer: &[u8], offsets: &[u32], out: &mut [u32]) -> Option<Result<(), KeysError>> {
    Some(many(Kernel::on(path)?, buffer, offsets, out))
}

fn many(kernel: &Kernel, buffer: &[u8], offsets: &[u32], out: &mut [u32]) -> Result<(), KeysError> {
    let keys = Keys::new(buffer, offsets)?;
    keys.expect(out.len())?;
    kernel.many(keys, out);
    Ok(())
}

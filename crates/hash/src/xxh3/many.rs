//! XXH3 of many keys of one buffer in one call: what does not depend on the key is done once.

use super::dispatch::Engine;
use super::secret::{Secret, Source};
use super::{digest_64, medium_64, short_64, MEDIUM_BYTES_MAX, SHORT_BYTES_MAX};
use crate::{Keys, KeysError};

/// The 64-bit XXH3 of each key: `out[i]` is that of `buffer[offsets[i]..offsets[i + 1]]`.
///
/// # Errors
/// [`KeysError`], and `out` is as it was: the offsets do not ascend within `buffer` ([`Keys::new`]), or `out` has not one place
/// a key.
pub fn xxh3_64_many(buffer: &[u8], offsets: &[u32], seed: u64, out: &mut [u64]) -> Result<(), KeysError> {
    let keys = Keys::new(buffer, offsets)?;
    keys.expect(out.len())?;
    let mut long = None;
    for (key, out) in keys.iter().zip(out) {
        *out = if key.len() <= SHORT_BYTES_MAX {
            short_64(key, seed)
        } else if key.len() <= MEDIUM_BYTES_MAX {
            medium_64(key, seed)
        } else {
            let (engine, secret) = long.get_or_insert_with(|| (Engine::best(), Secret::of_seed(seed)));
            digest_64(*engine, key, Source::stored(secret))
        };
    }
    Ok(())
}

//! Where a key lies on the circle. Knows nothing of rings.

use rafterdb_hash::xxh3_64;

/// Where a key lies on the circle of every ring: its XXH3-64 with seed 0.
///
/// A ring's seed does not enter here, so that the hashes of stored keys stay valid whatever becomes of the ring.
#[inline]
#[must_use]
pub fn hash_key(key: &[u8]) -> u64 {
    xxh3_64(key, 0)
}

//! The state hash: a sum over all live pairs, so that a write changes it without reading anything else.
//! Two members with equal applied index and different hashes have diverged. When a range is deleted as a whole the sum is begun
//! anew: see [`super::state::State::begin_digest`].

use rafterdb_hash::xxh3_64;

use crate::RowRef;

/// Digest of a key alone; a put needs it twice.
pub(super) fn key_digest(key: &[u8]) -> u64 {
    xxh3_64(key, 0)
}

/// Digest of one live pair. Hashing the parts first and then their hashes spares copying key and value together.
pub(super) fn pair_digest(key_digest: u64, row: &RowRef<'_>) -> u64 {
    let parts = [
        key_digest,
        xxh3_64(row.value, 0),
        row.create,
        row.modified,
        row.version,
        row.lease,
    ];
    let mut bytes = [0; 48];
    for (place, part) in bytes.chunks_exact_mut(8).zip(parts) {
        place.copy_from_slice(&part.to_le_bytes());
    }
    xxh3_64(&bytes, 0)
}

//! The state hash: a sum over all live pairs, so that a write changes it without reading anything else.
//! Two members with equal applied index and different hashes have diverged: what is hashed, in which order, is a layout like those
//! on disk. Knows no sum and no state.
//!
//! ```text
//! pair    [u64 digest of the key][u64 xxh3 of the value][u64 create][u64 modified][u64 version][u64 lease]      → its xxh3
//! past    [u64 past][u64 digest][u64 revision]       → its xxh3: what the digests were when the sum is begun anew
//! members [u64 index][u64 term][u64 xxh3 of the body]       → its xxh3: the last configuration that was applied; 0 while none was
//! session [u64 random][u64 index]       → its xxh3, the lower 53 bits: the number of a session
//! ```

use rafterdb_hash::xxh3_64;

use super::RowRef;
use crate::SAFE_NUMBER_MAX;

/// Digest of a key alone; a put needs it twice.
#[inline]
#[must_use]
pub fn key_digest(key: &[u8]) -> u64 {
    xxh3_64(key, 0)
}

/// Digest of one live pair. Hashing the parts first and then their hashes spares copying key and value together.
#[inline]
#[must_use]
pub fn pair_digest(key_digest: u64, row: &RowRef<'_>) -> u64 {
    of_numbers([
        key_digest,
        row.value.hash(),
        row.create,
        row.modified,
        row.version,
        row.lease,
    ])
}

/// The number of the session that the entry at `index` starts: two entries do not give the same one. `random` is the client's, so that those
/// of two clusters differ. May be 0, below 2^53.
#[must_use]
pub fn session_number(random: u64, index: u64) -> u64 {
    of_numbers([random, index]) & SAFE_NUMBER_MAX
}

/// What all digests up to `revision` were: those of before, and the sum of now.
#[must_use]
pub fn past_digest(past: u64, digest: u64, revision: u64) -> u64 {
    of_numbers([past, digest, revision])
}

/// Who the members are, by the last configuration that was applied.
#[must_use]
pub fn configuration_digest(index: u64, term: u64, body: &[u8]) -> u64 {
    of_numbers([index, term, xxh3_64(body, 0)])
}

/// The hash of numbers one after the other.
#[inline]
fn of_numbers<const N: usize>(numbers: [u64; N]) -> u64 {
    let mut bytes = [[0; 8]; N];
    for (place, number) in bytes.iter_mut().zip(numbers) {
        *place = number.to_le_bytes();
    }
    xxh3_64(bytes.as_flattened(), 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashed(numbers: &[u64]) -> u64 {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        xxh3_64(&bytes, 0)
    }

    #[test]
    fn what_is_hashed_is_that_of_the_table() {
        let row = RowRef {
            create: 3,
            modified: 4,
            version: 5,
            lease: 6,
            previous: 7,
            skips: b"skips",
            value: (b"value").into(),
        };
        let parts = [key_digest(b"key"), xxh3_64(b"value", 0), 3, 4, 5, 6];
        assert_eq!(pair_digest(key_digest(b"key"), &row), hashed(&parts));
        assert_eq!(past_digest(1, 2, 300), hashed(&[1, 2, 300]));
        assert_eq!(
            configuration_digest(1, 2, b"body"),
            hashed(&[1, 2, xxh3_64(b"body", 0)])
        );
    }

    /// Members of different versions compare these.
    #[test]
    fn the_digests_are_those_of_every_version() {
        let row = RowRef {
            create: 3,
            modified: 4,
            version: 2,
            lease: 0,
            previous: 3,
            skips: b"",
            value: (b"value").into(),
        };
        assert_eq!(pair_digest(key_digest(b"key"), &row), 0x2215_e728_80f3_de39);
        assert_eq!(past_digest(1, 2, 300), 0xb216_09d2_808d_d88b);
    }
}

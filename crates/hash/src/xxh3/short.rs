//! XXH3 of 0 to 16 bytes ("XXH3 Algorithm Description (for small inputs)"): a few reads and one multiplication or two.
//! Knows no machine: short inputs never look at the dispatch.

use super::mix::{
    avalanche, avalanche_xxh64, folded, join, product, u32_at, u64_at, PRIME32_2, PRIME64_1, PRIME64_2, PRIME_MX2,
};
use super::secret::{secret32, secret64};

/// The 64-bit hash of at most 16 bytes.
#[inline(always)]
pub(super) fn short_64(bytes: &[u8], seed: u64) -> u64 {
    let length = bytes.len();
    match length {
        9.. => {
            let low = ((secret64(24) ^ secret64(32)).wrapping_add(seed)) ^ u64_at(bytes, 0);
            let high = ((secret64(40) ^ secret64(48)).wrapping_sub(seed)) ^ u64_at(bytes, length - 8);
            avalanche(
                (length as u64)
                    .wrapping_add(low.swap_bytes())
                    .wrapping_add(high)
                    .wrapping_add(folded(low, high)),
            )
        }
        4.. => {
            let first = u64::from(u32_at(bytes, 0));
            let last = u64::from(u32_at(bytes, length - 4));
            let x = ((secret64(8) ^ secret64(16)).wrapping_sub(widened(seed))) ^ (last | first << 32);
            let x = (x ^ x.rotate_left(49) ^ x.rotate_left(24)).wrapping_mul(PRIME_MX2);
            let x = (x ^ ((x >> 35).wrapping_add(length as u64))).wrapping_mul(PRIME_MX2);
            x ^ (x >> 28)
        }
        1.. => {
            let key = u64::from(secret32(0) ^ secret32(4)).wrapping_add(seed);
            avalanche_xxh64(key ^ u64::from(combined(bytes)))
        }
        0 => avalanche_xxh64(seed ^ secret64(56) ^ secret64(64)),
    }
}

/// The 128-bit hash of at most 16 bytes.
#[inline(always)]
pub(super) fn short_128(bytes: &[u8], seed: u64) -> u128 {
    let length = bytes.len();
    match length {
        9.. => {
            let last = u64_at(bytes, length - 8);
            let (low, high) = product(
                ((secret64(32) ^ secret64(40)).wrapping_sub(seed)) ^ u64_at(bytes, 0) ^ last,
                PRIME64_1,
            );
            let last = ((secret64(48) ^ secret64(56)).wrapping_add(seed)) ^ last;
            let low = low.wrapping_add((length as u64 - 1) << 54);
            let high = high
                .wrapping_add(last)
                .wrapping_add((last & 0xffff_ffff).wrapping_mul(PRIME32_2 - 1));
            let (low, carry) = product(low ^ high.swap_bytes(), PRIME64_2);
            let high = carry.wrapping_add(high.wrapping_mul(PRIME64_2));
            join(avalanche(low), avalanche(high))
        }
        4.. => {
            let first = u64::from(u32_at(bytes, 0));
            let last = u64::from(u32_at(bytes, length - 4));
            let x = ((secret64(16) ^ secret64(24)).wrapping_add(widened(seed))) ^ (first | last << 32);
            let (low, high) = product(x, PRIME64_1.wrapping_add((length as u64) << 2));
            let high = high.wrapping_add(low << 1);
            let low = low ^ (high >> 3);
            let low = (low ^ (low >> 35)).wrapping_mul(PRIME_MX2);
            join(low ^ (low >> 28), avalanche(high))
        }
        1.. => {
            let combined = combined(bytes);
            let low = u64::from(secret32(0) ^ secret32(4)).wrapping_add(seed);
            let high = u64::from(secret32(8) ^ secret32(12)).wrapping_sub(seed);
            join(
                avalanche_xxh64(low ^ u64::from(combined)),
                avalanche_xxh64(high ^ u64::from(combined.swap_bytes().rotate_left(13))),
            )
        }
        0 => join(
            avalanche_xxh64(seed ^ secret64(64) ^ secret64(72)),
            avalanche_xxh64(seed ^ secret64(80) ^ secret64(88)),
        ),
    }
}

/// The seed with its low half mixed into the high one, byte-swapped (4 to 8 bytes of input).
#[inline(always)]
const fn widened(seed: u64) -> u64 {
    seed ^ ((seed as u32).swap_bytes() as u64) << 32
}

/// 1 to 3 bytes and their count in one word.
#[inline(always)]
fn combined(bytes: &[u8]) -> u32 {
    let length = bytes.len();
    u32::from(bytes[length - 1])
        | (length as u32) << 8
        | u32::from(bytes[0]) << 16
        | u32::from(bytes[length >> 1]) << 24
}

//! XXH3 of 17 to 240 bytes ("XXH3 Algorithm Description (for medium inputs)"): products of 16 bytes of input with 16 bytes of
//! secret. Knows no machine: medium inputs never look at the dispatch.

use super::mix::{avalanche, folded, join, u64_at, PRIME64_1, PRIME64_2, PRIME64_4};
use super::secret::secret64;

/// The 64-bit hash of 17 to 240 bytes.
#[inline(always)]
pub(super) fn medium_64(bytes: &[u8], seed: u64) -> u64 {
    if bytes.len() <= 128 {
        up_to_128_64(bytes, seed)
    } else {
        up_to_240_64(bytes, seed)
    }
}

/// The 128-bit hash of 17 to 240 bytes.
#[inline(always)]
pub(super) fn medium_128(bytes: &[u8], seed: u64) -> u128 {
    if bytes.len() <= 128 {
        up_to_128_128(bytes, seed)
    } else {
        up_to_240_128(bytes, seed)
    }
}

#[inline(always)]
fn up_to_128_64(bytes: &[u8], seed: u64) -> u64 {
    let length = bytes.len();
    // A pair of chunks, one counted from each end; sums of 64 bits, so the order is free.
    let pair = |i: usize| {
        mix_step(bytes, 16 * i, 32 * i, seed).wrapping_add(mix_step(bytes, length - 16 * (i + 1), 32 * i + 16, seed))
    };
    let mut sum = (length as u64).wrapping_mul(PRIME64_1).wrapping_add(pair(0));
    if length > 32 {
        sum = sum.wrapping_add(pair(1));
        if length > 64 {
            sum = sum.wrapping_add(pair(2));
            if length > 96 {
                sum = sum.wrapping_add(pair(3));
            }
        }
    }
    avalanche(sum)
}

#[inline(never)]
fn up_to_240_64(bytes: &[u8], seed: u64) -> u64 {
    let length = bytes.len();
    let mut sum = (length as u64).wrapping_mul(PRIME64_1);
    for i in 0..8 {
        sum = sum.wrapping_add(mix_step(bytes, 16 * i, 16 * i, seed));
    }
    sum = avalanche(sum).wrapping_add(mix_step(bytes, length - 16, 119, seed));
    for i in 8..length / 16 {
        sum = sum.wrapping_add(mix_step(bytes, 16 * i, 16 * (i - 8) + 3, seed));
    }
    avalanche(sum)
}

#[inline(always)]
fn up_to_128_128(bytes: &[u8], seed: u64) -> u128 {
    let length = bytes.len();
    let mut sums = Sums::new(length);
    let mut pair = |i: usize| sums.mix(bytes, 16 * i, length - 16 * (i + 1), 32 * i, seed);
    // From the middle outwards: here the order counts.
    if length > 32 {
        if length > 64 {
            if length > 96 {
                pair(3);
            }
            pair(2);
        }
        pair(1);
    }
    pair(0);
    sums.finish(length, seed)
}

#[inline(never)]
fn up_to_240_128(bytes: &[u8], seed: u64) -> u128 {
    let length = bytes.len();
    let mut sums = Sums::new(length);
    for i in 0..4 {
        sums.mix(bytes, 32 * i, 32 * i + 16, 32 * i, seed);
    }
    sums = Sums(avalanche(sums.0), avalanche(sums.1));
    for i in 4..length / 32 {
        sums.mix(bytes, 32 * i, 32 * i + 16, 32 * (i - 4) + 3, seed);
    }
    sums.mix(bytes, length - 16, length - 32, 103, seed.wrapping_neg());
    sums.finish(length, seed)
}

/// `mixStep`: the 16 bytes at `at` with the 16 bytes of secret at `key`.
#[inline(always)]
fn mix_step(bytes: &[u8], at: usize, key: usize, seed: u64) -> u64 {
    folded(
        u64_at(bytes, at) ^ secret64(key).wrapping_add(seed),
        u64_at(bytes, at + 8) ^ secret64(key + 8).wrapping_sub(seed),
    )
}

/// The two accumulators of the 128-bit hash.
struct Sums(u64, u64);

impl Sums {
    #[inline(always)]
    fn new(length: usize) -> Self {
        Self((length as u64).wrapping_mul(PRIME64_1), 0)
    }

    /// `mixTwoChunks`: the 16 bytes at `a` and the 16 bytes at `b` with the 32 bytes of secret at `key`.
    #[inline(always)]
    fn mix(&mut self, bytes: &[u8], a: usize, b: usize, key: usize, seed: u64) {
        let sum = |at: usize| u64_at(bytes, at).wrapping_add(u64_at(bytes, at + 8));
        self.0 = self.0.wrapping_add(mix_step(bytes, a, key, seed)) ^ sum(b);
        self.1 = self.1.wrapping_add(mix_step(bytes, b, key + 16, seed)) ^ sum(a);
    }

    #[inline(always)]
    fn finish(self, length: usize, seed: u64) -> u128 {
        let low = self.0.wrapping_add(self.1);
        let high = (self.0.wrapping_mul(PRIME64_1))
            .wrapping_add(self.1.wrapping_mul(PRIME64_4))
            .wrapping_add((length as u64).wrapping_sub(seed).wrapping_mul(PRIME64_2));
        join(avalanche(low), avalanche(high).wrapping_neg())
    }
}

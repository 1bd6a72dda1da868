//! XXH3 of 17 to 240 bytes ("XXH3 Algorithm Description (for medium inputs)"): products of 16 bytes of input with 16 bytes of
//! secret. Knows no machine: medium inputs never look at the dispatch.

use super::mix::{avalanche, folded, join, opaque, u64_at, PRIME64_1, PRIME64_2, PRIME64_4};
use super::secret::SECRET;

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
    let mut sum = (bytes.len() as u64).wrapping_mul(PRIME64_1);
    if bytes.len() > 32 {
        if bytes.len() > 64 {
            if bytes.len() > 96 {
                sum = add_pair(sum, bytes, 3, seed);
            }
            sum = add_pair(sum, bytes, 2, seed);
        }
        sum = add_pair(sum, bytes, 1, seed);
    }
    avalanche(add_pair(sum, bytes, 0, seed))
}

/// `sum` and the chunks number `i` from each end. A function, as LLVM calls a closure instead of inlining it.
#[inline(always)]
fn add_pair(sum: u64, bytes: &[u8], i: usize, seed: u64) -> u64 {
    let key = &SECRET.0[32 * i..];
    let sum = opaque(sum.wrapping_add(mix_step(&bytes[16 * i..], key, seed)));
    opaque(sum.wrapping_add(mix_step(&bytes[bytes.len() - 16 * (i + 1)..], &key[16..], seed)))
}

#[inline(never)]
fn up_to_240_64(bytes: &[u8], seed: u64) -> u64 {
    let length = bytes.len();
    let (head, rest) = bytes.split_at(128);
    let mut sum = (length as u64).wrapping_mul(PRIME64_1);
    for (data, key) in head.chunks_exact(16).zip(SECRET.0.chunks_exact(16)) {
        sum = opaque(sum.wrapping_add(mix_step(data, key, seed)));
    }
    // Apart from the first sum, so that it need not wait for its avalanche.
    let mut other = mix_step(&bytes[length - 16..], &SECRET.0[119..], seed);
    for (data, key) in rest.chunks_exact(16).zip(SECRET.0[3..].chunks_exact(16)) {
        other = opaque(other.wrapping_add(mix_step(data, key, seed)));
    }
    avalanche(avalanche(sum).wrapping_add(other))
}

#[inline(always)]
fn up_to_128_128(bytes: &[u8], seed: u64) -> u128 {
    let mut sums = Sums::new(bytes.len());
    // From the middle outwards: here the order counts.
    if bytes.len() > 32 {
        if bytes.len() > 64 {
            if bytes.len() > 96 {
                sums.mix_pair(bytes, 3, seed);
            }
            sums.mix_pair(bytes, 2, seed);
        }
        sums.mix_pair(bytes, 1, seed);
    }
    sums.mix_pair(bytes, 0, seed);
    sums.finish(bytes.len(), seed)
}

#[inline(never)]
fn up_to_240_128(bytes: &[u8], seed: u64) -> u128 {
    let length = bytes.len();
    let (head, rest) = bytes.split_at(128);
    let mut sums = Sums::new(length);
    for (data, key) in head.chunks_exact(32).zip(SECRET.0.chunks_exact(32)) {
        sums.mix(data, &data[16..], key, seed);
    }
    sums = Sums(avalanche(sums.0), avalanche(sums.1));
    for (data, key) in rest.chunks_exact(32).zip(SECRET.0[3..].chunks_exact(32)) {
        sums.mix(data, &data[16..], key, seed);
    }
    sums.mix(
        &bytes[length - 16..],
        &bytes[length - 32..],
        &SECRET.0[103..],
        seed.wrapping_neg(),
    );
    sums.finish(length, seed)
}

/// `mixStep`: the first 16 bytes of `data` with the first 16 bytes of `key`.
#[inline(always)]
fn mix_step(data: &[u8], key: &[u8], seed: u64) -> u64 {
    folded(
        u64_at(data, 0) ^ u64_at(key, 0).wrapping_add(seed),
        u64_at(data, 8) ^ u64_at(key, 8).wrapping_sub(seed),
    )
}

/// The two accumulators of the 128-bit hash.
struct Sums(u64, u64);

impl Sums {
    #[inline(always)]
    fn new(length: usize) -> Self {
        Self((length as u64).wrapping_mul(PRIME64_1), 0)
    }

    /// The chunks number `i` from each end.
    #[inline(always)]
    fn mix_pair(&mut self, bytes: &[u8], i: usize, seed: u64) {
        self.mix(
            &bytes[16 * i..],
            &bytes[bytes.len() - 16 * (i + 1)..],
            &SECRET.0[32 * i..],
            seed,
        );
    }

    /// `mixTwoChunks`: the first 16 bytes of `a` and of `b` with the first 32 bytes of `key`.
    #[inline(always)]
    fn mix(&mut self, a: &[u8], b: &[u8], key: &[u8], seed: u64) {
        let (sum_a, sum_b) = (
            u64_at(a, 0).wrapping_add(u64_at(a, 8)),
            u64_at(b, 0).wrapping_add(u64_at(b, 8)),
        );
        self.0 = opaque(self.0.wrapping_add(mix_step(a, key, seed)) ^ sum_b);
        self.1 = opaque(self.1.wrapping_add(mix_step(b, &key[16..], seed)) ^ sum_a);
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

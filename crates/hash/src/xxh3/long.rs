//! XXH3 above 240 bytes ("XXH3 Algorithm Description (for large inputs)"): the walk over blocks and stripes that all kernels
//! share, and what is made of the eight lanes in the end. Knows no instruction set.

use super::mix::{
    avalanche, folded, join, u64_at, PRIME32_1, PRIME32_2, PRIME32_3, PRIME64_1, PRIME64_2, PRIME64_3, PRIME64_4,
    PRIME64_5,
};
use super::secret::{Secret, SECRET_BYTES};

/// Bytes that are taken at once: eight lanes of eight.
pub(super) const STRIPE_BYTES: usize = 64;
/// Stripes up to a scramble; each takes the secret eight bytes further on.
const BLOCK_STRIPES: usize = (SECRET_BYTES - STRIPE_BYTES) / 8;
/// Bytes up to a scramble.
pub(super) const BLOCK_BYTES: usize = STRIPE_BYTES * BLOCK_STRIPES;
/// Where the secret of the last stripe begins.
const LAST_KEY: usize = SECRET_BYTES - STRIPE_BYTES - 7;

/// The accumulators, between two calls of a kernel.
#[derive(Clone)]
#[repr(C, align(64))]
pub(super) struct Lanes(pub(super) [u64; 8]);

impl Lanes {
    /// What every input starts from.
    pub(super) const START: Self = Self([
        PRIME32_3, PRIME64_1, PRIME64_2, PRIME64_3, PRIME64_4, PRIME32_2, PRIME64_5, PRIME32_1,
    ]);

    /// The 64-bit hash of an input of `length` bytes.
    #[inline]
    pub(super) fn digest_64(&self, length: u64, secret: &Secret) -> u64 {
        self.merge(length.wrapping_mul(PRIME64_1), &secret.0[11..])
    }

    /// The 128-bit hash of an input of `length` bytes.
    #[inline]
    pub(super) fn digest_128(&self, length: u64, secret: &Secret) -> u128 {
        let high = !length.wrapping_mul(PRIME64_2);
        join(
            self.digest_64(length, secret),
            self.merge(high, &secret.0[SECRET_BYTES - STRIPE_BYTES - 11..]),
        )
    }

    /// `finalMerge` of the specification.
    #[inline(always)]
    fn merge(&self, start: u64, key: &[u8]) -> u64 {
        let pair = |i: usize| folded(self.0[i] ^ u64_at(key, 8 * i), self.0[i + 1] ^ u64_at(key, 8 * i + 8));
        // Two sums of two, so that nothing waits for four additions.
        let left = pair(0).wrapping_add(pair(2));
        let right = pair(4).wrapping_add(pair(6));
        avalanche(start.wrapping_add(left).wrapping_add(right))
    }
}

/// The accumulators in the registers of one instruction set. Every implementation gives the bits of the scalar one.
///
/// # Safety
/// All of it needs a processor that has the instruction set. The methods must be `#[inline(always)]`, so that they become part
/// of the one function that is compiled for it.
pub(super) trait Kernel: Copy {
    /// # Safety
    /// See the trait.
    unsafe fn load(lanes: &Lanes) -> Self;

    /// # Safety
    /// See the trait.
    unsafe fn store(self) -> Lanes;

    /// `accumulate` of the specification.
    ///
    /// # Safety
    /// See the trait; 64 bytes must be readable at `stripe` and at `key`.
    unsafe fn accumulate(self, stripe: *const u8, key: *const u8) -> Self;

    /// `round_scramble` of the specification.
    ///
    /// # Safety
    /// See the trait; 64 bytes must be readable at `key`.
    unsafe fn scramble(self, key: *const u8) -> Self;
}

/// Takes `blocks` whole blocks from `input`, each with its scramble, and then the last `tail` bytes of all input (0: more will
/// come). It is compiled once for each instruction set.
///
/// # Safety
/// `K`'s instruction set must be there. From `input` on `blocks * 1024 + tail` bytes must be readable; `tail` is at most 1,024,
/// and if it is neither 0 nor at least 64, 64 bytes before the end of the tail must be readable.
#[inline(always)]
pub(super) unsafe fn walk<K: Kernel>(
    lanes: &Lanes,
    mut input: *const u8,
    blocks: usize,
    tail: usize,
    secret: &Secret,
) -> Lanes {
    let key = secret.0.as_ptr();
    // SAFETY: The caller has the instruction set. Stripe i of a block lies within its 1,024 bytes and takes the secret's bytes
    // from 8 * i, at most 120; the scramble takes its last 64; the whole stripes of the tail end before its last byte, and the
    // last 64 bytes are readable by contract.
    unsafe {
        let mut state = K::load(lanes);
        for _ in 0..blocks {
            for i in 0..BLOCK_STRIPES {
                state = state.accumulate(input.add(STRIPE_BYTES * i), key.add(8 * i));
            }
            state = state.scramble(key.add(SECRET_BYTES - STRIPE_BYTES));
            input = input.add(BLOCK_BYTES);
        }
        if tail > 0 {
            for i in 0..(tail - 1) / STRIPE_BYTES {
                state = state.accumulate(input.add(STRIPE_BYTES * i), key.add(8 * i));
            }
            state = state.accumulate(input.add(tail).sub(STRIPE_BYTES), key.add(LAST_KEY));
        }
        state.store()
    }
}

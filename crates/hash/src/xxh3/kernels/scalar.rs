//! The lanes in plain Rust: the definition that the other kernels are held to. On x86-64 LLVM makes SSE2 of parts of it (that is
//! the baseline there), so its figures are those of the portable source, not of scalar instructions.

use crate::xxh3::long::{walk, Kernel, Lanes};
use crate::xxh3::mix::PRIME32_1;
use crate::xxh3::secret::Secret;

#[derive(Clone, Copy)]
struct Scalar([u64; 8]);

/// # Safety
/// As [`walk`]; any machine will do.
pub(in crate::xxh3) unsafe fn run(
    lanes: &Lanes,
    input: *const u8,
    blocks: usize,
    tail: usize,
    secret: &Secret,
) -> Lanes {
    // SAFETY: the caller keeps `walk`'s contract.
    unsafe { walk::<Scalar>(lanes, input, blocks, tail, secret) }
}

impl Kernel for Scalar {
    #[inline(always)]
    unsafe fn load(lanes: &Lanes) -> Self {
        Self(lanes.0)
    }

    #[inline(always)]
    unsafe fn store(self) -> Lanes {
        Lanes(self.0)
    }

    #[inline(always)]
    unsafe fn accumulate(mut self, stripe: *const u8, key: *const u8) -> Self {
        for i in 0..8 {
            // SAFETY: 64 bytes are readable at both.
            let (data, key) = unsafe { (word(stripe, i), word(key, i)) };
            let value = data ^ key;
            self.0[i ^ 1] = self.0[i ^ 1].wrapping_add(data);
            self.0[i] = self.0[i].wrapping_add((value & 0xffff_ffff).wrapping_mul(value >> 32));
        }
        self
    }

    #[inline(always)]
    unsafe fn scramble(mut self, key: *const u8) -> Self {
        for i in 0..8 {
            let lane = self.0[i];
            // SAFETY: 64 bytes are readable.
            let key = unsafe { word(key, i) };
            self.0[i] = (lane ^ (lane >> 47) ^ key).wrapping_mul(PRIME32_1);
        }
        self
    }
}

/// Word `i` at `from`, little-endian.
///
/// # Safety
/// It must be readable.
#[inline(always)]
unsafe fn word(from: *const u8, i: usize) -> u64 {
    // SAFETY: the caller's; the read needs no alignment.
    u64::from_le(unsafe { from.cast::<u64>().add(i).read_unaligned() })
}

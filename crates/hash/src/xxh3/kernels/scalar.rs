//! Lanes in plain Rust: the definition that the other kernels are held to. On x86-64 LLVM makes SSE2 of it (the baseline there),
//! so its figures are those of the portable source, not of scalar instructions.

use crate::xxh3::long::{walk, Lanes, Vector};
use crate::xxh3::mix::PRIME32_1;
use crate::xxh3::secret::Source;

/// Two neighbours.
#[derive(Clone, Copy)]
struct Pair(u64, u64);

/// # Safety
/// As [`walk`]; any machine will do.
// Not inlined, as the others cannot be either: who dispatches shall stay small.
#[inline(never)]
pub(in crate::xxh3) unsafe fn run<const SEEDED: bool>(
    lanes: &Lanes,
    input: *const u8,
    blocks: usize,
    tail: usize,
    source: Source<SEEDED>,
) -> Lanes {
    // SAFETY: the caller keeps `walk`'s contract.
    unsafe { walk::<Pair, 4, SEEDED>(lanes, input, blocks, tail, source) }
}

impl Vector for Pair {
    #[inline(always)]
    unsafe fn alternating(even: u64, odd: u64) -> Self {
        Self(even, odd)
    }

    #[inline(always)]
    unsafe fn load(from: *const u8) -> Self {
        // SAFETY: the caller's; the read needs no alignment.
        let [a, b] = unsafe { from.cast::<[u64; 2]>().read_unaligned() };
        Self(u64::from_le(a), u64::from_le(b))
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut u8) {
        // SAFETY: the caller's; the write needs no alignment.
        unsafe { to.cast::<[u64; 2]>().write_unaligned([self.0.to_le(), self.1.to_le()]) };
    }

    #[inline(always)]
    unsafe fn xor(self, other: Self) -> Self {
        Self(self.0 ^ other.0, self.1 ^ other.1)
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0), self.1.wrapping_add(other.1))
    }

    #[inline(always)]
    unsafe fn add_product(self, value: Self) -> Self {
        Self(
            self.0.wrapping_add((value.0 & 0xffff_ffff).wrapping_mul(value.0 >> 32)),
            self.1.wrapping_add((value.1 & 0xffff_ffff).wrapping_mul(value.1 >> 32)),
        )
    }

    #[inline(always)]
    unsafe fn swapped(self) -> Self {
        Self(self.1, self.0)
    }

    #[inline(always)]
    unsafe fn scrambled(self, key: Self) -> Self {
        Self(
            (self.0 ^ (self.0 >> 47) ^ key.0).wrapping_mul(PRIME32_1),
            (self.1 ^ (self.1 >> 47) ^ key.1).wrapping_mul(PRIME32_1),
        )
    }

    #[inline(always)]
    unsafe fn byte_on(self, next: Self) -> Self {
        Self(self.0 >> 8 | next.0 << 56, self.1 >> 8 | next.1 << 56)
    }
}

//! Lanes in registers of 128 bits. Needs SSE2, which every x86-64 has.

use core::arch::x86_64::{
    __m128i, _mm_add_epi64, _mm_loadu_si128, _mm_mul_epu32, _mm_or_si128, _mm_set1_epi64x, _mm_set_epi64x,
    _mm_shuffle_epi32, _mm_slli_epi64, _mm_srli_epi64, _mm_storeu_si128, _mm_xor_si128,
};

use crate::xxh3::long::{walk, Lanes, Vector};
use crate::xxh3::mix::PRIME32_1;
use crate::xxh3::secret::Source;

#[derive(Clone, Copy)]
struct Sse2(__m128i);

/// # Safety
/// As [`walk`]; any x86-64 will do.
#[target_feature(enable = "sse2")]
pub(in crate::xxh3) unsafe fn run<const SEEDED: bool>(
    lanes: &Lanes,
    input: *const u8,
    blocks: usize,
    tail: usize,
    source: Source<SEEDED>,
) -> Lanes {
    // SAFETY: the caller keeps `walk`'s contract.
    unsafe { walk::<Sse2, 4, SEEDED>(lanes, input, blocks, tail, source) }
}

impl Vector for Sse2 {
    #[inline(always)]
    unsafe fn alternating(even: u64, odd: u64) -> Self {
        // SAFETY: SSE2 is there.
        Self(unsafe { _mm_set_epi64x(odd as i64, even as i64) })
    }

    #[inline(always)]
    unsafe fn load(from: *const u8) -> Self {
        // SAFETY: SSE2 is there; the rest is the caller's.
        Self(unsafe { _mm_loadu_si128(from.cast()) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut u8) {
        // SAFETY: SSE2 is there; the rest is the caller's.
        unsafe { _mm_storeu_si128(to.cast(), self.0) };
    }

    #[inline(always)]
    unsafe fn xor(self, other: Self) -> Self {
        // SAFETY: SSE2 is there.
        Self(unsafe { _mm_xor_si128(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: SSE2 is there.
        Self(unsafe { _mm_add_epi64(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn add_product(self, value: Self) -> Self {
        // SAFETY: SSE2 is there.
        Self(unsafe {
            let high = _mm_shuffle_epi32::<0b11_11_01_01>(value.0);
            _mm_add_epi64(self.0, _mm_mul_epu32(value.0, high))
        })
    }

    #[inline(always)]
    unsafe fn swapped(self) -> Self {
        // SAFETY: SSE2 is there.
        Self(unsafe { _mm_shuffle_epi32::<0b01_00_11_10>(self.0) })
    }

    #[inline(always)]
    unsafe fn scrambled(self, key: Self) -> Self {
        // SAFETY: SSE2 is there.
        Self(unsafe {
            let prime = _mm_set1_epi64x(PRIME32_1 as i64);
            let value = _mm_xor_si128(_mm_xor_si128(self.0, _mm_srli_epi64::<47>(self.0)), key.0);
            // 64 by 32 bits, from two products of 32 by 32.
            let high = _mm_mul_epu32(_mm_srli_epi64::<32>(value), prime);
            _mm_add_epi64(_mm_mul_epu32(value, prime), _mm_slli_epi64::<32>(high))
        })
    }

    #[inline(always)]
    unsafe fn byte_on(self, next: Self) -> Self {
        // SAFETY: SSE2 is there.
        Self(unsafe { _mm_or_si128(_mm_srli_epi64::<8>(self.0), _mm_slli_epi64::<56>(next.0)) })
    }
}

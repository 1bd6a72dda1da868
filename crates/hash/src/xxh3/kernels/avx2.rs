//! Lanes in registers of 256 bits. Needs AVX2.

use core::arch::x86_64::{
    __m256i, _mm256_add_epi64, _mm256_loadu_si256, _mm256_mul_epu32, _mm256_or_si256, _mm256_set1_epi64x,
    _mm256_set_epi64x, _mm256_shuffle_epi32, _mm256_slli_epi64, _mm256_srli_epi64, _mm256_storeu_si256,
    _mm256_xor_si256,
};

use crate::xxh3::long::{walk, Lanes, Vector};
use crate::xxh3::mix::PRIME32_1;
use crate::xxh3::secret::Source;

#[derive(Clone, Copy)]
struct Avx2(__m256i);

/// # Safety
/// As [`walk`]; AVX2 must be there.
#[target_feature(enable = "avx2")]
pub(in crate::xxh3) unsafe fn run<const SEEDED: bool>(
    lanes: &Lanes,
    input: *const u8,
    blocks: usize,
    tail: usize,
    source: Source<SEEDED>,
) -> Lanes {
    // SAFETY: the caller keeps `walk`'s contract.
    unsafe { walk::<Avx2, 2, SEEDED>(lanes, input, blocks, tail, source) }
}

impl Vector for Avx2 {
    #[inline(always)]
    unsafe fn alternating(even: u64, odd: u64) -> Self {
        // SAFETY: AVX2 is there.
        Self(unsafe { _mm256_set_epi64x(odd as i64, even as i64, odd as i64, even as i64) })
    }

    #[inline(always)]
    unsafe fn load(from: *const u8) -> Self {
        // SAFETY: AVX2 is there; the rest is the caller's.
        Self(unsafe { _mm256_loadu_si256(from.cast()) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut u8) {
        // SAFETY: AVX2 is there; the rest is the caller's.
        unsafe { _mm256_storeu_si256(to.cast(), self.0) };
    }

    #[inline(always)]
    unsafe fn xor(self, other: Self) -> Self {
        // SAFETY: AVX2 is there.
        Self(unsafe { _mm256_xor_si256(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: AVX2 is there.
        Self(unsafe { _mm256_add_epi64(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn add_product(self, value: Self) -> Self {
        // SAFETY: AVX2 is there.
        Self(unsafe {
            let high = _mm256_shuffle_epi32::<0b11_11_01_01>(value.0);
            _mm256_add_epi64(self.0, _mm256_mul_epu32(value.0, high))
        })
    }

    #[inline(always)]
    unsafe fn swapped(self) -> Self {
        // SAFETY: AVX2 is there.
        Self(unsafe { _mm256_shuffle_epi32::<0b01_00_11_10>(self.0) })
    }

    #[inline(always)]
    unsafe fn scrambled(self, key: Self) -> Self {
        // SAFETY: AVX2 is there.
        Self(unsafe {
            let prime = _mm256_set1_epi64x(PRIME32_1 as i64);
            let value = _mm256_xor_si256(_mm256_xor_si256(self.0, _mm256_srli_epi64::<47>(self.0)), key.0);
            // 64 by 32 bits, from two products of 32 by 32.
            let high = _mm256_mul_epu32(_mm256_srli_epi64::<32>(value), prime);
            _mm256_add_epi64(_mm256_mul_epu32(value, prime), _mm256_slli_epi64::<32>(high))
        })
    }

    #[inline(always)]
    unsafe fn byte_on(self, next: Self) -> Self {
        // SAFETY: AVX2 is there.
        Self(unsafe { _mm256_or_si256(_mm256_srli_epi64::<8>(self.0), _mm256_slli_epi64::<56>(next.0)) })
    }
}

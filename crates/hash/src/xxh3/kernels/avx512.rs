//! All lanes in one register of 512 bits. Needs AVX-512 F. The keys of a block stay in registers.

use core::arch::x86_64::{
    __m512i, _mm512_add_epi64, _mm512_loadu_si512, _mm512_mul_epu32, _mm512_or_si512, _mm512_set1_epi64,
    _mm512_set4_epi64, _mm512_shuffle_epi32, _mm512_slli_epi64, _mm512_srli_epi64, _mm512_storeu_si512,
    _mm512_xor_si512, _MM_PERM_BADC, _MM_PERM_DDBB,
};

use crate::xxh3::long::{walk, Lanes, Vector};
use crate::xxh3::mix::PRIME32_1;
use crate::xxh3::secret::Source;

#[derive(Clone, Copy)]
struct Avx512(__m512i);

/// # Safety
/// As [`walk`]; AVX-512 F must be there.
#[target_feature(enable = "avx512f")]
pub(in crate::xxh3) unsafe fn run<const SEEDED: bool>(
    lanes: &Lanes,
    input: *const u8,
    blocks: usize,
    tail: usize,
    source: Source<SEEDED>,
) -> Lanes {
    // SAFETY: the caller keeps `walk`'s contract.
    unsafe { walk::<Avx512, 1, SEEDED>(lanes, input, blocks, tail, source) }
}

impl Vector for Avx512 {
    const KEYS_STAY: bool = true;

    #[inline(always)]
    unsafe fn alternating(even: u64, odd: u64) -> Self {
        // SAFETY: AVX-512 F is there.
        Self(unsafe { _mm512_set4_epi64(odd as i64, even as i64, odd as i64, even as i64) })
    }

    #[inline(always)]
    unsafe fn load(from: *const u8) -> Self {
        // SAFETY: AVX-512 F is there; the rest is the caller's.
        Self(unsafe { _mm512_loadu_si512(from.cast()) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut u8) {
        // SAFETY: AVX-512 F is there; the rest is the caller's.
        unsafe { _mm512_storeu_si512(to.cast(), self.0) };
    }

    #[inline(always)]
    unsafe fn xor(self, other: Self) -> Self {
        // SAFETY: AVX-512 F is there.
        Self(unsafe { _mm512_xor_si512(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: AVX-512 F is there.
        Self(unsafe { _mm512_add_epi64(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn add_product(self, value: Self) -> Self {
        // SAFETY: AVX-512 F is there.
        Self(unsafe {
            let high = _mm512_shuffle_epi32::<_MM_PERM_DDBB>(value.0);
            _mm512_add_epi64(self.0, _mm512_mul_epu32(value.0, high))
        })
    }

    #[inline(always)]
    unsafe fn swapped(self) -> Self {
        // SAFETY: AVX-512 F is there.
        Self(unsafe { _mm512_shuffle_epi32::<_MM_PERM_BADC>(self.0) })
    }

    #[inline(always)]
    unsafe fn scrambled(self, key: Self) -> Self {
        // SAFETY: AVX-512 F is there.
        Self(unsafe {
            let prime = _mm512_set1_epi64(PRIME32_1 as i64);
            let value = _mm512_xor_si512(_mm512_xor_si512(self.0, _mm512_srli_epi64::<47>(self.0)), key.0);
            // 64 by 32 bits, from two products of 32 by 32.
            let high = _mm512_mul_epu32(_mm512_srli_epi64::<32>(value), prime);
            _mm512_add_epi64(_mm512_mul_epu32(value, prime), _mm512_slli_epi64::<32>(high))
        })
    }

    #[inline(always)]
    unsafe fn byte_on(self, next: Self) -> Self {
        // SAFETY: AVX-512 F is there.
        Self(unsafe { _mm512_or_si512(_mm512_srli_epi64::<8>(self.0), _mm512_slli_epi64::<56>(next.0)) })
    }
}

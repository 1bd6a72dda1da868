//! CRC-32C with AVX2 and VPCLMULQDQ: two lanes a vector. Knows only its instructions.

use super::first_vector::first;
use super::functions::functions;
use super::instruction_set::InstructionSet;
use super::sse::Sse;
use std::arch::x86_64::*;

#[derive(Clone, Copy)]
pub(super) struct Avx2(Sse);

impl Avx2 {
    /// # Safety
    /// The machine has AVX2 and VPCLMULQDQ, and what [`Sse`] needs.
    #[inline(always)]
    pub(super) const unsafe fn assume() -> Self {
        // SAFETY: the caller's.
        Self(unsafe { Sse::assume() })
    }
}

impl InstructionSet for Avx2 {
    type Vector = __m256i;
    const WIDTH: usize = 32;
    const SHORT: usize = 96;
    const LONG: usize = 2048;
    const ROUNDS: usize = 31;
    const WORDS: usize = 2;

    #[inline(always)]
    fn word(self, crc: u32, word: u64) -> u32 {
        self.0.word(crc, word)
    }

    #[inline(always)]
    fn load(self, bytes: &[u8]) -> __m256i {
        // SAFETY: as many bytes are there; `self` is the proof of the instructions, here and below.
        unsafe { _mm256_loadu_si256(bytes[..Self::WIDTH].as_ptr().cast()) }
    }

    #[inline(always)]
    fn zero(self) -> __m256i {
        // SAFETY: `self`.
        unsafe { _mm256_setzero_si256() }
    }

    #[inline(always)]
    fn begin(self, vector: __m256i, crc: u32) -> __m256i {
        // SAFETY: `self`.
        unsafe { _mm256_xor_si256(vector, _mm256_zextsi128_si256(_mm_cvtsi32_si128(crc as i32))) }
    }

    #[inline(always)]
    fn add(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: `self`.
        unsafe { _mm256_xor_si256(a, b) }
    }

    #[inline(always)]
    fn multiply(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: `self`.
        unsafe {
            _mm256_xor_si256(
                _mm256_clmulepi64_epi128::<0x00>(a, b),
                _mm256_clmulepi64_epi128::<0x11>(a, b),
            )
        }
    }

    #[inline(always)]
    fn sum(self, vector: __m256i) -> (u64, u64) {
        // SAFETY: `self`.
        let halves = unsafe { (_mm256_castsi256_si128(vector), _mm256_extracti128_si256::<1>(vector)) };
        self.0.sum(self.0.add(halves.0, halves.1))
    }

    #[inline(always)]
    fn product(self, a: u32, b: u32) -> u64 {
        self.0.product(a, b)
    }

    #[inline(always)]
    fn first(self, crc: u32, bytes: &[u8]) -> (Self::Vector, &[u8]) {
        first(self, crc, bytes)
    }
}

functions!(
    Avx2,
    is_x86_feature_detected,
    ["sse4.2", "pclmulqdq", "avx2", "vpclmulqdq"]
);

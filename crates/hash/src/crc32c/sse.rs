//! CRC-32C with SSE4.2 and PCLMULQDQ: one lane a vector. Knows only its instructions.

use super::first_vector::first;
use super::functions::functions;
use super::instruction_set::InstructionSet;
use std::arch::x86_64::*;

#[derive(Clone, Copy)]
pub(super) struct Sse(());

impl Sse {
    /// # Safety
    /// The machine has SSE4.2 and PCLMULQDQ.
    #[inline(always)]
    pub(super) const unsafe fn assume() -> Self {
        Self(())
    }
}

impl InstructionSet for Sse {
    type Vector = __m128i;
    const WIDTH: usize = 16;
    const SHORT: usize = 96;
    const LONG: usize = 512;
    const ROUNDS: usize = 31;
    const WORDS: usize = 3;

    #[inline(always)]
    fn word(self, crc: u32, word: u64) -> u32 {
        // SAFETY: `self` is the proof of the instructions, here and below.
        unsafe { _mm_crc32_u64(u64::from(crc), word) as u32 }
    }

    #[inline(always)]
    fn load(self, bytes: &[u8]) -> __m128i {
        // SAFETY: as many bytes are there.
        unsafe { _mm_loadu_si128(bytes[..Self::WIDTH].as_ptr().cast()) }
    }

    #[inline(always)]
    fn zero(self) -> __m128i {
        // SAFETY: `self`.
        unsafe { _mm_setzero_si128() }
    }

    #[inline(always)]
    fn begin(self, vector: __m128i, crc: u32) -> __m128i {
        // SAFETY: `self`.
        unsafe { _mm_xor_si128(vector, _mm_cvtsi32_si128(crc as i32)) }
    }

    #[inline(always)]
    fn add(self, a: __m128i, b: __m128i) -> __m128i {
        // SAFETY: `self`.
        unsafe { _mm_xor_si128(a, b) }
    }

    #[inline(always)]
    fn multiply(self, a: __m128i, b: __m128i) -> __m128i {
        // SAFETY: `self`.
        unsafe { _mm_xor_si128(_mm_clmulepi64_si128::<0x00>(a, b), _mm_clmulepi64_si128::<0x11>(a, b)) }
    }

    #[inline(always)]
    fn sum(self, vector: __m128i) -> (u64, u64) {
        // SAFETY: `self`.
        unsafe { (_mm_cvtsi128_si64(vector) as u64, _mm_extract_epi64::<1>(vector) as u64) }
    }

    #[inline(always)]
    fn product(self, a: u32, b: u32) -> u64 {
        // SAFETY: `self`.
        unsafe {
            let (a, b) = (_mm_cvtsi32_si128(a as i32), _mm_cvtsi32_si128(b as i32));
            _mm_cvtsi128_si64(_mm_clmulepi64_si128::<0x00>(a, b)) as u64
        }
    }

    #[inline(always)]
    fn first(self, crc: u32, bytes: &[u8]) -> (Self::Vector, &[u8]) {
        first(self, crc, bytes)
    }
}

functions!(Sse, is_x86_feature_detected, ["sse4.2", "pclmulqdq"]);

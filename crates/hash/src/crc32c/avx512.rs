//! CRC-32C with AVX-512 F, BW, VL and VBMI2, and VPCLMULQDQ: four lanes a vector. Knows only its instructions.
//! No machine has the last without the others.

use super::avx2::Avx2;
use super::functions::functions;
use super::instruction_set::InstructionSet;
use super::polynomial::{move_on, Aligned};
use std::arch::x86_64::*;

/// Moves on by one vector.
static ONE: Aligned<64> = move_on(Avx512::WIDTH);

#[derive(Clone, Copy)]
pub(super) struct Avx512(Avx2);

impl Avx512 {
    /// # Safety
    /// The machine has AVX-512 F, BW, VL and VBMI2, and what [`Avx2`] needs.
    #[inline(always)]
    pub(super) const unsafe fn assume() -> Self {
        // SAFETY: the caller's.
        Self(unsafe { Avx2::assume() })
    }
}

impl InstructionSet for Avx512 {
    type Vector = __m512i;
    const WIDTH: usize = 64;
    const SHORT: usize = 96;
    const LONG: usize = 2048;
    // The vectors alone take what the second-level cache gives.
    const ROUNDS: usize = 0;
    const WORDS: usize = 0;

    #[inline(always)]
    fn word(self, crc: u32, word: u64) -> u32 {
        self.0.word(crc, word)
    }

    #[inline(always)]
    fn load(self, bytes: &[u8]) -> __m512i {
        // SAFETY: as many bytes are there; `self` is the proof of the instructions, here and below.
        unsafe { _mm512_loadu_si512(bytes[..Self::WIDTH].as_ptr().cast()) }
    }

    #[inline(always)]
    fn zero(self) -> __m512i {
        // SAFETY: `self`.
        unsafe { _mm512_setzero_si512() }
    }

    #[inline(always)]
    fn begin(self, vector: __m512i, crc: u32) -> __m512i {
        // SAFETY: `self`.
        unsafe { _mm512_xor_si512(vector, _mm512_zextsi128_si512(_mm_cvtsi32_si128(crc as i32))) }
    }

    #[inline(always)]
    fn add(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: `self`.
        unsafe { _mm512_xor_si512(a, b) }
    }

    #[inline(always)]
    fn multiply(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: `self`.
        unsafe {
            _mm512_xor_si512(
                _mm512_clmulepi64_epi128::<0x00>(a, b),
                _mm512_clmulepi64_epi128::<0x11>(a, b),
            )
        }
    }

    #[inline(always)]
    fn sum(self, vector: __m512i) -> (u64, u64) {
        // SAFETY: `self`.
        let halves = unsafe { (_mm512_castsi512_si256(vector), _mm512_extracti64x4_epi64::<1>(vector)) };
        self.0.sum(self.0.add(halves.0, halves.1))
    }

    #[inline(always)]
    fn product(self, a: u32, b: u32) -> u64 {
        self.0.product(a, b)
    }

    /// What is more than whole vectors goes to the end of a vector of its own, after zeros: up to 63 bytes would take the
    /// CRC instruction longer. What of `crc` those bytes do not reach is added to the next.
    #[inline(always)]
    fn first(self, crc: u32, bytes: &[u8]) -> (__m512i, &[u8]) {
        let n = bytes.len() % Self::WIDTH;
        let (first, rest) = bytes[n..].split_at(Self::WIDTH);
        let first = self.load(first);
        if n == 0 {
            return (self.begin(first, crc), rest);
        }
        let before = self.begin(self.load(bytes), crc);
        // SAFETY: `self`.
        let before = unsafe { _mm512_maskz_expand_epi8(!(u64::MAX >> n), before) };
        let first = self.begin(first, (u64::from(crc) >> (8 * n.min(4))) as u32);
        (self.add(first, self.multiply(before, self.load(&ONE.0))), rest)
    }
}

functions!(
    Avx512,
    is_x86_feature_detected,
    [
        "sse4.2",
        "pclmulqdq",
        "avx2",
        "vpclmulqdq",
        "avx512f",
        "avx512bw",
        "avx512vl",
        "avx512vbmi2"
    ]
);

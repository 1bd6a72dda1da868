//! The lanes in one register of 512 bits. Needs AVX-512 F. The 16 keys of a block and that of its scramble stay in registers.

use core::arch::x86_64::{
    __m512i, _mm512_add_epi64, _mm512_load_si512, _mm512_loadu_si512, _mm512_mul_epu32, _mm512_set1_epi64,
    _mm512_setzero_si512, _mm512_shuffle_epi32, _mm512_slli_epi64, _mm512_srli_epi64, _mm512_store_si512,
    _mm512_xor_si512, _MM_PERM_BADC,
};

use crate::xxh3::long::{walk, Kernel, Lanes};
use crate::xxh3::mix::PRIME32_1;
use crate::xxh3::secret::Secret;

/// `plain` holds the sum of the input since the last scramble: the swap of neighbours that the specification has for every
/// stripe is done once, on the sum.
#[derive(Clone, Copy)]
struct Avx512 {
    lanes: __m512i,
    plain: __m512i,
}

/// # Safety
/// As [`walk`]; AVX-512 F must be there.
#[target_feature(enable = "avx512f")]
pub(in crate::xxh3) unsafe fn run(
    lanes: &Lanes,
    input: *const u8,
    blocks: usize,
    tail: usize,
    secret: &Secret,
) -> Lanes {
    // SAFETY: the caller keeps `walk`'s contract.
    unsafe { walk::<Avx512>(lanes, input, blocks, tail, secret) }
}

impl Avx512 {
    #[inline(always)]
    unsafe fn settled(self) -> __m512i {
        // SAFETY: AVX-512 F is there.
        unsafe { _mm512_add_epi64(self.lanes, _mm512_shuffle_epi32::<_MM_PERM_BADC>(self.plain)) }
    }
}

impl Kernel for Avx512 {
    #[inline(always)]
    unsafe fn load(lanes: &Lanes) -> Self {
        // SAFETY: AVX-512 F is there; `Lanes` are 64 bytes, aligned to 64.
        unsafe {
            Self {
                lanes: _mm512_load_si512(lanes.0.as_ptr().cast()),
                plain: _mm512_setzero_si512(),
            }
        }
    }

    #[inline(always)]
    unsafe fn store(self) -> Lanes {
        let mut lanes = Lanes([0; 8]);
        // SAFETY: AVX-512 F is there; `Lanes` are 64 bytes, aligned to 64.
        unsafe { _mm512_store_si512(lanes.0.as_mut_ptr().cast(), self.settled()) };
        lanes
    }

    #[inline(always)]
    unsafe fn accumulate(self, stripe: *const u8, key: *const u8) -> Self {
        // SAFETY: AVX-512 F is there; 64 bytes are readable at both, and these loads need no alignment.
        unsafe {
            let data = _mm512_loadu_si512(stripe.cast());
            let value = _mm512_xor_si512(data, _mm512_loadu_si512(key.cast()));
            let product = _mm512_mul_epu32(value, _mm512_srli_epi64::<32>(value));
            Self {
                lanes: _mm512_add_epi64(self.lanes, product),
                plain: _mm512_add_epi64(self.plain, data),
            }
        }
    }

    #[inline(always)]
    unsafe fn scramble(self, key: *const u8) -> Self {
        // SAFETY: AVX-512 F is there; 64 bytes are readable, and this load needs no alignment.
        unsafe {
            let prime = _mm512_set1_epi64(PRIME32_1 as i64);
            let settled = self.settled();
            let value = _mm512_xor_si512(settled, _mm512_srli_epi64::<47>(settled));
            let value = _mm512_xor_si512(value, _mm512_loadu_si512(key.cast()));
            let high = _mm512_mul_epu32(_mm512_srli_epi64::<32>(value), prime);
            Self {
                lanes: _mm512_add_epi64(_mm512_mul_epu32(value, prime), _mm512_slli_epi64::<32>(high)),
                plain: _mm512_setzero_si512(),
            }
        }
    }
}

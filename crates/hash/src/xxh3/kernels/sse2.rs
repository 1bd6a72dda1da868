//! The lanes in four registers of 128 bits. Needs SSE2, which every x86-64 has.

use core::arch::x86_64::{
    __m128i, _mm_add_epi64, _mm_load_si128, _mm_loadu_si128, _mm_mul_epu32, _mm_set1_epi64x, _mm_setzero_si128,
    _mm_shuffle_epi32, _mm_slli_epi64, _mm_srli_epi64, _mm_store_si128, _mm_xor_si128,
};

use crate::xxh3::long::{walk, Kernel, Lanes};
use crate::xxh3::mix::PRIME32_1;
use crate::xxh3::secret::Secret;

/// `plain` holds the sum of the input since the last scramble: the swap of neighbours that the specification has for every
/// stripe is done once, on the sum.
#[derive(Clone, Copy)]
struct Sse2 {
    lanes: [__m128i; 4],
    plain: [__m128i; 4],
}

/// # Safety
/// As [`walk`]; any x86-64 will do.
#[target_feature(enable = "sse2")]
pub(in crate::xxh3) unsafe fn run(
    lanes: &Lanes,
    input: *const u8,
    blocks: usize,
    tail: usize,
    secret: &Secret,
) -> Lanes {
    // SAFETY: the caller keeps `walk`'s contract.
    unsafe { walk::<Sse2>(lanes, input, blocks, tail, secret) }
}

impl Sse2 {
    #[inline(always)]
    unsafe fn settled(self) -> [__m128i; 4] {
        // SAFETY: SSE2 is there.
        core::array::from_fn(|i| unsafe {
            _mm_add_epi64(self.lanes[i], _mm_shuffle_epi32::<0b01_00_11_10>(self.plain[i]))
        })
    }
}

impl Kernel for Sse2 {
    #[inline(always)]
    unsafe fn load(lanes: &Lanes) -> Self {
        let from = lanes.0.as_ptr().cast::<__m128i>();
        // SAFETY: SSE2 is there; `Lanes` are 64 bytes, aligned to 64.
        unsafe {
            Self {
                lanes: core::array::from_fn(|i| _mm_load_si128(from.add(i))),
                plain: [_mm_setzero_si128(); 4],
            }
        }
    }

    #[inline(always)]
    unsafe fn store(self) -> Lanes {
        let mut lanes = Lanes([0; 8]);
        let to = lanes.0.as_mut_ptr().cast::<__m128i>();
        // SAFETY: SSE2 is there; `Lanes` are 64 bytes, aligned to 64.
        unsafe {
            for (i, settled) in self.settled().into_iter().enumerate() {
                _mm_store_si128(to.add(i), settled);
            }
        }
        lanes
    }

    #[inline(always)]
    unsafe fn accumulate(mut self, stripe: *const u8, key: *const u8) -> Self {
        // SAFETY: SSE2 is there; 64 bytes are readable at both, and these loads need no alignment.
        unsafe {
            for i in 0..4 {
                let data = _mm_loadu_si128(stripe.cast::<__m128i>().add(i));
                let value = _mm_xor_si128(data, _mm_loadu_si128(key.cast::<__m128i>().add(i)));
                let product = _mm_mul_epu32(value, _mm_shuffle_epi32::<0b11_11_01_01>(value));
                self.lanes[i] = _mm_add_epi64(self.lanes[i], product);
                self.plain[i] = _mm_add_epi64(self.plain[i], data);
            }
        }
        self
    }

    #[inline(always)]
    unsafe fn scramble(self, key: *const u8) -> Self {
        // SAFETY: SSE2 is there; 64 bytes are readable, and these loads need no alignment.
        unsafe {
            let prime = _mm_set1_epi64x(PRIME32_1 as i64);
            let settled = self.settled();
            Self {
                lanes: core::array::from_fn(|i| {
                    let key = _mm_loadu_si128(key.cast::<__m128i>().add(i));
                    let value = _mm_xor_si128(_mm_xor_si128(settled[i], _mm_srli_epi64::<47>(settled[i])), key);
                    let high = _mm_mul_epu32(_mm_srli_epi64::<32>(value), prime);
                    _mm_add_epi64(_mm_mul_epu32(value, prime), _mm_slli_epi64::<32>(high))
                }),
                plain: [_mm_setzero_si128(); 4],
            }
        }
    }
}

//! The lanes in two registers of 256 bits. Needs AVX2.

use core::arch::x86_64::{
    __m256i, _mm256_add_epi64, _mm256_load_si256, _mm256_loadu_si256, _mm256_mul_epu32, _mm256_set1_epi64x,
    _mm256_setzero_si256, _mm256_shuffle_epi32, _mm256_slli_epi64, _mm256_srli_epi64, _mm256_store_si256,
    _mm256_xor_si256,
};

use crate::xxh3::long::{walk, Kernel, Lanes};
use crate::xxh3::mix::PRIME32_1;
use crate::xxh3::secret::Secret;

/// `plain` holds the sum of the input since the last scramble: the swap of neighbours that the specification has for every
/// stripe is done once, on the sum.
#[derive(Clone, Copy)]
struct Avx2 {
    lanes: [__m256i; 2],
    plain: [__m256i; 2],
}

/// # Safety
/// As [`walk`]; AVX2 must be there.
#[target_feature(enable = "avx2")]
pub(in crate::xxh3) unsafe fn run(
    lanes: &Lanes,
    input: *const u8,
    blocks: usize,
    tail: usize,
    secret: &Secret,
) -> Lanes {
    // SAFETY: the caller keeps `walk`'s contract.
    unsafe { walk::<Avx2>(lanes, input, blocks, tail, secret) }
}

impl Avx2 {
    #[inline(always)]
    unsafe fn settled(self) -> [__m256i; 2] {
        // SAFETY: AVX2 is there.
        core::array::from_fn(|i| unsafe {
            _mm256_add_epi64(self.lanes[i], _mm256_shuffle_epi32::<0b01_00_11_10>(self.plain[i]))
        })
    }
}

impl Kernel for Avx2 {
    #[inline(always)]
    unsafe fn load(lanes: &Lanes) -> Self {
        let from = lanes.0.as_ptr().cast::<__m256i>();
        // SAFETY: AVX2 is there; `Lanes` are 64 bytes, aligned to 64.
        unsafe {
            Self {
                lanes: core::array::from_fn(|i| _mm256_load_si256(from.add(i))),
                plain: [_mm256_setzero_si256(); 2],
            }
        }
    }

    #[inline(always)]
    unsafe fn store(self) -> Lanes {
        let mut lanes = Lanes([0; 8]);
        let to = lanes.0.as_mut_ptr().cast::<__m256i>();
        // SAFETY: AVX2 is there; `Lanes` are 64 bytes, aligned to 64.
        unsafe {
            for (i, settled) in self.settled().into_iter().enumerate() {
                _mm256_store_si256(to.add(i), settled);
            }
        }
        lanes
    }

    #[inline(always)]
    unsafe fn accumulate(mut self, stripe: *const u8, key: *const u8) -> Self {
        // SAFETY: AVX2 is there; 64 bytes are readable at both, and these loads need no alignment.
        unsafe {
            for i in 0..2 {
                let data = _mm256_loadu_si256(stripe.cast::<__m256i>().add(i));
                let value = _mm256_xor_si256(data, _mm256_loadu_si256(key.cast::<__m256i>().add(i)));
                let product = _mm256_mul_epu32(value, _mm256_shuffle_epi32::<0b11_11_01_01>(value));
                self.lanes[i] = _mm256_add_epi64(self.lanes[i], product);
                self.plain[i] = _mm256_add_epi64(self.plain[i], data);
            }
        }
        self
    }

    #[inline(always)]
    unsafe fn scramble(self, key: *const u8) -> Self {
        // SAFETY: AVX2 is there; 64 bytes are readable, and these loads need no alignment.
        unsafe {
            let prime = _mm256_set1_epi64x(PRIME32_1 as i64);
            let settled = self.settled();
            Self {
                lanes: core::array::from_fn(|i| {
                    let key = _mm256_loadu_si256(key.cast::<__m256i>().add(i));
                    let value =
                        _mm256_xor_si256(_mm256_xor_si256(settled[i], _mm256_srli_epi64::<47>(settled[i])), key);
                    let high = _mm256_mul_epu32(_mm256_srli_epi64::<32>(value), prime);
                    _mm256_add_epi64(_mm256_mul_epu32(value, prime), _mm256_slli_epi64::<32>(high))
                }),
                plain: [_mm256_setzero_si256(); 2],
            }
        }
    }
}

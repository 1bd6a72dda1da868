//! Lanes in pairs of registers of 128 bits. Needs NEON, which every aarch64 with an operating system has; little-endian only.

use core::arch::aarch64::{
    uint64x2_t, vaddq_u64, vcombine_u64, vcreate_u64, vdup_n_u32, veorq_u64, vextq_u64, vget_low_u32, vld1q_u8,
    vmlal_high_u32, vmlal_u32, vmovl_u32, vmovn_u64, vmul_u32, vorrq_u64, vreinterpretq_u32_u64, vreinterpretq_u64_u8,
    vreinterpretq_u8_u64, vshlq_n_u64, vshrn_n_u64, vshrq_n_u64, vst1q_u8, vuzp1q_u32, vuzp2q_u32,
};

use crate::xxh3::long::{walk, Lanes, Vector};
use crate::xxh3::mix::PRIME32_1;
use crate::xxh3::secret::Source;

/// Two registers: sorting the halves of both takes as many instructions as sorting those of one.
#[derive(Clone, Copy)]
struct Neon(uint64x2_t, uint64x2_t);

/// # Safety
/// As [`walk`]; NEON must be there.
#[target_feature(enable = "neon")]
pub(in crate::xxh3) unsafe fn run<const SEEDED: bool>(
    lanes: &Lanes,
    input: *const u8,
    blocks: usize,
    tail: usize,
    source: Source<SEEDED>,
) -> Lanes {
    // SAFETY: the caller keeps `walk`'s contract.
    unsafe { walk::<Neon, 2, SEEDED>(lanes, input, blocks, tail, source) }
}

impl Vector for Neon {
    #[inline(always)]
    unsafe fn alternating(even: u64, odd: u64) -> Self {
        // SAFETY: NEON is there.
        let pair = unsafe { vcombine_u64(vcreate_u64(even), vcreate_u64(odd)) };
        Self(pair, pair)
    }

    #[inline(always)]
    unsafe fn load(from: *const u8) -> Self {
        // SAFETY: NEON is there; the rest is the caller's.
        unsafe {
            Self(
                vreinterpretq_u64_u8(vld1q_u8(from)),
                vreinterpretq_u64_u8(vld1q_u8(from.add(16))),
            )
        }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut u8) {
        // SAFETY: NEON is there; the rest is the caller's.
        unsafe {
            vst1q_u8(to, vreinterpretq_u8_u64(self.0));
            vst1q_u8(to.add(16), vreinterpretq_u8_u64(self.1));
        }
    }

    #[inline(always)]
    unsafe fn xor(self, other: Self) -> Self {
        // SAFETY: NEON is there.
        unsafe { Self(veorq_u64(self.0, other.0), veorq_u64(self.1, other.1)) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: NEON is there.
        unsafe { Self(vaddq_u64(self.0, other.0), vaddq_u64(self.1, other.1)) }
    }

    #[inline(always)]
    unsafe fn add_product(self, value: Self) -> Self {
        // SAFETY: NEON is there.
        unsafe {
            let (a, b) = (vreinterpretq_u32_u64(value.0), vreinterpretq_u32_u64(value.1));
            let (low, high) = (vuzp1q_u32(a, b), vuzp2q_u32(a, b));
            Self(
                vmlal_u32(self.0, vget_low_u32(low), vget_low_u32(high)),
                vmlal_high_u32(self.1, low, high),
            )
        }
    }

    #[inline(always)]
    unsafe fn swapped(self) -> Self {
        // SAFETY: NEON is there.
        unsafe { Self(vextq_u64::<1>(self.0, self.0), vextq_u64::<1>(self.1, self.1)) }
    }

    #[inline(always)]
    unsafe fn scrambled(self, key: Self) -> Self {
        // SAFETY: NEON is there.
        unsafe { Self(scrambled(self.0, key.0), scrambled(self.1, key.1)) }
    }

    #[inline(always)]
    unsafe fn byte_on(self, next: Self) -> Self {
        // SAFETY: NEON is there.
        unsafe {
            Self(
                vorrq_u64(vshrq_n_u64::<8>(self.0), vshlq_n_u64::<56>(next.0)),
                vorrq_u64(vshrq_n_u64::<8>(self.1), vshlq_n_u64::<56>(next.1)),
            )
        }
    }
}

/// # Safety
/// NEON must be there.
#[inline(always)]
unsafe fn scrambled(lanes: uint64x2_t, key: uint64x2_t) -> uint64x2_t {
    // SAFETY: NEON is there.
    unsafe {
        let prime = vdup_n_u32(PRIME32_1 as u32);
        let value = veorq_u64(veorq_u64(lanes, vshrq_n_u64::<47>(lanes)), key);
        // 64 by 32 bits. Of the high product only the low half counts; with all of it LLVM would multiply outside of NEON.
        let high = vmovl_u32(vmul_u32(vshrn_n_u64::<32>(value), prime));
        vmlal_u32(vshlq_n_u64::<32>(high), vmovn_u64(value), prime)
    }
}

//! The lanes in four registers of 128 bits. Needs NEON, which every aarch64 with an operating system has; little-endian only.

use core::arch::aarch64::{
    uint64x2_t, vaddq_u64, vdup_n_u32, vdupq_n_u64, veorq_u64, vextq_u64, vget_low_u32, vld1q_u64, vld1q_u8,
    vmlal_high_u32, vmlal_u32, vmovn_u64, vmull_u32, vreinterpretq_u32_u64, vreinterpretq_u64_u8, vshlq_n_u64,
    vshrn_n_u64, vshrq_n_u64, vst1q_u64, vuzp1q_u32, vuzp2q_u32,
};

use crate::xxh3::long::{walk, Kernel, Lanes};
use crate::xxh3::mix::PRIME32_1;
use crate::xxh3::secret::Secret;

/// `plain` holds the sum of the input since the last scramble: the swap of neighbours that the specification has for every
/// stripe is done once, on the sum.
#[derive(Clone, Copy)]
struct Neon {
    lanes: [uint64x2_t; 4],
    plain: [uint64x2_t; 4],
}

/// # Safety
/// As [`walk`]; NEON must be there.
#[target_feature(enable = "neon")]
pub(in crate::xxh3) unsafe fn run(
    lanes: &Lanes,
    input: *const u8,
    blocks: usize,
    tail: usize,
    secret: &Secret,
) -> Lanes {
    // SAFETY: the caller keeps `walk`'s contract.
    unsafe { walk::<Neon>(lanes, input, blocks, tail, secret) }
}

/// The 16 bytes `i` at `from`, at any alignment.
///
/// # Safety
/// NEON must be there and the bytes readable.
#[inline(always)]
unsafe fn pair(from: *const u8, i: usize) -> uint64x2_t {
    // SAFETY: the caller's.
    unsafe { vreinterpretq_u64_u8(vld1q_u8(from.add(16 * i))) }
}

impl Neon {
    #[inline(always)]
    unsafe fn settled(self) -> [uint64x2_t; 4] {
        // SAFETY: NEON is there.
        core::array::from_fn(|i| unsafe { vaddq_u64(self.lanes[i], vextq_u64::<1>(self.plain[i], self.plain[i])) })
    }
}

impl Kernel for Neon {
    #[inline(always)]
    unsafe fn load(lanes: &Lanes) -> Self {
        // SAFETY: NEON is there; `Lanes` are 64 bytes.
        unsafe {
            Self {
                lanes: core::array::from_fn(|i| vld1q_u64(lanes.0.as_ptr().add(2 * i))),
                plain: [vdupq_n_u64(0); 4],
            }
        }
    }

    #[inline(always)]
    unsafe fn store(self) -> Lanes {
        let mut lanes = Lanes([0; 8]);
        // SAFETY: NEON is there; `Lanes` are 64 bytes.
        unsafe {
            for (i, settled) in self.settled().into_iter().enumerate() {
                vst1q_u64(lanes.0.as_mut_ptr().add(2 * i), settled);
            }
        }
        lanes
    }

    #[inline(always)]
    unsafe fn accumulate(mut self, stripe: *const u8, key: *const u8) -> Self {
        // SAFETY: NEON is there; 64 bytes are readable at both.
        unsafe {
            for i in [0, 2] {
                let data = [pair(stripe, i), pair(stripe, i + 1)];
                let value = [veorq_u64(data[0], pair(key, i)), veorq_u64(data[1], pair(key, i + 1))]
                    .map(|value| vreinterpretq_u32_u64(value));
                // Two registers of four low and four high halves serve two products each.
                let low = vuzp1q_u32(value[0], value[1]);
                let high = vuzp2q_u32(value[0], value[1]);
                self.lanes[i] = vmlal_u32(self.lanes[i], vget_low_u32(low), vget_low_u32(high));
                self.lanes[i + 1] = vmlal_high_u32(self.lanes[i + 1], low, high);
                self.plain[i] = vaddq_u64(self.plain[i], data[0]);
                self.plain[i + 1] = vaddq_u64(self.plain[i + 1], data[1]);
            }
        }
        self
    }

    #[inline(always)]
    unsafe fn scramble(self, key: *const u8) -> Self {
        // SAFETY: NEON is there; 64 bytes are readable.
        unsafe {
            let prime = vdup_n_u32(PRIME32_1 as u32);
            let settled = self.settled();
            Self {
                lanes: core::array::from_fn(|i| {
                    let value = veorq_u64(veorq_u64(settled[i], vshrq_n_u64::<47>(settled[i])), pair(key, i));
                    let high = vmull_u32(vshrn_n_u64::<32>(value), prime);
                    vmlal_u32(vshlq_n_u64::<32>(high), vmovn_u64(value), prime)
                }),
                plain: [vdupq_n_u64(0); 4],
            }
        }
    }
}

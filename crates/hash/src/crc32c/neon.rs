//! CRC-32C with the CRC and PMULL extensions of aarch64: one lane a vector. Knows only its instructions.
#![allow(
    unknown_lints,
    renamed_and_removed_lints,
    inline_always_mismatching_target_features,
    reason = "all of it ends up in functions that have the features"
)]

use super::first_vector::first;
use super::functions::functions;
use super::instruction_set::InstructionSet;
use std::arch::aarch64::*;
use std::arch::is_aarch64_feature_detected;

#[derive(Clone, Copy)]
pub(super) struct Neon(());

impl Neon {
    /// # Safety
    /// The machine has NEON, AES with PMULL, and CRC.
    #[inline(always)]
    pub(super) const unsafe fn assume() -> Self {
        Self(())
    }
}

impl InstructionSet for Neon {
    type Vector = uint64x2_t;
    const WIDTH: usize = 16;
    // As for SSE; not measured.
    const SHORT: usize = 96;
    const LONG: usize = 512;
    const ROUNDS: usize = 31;
    const WORDS: usize = 3;

    #[inline(always)]
    fn word(self, crc: u32, word: u64) -> u32 {
        // SAFETY: `self` is the proof of the instructions, here and below.
        unsafe { __crc32cd(crc, word) }
    }

    #[inline(always)]
    fn load(self, bytes: &[u8]) -> uint64x2_t {
        // SAFETY: as many bytes are there.
        unsafe { vreinterpretq_u64_u8(vld1q_u8(bytes[..Self::WIDTH].as_ptr())) }
    }

    #[inline(always)]
    fn zero(self) -> uint64x2_t {
        // SAFETY: `self`.
        unsafe { vdupq_n_u64(0) }
    }

    #[inline(always)]
    fn begin(self, vector: uint64x2_t, crc: u32) -> uint64x2_t {
        // SAFETY: `self`.
        unsafe { veorq_u64(vector, vsetq_lane_u64::<0>(u64::from(crc), vdupq_n_u64(0))) }
    }

    #[inline(always)]
    fn add(self, a: uint64x2_t, b: uint64x2_t) -> uint64x2_t {
        // SAFETY: `self`.
        unsafe { veorq_u64(a, b) }
    }

    #[inline(always)]
    fn multiply(self, a: uint64x2_t, b: uint64x2_t) -> uint64x2_t {
        // SAFETY: `self`.
        unsafe {
            let low = vmull_p64(vgetq_lane_u64::<0>(a), vgetq_lane_u64::<0>(b));
            let high = vmull_high_p64(vreinterpretq_p64_u64(a), vreinterpretq_p64_u64(b));
            veorq_u64(vreinterpretq_u64_p128(low), vreinterpretq_u64_p128(high))
        }
    }

    #[inline(always)]
    fn sum(self, vector: uint64x2_t) -> (u64, u64) {
        // SAFETY: `self`.
        unsafe { (vgetq_lane_u64::<0>(vector), vgetq_lane_u64::<1>(vector)) }
    }

    #[inline(always)]
    fn product(self, a: u32, b: u32) -> u64 {
        // SAFETY: `self`.
        unsafe { vmull_p64(u64::from(a), u64::from(b)) as u64 }
    }

    #[inline(always)]
    fn first(self, crc: u32, bytes: &[u8]) -> (Self::Vector, &[u8]) {
        first(self, crc, bytes)
    }
}

// Compiled for `aes`, code may use PMULL of 64 bits too; a machine may have AES without it.
functions!(Neon, is_aarch64_feature_detected, ["neon", "aes", "crc"] and ["pmull"]);

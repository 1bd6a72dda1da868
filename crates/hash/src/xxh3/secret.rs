//! The secret of XXH3: 192 published bytes, and what a seed makes of them for inputs above 240 bytes.
//! Knows nothing of how an input is walked.

use super::mix::u64_at;

/// Bytes of the secret. It makes a block of `(192 - 64) / 8` stripes.
pub(super) const SECRET_BYTES: usize = 192;

/// 192 bytes, at a cache line, so that the loads of a kernel split as few lines as they can.
#[derive(Clone)]
#[repr(C, align(64))]
pub(super) struct Secret(pub(super) [u8; SECRET_BYTES]);

/// The default secret of the specification ("Seed and Secret").
pub(super) static SECRET: Secret = Secret(BYTES);

const BYTES: [u8; SECRET_BYTES] = [
    0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe, 0x7c, 0x01, 0x81, 0x2c, 0xf7, 0x21, 0xad, 0x1c, 0xde, 0xd4, 0x6d,
    0xe9, 0x83, 0x90, 0x97, 0xdb, 0x72, 0x40, 0xa4, 0xa4, 0xb7, 0xb3, 0x67, 0x1f, 0xcb, 0x79, 0xe6, 0x4e, 0xcc, 0xc0,
    0xe5, 0x78, 0x82, 0x5a, 0xd0, 0x7d, 0xcc, 0xff, 0x72, 0x21, 0xb8, 0x08, 0x46, 0x74, 0xf7, 0x43, 0x24, 0x8e, 0xe0,
    0x35, 0x90, 0xe6, 0x81, 0x3a, 0x26, 0x4c, 0x3c, 0x28, 0x52, 0xbb, 0x91, 0xc3, 0x00, 0xcb, 0x88, 0xd0, 0x65, 0x8b,
    0x1b, 0x53, 0x2e, 0xa3, 0x71, 0x64, 0x48, 0x97, 0xa2, 0x0d, 0xf9, 0x4e, 0x38, 0x19, 0xef, 0x46, 0xa9, 0xde, 0xac,
    0xd8, 0xa8, 0xfa, 0x76, 0x3f, 0xe3, 0x9c, 0x34, 0x3f, 0xf9, 0xdc, 0xbb, 0xc7, 0xc7, 0x0b, 0x4f, 0x1d, 0x8a, 0x51,
    0xe0, 0x4b, 0xcd, 0xb4, 0x59, 0x31, 0xc8, 0x9f, 0x7e, 0xc9, 0xd9, 0x78, 0x73, 0x64, 0xea, 0xc5, 0xac, 0x83, 0x34,
    0xd3, 0xeb, 0xc3, 0xc5, 0x81, 0xa0, 0xff, 0xfa, 0x13, 0x63, 0xeb, 0x17, 0x0d, 0xdd, 0x51, 0xb7, 0xf0, 0xda, 0x49,
    0xd3, 0x16, 0x55, 0x26, 0x29, 0xd4, 0x68, 0x9e, 0x2b, 0x16, 0xbe, 0x58, 0x7d, 0x47, 0xa1, 0xfc, 0x8f, 0xf8, 0xb8,
    0xd1, 0x7a, 0xd0, 0x31, 0xce, 0x45, 0xcb, 0x3a, 0x8f, 0x95, 0x16, 0x04, 0x28, 0xaf, 0xd7, 0xfb, 0xca, 0xbb, 0x4b,
    0x40, 0x7e,
];

/// The 8 bytes of the default secret at `at`, little-endian; folded into a constant wherever `at` is one.
#[inline(always)]
pub(super) const fn secret64(at: usize) -> u64 {
    let mut word = 0;
    let mut byte = 8;
    while byte > 0 {
        byte -= 1;
        word = (word << 8) | BYTES[at + byte] as u64;
    }
    word
}

/// The 4 bytes of the default secret at `at`, little-endian.
#[inline(always)]
pub(super) const fn secret32(at: usize) -> u32 {
    (secret64(at) & 0xffff_ffff) as u32
}

const WORDS: [u64; SECRET_BYTES / 8] = {
    let mut words = [0; SECRET_BYTES / 8];
    let mut at = 0;
    while at < words.len() {
        words[at] = secret64(8 * at);
        at += 1;
    }
    words
};

impl Secret {
    /// The secret that stands for `seed`: even words plus it, odd words minus it.
    #[inline]
    pub(super) fn of_seed(seed: u64) -> Self {
        let mut derived = Self([0; SECRET_BYTES]);
        for (at, (to, word)) in derived.0.chunks_exact_mut(8).zip(WORDS).enumerate() {
            let step = if at % 2 == 0 { seed } else { seed.wrapping_neg() };
            to.copy_from_slice(&word.wrapping_add(step).to_le_bytes());
        }
        derived
    }
}

/// Where the words of the secret of an input come from. A secret that was written just now is still on its way to the cache, and
/// loads that straddle two of its words wait for it; so whoever hashes one input only derives what he needs of it in registers.
#[derive(Clone, Copy)]
pub(super) struct Source<'a, const SEEDED: bool> {
    pub(super) secret: &'a Secret,
    /// `SEEDED`: what is still to be added to even words of `secret` and taken from odd ones.
    pub(super) seed: u64,
}

impl<'a> Source<'a, false> {
    /// `secret` as it is.
    pub(super) const fn stored(secret: &'a Secret) -> Self {
        Self { secret, seed: 0 }
    }
}

impl Source<'static, true> {
    /// What `seed` makes of the default secret.
    pub(super) const fn derived(seed: u64) -> Self {
        Self { secret: &SECRET, seed }
    }
}

impl<const SEEDED: bool> Source<'_, SEEDED> {
    /// The 8 bytes at `at`, which is no multiple of 8.
    #[inline(always)]
    pub(super) fn straddling(&self, at: usize) -> u64 {
        if SEEDED {
            let low = u64_at(&self.secret.0, at / 8 * 8);
            let high = u64_at(&self.secret.0, at / 8 * 8 + 8);
            let (low, high) = if (at / 8).is_multiple_of(2) {
                (low.wrapping_add(self.seed), high.wrapping_sub(self.seed))
            } else {
                (low.wrapping_sub(self.seed), high.wrapping_add(self.seed))
            };
            low >> (at % 8 * 8) | high << (64 - at % 8 * 8)
        } else {
            u64_at(&self.secret.0, at)
        }
    }
}

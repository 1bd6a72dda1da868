//! The arithmetic that all lengths of XXH3 share: primes, avalanches, folded products, little-endian reads.

pub(super) const PRIME32_1: u64 = 0x9e37_79b1;
pub(super) const PRIME32_2: u64 = 0x85eb_ca77;
pub(super) const PRIME32_3: u64 = 0xc2b2_ae3d;
pub(super) const PRIME64_1: u64 = 0x9e37_79b1_85eb_ca87;
pub(super) const PRIME64_2: u64 = 0xc2b2_ae3d_27d4_eb4f;
pub(super) const PRIME64_3: u64 = 0x1656_67b1_9e37_79f9;
pub(super) const PRIME64_4: u64 = 0x85eb_ca77_c2b2_ae63;
pub(super) const PRIME64_5: u64 = 0x27d4_eb2f_1656_67c5;
pub(super) const PRIME_MX1: u64 = 0x1656_6791_9e37_79f9;
pub(super) const PRIME_MX2: u64 = 0x9fb2_1c65_1e98_df25;

/// `avalanche` of the specification.
#[inline(always)]
pub(super) const fn avalanche(mut x: u64) -> u64 {
    x ^= x >> 37;
    x = x.wrapping_mul(PRIME_MX1);
    x ^ (x >> 32)
}

/// `avalanche_XXH64` of the specification.
#[inline(always)]
pub(super) const fn avalanche_xxh64(mut x: u64) -> u64 {
    x ^= x >> 33;
    x = x.wrapping_mul(PRIME64_2);
    x ^= x >> 29;
    x = x.wrapping_mul(PRIME64_3);
    x ^ (x >> 32)
}

/// The halves of a 64 × 64 bit product: (low, high).
#[inline(always)]
pub(super) const fn product(a: u64, b: u64) -> (u64, u64) {
    let product = a as u128 * b as u128;
    (product as u64, (product >> 64) as u64)
}

/// The halves of a product, xored.
#[inline(always)]
pub(super) const fn folded(a: u64, b: u64) -> u64 {
    let (low, high) = product(a, b);
    low ^ high
}

/// `x`, but LLVM does not know it. It would otherwise gather sums of products in SSE2 registers, which have no such product, and
/// hashing 17 to 240 bytes would take up to twice as long.
#[inline(always)]
pub(super) fn opaque(x: u64) -> u64 {
    #[cfg(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(miri)))]
    {
        let mut x = x;
        // SAFETY: there is no instruction.
        unsafe { core::arch::asm!("/* {0} */", inout(reg) x, options(pure, nomem, nostack, preserves_flags)) };
        x
    }
    #[cfg(not(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(miri))))]
    x
}

/// One result of 128 bits.
#[inline(always)]
pub(super) const fn join(low: u64, high: u64) -> u128 {
    (high as u128) << 64 | low as u128
}

/// The 8 bytes at `at`. Callers' length checks make the bound vanish.
#[inline(always)]
pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

/// The 4 bytes at `at`.
#[inline(always)]
pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}

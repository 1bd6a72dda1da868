//! CRC-32C by the CRC instruction alone: for short inputs, and for the ends of long ones. Knows no vectors.
//!
//! Less than a word is left at the end: those bytes take one more instruction, not one for each. They are put in the upper
//! end of a word, with the register before them, and what of the register they do not reach is only moved.

use super::instruction_set::InstructionSet;

/// The register `crc` after `bytes`, fewer than `SHORT`.
#[inline(always)]
pub(super) fn short<M: InstructionSet>(m: M, crc: u32, bytes: &[u8]) -> u32 {
    let last = |rest: &[u8]| match bytes.last_chunk::<8>() {
        Some(word) => u64::from_le_bytes(*word) >> (64 - 8 * rest.len()),
        None => few(rest),
    };
    words(m, crc, bytes, last)
}

/// The register `crc` after the first `n` of `bytes`, fewer than `WIDTH`; at least seven follow them.
#[inline(always)]
pub(super) fn head<M: InstructionSet>(m: M, crc: u32, bytes: &[u8], n: usize) -> u32 {
    words(m, crc, &bytes[..n], |_| word(&bytes[n & !7..]))
}

/// The register `crc` after the last `n` of `bytes`, fewer than `SHORT` or `WIDTH`; there are eight or more in all.
#[inline(always)]
pub(super) fn tail<M: InstructionSet>(m: M, crc: u32, bytes: &[u8], n: usize) -> u32 {
    let last = |rest: &[u8]| word(&bytes[bytes.len() - 8..]) >> (64 - 8 * rest.len());
    words(m, crc, &bytes[bytes.len() - n..], last)
}

/// The register `crc` after `bytes`, fewer than 128. Of those that make no whole word, `last` gives a word that begins with them.
#[inline(always)]
fn words<M: InstructionSet>(m: M, mut crc: u32, bytes: &[u8], last: impl FnOnce(&[u8]) -> u64) -> u32 {
    const { assert!(M::SHORT <= 128 && M::WIDTH <= 128) };
    // By the bits of the length: the compiler unrolls a loop, and what it makes of one is slower.
    let (eight, rest) = bytes.split_at(bytes.len() & 64);
    if !eight.is_empty() {
        crc = whole(m, crc, &eight[..64]);
    }
    let (four, rest) = rest.split_at(rest.len() & 32);
    if !four.is_empty() {
        crc = whole(m, crc, &four[..32]);
    }
    let (two, rest) = rest.split_at(rest.len() & 16);
    if !two.is_empty() {
        crc = whole(m, crc, &two[..16]);
    }
    let (one, rest) = rest.split_at(rest.len() & 8);
    if !one.is_empty() {
        crc = whole(m, crc, &one[..8]);
    }
    if rest.is_empty() {
        return crc;
    }
    let bits = 8 * rest.len();
    let register = u64::from(crc);
    m.word(0, (last(rest) ^ register) << (64 - bits)) ^ (register >> bits) as u32
}

#[inline(always)]
fn whole<M: InstructionSet>(m: M, crc: u32, bytes: &[u8]) -> u32 {
    let words = bytes.as_chunks::<8>().0;
    words
        .iter()
        .fold(crc, |crc, word| m.word(crc, u64::from_le_bytes(*word)))
}

/// The first eight bytes.
#[inline(always)]
fn word(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[..8]);
    u64::from_le_bytes(word)
}

/// One to seven bytes as a number, in two or three loads that overlap.
#[inline(always)]
fn few(bytes: &[u8]) -> u64 {
    let n = bytes.len();
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << (8 * (n - 4))
    } else {
        let byte = |at: usize| u64::from(bytes[at]) << (8 * at);
        byte(0) | byte(n / 2) | byte(n - 1)
    }
}

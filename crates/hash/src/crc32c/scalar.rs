//! CRC-32C in plain Rust, sixteen bytes a step by tables: for machines without the instructions, and what the other ways are
//! held to. Knows no instruction set.

use super::polynomial::SLICES;
use crate::Keys;

/// The CRC-32C of what `crc` was computed over, followed by `bytes`.
pub(super) fn append(crc: u32, bytes: &[u8]) -> u32 {
    let (steps, rest) = bytes.as_chunks::<16>();
    let register = steps.iter().fold(!crc, |register, step| {
        let register = register.to_le_bytes();
        let slices = SLICES.iter().rev().zip(step).enumerate();
        slices.fold(0, |sum, (i, (slice, byte))| {
            sum ^ slice[usize::from(byte ^ register.get(i).unwrap_or(&0))]
        })
    });
    let last = |register: u32, byte: &u8| (register >> 8) ^ SLICES[0][usize::from(register as u8 ^ byte)];
    !rest.iter().fold(register, last)
}

/// The CRC-32C of each key, written to the place of the same number.
pub(super) fn many(keys: Keys<'_>, out: &mut [u32]) {
    for (key, out) in keys.iter().zip(out) {
        *out = append(0, key);
    }
}

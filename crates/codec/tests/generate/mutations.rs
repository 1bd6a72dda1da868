//! Harm done to a valid message, where it hurts: bits, ends, and numbers that look like lengths set to extremes.
//! Knows no layout: a length is a u32 that is not above the bytes there are.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use rafterdb_codec::limits::FRAME_BYTES_MAX;

/// One harm.
#[derive(Clone, Debug)]
pub enum Mutation {
    /// Flips a bit.
    Flip(Index, u8),
    /// Sets a byte.
    Set(Index, u8),
    /// Cuts the end off.
    Truncate(Index),
    /// Sets a number that looks like a length, or any four bytes, to an extreme.
    Length { plausible: bool, at: Index, extreme: usize },
    /// Repeats a part of the message at its end.
    Repeat(Index, Index),
}

/// Any of them.
pub fn mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        2 => (any::<Index>(), 0u8..8).prop_map(|(at, bit)| Mutation::Flip(at, bit)),
        1 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Mutation::Set(at, byte)),
        2 => any::<Index>().prop_map(Mutation::Truncate),
        5 => (prop::bool::weighted(0.8), any::<Index>(), 0usize..EXTREMES)
            .prop_map(|(plausible, at, extreme)| Mutation::Length { plausible, at, extreme }),
        1 => (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Mutation::Repeat(from, to)),
    ]
}

/// Up to four of them, or none.
pub fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    vec(mutation(), 0..5)
}

/// Numbers that [`extreme`] knows.
const EXTREMES: usize = 14;

/// A number at the edge of something, for a field at `at` of `length` bytes.
fn extreme(which: usize, at: usize, length: usize, now: u32) -> u32 {
    let rest = length - at - 4;
    match which {
        0 => 0,
        1 => 1,
        2 => now.wrapping_add(1),
        3 => now.wrapping_sub(1),
        4 => rest as u32,
        5 => rest as u32 + 1,
        6 => length as u32,
        7 => length as u32 + 1,
        8 => i32::MAX as u32,
        9 => i32::MAX as u32 + 1,
        // Overflows 32 bits when a header is added.
        10 => u32::MAX - 7,
        11 => u32::MAX,
        12 => FRAME_BYTES_MAX as u32,
        _ => FRAME_BYTES_MAX as u32 + 1,
    }
}

/// Does the harm.
pub fn apply(bytes: &mut Vec<u8>, mutations: &[Mutation]) {
    for mutation in mutations {
        if bytes.is_empty() {
            return;
        }
        let length = bytes.len();
        match mutation {
            Mutation::Flip(at, bit) => bytes[at.index(length)] ^= 1 << bit,
            Mutation::Set(at, byte) => bytes[at.index(length)] = *byte,
            Mutation::Truncate(at) => bytes.truncate(at.index(length)),
            Mutation::Length { plausible, at, extreme } => set_length(bytes, *plausible, at, *extreme),
            Mutation::Repeat(from, to) => {
                let (from, to) = (from.index(length), to.index(length));
                bytes.extend_from_within(from.min(to)..from.max(to));
            }
        }
    }
}

fn set_length(bytes: &mut [u8], plausible: bool, at: &Index, which: usize) {
    let Some(last) = bytes.len().checked_sub(4) else { return };
    let number = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let looks = |at: &usize| (1..=bytes.len()).contains(&(number(*at) as usize));
    let found = if plausible { (0..=last).filter(looks).count() } else { 0 };
    let at = match found {
        0 => at.index(last + 1),
        _ => (0..=last).filter(looks).nth(at.index(found)).unwrap(),
    };
    let value = extreme(which, at, bytes.len(), number(at));
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

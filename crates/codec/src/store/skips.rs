//! Skip pointers in a row: which of its key's earlier versions it names besides the previous one. Knows no history and no key,
//! nor which versions are worth a pointer: that is the store's.
//!
//! ```text
//! skips    [varint depth << 3 | count][varint modified − revision] × count        nothing for a row of depth = version without pointers
//! ```
//! A version's depth is its number in the key's chain of versions, from 1, deletions counted. Pointers lie ever farther back.

use super::varint::{put_varint, take_varint, VARINT_BYTES_MAX};

const COUNT_BITS: u32 = 3;
/// Pointers that the count can tell.
pub const POINTERS_MAX: usize = (1 << COUNT_BITS) - 1;

/// Longest skips: depth and count, and a revision for each pointer, all below 2^56.
pub const SKIPS_BYTES_MAX: usize = 9 + POINTERS_MAX * 8;

/// The skips of a row that is about to be written.
#[derive(Clone, Copy, Debug)]
pub struct Skips {
    bytes: [u8; SKIPS_BYTES_MAX],
    length: usize,
}

impl Default for Skips {
    #[inline]
    fn default() -> Self {
        Self {
            bytes: [0; SKIPS_BYTES_MAX],
            length: 0,
        }
    }
}

impl Skips {
    /// Those of a row at `revision`. All but one of the pointers at most are below 2^56, and all below `revision`.
    #[inline]
    #[must_use]
    pub fn pack(depth: u64, pointers: &[u64], revision: u64) -> Self {
        let mut skips = Self::default();
        skips.push(depth << COUNT_BITS | pointers.len() as u64);
        for pointer in pointers {
            skips.push(revision - pointer);
        }
        skips
    }

    /// As a row has it.
    #[inline]
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    fn push(&mut self, number: u64) {
        self.length += put_varint(number, &mut self.bytes[self.length..]);
    }
}

/// Depth and pointers of a row of revision `modified`; 0 for a pointer that it has not. `None`: it has no skips.
#[inline]
pub(super) fn unpack(mut skips: &[u8], modified: u64) -> Option<(u64, [u64; POINTERS_MAX])> {
    let mut pointers = [0; POINTERS_MAX];
    let first = take_varint(&mut skips)?;
    let count = first as usize & POINTERS_MAX;
    for pointer in pointers.iter_mut().take(count) {
        *pointer = take_varint(&mut skips).map_or(0, |back| modified.saturating_sub(back));
    }
    Some((first >> COUNT_BITS, pointers))
}

/// Takes skips off the front of `rest`; `None` if they cannot be those of a row of revision `modified`.
pub(super) fn split<'a>(rest: &mut &'a [u8], modified: u64) -> Option<&'a [u8]> {
    let whole = *rest;
    let count = take_varint(rest)? as usize & POINTERS_MAX;
    let mut nearest = 1;
    for _ in 0..count {
        let back = take_varint(rest)?;
        if back < nearest || back >= modified {
            return None;
        }
        nearest = back;
    }
    let skips = &whole[..whole.len() - rest.len()];
    (skips.len() <= SKIPS_BYTES_MAX).then_some(skips)
}

const _: () = assert!(SKIPS_BYTES_MAX >= VARINT_BYTES_MAX);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_those_of_the_table() {
        // 17 << 3 | 1 = 137, 256 << 3 | 2 = 2050; revisions as far back from the row's as they lie.
        assert_eq!(Skips::pack(17, &[995], 1_000).as_bytes(), [0x89, 1, 5]);
        assert_eq!(
            Skips::pack(256, &[999, 800], 1_000).as_bytes(),
            [0x82, 0x10, 1, 0xc8, 1]
        );
    }

    #[test]
    fn depth_and_pointers_come_back_as_they_were_given() {
        let all = [999, 998, 990, 800, 700, 2, 1];
        for count in 0..=POINTERS_MAX {
            let skips = Skips::pack(5_000, &all[..count], 1_000);
            let (depth, pointers) = unpack(skips.as_bytes(), 1_000).unwrap();
            assert_eq!(depth, 5_000);
            assert_eq!(pointers[..count], all[..count]);
            assert!(pointers[count..].iter().all(|pointer| *pointer == 0));
            let mut rest = &[skips.as_bytes(), b"value"].concat()[..];
            assert_eq!(split(&mut rest, 1_000), Some(skips.as_bytes()));
            assert_eq!(rest, b"value");
        }
    }

    #[test]
    fn the_longest_skips_fit() {
        let farthest = (1 << 56) - 1;
        let skips = Skips::pack((1 << 59) - 1, &[0; POINTERS_MAX], farthest);
        assert_eq!(skips.as_bytes().len(), SKIPS_BYTES_MAX);
    }
}

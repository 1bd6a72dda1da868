//! Two strings of bytes one after the other: a key and its row, the ends of a range. Knows not what they are.
//!
//! ```text
//! pair    [u32 firstLen][u32 secondLen][first][second]
//! ```

use crate::reader::{length_u32, u32_at, Parsed, Reader};

const HEADER_BYTES: usize = 8;

/// Bytes that a pair takes.
#[must_use]
pub const fn pair_bytes(first: &[u8], second: &[u8]) -> usize {
    HEADER_BYTES + first.len() + second.len()
}

/// Appends a pair.
#[inline]
pub fn push_pair(out: &mut Vec<u8>, first: &[u8], second: &[u8]) {
    push_pair_of(out, first, [second, &[]]);
}

/// Appends a pair whose second comes in two pieces.
#[inline]
pub fn push_pair_of(out: &mut Vec<u8>, first: &[u8], second: [&[u8]; 2]) {
    out.extend_from_slice(&length_u32(first.len()).to_le_bytes());
    out.extend_from_slice(&length_u32(second[0].len() + second[1].len()).to_le_bytes());
    out.extend_from_slice(first);
    out.extend_from_slice(second[0]);
    out.extend_from_slice(second[1]);
}

/// The pair that `bytes` begin with, and what follows it; `None` if there is no whole one.
#[inline]
#[must_use]
pub fn split_pair(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (header, rest) = bytes.split_first_chunk::<HEADER_BYTES>()?;
    let (first, rest) = rest.split_at_checked(u32_at(header, 0) as usize)?;
    let (second, rest) = rest.split_at_checked(u32_at(header, 4) as usize)?;
    Some((first, second, rest))
}

/// The pairs of `bytes`, up to the first that is not whole.
pub fn pairs(mut bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    std::iter::from_fn(move || {
        let (first, second, rest) = split_pair(bytes)?;
        bytes = rest;
        Some((first, second))
    })
}

/// The next pair of a reader.
pub(super) fn read_pair<'a>(reader: &mut Reader<'a>) -> Parsed<(&'a [u8], &'a [u8])> {
    let (first, second) = (reader.u32()? as usize, reader.u32()? as usize);
    Ok((reader.bytes(first)?, reader.bytes(second)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_those_of_the_table() {
        let mut out = b"before".to_vec();
        push_pair(&mut out, b"key", b"row's");
        assert_eq!(out, b"before\x03\0\0\0\x05\0\0\0keyrow's");
        assert_eq!(out.len() - b"before".len(), pair_bytes(b"key", b"row's"));
    }

    #[test]
    fn pairs_come_back_in_order_and_a_part_of_one_does_not() {
        let mut out = Vec::new();
        push_pair(&mut out, b"a", b"first");
        push_pair(&mut out, b"", b"");
        push_pair(&mut out, b"c", b"last");
        let all = [(&b"a"[..], &b"first"[..]), (b"", b""), (b"c", b"last")];
        assert_eq!(pairs(&out).collect::<Vec<_>>(), all);
        let mut reader = Reader::new(&out);
        assert!(all.iter().all(|pair| read_pair(&mut reader) == Ok(*pair)));
        for end in 0..out.len() {
            let whole = [14, 22].iter().filter(|at| **at <= end).count();
            assert_eq!(pairs(&out[..end]).count(), whole, "{end} bytes");
        }
    }
}

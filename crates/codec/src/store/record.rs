//! One change in a history file. Owns the record's layout and checksum; knows no files.
//!
//! ```text
//! record   [u32 length of the body][u32 crc32c of the body][body]
//! body     [u64 revision][u32 sub][u32 keyLen][u32 rowLen][key][packed row][packed before-image, or nothing]
//! ```
//! The before-image is the row that this one replaced, if that row's revision was compacted when this one was written.
//! A deleted range is a record without a row: the key is the range's first, in place of the before-image are its bounds.

use crate::reader::{patch_u32, u32_within, u64_within};

/// Bytes before the body.
pub const FRAME_BYTES: usize = 8;

const BODY_HEADER_BYTES: usize = 20;

/// A record above this is damage: the largest key, two of the largest rows, and headers stay below it.
pub const BODY_BYTES_MAX: usize = 64 << 20;

/// A change, borrowed from the bytes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Revision of the change.
    pub revision: u64,
    /// Its position among those of its revision, from 0.
    pub sub: u32,
    /// The key that changed.
    pub key: &'a [u8],
    /// The row that the change made, packed.
    pub row: &'a [u8],
    /// The row that it replaced, packed; empty if the record has none.
    pub before: &'a [u8],
}

impl Record<'_> {
    /// Whether the change deleted a range.
    #[inline]
    #[must_use]
    pub const fn is_range(&self) -> bool {
        self.row.is_empty()
    }
}

/// The parts of a record to be written; a row may come in two pieces.
pub struct Parts<'a> {
    /// As [`Record::revision`].
    pub revision: u64,
    /// As [`Record::sub`].
    pub sub: u32,
    /// As [`Record::key`].
    pub key: &'a [u8],
    /// The packed row: header and value, or all of it and nothing.
    pub row: [&'a [u8]; 2],
    /// As [`Record::before`].
    pub before: &'a [u8],
}

/// Appends a record to `out`. Returns its length.
///
/// # Panics
/// Invariant `a record is below its limit`: keys and rows are bounded far below by `limits`.
#[inline]
pub fn encode(parts: &Parts<'_>, out: &mut Vec<u8>) -> usize {
    let begin = out.len();
    let row_bytes = parts.row[0].len() + parts.row[1].len();
    let body_bytes = BODY_HEADER_BYTES + parts.key.len() + row_bytes + parts.before.len();
    assert!(
        body_bytes <= BODY_BYTES_MAX,
        "history: a record of {body_bytes} bytes is above its limit"
    );
    out.reserve(FRAME_BYTES + body_bytes);
    out.extend_from_slice(&(body_bytes as u32).to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&parts.revision.to_le_bytes());
    out.extend_from_slice(&parts.sub.to_le_bytes());
    out.extend_from_slice(&(parts.key.len() as u32).to_le_bytes());
    out.extend_from_slice(&(row_bytes as u32).to_le_bytes());
    out.extend_from_slice(parts.key);
    out.extend_from_slice(parts.row[0]);
    out.extend_from_slice(parts.row[1]);
    out.extend_from_slice(parts.before);
    let crc = rafterdb_hash::crc32c(&out[begin + FRAME_BYTES..]);
    patch_u32(out, begin + 4, crc);
    out.len() - begin
}

/// What the bytes at the place of a record are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// A record of so many bytes.
    Record(usize),
    /// The beginning of one: so many bytes are needed.
    Short(usize),
    /// No record, and why.
    Damaged(&'static str),
}

/// Checks the record that `bytes` begin with.
#[inline]
#[must_use]
pub fn decode(bytes: &[u8]) -> Decoded {
    let framed = measure(bytes);
    let Decoded::Record(length) = framed else {
        return framed;
    };
    let body = &bytes[FRAME_BYTES..length];
    if rafterdb_hash::crc32c(body) != u32_within(bytes, 4) {
        return Decoded::Damaged("a record fails its checksum");
    }
    if u32_within(body, 12) as usize + u32_within(body, 16) as usize > body.len() - BODY_HEADER_BYTES {
        return Decoded::Damaged("a record's parts are longer than the record");
    }
    framed
}

/// The extent of the record that `bytes` begin with, without a look at its checksum.
#[inline]
#[must_use]
pub fn measure(bytes: &[u8]) -> Decoded {
    if bytes.len() < FRAME_BYTES {
        return Decoded::Short(FRAME_BYTES);
    }
    let body_bytes = u32_within(bytes, 0) as usize;
    if !(BODY_HEADER_BYTES..=BODY_BYTES_MAX).contains(&body_bytes) {
        return Decoded::Damaged("a record's length makes no sense");
    }
    if bytes.len() < FRAME_BYTES + body_bytes {
        return Decoded::Short(FRAME_BYTES + body_bytes);
    }
    Decoded::Record(FRAME_BYTES + body_bytes)
}

/// The revision that a record whose extent is known says it has.
#[inline]
#[must_use]
pub fn claimed_revision(record: &[u8]) -> u64 {
    u64_within(record, FRAME_BYTES)
}

/// The parts of a record that [`decode`] has accepted.
#[inline]
#[must_use]
pub fn parse(record: &[u8]) -> Record<'_> {
    let body = &record[FRAME_BYTES..];
    let (key, rest) = body[BODY_HEADER_BYTES..].split_at(u32_within(body, 12) as usize);
    let (row, before) = rest.split_at(u32_within(body, 16) as usize);
    Record {
        revision: u64_within(body, 0),
        sub: u32_within(body, 8),
        key,
        row,
        before,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTS: Parts<'static> = Parts {
        revision: 0x0807_0605_0403_0201,
        sub: 9,
        key: b"key",
        row: [&[1, 2], b"value"],
        before: b"old",
    };

    fn encoded(parts: &Parts<'_>) -> Vec<u8> {
        let mut out = b"before".to_vec();
        let length = encode(parts, &mut out);
        assert_eq!(out.len(), b"before".len() + length);
        out.split_off(b"before".len())
    }

    #[test]
    fn the_bytes_are_those_of_the_table() {
        let header = [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0, 0, 3, 0, 0, 0, 7, 0, 0, 0];
        let body = [&header[..], b"key\x01\x02valueold"].concat();
        let crc = rafterdb_hash::crc32c(&body).to_le_bytes();
        assert_eq!(encoded(&PARTS), [&[33, 0, 0, 0], &crc[..], &body].concat());
    }

    #[test]
    fn a_record_comes_back_as_it_was_given_whatever_follows() {
        let record = encoded(&PARTS);
        let bytes = [&record[..], b"another"].concat();
        assert_eq!(decode(&bytes), Decoded::Record(record.len()));
        assert_eq!(claimed_revision(&record), PARTS.revision);
        let parsed = Record {
            revision: PARTS.revision,
            sub: PARTS.sub,
            key: PARTS.key,
            row: b"\x01\x02value",
            before: PARTS.before,
        };
        assert_eq!(parse(&record), parsed);
        assert!(!parsed.is_range());
        let range = encoded(&Parts {
            row: [b"", b""],
            ..PARTS
        });
        assert!(parse(&range).is_range());
    }

    #[test]
    fn a_part_of_a_record_says_how_much_is_needed() {
        let record = encoded(&PARTS);
        for end in 0..record.len() {
            let needed = if end < FRAME_BYTES { FRAME_BYTES } else { record.len() };
            assert_eq!(decode(&record[..end]), Decoded::Short(needed), "{end} bytes");
        }
    }

    #[test]
    fn any_bit_that_changes_is_noticed() {
        let record = encoded(&PARTS);
        for at in 0..record.len() * 8 {
            let mut damaged = record.clone();
            damaged[at / 8] ^= 1 << (at % 8);
            assert_ne!(decode(&damaged), Decoded::Record(record.len()), "bit {at}");
        }
    }

    #[test]
    fn parts_that_are_longer_than_the_record_are_damage_under_a_sound_checksum() {
        for at in [FRAME_BYTES + 12, FRAME_BYTES + 16] {
            let mut lie = encoded(&PARTS);
            lie[at] += 4;
            let crc = rafterdb_hash::crc32c(&lie[FRAME_BYTES..]);
            patch_u32(&mut lie, 4, crc);
            assert_eq!(
                decode(&lie),
                Decoded::Damaged("a record's parts are longer than the record")
            );
        }
    }

    #[test]
    fn a_length_that_no_record_has_is_damage() {
        for length in [0, BODY_HEADER_BYTES as u32 - 1, BODY_BYTES_MAX as u32 + 1, u32::MAX] {
            let lie = [&length.to_le_bytes(), &[0; 60][..]].concat();
            assert_eq!(decode(&lie), Decoded::Damaged("a record's length makes no sense"));
        }
    }
}

//! The frame of a snapshot's stream: a sequence of compressed chunks. Owns header, checksum and bound; knows no compression, and
//! what chunks hold is said in `snapshot.rs`.
//!
//! ```text
//! chunk   [u32 kind][u32 raw bytes][u32 stored bytes][u32 crc32c][u64 number, from 0][LZ4 block]
//! ```
//! The checksum covers the header, with zeros in its own place, and the stored bytes: so a chunk that is damaged, missing
//! or out of order is noticed.

use rafterdb_hash::{crc32c, crc32c_append};

use crate::reader::{length_u32, patch_u32, patch_u64, u32_at, u32_within, u64_at};

/// Bytes before the stored ones.
pub const HEADER_BYTES: usize = 24;

/// A chunk holds at least one item, and no item is larger than the largest history record.
pub const RAW_BYTES_MAX: usize = 80 << 20;

const CHECKSUM_AT: usize = 12;

/// What a chunk says of itself. Nothing of it is sure before [`is_sound`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What it holds: a number of [`super::snapshot`].
    pub kind: u32,
    /// Bytes of that.
    pub raw_bytes: usize,
    /// Bytes behind the header.
    pub stored_bytes: usize,
    /// Its place in the stream, from 0.
    pub number: u64,
}

impl Header {
    /// The header that `bytes` are.
    #[must_use]
    pub const fn decode(bytes: &[u8; HEADER_BYTES]) -> Self {
        Self {
            kind: u32_at(bytes, 0),
            raw_bytes: u32_at(bytes, 4) as usize,
            stored_bytes: u32_at(bytes, 8) as usize,
            number: u64_at(bytes, 16),
        }
    }
}

/// Writes the header of `chunk`: room for it, and then the stored bytes.
pub fn seal(kind: u32, raw_bytes: usize, number: u64, chunk: &mut [u8]) {
    let stored = length_u32(chunk.len() - HEADER_BYTES);
    patch_u32(chunk, 0, kind);
    patch_u32(chunk, 4, length_u32(raw_bytes));
    patch_u32(chunk, 8, stored);
    patch_u64(chunk, 16, number);
    let crc = checksum(chunk);
    patch_u32(chunk, CHECKSUM_AT, crc);
}

/// Whether a chunk, header and stored bytes, is as it was sealed.
#[must_use]
pub fn is_sound(chunk: &[u8]) -> bool {
    chunk.len() >= HEADER_BYTES && u32_within(chunk, CHECKSUM_AT) == checksum(chunk)
}

fn checksum(chunk: &[u8]) -> u32 {
    let before = crc32c_append(crc32c(&chunk[..CHECKSUM_AT]), &[0; 4]);
    crc32c_append(before, &chunk[CHECKSUM_AT + 4..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed() -> Vec<u8> {
        let mut chunk = [&[0xaa; HEADER_BYTES], &b"stored"[..]].concat();
        seal(4, 300, 7, &mut chunk);
        chunk
    }

    #[test]
    fn the_bytes_are_those_of_the_table() {
        let fields = [4, 0, 0, 0, 44, 1, 0, 0, 6, 0, 0, 0];
        let behind = b"\x07\0\0\0\0\0\0\0stored";
        let crc = crc32c(&[&fields[..], &[0; 4], behind].concat()).to_le_bytes();
        assert_eq!(sealed(), [&fields[..], &crc, behind].concat());
        let header = Header {
            kind: 4,
            raw_bytes: 300,
            stored_bytes: 6,
            number: 7,
        };
        assert_eq!(sealed().first_chunk().map(Header::decode), Some(header));
    }

    #[test]
    fn any_bit_that_changes_is_noticed() {
        let chunk = sealed();
        assert!(is_sound(&chunk));
        for at in 0..chunk.len() * 8 {
            let mut damaged = chunk.clone();
            damaged[at / 8] ^= 1 << (at % 8);
            assert!(!is_sound(&damaged), "bit {at}");
        }
        assert!((0..chunk.len()).all(|end| !is_sound(&chunk[..end])));
    }
}

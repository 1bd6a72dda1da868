//! A value that lies apart from its row, as the tables have it under the row's key. Knows no tables.
//!
//! ```text
//! stored     [u64 modified of the row][value]
//! spooled    [u32 keyLen][u32 storedLen][key][stored]         in a file where values wait for their place in the tables
//! ```

use crate::reader::{length_u32, u32_at, u64_at};

/// Bytes of the lengths of one that is spooled.
pub const SPOOLED_LENGTHS: usize = 8;

/// Appends a value that lies apart, of the row of revision `modified`, to `out`.
pub fn encode(modified: u64, value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&modified.to_le_bytes());
    out.extend_from_slice(value);
}

/// The revision of the row that a value belongs to, and the value; `None` if the bytes are not one.
#[inline]
#[must_use]
pub fn decode(stored: &[u8]) -> Option<(u64, &[u8])> {
    let (modified, value) = stored.split_first_chunk::<8>()?;
    Some((u64_at(modified, 0), value))
}

/// Appends one that waits, with its key.
pub fn encode_spooled(key: &[u8], modified: u64, value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&length_u32(key.len()).to_le_bytes());
    out.extend_from_slice(&length_u32(8 + value.len()).to_le_bytes());
    out.extend_from_slice(key);
    encode(modified, value, out);
}

/// Lengths of the key and of what is stored for it, of one that waits.
#[must_use]
pub fn spooled_lengths(lengths: &[u8; SPOOLED_LENGTHS]) -> (usize, usize) {
    (u32_at(lengths, 0) as usize, u32_at(lengths, 4) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_apart_is_its_revision_and_its_bytes() {
        let mut stored = Vec::new();
        encode(0x0102, b"value", &mut stored);
        assert_eq!(stored, b"\x02\x01\0\0\0\0\0\0value");
        assert_eq!(decode(&stored), Some((0x0102, &b"value"[..])));
        assert_eq!(decode(&stored[..7]), None);
    }

    #[test]
    fn one_that_waits_has_its_key_before_it() {
        let mut spooled = Vec::new();
        encode_spooled(b"key", 1, b"value", &mut spooled);
        assert_eq!(spooled, b"\x03\0\0\0\x0d\0\0\0key\x01\0\0\0\0\0\0\0value");
        assert_eq!(spooled_lengths(spooled.first_chunk().unwrap()), (3, 13));
    }
}

//! The stored form of one version of a key, the same in memtables, tables, the row cache and history.
//! Knows nothing of keys or of where rows lie.
//!
//! ```text
//! live       [varint version ≥ 1][varint modified][varint modified − create][varint lease][varint back][skips?][value]
//! tombstone  [0]                 [varint modified]                                        [varint back][skips?]
//! back = modified − previous, 0 if there was no previous version
//! ```
//! Where back is written with a byte more than it needs, its last byte 0, skips follow (`skips.rs`); older rows have none.

use super::skips::{self, SKIPS_BYTES_MAX};
use super::varint::{put_varint, take_varint, MORE};
use super::RowRef;

/// Longest header: five varints of at most ten bytes, the byte that says that skips follow, and the skips.
const HEADER_BYTES_MAX: usize = 51 + SKIPS_BYTES_MAX;

/// The stored header of a row; the value follows it.
pub(super) struct Header {
    bytes: [u8; HEADER_BYTES_MAX],
    length: usize,
}

impl Header {
    pub(super) fn of(row: &RowRef<'_>) -> Self {
        let mut header = Self {
            bytes: [0; HEADER_BYTES_MAX],
            length: 0,
        };
        header.push(row.version);
        header.push(row.modified);
        if row.version > 0 {
            header.push(row.modified - row.create);
            header.push(row.lease);
        }
        header.push(if row.previous == 0 {
            0
        } else {
            row.modified - row.previous
        });
        if !row.skips.is_empty() {
            header.push_skips(row.skips);
        }
        header
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    fn push(&mut self, number: u64) {
        if number < u64::from(MORE) {
            self.bytes[self.length] = number as u8;
            self.length += 1;
        } else {
            self.length += put_varint(number, &mut self.bytes[self.length..]);
        }
    }

    fn push_skips(&mut self, skips: &[u8]) {
        self.bytes[self.length - 1] |= MORE;
        self.bytes[self.length] = 0;
        self.length += 1;
        self.bytes[self.length..self.length + skips.len()].copy_from_slice(skips);
        self.length += skips.len();
    }
}

/// The row in `packed`; `None` if the bytes are not a row.
pub(super) fn unpack(packed: &[u8]) -> Option<RowRef<'_>> {
    let mut rest = packed;
    let version = take_varint(&mut rest)?;
    let modified = take_varint(&mut rest)?;
    let (create, lease) = if version > 0 {
        (modified.checked_sub(take_varint(&mut rest)?)?, take_varint(&mut rest)?)
    } else {
        (0, 0)
    };
    let from_back = rest;
    let previous = match take_varint(&mut rest)? {
        0 => 0,
        back => modified.checked_sub(back)?,
    };
    let back_bytes = from_back.len() - rest.len();
    let has_skips = back_bytes > 1 && from_back[back_bytes - 1] == 0;
    let skips = if has_skips {
        skips::split(&mut rest, modified)?
    } else {
        &[]
    };
    Some(RowRef {
        create,
        modified,
        version,
        lease,
        previous,
        skips,
        value: rest,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::skips::Skips;

    const ROW: RowRef<'static> = RowRef {
        create: 300,
        modified: 1_000,
        version: 40,
        lease: 7,
        previous: 872,
        skips: &[],
        value: b"\0value",
    };

    fn packed(row: &RowRef<'_>) -> Vec<u8> {
        [Header::of(row).as_bytes(), row.value].concat()
    }

    /// The bytes that every version of this program before skips has written.
    #[test]
    fn a_row_without_skips_is_written_and_read_as_ever() {
        let bytes = [&[40, 0xe8, 7, 0xbc, 5, 7, 0x80, 1][..], b"\0value"].concat();
        assert_eq!(packed(&ROW), bytes);
        assert_eq!(unpack(&bytes), Some(ROW));
    }

    #[test]
    fn skips_come_back_as_they_were_given() {
        for version in [0, 1, 16, 31, 256, 5_000] {
            let mut row = RowRef { version, ..ROW };
            (row.create, row.lease) = if version == 0 { (0, 0) } else { (row.create, row.lease) };
            let skips = Skips::after(&row, 1_010, version + 1, 0).unwrap_or_default();
            let next = RowRef {
                modified: 1_010,
                version: version + 1,
                previous: 1_000,
                skips: skips.as_bytes(),
                ..ROW
            };
            assert_eq!(unpack(&packed(&next)), Some(next));
        }
    }

    #[test]
    fn a_number_is_read_as_it_was_written_whatever_follows() {
        let edges = (0..64).flat_map(|bit| [(1u64 << bit) - 1, 1 << bit, (1 << bit) + 1]);
        for number in edges.chain([u64::MAX]) {
            let mut written = [0; 10];
            let length = put_varint(number, &mut written);
            for tail in [&[][..], &[0xff; 1], &[0; 8], &[0x80; 12]] {
                let bytes = [&written[..length], tail].concat();
                let mut rest = &bytes[..];
                assert_eq!(take_varint(&mut rest), Some(number));
                assert_eq!(rest, tail);
            }
        }
        for endless in [&[][..], &[0x80; 3], &[0xff; 12]] {
            assert_eq!(take_varint(&mut &*endless), None);
        }
    }

    #[test]
    fn skips_that_lead_nowhere_are_not_those_of_a_row() {
        let row = |skips: &[u8]| packed(&RowRef { skips, ..ROW });
        let header = row(&[]).len() - ROW.value.len();
        // Depth 17 and a pointer, five back; then pointers to itself, to nothing, nearer than the last, before the first revision.
        assert!(unpack(&row(&[0x89, 1, 5])).is_some());
        for lie in [&[0x89, 1, 0][..], &[0x89, 1], &[0x8a, 1, 5, 4], &[0x89, 1, 0xe8, 7]] {
            assert_eq!(unpack(&row(lie)[..header + 1 + lie.len()]), None, "{lie:?}");
        }
    }
}

//! The stored form of one version of a key, the same in memtables, tables, the row cache and history.
//! Knows nothing of keys or of where rows lie.
//!
//! ```text
//! live       [varint version ≥ 1][varint modified][varint modified − create][varint lease][varint back][skips?][value]
//! tombstone  [0]                 [varint modified]                                        [varint back][skips?]
//! back = modified − previous, 0 if there was no previous version
//! ```
//! Where back is written with a byte more than it needs, its last byte 0, skips follow (`skips.rs`); older rows have none.
//! Where version is, hash and length of the value stand before it, and it may be left out: then it lies apart (`apart.rs`).
//!
//! ```text
//! live       [varint version, a byte 0][as above][skips?][u64 xxh3 of the value][u32 its length][value, or nothing]
//! ```

use super::skips::{self, POINTERS_MAX, SKIPS_BYTES_MAX};
use super::value::Value;
use super::varint::{put_varint, take_varint, MORE};
use crate::reader::{length_u32, u32_at, u64_at};

/// One version of a key, borrowed. A tombstone has version 0, create 0 and no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowRef<'a> {
    /// Revision at which the key was created.
    pub create: u64,
    /// Revision of this version.
    pub modified: u64,
    /// 1 for a new key, one more with every put; 0 for a tombstone.
    pub version: u64,
    /// Lease the key is attached to; 0 for none.
    pub lease: u64,
    /// `modified` of the version (or tombstone) that this one replaced; 0 if there was none.
    pub previous: u64,
    /// How to get at versions farther back, packed: those of a [`skips::Skips`], or empty for none.
    pub skips: &'a [u8],
    /// The value.
    pub value: Value<'a>,
}

impl RowRef<'_> {
    /// Whether this version says that the key was deleted.
    #[inline]
    #[must_use]
    pub const fn is_tombstone(&self) -> bool {
        self.version == 0
    }

    /// Its depth in the key's chain of versions, and its pointers; 0 for one that it has not. A row without skips is as deep as its
    /// version says: a tombstone of an older version of this program begins anew.
    #[inline]
    #[must_use]
    pub fn depth_and_pointers(&self) -> (u64, [u64; POINTERS_MAX]) {
        skips::unpack(self.skips, self.modified).unwrap_or((self.version, [0; POINTERS_MAX]))
    }
}

/// Hash and length of a value.
const VALUE_BYTES: usize = 12;

/// Longest header: five varints of at most ten bytes, a byte each that says that skips follow, or hash and length, and those.
const HEADER_BYTES_MAX: usize = 52 + SKIPS_BYTES_MAX + VALUE_BYTES;

/// The stored header of a row; the value follows it.
pub struct Header {
    bytes: [u8; HEADER_BYTES_MAX],
    length: usize,
}

impl Header {
    /// That of `row`, whose previous version and creation do not lie after it, and whose skips are no longer than skips are.
    /// The value must follow.
    #[inline]
    #[must_use]
    pub fn of(row: &RowRef<'_>) -> Self {
        let mut header = Self::empty();
        header.push(row.version);
        header.push_rest(row);
        header
    }

    /// That of a live `row` with hash and length of its value, which may follow.
    #[must_use]
    pub fn with_hash(row: &RowRef<'_>) -> Self {
        let mut header = Self::empty();
        header.push(row.version);
        header.mark();
        header.push_rest(row);
        header.push_bytes(&row.value.hash().to_le_bytes());
        header.push_bytes(&length_u32(row.value.len()).to_le_bytes());
        header
    }

    #[inline]
    const fn empty() -> Self {
        Self {
            bytes: [0; HEADER_BYTES_MAX],
            length: 0,
        }
    }

    /// All but the version.
    #[inline]
    fn push_rest(&mut self, row: &RowRef<'_>) {
        let header = self;
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
            header.mark();
            header.push_bytes(row.skips);
        }
    }

    /// As it is stored.
    #[inline]
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    #[inline]
    fn push(&mut self, number: u64) {
        if number < u64::from(MORE) {
            self.bytes[self.length] = number as u8;
            self.length += 1;
        } else {
            self.length += put_varint(number, &mut self.bytes[self.length..]);
        }
    }

    /// Has the number that was pushed last take a byte more than it needs.
    fn mark(&mut self) {
        self.bytes[self.length - 1] |= MORE;
        self.bytes[self.length] = 0;
        self.length += 1;
    }

    fn push_bytes(&mut self, bytes: &[u8]) {
        self.bytes[self.length..self.length + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }
}

/// Whether a number that was taken takes a byte more than it needs.
#[inline]
fn is_marked(before: &[u8], after: &[u8]) -> bool {
    let length = before.len() - after.len();
    length > 1 && before[length - 1] == 0
}

/// The value behind its hash and length.
fn split_value(rest: &[u8]) -> Option<Value<'_>> {
    let (header, bytes) = rest.split_first_chunk::<VALUE_BYTES>()?;
    let (hash, length) = (u64_at(header, 0), u32_at(header, 8) as usize);
    match bytes.len() {
        0 => Some(Value::Apart { length, hash }),
        found if found == length => Some(Value::Hashed(bytes, hash)),
        _ => None,
    }
}

/// The row in `packed`; `None` if the bytes are not a row.
#[inline]
#[must_use]
pub fn unpack(packed: &[u8]) -> Option<RowRef<'_>> {
    let mut rest = packed;
    let version = take_varint(&mut rest)?;
    let is_hashed = is_marked(packed, rest);
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
    let skips = if is_marked(from_back, rest) {
        skips::split(&mut rest, modified)?
    } else {
        &[]
    };
    let value = if is_hashed {
        Some(split_value(rest)?).filter(|_| version > 0)?
    } else {
        Value::Here(rest)
    };
    Some(RowRef {
        create,
        modified,
        version,
        lease,
        previous,
        skips,
        value,
    })
}

#[cfg(test)]
mod tests {
    use super::super::skips::Skips;
    use super::*;

    const ROW: RowRef<'static> = RowRef {
        create: 300,
        modified: 1_000,
        version: 40,
        lease: 7,
        previous: 872,
        skips: &[],
        value: Value::Here(b"\0value"),
    };

    fn packed(row: &RowRef<'_>) -> Vec<u8> {
        [Header::of(row).as_bytes(), row.value.bytes().unwrap()].concat()
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
        for (version, pointers) in [
            (0, &[][..]),
            (1, &[990]),
            (257, &[999, 800]),
            (5_000, &[999, 998, 600, 1]),
        ] {
            let (create, lease) = if version == 0 { (0, 0) } else { (ROW.create, ROW.lease) };
            let skips = Skips::pack(version + 1, pointers, ROW.modified);
            let row = RowRef {
                create,
                version,
                lease,
                skips: skips.as_bytes(),
                ..ROW
            };
            assert_eq!(unpack(&packed(&row)), Some(row));
        }
    }

    #[test]
    fn a_row_without_skips_is_as_deep_as_its_version_says() {
        assert_eq!(ROW.depth_and_pointers(), (40, [0; POINTERS_MAX]));
        let skips = Skips::pack(257, &[999, 800], ROW.modified);
        let row = RowRef {
            skips: skips.as_bytes(),
            ..ROW
        };
        assert_eq!(row.depth_and_pointers(), (257, [999, 800, 0, 0, 0, 0, 0]));
    }

    #[test]
    fn a_row_with_the_hash_of_its_value_is_read_with_it_or_without() {
        let hash = Value::of(&[7; 5000]).hash().to_le_bytes();
        for version in [1, 127, 128, 5_000] {
            let skips = Skips::pack(version + 1, &[999], ROW.modified);
            for skips in [&[][..], skips.as_bytes()] {
                let row = RowRef {
                    version,
                    skips,
                    value: Value::of(&[7; 5000]),
                    ..ROW
                };
                let header = Header::with_hash(&row);
                let (rest, length) = header.as_bytes().split_last_chunk::<4>().unwrap();
                assert_eq!((*length, rest.ends_with(&hash)), (5000_u32.to_le_bytes(), true));
                let whole = [header.as_bytes(), &[7; 5000]].concat();
                assert_eq!(unpack(&whole), Some(row));
                let alone = unpack(header.as_bytes()).unwrap();
                assert_eq!((alone, alone.value.bytes()), (row, None));
                // Neither whole nor left out.
                assert_eq!(unpack(&whole[..whole.len() - 1]), None);
                assert_eq!(unpack(&header.as_bytes()[..header.as_bytes().len() - 1]), None);
            }
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

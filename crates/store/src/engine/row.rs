//! The stored form of one version of a key, the same in memtables, tables, the row cache and history.
//! Knows nothing of keys or of where rows lie.
//!
//! ```text
//! live       [varint version ≥ 1][varint modified][varint modified − create][varint lease][varint back][value]
//! tombstone  [0]                 [varint modified]                                        [varint back]
//! back = modified − previous, 0 if there was no previous version
//! ```

use super::RowRef;

/// Longest header: five varints of at most ten bytes.
const HEADER_BYTES_MAX: usize = 50;

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
        header
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    fn push(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes[self.length] = (number as u8) | 0x80;
            self.length += 1;
            number >>= 7;
        }
        self.bytes[self.length] = number as u8;
        self.length += 1;
    }
}

/// The row in `packed`; `None` if the bytes are not a row.
pub(super) fn unpack(packed: &[u8]) -> Option<RowRef<'_>> {
    let mut rest = packed;
    let version = take(&mut rest)?;
    let modified = take(&mut rest)?;
    let (create, lease) = if version > 0 {
        (modified.checked_sub(take(&mut rest)?)?, take(&mut rest)?)
    } else {
        (0, 0)
    };
    let previous = match take(&mut rest)? {
        0 => 0,
        back => modified.checked_sub(back)?,
    };
    Some(RowRef {
        create,
        modified,
        version,
        lease,
        previous,
        value: rest,
    })
}

fn take(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for (at, byte) in rest.iter().enumerate().take(10) {
        number |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            *rest = &rest[at + 1..];
            return Some(number);
        }
    }
    None
}

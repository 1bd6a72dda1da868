//! One change in a history file. Owns the record's layout and checksum; knows no files.
//!
//! ```text
//! record   [u32 length of the body][u32 crc32c of the body][body]
//! body     [u64 revision][u32 sub][u32 keyLen][u32 rowLen][key][packed row][packed before-image, or nothing]
//! ```
//! The before-image is the row that this one replaced, if that row's revision was compacted when this one was written.
//! A deleted range is a record without a row: the key is the range's first, in place of the before-image are its bounds.

/// Bytes before the body.
pub(in crate::engine) const FRAME_BYTES: usize = 8;

const BODY_HEADER_BYTES: usize = 20;

/// A record above this is damage: the largest key, two of the largest rows, and headers stay below it.
pub(super) const BODY_BYTES_MAX: usize = 64 << 20;

/// A change, borrowed from the bytes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) struct Record<'a> {
    pub(in crate::engine) revision: u64,
    pub(in crate::engine) sub: u32,
    pub(in crate::engine) key: &'a [u8],
    /// The row that the change made, packed.
    pub(in crate::engine) row: &'a [u8],
    /// The row that it replaced, packed; empty if the record has none.
    pub(in crate::engine) before: &'a [u8],
}

impl Record<'_> {
    /// Whether the change deleted a range.
    pub(in crate::engine) const fn is_range(&self) -> bool {
        self.row.is_empty()
    }
}

/// The parts of a record to be written; a row may come in two pieces.
pub(in crate::engine) struct Parts<'a> {
    pub(in crate::engine) revision: u64,
    pub(in crate::engine) sub: u32,
    pub(in crate::engine) key: &'a [u8],
    pub(in crate::engine) row: [&'a [u8]; 2],
    pub(in crate::engine) before: &'a [u8],
}

/// Appends a record to `out`. Returns its length.
pub(in crate::engine) fn encode(parts: &Parts<'_>, out: &mut Vec<u8>) -> usize {
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
    out[begin + 4..begin + FRAME_BYTES].copy_from_slice(&crc.to_le_bytes());
    out.len() - begin
}

/// What the bytes at the place of a record are.
pub(in crate::engine) enum Decoded {
    /// A record of so many bytes.
    Record(usize),
    /// The beginning of one: so many bytes are needed.
    Short(usize),
    /// No record, and why.
    Damaged(&'static str),
}

/// Checks the record that `bytes` begin with.
pub(in crate::engine) fn decode(bytes: &[u8]) -> Decoded {
    let framed = measure(bytes);
    let Decoded::Record(length) = framed else {
        return framed;
    };
    let body = &bytes[FRAME_BYTES..length];
    if rafterdb_hash::crc32c(body) != read_u32(bytes, 4) {
        return Decoded::Damaged("a record fails its checksum");
    }
    if read_u32(body, 12) as usize + read_u32(body, 16) as usize > body.len() - BODY_HEADER_BYTES {
        return Decoded::Damaged("a record's parts are longer than the record");
    }
    framed
}

/// The extent of the record that `bytes` begin with, without a look at its checksum.
pub(super) fn measure(bytes: &[u8]) -> Decoded {
    if bytes.len() < FRAME_BYTES {
        return Decoded::Short(FRAME_BYTES);
    }
    let body_bytes = read_u32(bytes, 0) as usize;
    if !(BODY_HEADER_BYTES..=BODY_BYTES_MAX).contains(&body_bytes) {
        return Decoded::Damaged("a record's length makes no sense");
    }
    if bytes.len() < FRAME_BYTES + body_bytes {
        return Decoded::Short(FRAME_BYTES + body_bytes);
    }
    Decoded::Record(FRAME_BYTES + body_bytes)
}

/// The revision that a record whose extent is known says it has.
pub(super) fn claimed_revision(record: &[u8]) -> u64 {
    read_u64(record, FRAME_BYTES)
}

/// The parts of a record that [`decode`] has accepted.
pub(in crate::engine) fn parse(record: &[u8]) -> Record<'_> {
    let body = &record[FRAME_BYTES..];
    let (key, rest) = body[BODY_HEADER_BYTES..].split_at(read_u32(body, 12) as usize);
    let (row, before) = rest.split_at(read_u32(body, 16) as usize);
    Record {
        revision: read_u64(body, 0),
        sub: read_u32(body, 8),
        key,
        row,
        before,
    }
}

pub(super) fn read_u32(bytes: &[u8], at: usize) -> u32 {
    let mut field = [0; 4];
    field.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(field)
}

pub(super) fn read_u64(bytes: &[u8], at: usize) -> u64 {
    let mut field = [0; 8];
    field.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(field)
}

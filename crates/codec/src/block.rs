//! Entries and blocks: what the Raft log holds. Knows how to walk and cut a block, not what a body means.
//!
//! ```text
//! entry   [u32 length of the body][u8 kind][3 × 0][body]
//! block   entry entry entry …
//! ```

use crate::reader::{length_u32, patch_u32, u32_at, Malformed, Parsed, Reader};

/// Bytes before an entry's body.
pub const ENTRY_HEADER_BYTES: usize = 8;

/// One entry, borrowed from its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// See [`crate::entry`]; unknown kinds are the reader's to refuse.
    pub kind: u8,
    /// What follows the header.
    pub body: &'a [u8],
}

impl Entry<'_> {
    /// Bytes that the entry takes in a block.
    #[must_use]
    pub const fn encoded_bytes(&self) -> usize {
        ENTRY_HEADER_BYTES + self.body.len()
    }
}

/// Walks the entries of a block; stops after the first malformed one.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    reader: Reader<'a>,
}

impl<'a> Entries<'a> {
    /// The entries of `block`, in order.
    #[must_use]
    pub const fn new(block: &'a [u8]) -> Self {
        Self {
            reader: Reader::new(block),
        }
    }

    /// The part of the block that has not been walked yet.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.reader.rest()
    }

    fn read(&mut self) -> Parsed<Entry<'a>> {
        let header = self.reader.array::<ENTRY_HEADER_BYTES>()?;
        let body = self.reader.bytes(u32_at(header, 0) as usize)?;
        Ok(Entry { kind: header[4], body })
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Parsed<Entry<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.is_empty() {
            return None;
        }
        let read = self.read();
        if read.is_err() {
            self.reader = Reader::new(&[]);
        }
        Some(read)
    }
}

/// How many entries `block` holds; walks all of it, so a success says that the block is well formed.
pub fn count_entries(block: &[u8]) -> Parsed<u64> {
    Entries::new(block).try_fold(0, |count, entry| entry.map(|_| count + 1))
}

/// The block without its first `count` entries. Malformed if it has fewer.
pub fn skip_entries(block: &[u8], count: u64) -> Parsed<&[u8]> {
    let mut entries = Entries::new(block);
    for _ in 0..count {
        entries
            .next()
            .ok_or(Malformed("a block has fewer entries than announced"))??;
    }
    Ok(entries.rest())
}

/// The longest run of entries from the front that is at most `bytes_max` long, but at least one entry if there is any.
/// Returns (bytes, entries).
pub fn split_entries(block: &[u8], bytes_max: usize) -> Parsed<(usize, u64)> {
    let (mut bytes, mut count) = (0, 0);
    for entry in Entries::new(block) {
        let next = bytes + entry?.encoded_bytes();
        if count > 0 && next > bytes_max {
            break;
        }
        (bytes, count) = (next, count + 1);
    }
    Ok((bytes, count))
}

/// Appends an entry.
pub fn encode_entry(out: &mut Vec<u8>, kind: u8, body: &[u8]) {
    let at = begin_entry(out, kind);
    out.extend_from_slice(body);
    end_entry(out, at);
}

/// Appends an entry's header; its body is appended next, then [`end_entry`] is called with the returned position.
pub fn begin_entry(out: &mut Vec<u8>, kind: u8) -> usize {
    let at = out.len();
    out.extend_from_slice(&[0, 0, 0, 0, kind, 0, 0, 0]);
    at
}

/// Completes the entry begun at `at`.
pub fn end_entry(out: &mut [u8], at: usize) {
    let length = length_u32(out.len() - at - ENTRY_HEADER_BYTES);
    patch_u32(out, at, length);
}

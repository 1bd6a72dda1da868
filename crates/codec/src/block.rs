//! Entries and blocks: what the Raft log holds. Knows how to walk and cut a block, not what a body means.
//!
//! ```text
//! entry   [u32 length of what follows these 8 bytes][u8 kind][u8 bytes of the principal][u8 version][u8 0][principal][body]
//! block   entry entry entry …
//! ```
//!
//! The length is a fixed u32. A varint and no padding (`cargo bench -p rafterdb-bench --bench codec -- length`) save 6 bytes an
//! entry, 5 from bodies of 128 bytes on. Blocks of 1,000 entries, minima of three runs, encode and decode in µs:
//!
//! | body, bytes                 | fixed u32  | varint      | saved  |
//! |-----------------------------|------------|-------------|--------|
//! | 16                          | 3.7 / 2.1  | 5.1 / 2.4   | 26 %   |
//! | 92: a batch of a small put  | 6.0 / 5.6  | 6.4 / 5.4   | 6 %    |
//! | 256                         | 12.6 / 5.1 | 12.8 / 6.7  | 1.9 %  |
//!
//! It stays fixed: an entry is a batch with a header of 32 bytes, so that there is little to save, and a header whose size is
//! known is checked once and written before its body.

use crate::principal::Principal;
use crate::reader::{u32_at, Malformed, Parsed, Reader};
use crate::unencodable::{body_length, room, Unencodable};
use crate::EntryKind;

/// Bytes before an entry's principal and body.
pub const ENTRY_HEADER_BYTES: usize = 8;

/// One entry, borrowed from its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// A number of [`crate::EntryKind`]; unknown ones are the reader's to refuse, as a log may be of a newer version.
    pub kind: u8,
    /// Which state machine decides what the entry does, so that all members decide it alike; unknown ones are the machine's to
    /// refuse.
    pub version: u8,
    /// Who is behind it.
    pub principal: Principal<'a>,
    /// What it says.
    pub body: &'a [u8],
}

impl<'a> Entry<'a> {
    /// An entry of the first version of the state machine, with nobody in particular behind it.
    #[must_use]
    pub fn new(kind: impl Into<u8>, body: &'a [u8]) -> Self {
        Self {
            kind: kind.into(),
            version: 0,
            principal: Principal::ANONYMOUS,
            body,
        }
    }

    /// Bytes that the entry takes in a block.
    #[must_use]
    pub const fn encoded_size(&self) -> usize {
        ENTRY_HEADER_BYTES + self.length()
    }

    /// Bytes of what follows the header.
    const fn length(&self) -> usize {
        self.principal.name().len() + self.body.len()
    }

    /// Writes the entry to the front of `out` and returns its bytes. Errors: [`Unencodable`].
    #[inline]
    pub fn encode_to(&self, out: &mut [u8]) -> Result<usize, Unencodable> {
        let header = self.header()?;
        let size = self.encoded_size();
        let (head, rest) = room(out, size)?.split_at_mut(ENTRY_HEADER_BYTES);
        let (principal, body) = rest.split_at_mut(self.principal.name().len());
        head.copy_from_slice(&header);
        // Mostly there is none: a branch is cheaper than a copy of nothing.
        if !self.principal.is_anonymous() {
            principal.copy_from_slice(self.principal.name());
        }
        body.copy_from_slice(self.body);
        Ok(size)
    }

    /// Appends the entry. Errors: [`Unencodable::TooLong`].
    #[inline]
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Unencodable> {
        let header = self.header()?;
        out.reserve(self.encoded_size());
        out.extend_from_slice(&header);
        if !self.principal.is_anonymous() {
            out.extend_from_slice(self.principal.name());
        }
        out.extend_from_slice(self.body);
        Ok(())
    }

    /// Reads the entry that `input` begins with, and the bytes that it takes. Nothing is copied.
    #[inline]
    pub fn decode_from(input: &'a [u8]) -> Parsed<(Self, usize)> {
        let mut reader = Reader::new(input);
        let header = reader.array::<ENTRY_HEADER_BYTES>()?;
        let length = u32_at(header, 0) as usize;
        let mut rest = Reader::new(reader.bytes(length)?);
        if header[7] != 0 {
            return Err(Malformed("an entry says what this version does not know"));
        }
        let entry = Self {
            kind: header[4],
            version: header[6],
            principal: Principal::parse(&mut rest, header[5])?,
            body: rest.rest(),
        };
        Ok((entry, ENTRY_HEADER_BYTES + length))
    }

    /// What stands before principal and body, for a writer that lays those down itself. Errors: [`Unencodable::TooLong`].
    #[inline]
    pub fn header(&self) -> Result<[u8; ENTRY_HEADER_BYTES], Unencodable> {
        let [a, b, c, d] = body_length(self.length())?.to_le_bytes();
        Ok([a, b, c, d, self.kind, self.principal.length(), self.version, 0])
    }
}

/// Walks the entries of a block; stops after the first malformed one.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    rest: &'a [u8],
}

impl<'a> Entries<'a> {
    /// The entries of `block`, in order.
    #[must_use]
    pub const fn new(block: &'a [u8]) -> Self {
        Self { rest: block }
    }

    /// The part of the block that has not been walked yet.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Parsed<Entry<'a>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        match Entry::decode_from(self.rest) {
            Ok((entry, consumed)) => {
                self.rest = &self.rest[consumed..];
                Some(Ok(entry))
            }
            Err(malformed) => {
                self.rest = &[];
                Some(Err(malformed))
            }
        }
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

/// Appends a block without what its batches say, nor who was behind them: as a witness has it. Malformed: it is no block.
///
/// # Panics
/// Invariant: an entry that was read can be written.
pub fn strip_batches(block: &[u8], out: &mut Vec<u8>) -> Parsed<()> {
    for entry in Entries::new(block) {
        let entry = entry?;
        let stripped = Entry {
            version: entry.version,
            ..Entry::new(EntryKind::Stripped, &[])
        };
        let is_batch = entry.kind == EntryKind::Batch as u8;
        let encoded = if is_batch { stripped } else { entry }.encode(out);
        encoded.expect("invariant: an entry that was read can be written");
    }
    Ok(())
}

/// The identity of a cluster that the body of a no-op entry tells, 0 if none: `[u64 identity]`, or nothing.
#[must_use]
pub fn parse_identity(body: &[u8]) -> u64 {
    Reader::new(body).u64().unwrap_or(0)
}

/// The body of a no-op entry that tells the identity of a cluster.
#[must_use]
pub const fn encode_identity(identity: u64) -> [u8; 8] {
    identity.to_le_bytes()
}

/// The longest run of entries from the front that is at most `bytes_max` long, but at least one entry if there is any.
/// Returns (bytes, entries).
pub fn split_entries(block: &[u8], bytes_max: usize) -> Parsed<(usize, u64)> {
    let (mut bytes, mut count) = (0, 0);
    for entry in Entries::new(block) {
        let next = bytes + entry?.encoded_size();
        if count > 0 && next > bytes_max {
            break;
        }
        (bytes, count) = (next, count + 1);
    }
    Ok((bytes, count))
}

/// Bytes of the first `count` entries of `block`, by their lengths alone; `None` if it does not hold that many whole ones.
#[must_use]
pub fn entries_bytes(block: &[u8], count: u64) -> Option<usize> {
    let mut at = 0usize;
    for _ in 0..count {
        let header = block.get(at..)?.first_chunk::<4>()?;
        at = at
            .checked_add(ENTRY_HEADER_BYTES)?
            .checked_add(u32_at(header, 0) as usize)?;
        if at > block.len() {
            return None;
        }
    }
    Some(at)
}

/// Entries in a block given in parts, by their lengths alone; `None` if a part does not hold whole entries.
#[must_use]
pub fn count_entries_in_parts<B: AsRef<[u8]>>(parts: &[B]) -> Option<u32> {
    let mut count = 0u32;
    for part in parts {
        let mut rest = part.as_ref();
        while !rest.is_empty() {
            rest = &rest[entries_bytes(rest, 1)?..];
            count += 1;
        }
    }
    Some(count)
}

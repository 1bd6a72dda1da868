//! The files of history: their header, their footer and the sparse index in it. Knows no records but their places.
//!
//! ```text
//! file     [header][record …][footer]            the last segment, still being written, has no footer
//! header   ["RDBHIST1"][u64 number][u64 floor][u32 crc32c of the 24 bytes before][4 × 0]
//! footer   [index: (u64 revision, u64 offset) …][u64 first][u64 last][u64 end of records][u32 entries][u32 crc32c]["RDBHFOOT"]
//! chain    [u64 oldest][u64 previous][u64 until]      between index and fields of a survivors file, which ends in "RDBHSURV" instead
//! ```
//! Segments are numbered from 1 without gaps. The footer's checksum covers index, chain and fields. A survivors file has the same
//! form: its number is that of the first segment kept, its floor the revision compacted. It holds what `survivors.rs` says of the
//! revisions above the floor of the file before it, at their own revisions, and last the changes of its floor, whole. The newest
//! says which others count: `previous` is the floor of the one before it, 0 if there is none, `oldest` that of the first. No change
//! above revision `until` needs anything of it. One that ends in "RDBHFOOT" is of an older version, and the first: it holds the
//! changes of its floor, and then what later changes replaced, at the revisions that replaced it.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::super::failure::{corrupt, io_failure};
use super::super::files::{read_at, write_at};
use super::record::{read_u32, read_u64};
use crate::StoreError;

pub(super) const HEADER_BYTES: u64 = 32;
const TAIL_BYTES: u64 = 40;
const ENTRY_BYTES: u64 = 16;
const HEADER_MAGIC: &[u8; 8] = b"RDBHIST1";
const FOOTER_MAGIC: &[u8; 8] = b"RDBHFOOT";
const CHAIN_MAGIC: &[u8; 8] = b"RDBHSURV";
const CHAIN_BYTES: u64 = 24;

/// Bytes of records between two entries of the sparse index.
const INDEX_STEP_BYTES: u64 = 8 << 10;

/// Where some record begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct IndexEntry {
    pub(super) revision: u64,
    pub(super) offset: u64,
}

/// The sparse index of one file while it is written, and the revisions it spans.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    pub(super) entries: Vec<IndexEntry>,
    pub(super) first: u64,
    pub(super) last: u64,
}

impl Index {
    /// Notes a record.
    pub(super) fn note(&mut self, revision: u64, offset: u64) {
        if self.first == 0 {
            self.first = revision;
        }
        self.last = revision;
        let due = self.entries.last().map_or(HEADER_BYTES, |entry| entry.offset) + INDEX_STEP_BYTES;
        if offset >= due {
            self.entries.push(IndexEntry { revision, offset });
        }
    }
}

/// Offset of a record at or before the first one of `revision` or above.
pub(super) fn locate(entries: &[IndexEntry], revision: u64) -> u64 {
    let below = entries.partition_point(|entry| entry.revision < revision);
    below.checked_sub(1).map_or(HEADER_BYTES, |at| entries[at].offset)
}

/// What a survivors file says of others; see above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chain {
    pub(super) oldest: u64,
    pub(super) previous: u64,
    pub(super) until: u64,
}

/// A file that is complete.
#[derive(Clone, Debug)]
pub(super) struct Sealed {
    pub(super) path: PathBuf,
    pub(super) number: u64,
    pub(super) floor: u64,
    /// Revisions of its first and last record; 0 if it has none.
    pub(super) first: u64,
    pub(super) last: u64,
    /// Where its records end.
    pub(super) end: u64,
    /// Size of the whole file.
    pub(super) bytes: u64,
    pub(super) entries: u32,
    /// `None` for a segment, and for survivors of an older version.
    pub(super) chain: Option<Chain>,
}

/// A complete file, open, with its index.
pub(super) struct Opened {
    pub(super) file: File,
    pub(super) index: Vec<IndexEntry>,
}

impl Sealed {
    /// Reads header and footer of the file in `path`.
    pub(super) fn read(path: &Path) -> Result<Self, StoreError> {
        let file = File::open(path).map_err(|error| io_failure(&error, "opening", path))?;
        let (number, floor) = read_header(&file, path)?;
        let bytes = file
            .metadata()
            .map_err(|error| io_failure(&error, "reading", path))?
            .len();
        let tail_at = bytes.saturating_sub(TAIL_BYTES).max(HEADER_BYTES);
        let damaged = |what| Err(corrupt(path, Some(tail_at), what));
        let mut tail = [0; TAIL_BYTES as usize];
        let count = read_at(&file, &mut tail, tail_at).map_err(|error| io_failure(&error, "reading", path))?;
        let chain_at = tail_at.saturating_sub(CHAIN_BYTES).max(HEADER_BYTES);
        let chain = match &tail[32..] {
            _ if count != tail.len() => return damaged("the footer is missing"),
            magic if magic == FOOTER_MAGIC => None,
            magic if magic == CHAIN_MAGIC => Some(read_chain(&file, path, chain_at)?),
            _ => return damaged("the footer is missing"),
        };
        let sealed = Self {
            path: path.to_path_buf(),
            number,
            floor,
            first: read_u64(&tail, 0),
            last: read_u64(&tail, 8),
            end: read_u64(&tail, 16),
            bytes,
            entries: read_u32(&tail, 24),
            chain,
        };
        let chain_bytes = chain.map_or(0, |_| CHAIN_BYTES);
        let expected = u64::from(sealed.entries) * ENTRY_BYTES + chain_bytes + TAIL_BYTES;
        if sealed.end < HEADER_BYTES || sealed.end.checked_add(expected) != Some(bytes) {
            return damaged("the footer does not fit the file");
        }
        // The fields are covered by the index's checksum; segments are few, their indexes small.
        sealed.read_index(&file)?;
        Ok(sealed)
    }

    /// Of a survivors file: no change above this revision needs anything of it.
    pub(super) fn is_needed_until(&self) -> u64 {
        self.chain.map_or(self.last, |chain| chain.until)
    }

    /// Opens the file and reads its index.
    pub(super) fn open(&self) -> Result<Opened, StoreError> {
        let file = File::open(&self.path).map_err(|error| io_failure(&error, "opening", &self.path))?;
        let index = self.read_index(&file)?;
        Ok(Opened { file, index })
    }

    fn read_index(&self, file: &File) -> Result<Vec<IndexEntry>, StoreError> {
        let mut footer = vec![0; (self.bytes - self.end) as usize];
        let count = read_at(file, &mut footer, self.end).map_err(|error| io_failure(&error, "reading", &self.path))?;
        let checked = footer.len() - 12;
        if count != footer.len() || rafterdb_hash::crc32c(&footer[..checked]) != read_u32(&footer, checked) {
            return Err(corrupt(&self.path, Some(self.end), "the footer fails its checksum"));
        }
        let index = (0..self.entries as usize).map(|at| IndexEntry {
            revision: read_u64(&footer, at * ENTRY_BYTES as usize),
            offset: read_u64(&footer, at * ENTRY_BYTES as usize + 8),
        });
        Ok(index.collect())
    }
}

fn read_chain(file: &File, path: &Path, at: u64) -> Result<Chain, StoreError> {
    let mut fields = [0; CHAIN_BYTES as usize];
    // What is too short does not fit the file either.
    read_at(file, &mut fields, at).map_err(|error| io_failure(&error, "reading", path))?;
    Ok(Chain {
        oldest: read_u64(&fields, 0),
        previous: read_u64(&fields, 8),
        until: read_u64(&fields, 16),
    })
}

/// Writes the header of a new file.
pub(super) fn write_header(file: &File, path: &Path, number: u64, floor: u64) -> Result<(), StoreError> {
    let mut header = [0; HEADER_BYTES as usize];
    header[..8].copy_from_slice(HEADER_MAGIC);
    header[8..16].copy_from_slice(&number.to_le_bytes());
    header[16..24].copy_from_slice(&floor.to_le_bytes());
    let crc = rafterdb_hash::crc32c(&header[..24]);
    header[24..28].copy_from_slice(&crc.to_le_bytes());
    write_at(file, &header, 0).map_err(|error| io_failure(&error, "writing", path))
}

/// Number and floor of the file.
pub(super) fn read_header(file: &File, path: &Path) -> Result<(u64, u64), StoreError> {
    let mut header = [0; HEADER_BYTES as usize];
    let count = read_at(file, &mut header, 0).map_err(|error| io_failure(&error, "reading", path))?;
    if count != header.len() || &header[..8] != HEADER_MAGIC {
        return Err(corrupt(path, Some(0), "it is not a history file"));
    }
    if rafterdb_hash::crc32c(&header[..24]) != read_u32(&header, 24) {
        return Err(corrupt(path, Some(0), "the header fails its checksum"));
    }
    Ok((read_u64(&header, 8), read_u64(&header, 16)))
}

/// Completes a file whose records end at `end`.
pub(super) fn write_footer(
    file: &File,
    path: &Path,
    (number, floor): (u64, u64),
    chain: Option<Chain>,
    index: &Index,
    end: u64,
) -> Result<Sealed, StoreError> {
    let mut footer = Vec::with_capacity(index.entries.len() * ENTRY_BYTES as usize + TAIL_BYTES as usize);
    for entry in &index.entries {
        footer.extend_from_slice(&entry.revision.to_le_bytes());
        footer.extend_from_slice(&entry.offset.to_le_bytes());
    }
    if let Some(chain) = chain {
        for field in [chain.oldest, chain.previous, chain.until] {
            footer.extend_from_slice(&field.to_le_bytes());
        }
    }
    footer.extend_from_slice(&index.first.to_le_bytes());
    footer.extend_from_slice(&index.last.to_le_bytes());
    footer.extend_from_slice(&end.to_le_bytes());
    footer.extend_from_slice(&(index.entries.len() as u32).to_le_bytes());
    let crc = rafterdb_hash::crc32c(&footer);
    footer.extend_from_slice(&crc.to_le_bytes());
    footer.extend_from_slice(chain.map_or(FOOTER_MAGIC, |_| CHAIN_MAGIC));
    write_at(file, &footer, end).map_err(|error| io_failure(&error, "writing", path))?;
    Ok(Sealed {
        path: path.to_path_buf(),
        number,
        floor,
        first: index.first,
        last: index.last,
        end,
        bytes: end + footer.len() as u64,
        entries: index.entries.len() as u32,
        chain,
    })
}

//! The files of history: a header, records, and once complete a footer with a sparse index. Knows no records but their places;
//! the bytes are the codec's (`rafterdb_codec::store::history_file`).
//!
//! The last segment is still being written and has no footer. A survivors file has the same form. It holds what `survivors.rs`
//! says of the revisions above the floor of the file before it, at their own revisions, and last the changes of its floor, whole.
//! One without a chain is of an older version, and the first: it holds the changes of its floor, and then what later changes
//! replaced, at the revisions that replaced it.

use std::fs::File;
use std::path::{Path, PathBuf};

use rafterdb_codec::store::history_file::{Chain, Footer, Header, IndexEntry, Span, Tail, HEADER_BYTES, TAIL_BYTES};

use super::super::failure::{corrupt, io_failure};
use super::super::files::{read_at, write_at};
use crate::StoreError;

/// Where a file's records begin.
pub(super) const RECORDS_BEGIN: u64 = HEADER_BYTES as u64;

/// Bytes of records between two entries of the sparse index.
const INDEX_STEP_BYTES: u64 = 8 << 10;

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
        let due = self.entries.last().map_or(RECORDS_BEGIN, |entry| entry.offset) + INDEX_STEP_BYTES;
        if offset >= due {
            self.entries.push(IndexEntry { revision, offset });
        }
    }
}

/// Offset of a record at or before the first one of `revision` or above.
pub(super) fn locate(entries: &[IndexEntry], revision: u64) -> u64 {
    let below = entries.partition_point(|entry| entry.revision < revision);
    below.checked_sub(1).map_or(RECORDS_BEGIN, |at| entries[at].offset)
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
        let Header { number, floor } = read_header(&file, path)?;
        let bytes = file
            .metadata()
            .map_err(|error| io_failure(&error, "reading", path))?
            .len();
        let tail_at = bytes.saturating_sub(TAIL_BYTES as u64).max(RECORDS_BEGIN);
        let mut tail = [0; TAIL_BYTES];
        let count = read_at(&file, &mut tail, tail_at).map_err(|error| io_failure(&error, "reading", path))?;
        let damaged = |what| corrupt(path, Some(tail_at), what);
        let tail = Tail::decode(&tail[..count]).map_err(|malformed| damaged(malformed.0))?;
        let Span { first, last, end } = tail.span;
        if end < RECORDS_BEGIN || end.checked_add(tail.footer_bytes()) != Some(bytes) {
            return Err(damaged("the footer does not fit the file"));
        }
        let mut sealed = Self {
            path: path.to_path_buf(),
            number,
            floor,
            first,
            last,
            end,
            bytes,
            chain: None,
        };
        // The fields are covered by the footer's checksum; segments are few, their indexes small.
        sealed.chain = sealed.read_footer(&file)?.chain;
        Ok(sealed)
    }

    /// Of a survivors file: no change above this revision needs anything of it.
    pub(super) fn is_needed_until(&self) -> u64 {
        self.chain.map_or(self.last, |chain| chain.until)
    }

    /// Opens the file and reads its index.
    pub(super) fn open(&self) -> Result<Opened, StoreError> {
        let file = File::open(&self.path).map_err(|error| io_failure(&error, "opening", &self.path))?;
        let index = self.read_footer(&file)?.index;
        Ok(Opened { file, index })
    }

    fn read_footer(&self, file: &File) -> Result<Footer, StoreError> {
        let mut footer = vec![0; (self.bytes - self.end) as usize];
        let count = read_at(file, &mut footer, self.end).map_err(|error| io_failure(&error, "reading", &self.path))?;
        Footer::decode(&footer[..count]).map_err(|malformed| corrupt(&self.path, Some(self.end), malformed.0))
    }
}

/// Writes the header of a new file.
pub(super) fn write_header(file: &File, path: &Path, header: Header) -> Result<(), StoreError> {
    write_at(file, &header.encode(), 0).map_err(|error| io_failure(&error, "writing", path))
}

/// The header of the file.
pub(super) fn read_header(file: &File, path: &Path) -> Result<Header, StoreError> {
    let mut header = [0; HEADER_BYTES];
    let count = read_at(file, &mut header, 0).map_err(|error| io_failure(&error, "reading", path))?;
    Header::decode(&header[..count]).map_err(|malformed| corrupt(path, Some(0), malformed.0))
}

/// Completes a file whose records end at `end`.
pub(super) fn write_footer(
    file: &File,
    path: &Path,
    Header { number, floor }: Header,
    chain: Option<Chain>,
    index: &Index,
    end: u64,
) -> Result<Sealed, StoreError> {
    let (first, last) = (index.first, index.last);
    let footer = Footer::encode(&index.entries, chain, Span { first, last, end });
    write_at(file, &footer, end).map_err(|error| io_failure(&error, "writing", path))?;
    Ok(Sealed {
        path: path.to_path_buf(),
        number,
        floor,
        first,
        last,
        end,
        bytes: end + footer.len() as u64,
        chain,
    })
}

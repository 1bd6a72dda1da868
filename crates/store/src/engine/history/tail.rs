//! The segments that are being written, and what waits in memory for their files: where each byte is to be found until it is written, and what
//! is to be written next. Does no I/O and knows no locks.

use std::collections::VecDeque;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use rafterdb_codec::store::record::{encode, Parts};

use super::segment::{locate, Index, RECORDS_BEGIN};

/// Room in a buffer beyond what it is to hold: records are not split.
const BUFFER_SLACK_BYTES: usize = 4 << 10;

/// Buffers that are kept to be used again.
const SPARE_MAX: usize = 4;

/// A segment that is not complete.
pub(super) struct Tail {
    pub(super) path: PathBuf,
    /// Made before the first write to it.
    pub(super) file: Option<Arc<File>>,
    /// The file holds the records up to here.
    pub(super) written: u64,
    /// What comes next, on its way into the file.
    handed: VecDeque<Arc<Vec<u8>>>,
    handed_bytes: usize,
    /// What comes after that.
    buffer: Vec<u8>,
    pub(super) index: Index,
}

impl Tail {
    /// A segment whose file is not made yet.
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            file: None,
            written: RECORDS_BEGIN,
            handed: VecDeque::new(),
            handed_bytes: 0,
            buffer: Vec::new(),
            index: Index::default(),
        }
    }

    /// One whose file has records up to `written`.
    pub(super) fn opened(path: PathBuf, file: Arc<File>, written: u64, index: Index) -> Self {
        Self {
            file: Some(file),
            written,
            index,
            ..Self::new(path)
        }
    }

    /// Where its records end.
    pub(super) fn end(&self) -> u64 {
        self.written + (self.handed_bytes + self.buffer.len()) as u64
    }

    /// Where its file is to end next.
    pub(super) fn handed_end(&self) -> u64 {
        self.written + self.handed_bytes as u64
    }

    /// Bytes of records that have not been handed over.
    pub(super) fn buffered_bytes(&self) -> usize {
        self.buffer.len()
    }

    /// Bytes of its records of `revision` and before, but for less than a step of the index.
    pub(super) fn droppable_bytes(&self, revision: u64) -> u64 {
        let end = if self.index.last <= revision {
            self.end()
        } else {
            locate(&self.index.entries, revision + 1)
        };
        end - RECORDS_BEGIN
    }

    /// Appends to `out` what waits from `offset` on, which the file does not hold yet: at most `wanted` bytes, and fewer where a buffer ends.
    /// None: nothing comes after `offset`.
    pub(super) fn read_waiting(&self, offset: u64, wanted: usize, out: &mut Vec<u8>) -> usize {
        let mut begin = self.written;
        for bytes in self.handed.iter().map(|bytes| bytes.as_slice()).chain([&*self.buffer]) {
            let end = begin + bytes.len() as u64;
            if offset < end {
                let bytes = &bytes[(offset - begin) as usize..];
                let count = wanted.min(bytes.len());
                out.extend_from_slice(&bytes[..count]);
                return count;
            }
            begin = end;
        }
        0
    }

    /// What is to be written next, at `written`.
    pub(super) fn next_bytes(&self) -> Option<&Arc<Vec<u8>>> {
        self.handed.front()
    }

    /// The next bytes are written.
    fn advance(&mut self) -> Option<Arc<Vec<u8>>> {
        let bytes = self.handed.pop_front()?;
        self.handed_bytes -= bytes.len();
        self.written += bytes.len() as u64;
        Some(bytes)
    }
}

/// The first segment that is not complete, and the one after it as soon as that is begun: then nothing is added to the first.
pub(super) struct Tails {
    pub(super) first: Tail,
    pub(super) next: Option<Tail>,
    /// Buffers to be used again.
    spare: Vec<Vec<u8>>,
    /// Of a new one.
    buffer_bytes: usize,
}

impl Tails {
    /// Records wait in buffers of about so many bytes.
    pub(super) fn new(first: Tail, buffer_bytes: usize) -> Self {
        Self {
            first,
            next: None,
            spare: Vec::new(),
            buffer_bytes: buffer_bytes + BUFFER_SLACK_BYTES,
        }
    }

    /// The one that records are added to.
    pub(super) fn newest(&self) -> &Tail {
        self.next.as_ref().unwrap_or(&self.first)
    }

    fn newest_mut(&mut self) -> &mut Tail {
        self.next.as_mut().unwrap_or(&mut self.first)
    }

    /// Oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Tail> {
        std::iter::once(&self.first).chain(&self.next)
    }

    /// The segment so many behind the first.
    pub(super) fn get(&self, at: u64) -> Option<&Tail> {
        match at {
            0 => Some(&self.first),
            1 => self.next.as_ref(),
            _ => None,
        }
    }

    /// Bytes of records that are in memory alone.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.iter().map(|tail| tail.handed_bytes + tail.buffer.len()).sum()
    }

    /// Memory taken.
    pub(super) fn memory_bytes(&self) -> u64 {
        let spare: usize = self.spare.iter().map(Vec::capacity).sum();
        (self.waiting_bytes() + spare) as u64
    }

    /// Adds a record. Returns its length.
    pub(super) fn add(&mut self, parts: &Parts<'_>) -> usize {
        if self.newest().buffer.capacity() == 0 {
            let spare = self.spare.pop();
            let buffer = spare.unwrap_or_else(|| Vec::with_capacity(self.buffer_bytes));
            self.newest_mut().buffer = buffer;
        }
        let tail = self.newest_mut();
        assert!(
            parts.revision >= tail.index.last,
            "history: revisions are written in order"
        );
        let offset = tail.end();
        tail.index.note(parts.revision, offset);
        encode(parts, &mut tail.buffer)
    }

    /// What was added goes on its way into the file.
    pub(super) fn hand_over(&mut self) {
        let tail = self.newest_mut();
        if tail.buffer.is_empty() {
            return;
        }
        let bytes = std::mem::take(&mut tail.buffer);
        tail.handed_bytes += bytes.len();
        tail.handed.push_back(Arc::new(bytes));
    }

    /// Records are added to another segment from here on.
    pub(super) fn begin_next(&mut self, path: PathBuf) {
        assert!(self.next.is_none(), "history: two segments are being written");
        self.hand_over();
        self.next = Some(Tail::new(path));
    }

    /// The first segment's next bytes are in its file.
    pub(super) fn advance(&mut self) {
        let Some(bytes) = self.first.advance() else {
            return;
        };
        // One that a long record has made larger is not kept.
        if let Ok(mut buffer) = Arc::try_unwrap(bytes) {
            if self.spare.len() < SPARE_MAX && buffer.capacity() == self.buffer_bytes {
                buffer.clear();
                self.spare.push(buffer);
            }
        }
    }

    /// The first segment is complete: what the next one is without it.
    pub(super) fn without_first(&mut self) -> Option<Self> {
        let first = self.next.take()?;
        Some(Self {
            first,
            next: None,
            spare: std::mem::take(&mut self.spare),
            buffer_bytes: self.buffer_bytes,
        })
    }
}

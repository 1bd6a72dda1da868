//! The bounded queue of entries that wait to be accepted into one group's log.
//! Entries gather in chunks; the core takes a chunk at a time, as one block of the log.

use std::collections::VecDeque;

use rafterdb_codec::{entry, limits};

use crate::source::Waiter;

/// Entries that enter the log together.
#[derive(Debug, Default)]
pub struct Chunk {
    /// The entries, as in FORMATS.md `block`.
    pub bytes: Vec<u8>,
    /// Who waits for each, in order.
    pub waiters: Vec<Waiter>,
}

/// What waits, oldest first.
#[derive(Debug, Default)]
pub struct Proposals {
    chunks: VecDeque<Chunk>,
    /// How many of the chunks the core has been told of; these take no more entries.
    reported: usize,
    bytes: usize,
    /// Whether this member may propose: it leads and has not been told to fail what waits.
    pub open: bool,
}

impl Proposals {
    /// Bytes waiting.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a batch as one entry.
    pub fn push(&mut self, batch: &[u8], waiter: Waiter) {
        let size = 8 + batch.len();
        let joins = self.chunks.len() > self.reported
            && self
                .chunks
                .back()
                .is_some_and(|chunk| chunk.bytes.len() + size <= limits::APPEND_BYTES_MAX);
        if !joins {
            self.chunks.push_back(Chunk::default());
        }
        if let Some(chunk) = self.chunks.back_mut() {
            chunk
                .bytes
                .extend_from_slice(&u32::try_from(batch.len()).unwrap_or(u32::MAX).to_le_bytes());
            chunk.bytes.extend_from_slice(&[entry::BATCH, 0, 0, 0]);
            chunk.bytes.extend_from_slice(batch);
            chunk.waiters.push(waiter);
            self.bytes += size;
        }
    }

    /// Count and bytes of each chunk that the core has not been told of; they take no more entries from now on.
    pub fn report(&mut self, mut each: impl FnMut(usize, usize) -> bool) {
        while let Some(chunk) = self.chunks.get(self.reported) {
            if !each(chunk.waiters.len(), chunk.bytes.len()) {
                return;
            }
            self.reported += 1;
        }
    }

    /// Takes the oldest chunk, which must have been reported.
    pub fn accept(&mut self) -> Option<Chunk> {
        self.reported = self.reported.checked_sub(1)?;
        let chunk = self.chunks.pop_front()?;
        self.bytes -= chunk.bytes.len();
        Some(chunk)
    }

    /// Takes everything, to be failed.
    pub fn drain(&mut self) -> Vec<Waiter> {
        self.reported = 0;
        self.bytes = 0;
        self.chunks.drain(..).flat_map(|chunk| chunk.waiters).collect()
    }
}

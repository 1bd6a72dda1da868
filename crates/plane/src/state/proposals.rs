//! The bounded queue of entries that wait to be accepted into one group's log.
//! Entries gather in chunks; the core takes a chunk at a time, as one block of the log.

use std::collections::VecDeque;
use std::sync::Arc;

use rafterdb_codec::{limits, Entry, EntryKind};
use rafterdb_pool::{Pool, Slice};
use rafterdb_store::MACHINE_VERSION;

use crate::askers::asker::Waiter;
use crate::ground::append_buffer::AppendBuffer;

/// Entries that enter the log together.
#[derive(Debug)]
pub struct Chunk {
    /// The entries, as in FORMATS.md `block`.
    pub bytes: Slice,
    /// How many.
    pub count: usize,
}

/// What waits, oldest first.
#[derive(Debug)]
pub struct Proposals {
    /// Those that take no more entries.
    chunks: VecDeque<Chunk>,
    /// How many of them the core has been told of.
    reported: usize,
    /// The entries of the next chunk.
    gathered: AppendBuffer,
    /// How many.
    gathered_count: usize,
    /// Who waits for each entry of all chunks, in order.
    waiters: VecDeque<Waiter>,
    bytes: usize,
    /// Whether this member may propose: it leads and has not been told to fail what waits.
    pub open: bool,
}

impl Proposals {
    /// An empty queue, closed.
    #[must_use]
    pub const fn new(pool: Arc<Pool>) -> Self {
        Self {
            chunks: VecDeque::new(),
            reported: 0,
            gathered: AppendBuffer::new(pool),
            gathered_count: 0,
            waiters: VecDeque::new(),
            bytes: 0,
            open: false,
        }
    }

    /// Bytes waiting.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a batch as one entry, of whoever is behind its asker.
    pub fn push(&mut self, batch: &[u8], waiter: Waiter) {
        let entry = Entry {
            version: MACHINE_VERSION,
            principal: waiter.asker.principal(),
            ..Entry::new(EntryKind::Batch, batch)
        };
        let size = entry.encoded_size();
        if self.gathered.len() + size > limits::APPEND_BYTES_MAX {
            self.close_chunk();
        }
        let header = entry.header().expect("invariant: a batch is at most requestBytesMax");
        self.gathered.push(&[&header, entry.principal.name(), batch]);
        self.gathered_count += 1;
        self.waiters.push_back(waiter);
        self.bytes += size;
    }

    /// What has gathered is a chunk, which takes no more.
    fn close_chunk(&mut self) {
        if self.gathered_count > 0 {
            self.chunks.push_back(Chunk {
                bytes: self.gathered.take(),
                count: std::mem::take(&mut self.gathered_count),
            });
        }
    }

    /// Count and bytes of each chunk that the core has not been told of; they take no more entries from now on.
    pub fn report(&mut self, mut each: impl FnMut(usize, usize) -> bool) {
        self.close_chunk();
        while let Some(chunk) = self.chunks.get(self.reported) {
            if !each(chunk.count, chunk.bytes.len()) {
                return;
            }
            self.reported += 1;
        }
    }

    /// Takes the oldest chunk, which must have been reported, and hands over who waits for its entries, in order.
    pub fn accept(&mut self, each: impl FnMut(Waiter)) -> Option<Chunk> {
        self.reported = self.reported.checked_sub(1)?;
        let chunk = self.chunks.pop_front()?;
        self.bytes -= chunk.bytes.len();
        self.waiters.drain(..chunk.count).for_each(each);
        Some(chunk)
    }

    /// Takes everything, to be failed.
    pub fn drain(&mut self) -> Vec<Waiter> {
        self.chunks.clear();
        self.gathered.clear();
        (self.reported, self.gathered_count, self.bytes) = (0, 0, 0);
        self.waiters.drain(..).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::askers::asker::Asker;
    use crate::askers::principal::KeptPrincipal;
    use crate::exchange::events::CHUNKS_MAX;

    fn waiter(id: u64) -> Waiter {
        Waiter {
            asker: Asker::Peer(1, KeptPrincipal::default()),
            id,
        }
    }

    fn report(proposals: &mut Proposals) -> Vec<usize> {
        let mut counts = Vec::new();
        proposals.report(|count, _| {
            counts.push(count);
            true
        });
        counts
    }

    fn accept(proposals: &mut Proposals) -> Option<(Vec<u64>, usize)> {
        let mut ids = Vec::new();
        let chunk = proposals.accept(|waiter| ids.push(waiter.id))?;
        Some((ids, chunk.bytes.len()))
    }

    #[test]
    fn entries_join_a_chunk_until_it_is_full_or_reported() {
        let mut proposals = Proposals::new(Pool::new());
        let half = vec![1; limits::APPEND_BYTES_MAX / 2];
        proposals.push(b"one", waiter(1));
        proposals.push(b"two", waiter(2));
        assert!(accept(&mut proposals).is_none(), "nothing was reported");
        assert_eq!(report(&mut proposals), [2]);
        for id in 3..6 {
            proposals.push(&half, waiter(id));
        }
        assert_eq!(report(&mut proposals), [1, 1, 1]);
        assert_eq!(accept(&mut proposals), Some((vec![1, 2], 22)));
        assert_eq!(accept(&mut proposals), Some((vec![3], 8 + half.len())));
        assert_eq!(proposals.bytes(), 2 * (8 + half.len()));
    }

    #[test]
    fn the_most_chunks_that_can_wait_are_told_in_one_exchange() {
        let mut proposals = Proposals::new(Pool::new());
        // Each entry that hardly fits beside a small one makes two chunks of little more than one.
        let large = vec![1; limits::APPEND_BYTES_MAX - 8];
        let mut id = 0;
        while proposals.bytes() + large.len() + 64 <= limits::PROPOSAL_BYTES_MAX {
            for batch in [&large[..1], &large] {
                proposals.push(batch, waiter(id));
                id += 1;
            }
        }
        let told = report(&mut proposals).len();
        assert!(told > CHUNKS_MAX - 4 && told <= CHUNKS_MAX, "{told} of {CHUNKS_MAX}");
    }

    #[test]
    fn everything_that_waits_is_drained_and_a_new_start_is_clean() {
        let mut proposals = Proposals::new(Pool::new());
        proposals.push(b"reported", waiter(1));
        report(&mut proposals);
        proposals.push(b"not reported", waiter(2));
        let ids: Vec<u64> = proposals.drain().iter().map(|waiter| waiter.id).collect();
        assert_eq!(ids, [1, 2]);
        assert!(accept(&mut proposals).is_none());
        proposals.push(b"new", waiter(3));
        assert_eq!(report(&mut proposals), [1]);
        assert_eq!(accept(&mut proposals), Some((vec![3], 11)));
        assert_eq!(proposals.bytes(), 0);
    }
}

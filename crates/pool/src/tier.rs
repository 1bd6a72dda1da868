//! The buffers of one size: a table of chunks that only gets longer, and the search for a free slot in it.
//! Knows nothing of memory.

use std::ptr::NonNull;

use crate::free_bits::FreeBits;
use crate::lane::Lane;
use crate::slot::{Owned, Slot};
use crate::sync::{ordering, AtomicPtr, AtomicUsize, Balance, Flag, Leaked, Ordering, Step};

/// Chunks in one block of the table.
const BLOCK_CHUNKS: usize = if cfg!(loom) { 4 } else { 64 };

/// Blocks of the table, at most.
const BLOCKS_MAX: usize = if cfg!(loom) { 1 } else { 64 };

/// Chunks of one tier, at most.
pub(crate) const CHUNKS_MAX: usize = BLOCKS_MAX * BLOCK_CHUNKS;

/// Slots that a thread takes or gives back before it tells the tier: so few that the peak is nearly right, and so many
/// that threads seldom meet there.
const TOLD_EVERY: i64 = 8;

/// The words stand together, so that a search passes eight in a cache line.
#[derive(Debug)]
struct Block<T: 'static> {
    words: [FreeBits; BLOCK_CHUNKS],
    /// First slot of each chunk; written before the chunk's first bit is set.
    slots: [AtomicPtr<Slot<T>>; BLOCK_CHUNKS],
    /// Whether something was taken out of each chunk since it was last looked at for being idle.
    is_touched: [Flag; BLOCK_CHUNKS],
}

#[derive(Debug)]
pub(crate) struct Tier<T: Sync + 'static> {
    blocks: [Leaked<Block<T>>; BLOCKS_MAX],
    /// Chunks in the table. Those below are there for good.
    chunks: AtomicUsize,
    /// Slots out of their words, as far as the lanes have told, and the most there were.
    out: Balance,
    peak: Balance,
}

/// A chunk's part of the table.
pub(crate) struct Row<T: 'static> {
    pub word: &'static FreeBits,
    slots: &'static AtomicPtr<Slot<T>>,
    pub is_touched: &'static Flag,
}

impl<T> Row<T> {
    /// Notes the slots of the chunk, before its first bit is set.
    pub fn note(&self, slots: &'static [Slot<T>]) {
        self.slots.store(slots.as_ptr().cast_mut(), Ordering::Relaxed);
    }
}

impl<T: Sync> Tier<T> {
    pub fn new() -> Self {
        Self {
            blocks: std::array::from_fn(|_| Leaked::nothing()),
            chunks: AtomicUsize::new(0),
            out: Balance::new(0),
            peak: Balance::new(0),
        }
    }

    /// The row of a chunk that was appended.
    #[inline]
    pub fn row(&self, chunk: usize) -> Row<T> {
        let block = self.blocks[chunk / BLOCK_CHUNKS].get();
        let block = block.expect("table: a row that is announced is there");
        let at = chunk % BLOCK_CHUNKS;
        Row {
            word: &block.words[at],
            slots: &block.slots[at],
            is_touched: &block.is_touched[at],
        }
    }

    /// Adds a row at the end: its number.
    ///
    /// # Safety
    /// The caller holds the lock of these tables: of two at a time, both would have the same row.
    pub unsafe fn append(&self) -> usize {
        let chunk = self.chunks.load(Ordering::Relaxed);
        if chunk.is_multiple_of(BLOCK_CHUNKS) {
            let block = Block {
                words: std::array::from_fn(|_| FreeBits::new()),
                slots: std::array::from_fn(|_| AtomicPtr::new(std::ptr::null_mut())),
                is_touched: std::array::from_fn(|_| Flag::new(false)),
            };
            self.blocks[chunk / BLOCK_CHUNKS].set(Some(Box::leak(Box::new(block))), Step::Announce);
        }
        self.chunks.store(chunk + 1, ordering(Step::Announce));
        chunk
    }

    /// Takes a free slot, from the chunk on where this lane found one last. `number` is the tier's own.
    pub fn claim(&self, number: usize, lane: &Lane<T>) -> Option<Owned<T>> {
        let hint = &lane.hints[number];
        let chunks = self.chunks.load(ordering(Step::Look));
        let first = chunks.min(hint.load(Ordering::Relaxed) as usize);
        (first..chunks).chain(0..first).find_map(|chunk| {
            let row = self.row(chunk);
            let bit = row.word.claim(|| lane.count(&lane.retries))?;
            if !row.is_touched.load(Ordering::Relaxed) {
                row.is_touched.store(true, Ordering::Relaxed);
            }
            self.moved(number, lane, 1);
            if chunk != first {
                hint.store(chunk as u64, Ordering::Relaxed);
            }
            let slots = row.slots.load(Ordering::Relaxed);
            assert!(
                !cfg!(loom) || !slots.is_null(),
                "table: a chunk with free slots has them"
            );
            // SAFETY: the bit was set, so the chunk has a slot of that number, and its slots were noted before; it was cleared here, so
            // that nobody else has the slot.
            Some(unsafe { Owned::new(NonNull::new_unchecked(slots.add(bit as usize))) })
        })
    }

    /// Notes that a slot was taken out of a word, or is about to be given back.
    #[inline]
    pub fn moved(&self, number: usize, lane: &Lane<T>, by: i64) {
        let out = &lane.out[number];
        let mut by = by;
        if !lane.is_shared {
            by += out.load(Ordering::Relaxed);
            let is_told = by.abs() >= TOLD_EVERY;
            out.store(if is_told { 0 } else { by }, Ordering::Relaxed);
            if !is_told {
                return;
            }
        }
        let out = self.out.fetch_add(by, Ordering::Relaxed) + by;
        self.note_peak(out.try_into().unwrap_or(0));
    }

    /// Notes that so many slots are in use.
    pub fn note_peak(&self, slots: u64) {
        if slots > self.peak() {
            self.peak.fetch_max(slots as i64, Ordering::Relaxed);
        }
    }

    /// Begins again with so many.
    pub fn reset_peak(&self, slots: u64) {
        self.peak.store(slots as i64, Ordering::Relaxed);
    }

    /// The most slots that were in use, as far as anybody noticed.
    pub fn peak(&self) -> u64 {
        self.peak.load(Ordering::Relaxed).unsigned_abs()
    }
}

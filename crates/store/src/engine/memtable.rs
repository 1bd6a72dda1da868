//! The newest rows in memory: one writer, many readers, no lock that all of them share. Points go through a sharded
//! hash table, ranges through the order beside it. Knows rows as bytes; what they mean is not its business.
//!
//! Slots lie in the arena until the memtable goes and nobody has a run of its keys. So do rows, but for those that are overwritten:
//! their memory is used again, so that keys which are written over and over fill no memtable. A reader needs no lock, but says that it
//! reads: [`Reading`] and [`Rows`] keep what they hand out, and are the only way to a row from outside.

use std::hint::black_box;
use std::ops::{BitXor, Deref};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard, RwLock};

use super::arena::{Arena, ChunkPool};
use super::displaced::Displaced;
use super::key_order::{KeyOrder, Run};
use super::retired_memory::{size_of_piece, Readers, RetiredMemory};
use super::slot::{Row, Slot};
use super::slot_table::SlotTable;

/// Shards of the hash table; a power of two.
const SHARDS: usize = 64;

/// Keys of which [`Writing::fetch`] takes the hashes at once.
pub(super) const FETCHED_MAX: usize = 16;
/// Lines of a row that it reads; the processor guesses the next ones.
const FETCHED_LINES_MAX: usize = 8;
/// Bytes of a line of the processor's cache.
const LINE_BYTES: usize = 64;

/// What a key costs beside its slot and rows: its hash, its place in the order, and their slack.
const KEY_OVERHEAD_BYTES: usize = 56;

pub(super) struct Memtable {
    /// Slots of this memtable's arena. Only who has `reuse` changes them.
    shards: Vec<RwLock<SlotTable>>,
    order: KeyOrder,
    keys: AtomicUsize,
    /// Bytes of all rows that were ever current.
    written: AtomicUsize,
    /// What its rows take the place of outside of it.
    pub(super) displaced: Displaced,
    readers: Readers,
    reuse: Mutex<RetiredMemory>,
    arena: Arc<Arena>,
}

/// Somebody reads a memtable: the memory of the rows it sees is not used for others meanwhile. Not to be held for long.
pub(super) struct Reading<M: Deref<Target = Memtable>> {
    memtable: M,
    counted: usize,
}

impl<M: Deref<Target = Memtable>> Reading<M> {
    pub(super) fn new(memtable: M) -> Self {
        let counted = memtable.readers.enter();
        Self { memtable, counted }
    }

    /// The current row of `key`, packed.
    pub(super) fn get(&self, hash: u64, key: &[u8]) -> Option<&[u8]> {
        let slot = self.memtable.find(hash, key)?;
        // SAFETY: the slot is of this memtable, of which this is a reading, borrowed as long as the row.
        Some(unsafe { slot.row().bytes() })
    }
}

impl<M: Deref<Target = Memtable>> Drop for Reading<M> {
    fn drop(&mut self) {
        self.memtable.readers.leave(self.counted);
    }
}

/// A run of a memtable's keys, with their rows.
pub(super) struct Rows<M: Deref<Target = Memtable>> {
    /// Of the memtable that the run is of.
    _reading: Reading<M>,
    run: Arc<Run>,
}

impl<M: Deref<Target = Memtable>> Rows<M> {
    /// The rows of `run`, which is one of `memtable`.
    pub(super) fn new(memtable: M, run: Arc<Run>) -> Self {
        assert!(run.is_in(&memtable.arena), "reading rows: the run is of the memtable");
        let _reading = Reading::new(memtable);
        Self { _reading, run }
    }

    pub(super) fn len(&self) -> usize {
        self.run.len()
    }

    /// Key number `at`.
    #[inline]
    pub(super) fn key(&self, at: usize) -> &[u8] {
        self.run.key(at)
    }

    /// The current row of key number `at`, packed.
    #[inline]
    pub(super) fn row(&self, at: usize) -> &[u8] {
        // SAFETY: the run is of the memtable of which this holds a reading, borrowed as long as the row; see `new`.
        unsafe { self.run.slot(at).row().bytes() }
    }

    /// Number of the first key that is not below `key`.
    pub(super) fn lower_bound(&self, key: &[u8]) -> usize {
        self.run.lower_bound(key)
    }

    /// Keys and rows in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        (0..self.len()).map(|at| (self.key(at), self.row(at)))
    }
}

impl Memtable {
    pub(super) fn new(pool: Arc<ChunkPool>) -> Self {
        let arena = Arc::new(Arena::new(pool));
        Self {
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            order: KeyOrder::new(Arc::clone(&arena)),
            keys: AtomicUsize::new(0),
            written: AtomicUsize::new(0),
            displaced: Displaced::default(),
            readers: Readers::default(),
            reuse: Mutex::default(),
            arena,
        }
    }

    /// For the one writer, until the memtable is sealed; afterwards it may still look.
    pub(super) fn write(&self) -> Writing<'_> {
        Writing {
            memtable: self,
            reuse: self.reuse.lock(),
        }
    }

    /// All keys as sorted runs, no key in two of them.
    pub(super) fn runs(&self) -> Vec<Arc<Run>> {
        self.order.runs()
    }

    /// All keys in order; `None` if there are none. For a memtable that is sealed.
    pub(super) fn single_run(&self) -> Option<Arc<Run>> {
        self.order.single_run()
    }

    /// Whether a thread of the engine's is to merge long runs; true once for each time that there are some.
    #[inline]
    pub(super) fn take_merge_due(&self) -> bool {
        self.order.take_merge_due()
    }

    /// Merges long runs, so that there are few. Nobody who reads or writes waits for it.
    pub(super) fn merge_long_runs(&self) {
        self.order.merge_long_runs();
    }

    pub(super) fn keys(&self) -> usize {
        self.keys.load(Ordering::Relaxed)
    }

    /// Bytes of memory taken, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.arena.used() + self.keys() * KEY_OVERHEAD_BYTES + self.displaced.bytes()
    }

    /// Bytes of all rows that were ever current.
    pub(super) fn written(&self) -> usize {
        self.written.load(Ordering::Relaxed)
    }

    fn shard(&self, hash: u64) -> &RwLock<SlotTable> {
        // The table inside uses the low bits.
        &self.shards[(hash >> 32) as usize % SHARDS]
    }

    fn find(&self, hash: u64, key: &[u8]) -> Option<Slot> {
        // SAFETY: the slots are of this memtable's arena.
        self.shard(hash).read().find(hash, |slot| unsafe { slot.key() } == key)
    }
}

/// Somebody writes a memtable: nobody else does, and no row's memory is used for another but by him. He looks without the locks and
/// counts of those who only read. Not to be held for long.
pub(super) struct Writing<'a> {
    memtable: &'a Memtable,
    reuse: MutexGuard<'a, RetiredMemory>,
}

impl Writing<'_> {
    /// The current row of `key`, packed.
    pub(super) fn get(&self, hash: u64, key: &[u8]) -> Option<&[u8]> {
        let slot = self.find(hash, key)?;
        // SAFETY: the slot is of this memtable, and its row stays as it is until `insert`, which needs this alone.
        Some(unsafe { slot.row().bytes() })
    }

    /// Makes `header` followed by `value` the current row of `key`.
    pub(super) fn insert(&mut self, hash: u64, key: &[u8], header: &[u8], value: &[u8]) {
        let row = self.new_row(header, value);
        let memtable = self.memtable;
        if let Some(slot) = self.find(hash, key) {
            // SAFETY: the slot is of this memtable's arena, and so is the row, which is kept as it is until it is retired here: once,
            // as it is replaced once.
            unsafe {
                let replaced = slot.replace(row);
                let size = size_of_piece(Row::room(replaced.bytes().len()));
                self.reuse.retire(replaced.place(), size, &memtable.readers);
            }
            return;
        }
        let slot = memtable.order.add(key, row);
        memtable.shard(hash).write().insert(hash, slot);
        memtable.keys.fetch_add(1, Ordering::Relaxed);
    }

    /// Reads what lies here of the keys of so many hashes, at most [`FETCHED_MAX`], so that it is in the processor's cache: what has to
    /// come from memory comes at the same time, not for one key after the other. Returns the hashes of which there is nothing.
    pub(super) fn fetch<'h>(&self, hashes: &'h mut [u64]) -> &'h mut [u64] {
        // Each loop reads what the next one needs, and waits for none of it.
        let first = hashes.iter().map(|hash| self.table(*hash).first_hash(*hash));
        black_box(first.fold(0, BitXor::bitxor));
        let mut slots = [None; FETCHED_MAX];
        let mut missing = 0;
        for at in 0..hashes.len() {
            let hash = hashes[at];
            slots[at] = self.table(hash).find(hash, |_| true);
            if slots[at].is_none() {
                hashes[missing] = hash;
                missing += 1;
            }
        }
        // SAFETY: the slots are of this memtable, and their rows stay as they are until `insert`.
        let parts = slots.map(|slot| slot.map(|slot| unsafe { (slot.key(), slot.row().bytes()) }));
        let lines = parts.iter().flatten().flat_map(|(key, row)| {
            let lines = row.iter().step_by(LINE_BYTES).take(FETCHED_LINES_MAX);
            lines.chain(key.last())
        });
        black_box(lines.fold(0, BitXor::bitxor));
        &mut hashes[..missing]
    }

    fn find(&self, hash: u64, key: &[u8]) -> Option<Slot> {
        // SAFETY: the slots are of this memtable's arena.
        self.table(hash).find(hash, |slot| unsafe { slot.key() } == key)
    }

    fn table(&self, hash: u64) -> &SlotTable {
        // SAFETY: a shard is changed by who has `reuse` alone, which is this, and needs `self` alone for it.
        unsafe { &*self.memtable.shard(hash).data_ptr() }
    }

    fn new_row(&mut self, header: &[u8], value: &[u8]) -> Row {
        let length = header.len() + value.len();
        self.memtable.written.fetch_add(length, Ordering::Relaxed);
        let size = size_of_piece(Row::room(length));
        let place = self.reuse.take(size).unwrap_or_else(|| self.memtable.arena.take(size));
        // SAFETY: the piece has room for the row, and nobody else looks at it, or any more.
        unsafe { Row::write(place, header, value) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memtable() -> Memtable {
        Memtable::new(ChunkPool::new(0))
    }

    const OVERWRITES: u32 = if cfg!(miri) { 500 } else { 10_000 };

    /// Overwrites a key so often that the memory of its first rows has been used again, if it may be.
    fn overwrite(memtable: &Memtable) {
        for n in 0..OVERWRITES {
            memtable.write().insert(1, b"key", b"", &n.to_le_bytes().repeat(16));
        }
    }

    #[test]
    fn keys_that_are_overwritten_do_not_fill_a_memtable() {
        let memtable = memtable();
        overwrite(&memtable);
        assert_eq!(memtable.written(), OVERWRITES as usize * 64);
        assert!(memtable.bytes() < 100 * 72, "{}", memtable.bytes());
    }

    #[test]
    fn what_is_fetched_says_of_which_keys_there_is_nothing() {
        let memtable = memtable();
        for n in 0..20_u64 {
            memtable
                .write()
                .insert(n, &n.to_le_bytes(), b"header", &[7; 2 * LINE_BYTES]);
        }
        let writing = memtable.write();
        assert_eq!(writing.fetch(&mut [30, 3, 31, 4, 19, 32]), [30, 31, 32]);
        assert_eq!(writing.fetch(&mut [1, 2]), []);
        let mut all: [u64; FETCHED_MAX] = std::array::from_fn(|n| 100 + n as u64);
        assert_eq!(writing.fetch(&mut all).len(), FETCHED_MAX);
    }

    #[test]
    fn a_row_stays_as_it_is_while_it_is_read() {
        let memtable = memtable();
        memtable.write().insert(1, b"key", b"", &[7; 64]);
        let reading = Reading::new(&memtable);
        let row = reading.get(1, b"key").unwrap();
        overwrite(&memtable);
        assert_eq!(row, [7; 64]);
        assert_eq!(
            reading.get(1, b"key").unwrap(),
            (OVERWRITES - 1).to_le_bytes().repeat(16)
        );
    }

    #[test]
    fn canary_a_row_that_nobody_reads_is_written_over() {
        let memtable = memtable();
        memtable.write().insert(1, b"key", b"", &[7; 64]);
        // SAFETY: the memtable is there, and no other thread knows it.
        let row = unsafe { memtable.find(1, b"key").unwrap().row() }.place();
        overwrite(&memtable);
        // SAFETY: the arena keeps the memory, whatever lies there now.
        assert_ne!(unsafe { row.add(Row::room(0)).read() }, 7);
    }

    #[test]
    fn a_run_keeps_its_keys_when_the_memtable_is_gone_and_its_memory_wanted() {
        let pool = ChunkPool::new(1 << 24);
        let memtable = Memtable::new(Arc::clone(&pool));
        memtable.write().insert(1, b"first", b"", b"row");
        let run = memtable.single_run().unwrap();
        drop(memtable);
        let next = Memtable::new(Arc::clone(&pool));
        next.write().insert(2, b"other", b"", b"row");
        assert_eq!(run.key(0), b"first");
        drop(run);
        // Canary: without the run the memory is used again.
        assert!(pool.bytes() > 0);
    }

    #[test]
    #[should_panic(expected = "the run is of the memtable")]
    fn rows_are_not_looked_for_in_another_memtable() {
        let (one, other) = (memtable(), memtable());
        one.write().insert(1, b"key", b"", b"row");
        let _ = Rows::new(&other, one.single_run().unwrap());
    }

    #[test]
    fn rows_stay_while_readers_go_through_them_beside_the_writer() {
        let memtable = memtable();
        let keys: Vec<[u8; 2]> = (0..40_u8).map(|n| [n, n]).collect();
        let put = |round: u8| {
            for key in &keys {
                memtable.write().insert(u64::from(key[0]), key, b"", &[round; 24]);
            }
        };
        put(0);
        let rounds = if cfg!(miri) { 8 } else { 100 };
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..rounds {
                        let rows = memtable.runs().into_iter().map(|run| Rows::new(&memtable, run));
                        let found: usize = rows
                            .map(|rows| rows.iter().filter(|(_, row)| *row == [row[0]; 24]).count())
                            .sum();
                        assert_eq!(found, keys.len());
                    }
                });
            }
            (1..=rounds).for_each(put);
        });
    }
}

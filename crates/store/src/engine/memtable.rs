//! The newest rows in memory: one writer, many readers, no lock that all of them share. Points go through a sharded
//! hash table, ranges through the order beside it. Knows rows as bytes; what they mean is not its business.
//!
//! Slots lie in the arena until the memtable goes and nobody has a run of its keys. So do rows, but for those that are overwritten:
//! their memory is used again, so that keys which are written over and over fill no memtable. A reader needs no lock, but says that it
//! reads: [`Reading`] and [`Rows`] keep what they hand out, and are the only way to a row from outside.

use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use hashbrown::HashTable;
use parking_lot::{Mutex, RwLock};

use super::arena::{Arena, ChunkPool};
use super::key_order::{KeyOrder, Run};
use super::retired_memory::{size_of_piece, Readers, RetiredMemory};
use super::slot::{Row, Slot};

/// Shards of the hash table; a power of two.
const SHARDS: usize = 64;

/// What a key costs beside its slot and rows: its hash, its place in the order, and their slack.
const KEY_OVERHEAD_BYTES: usize = 56;

struct Hashed {
    hash: u64,
    slot: Slot,
}

pub(super) struct Memtable {
    /// Slots of this memtable's arena.
    shards: Vec<RwLock<HashTable<Hashed>>>,
    order: KeyOrder,
    keys: AtomicUsize,
    /// Bytes of all rows that were ever current.
    written: AtomicUsize,
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
            shards: (0..SHARDS).map(|_| RwLock::new(HashTable::new())).collect(),
            order: KeyOrder::new(Arc::clone(&arena)),
            keys: AtomicUsize::new(0),
            written: AtomicUsize::new(0),
            readers: Readers::default(),
            reuse: Mutex::default(),
            arena,
        }
    }

    /// Makes `header` followed by `value` the current row of `key`. For the one writer, until the memtable is sealed.
    pub(super) fn insert(&self, hash: u64, key: &[u8], header: &[u8], value: &[u8]) {
        let mut reuse = self.reuse.lock();
        let row = self.new_row(&mut reuse, header, value);
        if let Some(slot) = self.find(hash, key) {
            // SAFETY: the slot is of this memtable's arena, and so is the row, which is kept as it is until it is retired here: once,
            // as it is replaced once.
            unsafe {
                let replaced = slot.replace(row);
                let size = size_of_piece(Row::room(replaced.bytes().len()));
                reuse.retire(replaced.place(), size, &self.readers);
            }
            return;
        }
        drop(reuse);
        let slot = self.order.add(key, row);
        self.shard(hash)
            .write()
            .insert_unique(hash, Hashed { hash, slot }, |hashed| hashed.hash);
        self.keys.fetch_add(1, Ordering::Relaxed);
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
        self.arena.used() + self.keys() * KEY_OVERHEAD_BYTES
    }

    /// Bytes of all rows that were ever current.
    pub(super) fn written(&self) -> usize {
        self.written.load(Ordering::Relaxed)
    }

    fn shard(&self, hash: u64) -> &RwLock<HashTable<Hashed>> {
        // The table inside uses the low and the topmost seven bits.
        &self.shards[(hash >> 32) as usize % SHARDS]
    }

    fn find(&self, hash: u64, key: &[u8]) -> Option<Slot> {
        let shard = self.shard(hash).read();
        // SAFETY: the slots are of this memtable's arena.
        let is_wanted = |hashed: &Hashed| hashed.hash == hash && unsafe { hashed.slot.key() } == key;
        Some(shard.find(hash, is_wanted)?.slot)
    }

    fn new_row(&self, reuse: &mut RetiredMemory, header: &[u8], value: &[u8]) -> Row {
        let length = header.len() + value.len();
        self.written.fetch_add(length, Ordering::Relaxed);
        let size = size_of_piece(Row::room(length));
        let place = reuse.take(size).unwrap_or_else(|| self.arena.take(size));
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
            memtable.insert(1, b"key", b"", &n.to_le_bytes().repeat(16));
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
    fn a_row_stays_as_it_is_while_it_is_read() {
        let memtable = memtable();
        memtable.insert(1, b"key", b"", &[7; 64]);
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
        memtable.insert(1, b"key", b"", &[7; 64]);
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
        memtable.insert(1, b"first", b"", b"row");
        let run = memtable.single_run().unwrap();
        drop(memtable);
        let next = Memtable::new(Arc::clone(&pool));
        next.insert(2, b"other", b"", b"row");
        assert_eq!(run.key(0), b"first");
        drop(run);
        // Canary: without the run the memory is used again.
        assert!(pool.bytes() > 0);
    }

    #[test]
    #[should_panic(expected = "the run is of the memtable")]
    fn rows_are_not_looked_for_in_another_memtable() {
        let (one, other) = (memtable(), memtable());
        one.insert(1, b"key", b"", b"row");
        let _ = Rows::new(&other, one.single_run().unwrap());
    }

    #[test]
    fn rows_stay_while_readers_go_through_them_beside_the_writer() {
        let memtable = memtable();
        let keys: Vec<[u8; 2]> = (0..40_u8).map(|n| [n, n]).collect();
        let put = |round: u8| {
            for key in &keys {
                memtable.insert(u64::from(key[0]), key, b"", &[round; 24]);
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

//! The newest rows in memory: one writer, many readers, no lock that all of them share. Points go through a sharded
//! hash table, ranges through the order beside it. Knows rows as bytes; what they mean is not its business.
//!
//! ```text
//! slot   [u64 address of the current row][u32 length][key]     one a key, written once, its address swapped
//! row    [u32 length][packed row]                              written before its address is published, never again
//! ```
//! Slots lie in the arena until the memtable goes. So do rows, but for those that are overwritten: their memory is used again,
//! so that keys which are written over and over fill no memtable. A reader needs no lock, but says that it reads.

use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::Arc;

use hashbrown::HashTable;
use parking_lot::{Mutex, RwLock};

use super::arena::{Arena, ChunkPool};
use super::order::{Entry, Order, Run};
use super::reuse::{size_of_piece, Readers, Reuse};

/// Shards of the hash table; a power of two.
const SHARDS: usize = 64;

/// What a key costs beside its slot and rows: its hash, its place in the order, and their slack.
const KEY_OVERHEAD_BYTES: usize = 56;

const ADDRESS_BYTES: usize = 8;
const LENGTH_BYTES: usize = 4;

/// A key of one memtable. Whoever holds a slot also holds its memtable.
#[derive(Clone, Copy)]
pub(super) struct Slot(NonNull<u8>);

// SAFETY: what a slot points to is written once before it is shared, but for the row's address, which is atomic.
unsafe impl Send for Slot {}
// SAFETY: as above.
unsafe impl Sync for Slot {}

impl Slot {
    /// The key.
    pub(super) fn key(&self) -> &[u8] {
        // SAFETY: `Memtable::new_slot` wrote length and key there before it handed the slot out, and the holder of the
        // slot keeps the memtable, and with it the arena, alive.
        unsafe { sized_bytes(self.0.add(ADDRESS_BYTES)) }
    }

    /// The current row, packed.
    ///
    /// # Safety
    /// As long as the row is borrowed the caller holds a [`Reading`] of the memtable.
    pub(super) unsafe fn row(&self) -> &[u8] {
        // SAFETY: the address was published with Release after the row was written. Its memory is not used again before the
        // caller's `Reading` ends.
        unsafe { sized_bytes(NonNull::new_unchecked(self.address().load(Ordering::Acquire))) }
    }

    fn address(&self) -> &AtomicPtr<u8> {
        // SAFETY: the slot begins with an aligned AtomicPtr that `Memtable::new_slot` initialised.
        unsafe { self.0.cast::<AtomicPtr<u8>>().as_ref() }
    }
}

/// # Safety
/// At `address` lies a u32 length and as many bytes, which nobody changes for as long as `'a`.
unsafe fn sized_bytes<'a>(address: NonNull<u8>) -> &'a [u8] {
    // SAFETY: as promised by the caller.
    unsafe {
        let length = address.cast::<u32>().read_unaligned() as usize;
        std::slice::from_raw_parts(address.add(LENGTH_BYTES).as_ptr(), length)
    }
}

struct Hashed {
    hash: u64,
    slot: Slot,
}

pub(super) struct Memtable {
    // Declared before the arena: slots go before the memory they point to.
    shards: Vec<RwLock<HashTable<Hashed>>>,
    order: Order,
    keys: AtomicUsize,
    /// Bytes of all rows that were ever current.
    written: AtomicUsize,
    readers: Readers,
    reuse: Mutex<Reuse>,
    arena: Arena,
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
        // SAFETY: the slot is of this memtable, which is kept as long as the row is borrowed; that is being read, too.
        Some(unsafe { &*(slot.row() as *const [u8]) })
    }
}

impl<M: Deref<Target = Memtable>> Drop for Reading<M> {
    fn drop(&mut self) {
        self.memtable.readers.leave(self.counted);
    }
}

impl Memtable {
    pub(super) fn new(pool: Arc<ChunkPool>) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| RwLock::new(HashTable::new())).collect(),
            order: Order::default(),
            keys: AtomicUsize::new(0),
            written: AtomicUsize::new(0),
            readers: Readers::default(),
            reuse: Mutex::default(),
            arena: Arena::new(pool),
        }
    }

    /// Makes `header` followed by `value` the current row of `key`. For the one writer, until the memtable is sealed.
    pub(super) fn insert(&self, hash: u64, key: &[u8], header: &[u8], value: &[u8]) {
        let mut reuse = self.reuse.lock();
        let row = self.new_row(&mut reuse, header, value);
        if let Some(slot) = self.find(hash, key) {
            let replaced = slot.address().swap(row.as_ptr(), Ordering::AcqRel);
            // SAFETY: a slot always holds a row, and only this writer retires it, when it is replaced.
            let (replaced, length) = unsafe {
                let replaced = NonNull::new_unchecked(replaced);
                (replaced, sized_bytes(replaced).len())
            };
            reuse.retire(replaced, size_of_piece(LENGTH_BYTES + length), &self.readers);
            return;
        }
        drop(reuse);
        let slot = self.new_slot(key, row);
        self.shard(hash)
            .write()
            .insert_unique(hash, Hashed { hash, slot }, |hashed| hashed.hash);
        self.order.push(Entry::new(slot));
        self.keys.fetch_add(1, Ordering::Relaxed);
    }

    /// All keys as sorted runs, no key in two of them.
    pub(super) fn runs(&self) -> Vec<Run> {
        self.order.runs()
    }

    /// All keys in order. For a memtable that is sealed.
    pub(super) fn single_run(&self) -> Run {
        self.order.single_run()
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
        let found = shard.find(hash, |hashed| hashed.hash == hash && hashed.slot.key() == key)?;
        Some(found.slot)
    }

    fn new_row(&self, reuse: &mut Reuse, header: &[u8], value: &[u8]) -> NonNull<u8> {
        let length = header.len() + value.len();
        self.written.fetch_add(length, Ordering::Relaxed);
        let size = size_of_piece(LENGTH_BYTES + length);
        let row = reuse.take(size).unwrap_or_else(|| self.arena.take(size));
        // SAFETY: the piece has room for the length and both parts, and nobody else knows its address yet.
        unsafe {
            row.cast::<u32>().write_unaligned(sized(length));
            let body = row.add(LENGTH_BYTES);
            body.copy_from_nonoverlapping(NonNull::from(header).cast(), header.len());
            body.add(header.len())
                .copy_from_nonoverlapping(NonNull::from(value).cast(), value.len());
        }
        row
    }

    fn new_slot(&self, key: &[u8], row: NonNull<u8>) -> Slot {
        let slot = self.arena.take(ADDRESS_BYTES + LENGTH_BYTES + key.len());
        // SAFETY: the piece is aligned to eight, has room for address, length and key, and nobody else knows it yet.
        unsafe {
            slot.cast::<AtomicPtr<u8>>().write(AtomicPtr::new(row.as_ptr()));
            slot.add(ADDRESS_BYTES).cast::<u32>().write_unaligned(sized(key.len()));
            slot.add(ADDRESS_BYTES + LENGTH_BYTES)
                .copy_from_nonoverlapping(NonNull::from(key).cast(), key.len());
        }
        Slot(slot)
    }
}

fn sized(length: usize) -> u32 {
    u32::try_from(length).unwrap_or_else(|_| panic!("memtable: a row of {length} bytes is above its limit"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memtable() -> Memtable {
        Memtable::new(ChunkPool::new(0))
    }

    /// Overwrites a key so often that the memory of its first rows has been used again, if it may be.
    fn overwrite(memtable: &Memtable) {
        for n in 0..10_000_u32 {
            memtable.insert(1, b"key", b"", &n.to_le_bytes().repeat(16));
        }
    }

    #[test]
    fn keys_that_are_overwritten_do_not_fill_a_memtable() {
        let memtable = memtable();
        overwrite(&memtable);
        assert_eq!(memtable.written(), 10_000 * 64);
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
        assert_eq!(reading.get(1, b"key").unwrap(), 9_999_u32.to_le_bytes().repeat(16));
    }

    #[test]
    fn canary_a_row_that_nobody_reads_is_written_over() {
        let memtable = memtable();
        memtable.insert(1, b"key", b"", &[7; 64]);
        let row = Reading::new(&memtable).get(1, b"key").unwrap().as_ptr();
        overwrite(&memtable);
        // SAFETY: the arena keeps the memory, whatever lies there now, and no other thread knows it.
        assert_ne!(unsafe { row.read() }, 7);
    }
}

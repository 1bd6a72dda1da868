//! A plain put costs no allocation once the machine is warm, and its own share of the time is printed. And the engine is told of keys
//! before they are looked at, so that it can have them ready.
//! The engine here keeps one row and does nothing, so that what is measured is the machine.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Instant;

use rafterdb_codec::{BatchHeader, Code, Entry, EntryKind, Put};
use rafterdb_store::{
    Change, ChangePlace, Deliver, Engine, KeyRange, Machine, Mark, RowRef, StoreError, Value, Visit, WatchId,
};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[derive(Default)]
struct OneRow {
    /// Keys that it was told of and that were not looked at yet.
    expected: AtomicUsize,
    /// Keys that were looked at while there were none.
    surprises: AtomicUsize,
}

impl Engine for OneRow {
    fn expect(&self, keys: &[&[u8]]) {
        self.expected.fetch_add(keys.len(), Ordering::Relaxed);
    }

    fn latest(&self, _: &[u8], visit: &mut dyn FnMut(RowRef<'_>)) -> Result<bool, StoreError> {
        if self.expected.load(Ordering::Relaxed) == 0 {
            self.surprises.fetch_add(1, Ordering::Relaxed);
        } else {
            self.expected.fetch_sub(1, Ordering::Relaxed);
        }
        visit(RowRef {
            create: 2,
            modified: 2,
            version: 1,
            lease: 0,
            previous: 0,
            skips: &[],
            value: Value::of(&[7; 256]),
        });
        Ok(true)
    }

    fn value(&self, _: &[u8], row: &RowRef<'_>, read: &mut dyn FnMut(&[u8])) -> Result<(), StoreError> {
        read(row.value.bytes().expect("all values are at hand"));
        Ok(())
    }

    fn get(&self, key: &[u8], _: u64, visit: &mut dyn FnMut(RowRef<'_>)) -> Result<bool, StoreError> {
        self.latest(key, visit)
    }

    fn replaced(&self, _: &[u8], _: u64, _: u64, visit: &mut dyn FnMut(RowRef<'_>)) -> Result<bool, StoreError> {
        self.latest(b"", visit)
    }

    fn scan(
        &self,
        _: KeyRange<'_>,
        _: u64,
        _: bool,
        _: &mut dyn FnMut(&[u8], RowRef<'_>) -> Visit,
    ) -> Result<(), StoreError> {
        Ok(())
    }

    fn changes_from(
        &self,
        _: ChangePlace<'_>,
        _: u64,
        _: &mut dyn FnMut(Change<'_>) -> Visit,
    ) -> Result<(), StoreError> {
        Ok(())
    }

    fn delete_range(&self, _: KeyRange<'_>, _: u64, _: u32) -> Result<(), StoreError> {
        Ok(())
    }

    fn deleted_ranges(&self, _: u64) -> (usize, usize) {
        (0, 0)
    }

    fn keep(&self) -> Box<dyn Send> {
        Box::new(())
    }

    fn scan_kept(
        &self,
        _: KeyRange<'_>,
        _: u64,
        _: &mut dyn FnMut(&[u8], RowRef<'_>) -> Visit,
    ) -> Result<(), StoreError> {
        Ok(())
    }

    fn write(&self, _: &[u8], _: u32, row: RowRef<'_>) -> Result<(), StoreError> {
        std::hint::black_box(row);
        Ok(())
    }

    fn compact(&self, _: u64) -> Result<(), StoreError> {
        Ok(())
    }

    fn compacted(&self) -> u64 {
        0
    }

    fn is_full(&self) -> bool {
        false
    }

    fn rotate(&self, _: Mark, _: Vec<u8>) -> Result<(), StoreError> {
        Ok(())
    }

    fn persisted(&self) -> Mark {
        Mark::default()
    }
}

struct Nobody;

impl Deliver for Nobody {
    fn deliver(&self, _: WatchId, _: Code, _: &[u8]) {}

    fn behind(&self) {}
}

/// Nanoseconds that this thread has run; where the system does not say, the time since `begin`.
fn thread_time(begin: Instant) -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let used = text.split(' ').next().and_then(|number| number.parse().ok());
    used.unwrap_or_else(|| begin.elapsed().as_nanos() as u64)
}

/// A batch of `size` plain puts of 256 bytes.
fn batch_of(size: u32) -> Vec<u8> {
    let mut body = Vec::new();
    BatchHeader {
        session: 9,
        sequence: 0,
        acked: 0,
        flags: 0,
        count: size,
    }
    .encode(&mut body);
    for key in 0..size {
        let mut name = *b"a key of 22 bytes ----";
        name[18..].copy_from_slice(&key.to_le_bytes());
        Put {
            flags: 0,
            lease: 0,
            key: &name,
            value: &[1; 256],
        }
        .encode(&mut body);
    }
    body
}

/// Applies and publishes batches of `size` plain puts; returns (allocations, ns) a put.
fn measure(size: u32, batches: u64) -> (f64, f64) {
    let machine = Machine::new(OneRow::default(), None, Arc::new(Nobody)).unwrap();
    let mut body = batch_of(size);
    let mut results = Vec::with_capacity(64);
    let begin = Instant::now();
    let mut before = (0, 0);
    for index in 1..=batches * 2 {
        if index == batches + 1 {
            before = (thread_time(begin), ALLOCATIONS.with(Cell::get));
        }
        body[8..16].copy_from_slice(&index.to_le_bytes());
        body[16..24].copy_from_slice(&index.saturating_sub(30).max(1).to_le_bytes());
        results.clear();
        machine
            .apply(index, 1, &Entry::new(EntryKind::Batch, &body), &mut results)
            .unwrap();
        machine.publish().unwrap();
    }
    let puts = (batches * u64::from(size)) as f64;
    let allocations = ALLOCATIONS.with(Cell::get) - before.1;
    (allocations as f64 / puts, (thread_time(begin) - before.0) as f64 / puts)
}

#[test]
fn plain_puts_do_not_allocate() {
    for size in [1, 16, 128] {
        let (allocations, nanoseconds) = measure(size, 400_000 / u64::from(size));
        println!("{size} puts a batch: {nanoseconds:.0} ns a put in the machine, applied and published");
        assert!(allocations < 0.001, "{allocations} allocations a put");
    }
}

#[test]
fn the_engine_is_told_of_the_keys_of_a_batch_before_they_are_looked_at() {
    // There is nothing to gain from saying so of one key alone.
    for (size, surprises) in [(1, 1), (2, 0), (16, 0), (500, 0)] {
        let machine = Machine::new(OneRow::default(), None, Arc::new(Nobody)).unwrap();
        let body = batch_of(size);
        let entry = Entry::new(EntryKind::Batch, &body);
        machine.apply(1, 1, &entry, &mut Vec::new()).unwrap();
        assert_eq!(machine.engine().surprises.load(Ordering::Relaxed), surprises, "{size}");
        assert_eq!(machine.engine().expected.load(Ordering::Relaxed), 0, "{size}");
    }
}

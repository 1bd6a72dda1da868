//! A plain put costs no allocation once the machine is warm, and its own share of the time is printed.
//! The engine here keeps one row and does nothing, so that what is measured is the machine.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::time::Instant;

use rafterdb_codec::{entry, BatchHeader, Code, Put};
use rafterdb_store::{Change, Deliver, Engine, KeyRange, Machine, Mark, RowRef, StoreError, Visit, WatchId};

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

struct OneRow;

impl Engine for OneRow {
    fn latest(&self, _: &[u8], visit: &mut dyn FnMut(RowRef<'_>)) -> Result<bool, StoreError> {
        visit(RowRef {
            create: 2,
            modified: 2,
            version: 1,
            lease: 0,
            previous: 0,
            value: &[7; 256],
        });
        Ok(true)
    }

    fn get(&self, key: &[u8], _: u64, visit: &mut dyn FnMut(RowRef<'_>)) -> Result<bool, StoreError> {
        self.latest(key, visit)
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

    fn changes(&self, _: u64, _: u64, _: &mut dyn FnMut(Change<'_>) -> Visit) -> Result<(), StoreError> {
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

/// Applies batches of `size` plain puts of 256 bytes; returns (allocations, ns) a put.
fn measure(size: u32, batches: u64) -> (f64, f64) {
    let machine = Machine::new(OneRow, None, Arc::new(Nobody)).unwrap();
    let mut body = Vec::new();
    let mut results = Vec::with_capacity(64);
    let mut begin = (0, Instant::now());
    for index in 1..=batches * 2 {
        if index == batches + 1 {
            begin = (ALLOCATIONS.with(Cell::get), Instant::now());
        }
        body.clear();
        BatchHeader {
            session: 9,
            sequence: index,
            acked: index.saturating_sub(30).max(1),
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
        results.clear();
        machine.apply(index, 1, entry::BATCH, &body, &mut results).unwrap();
        machine.publish().unwrap();
    }
    let puts = (batches * u64::from(size)) as f64;
    let allocations = ALLOCATIONS.with(Cell::get) - begin.0;
    (allocations as f64 / puts, begin.1.elapsed().as_nanos() as f64 / puts)
}

#[test]
fn plain_puts_do_not_allocate() {
    for size in [1, 16, 128] {
        let (allocations, nanoseconds) = measure(size, 40_000 / u64::from(size));
        println!("{size} puts a batch: {nanoseconds:.0} ns a put, encoding and publishing it included");
        assert!(allocations < 0.001, "{allocations} allocations a put");
    }
}

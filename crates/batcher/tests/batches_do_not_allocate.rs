//! Goal: once warm, neither an item nor a batch costs an allocation, whatever ends the batches; and the count can tell.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use rafterdb_batcher::{BatchQueue, Batcher, Bounds};

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

/// Allocations of this thread in `body`.
fn allocations(body: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.with(Cell::get);
    body();
    ALLOCATIONS.with(Cell::get) - before
}

/// Allocations of rounds in which `depth` items of `bytes` bytes wait and are taken; after as many rounds to warm up.
fn measure(bounds: Bounds, depth: usize, bytes: usize, reuse: bool) -> u64 {
    let mut batcher = Batcher::new(bounds).unwrap();
    let mut batch = Vec::new();
    let mut rounds = || {
        for round in 0..200_u64 {
            for item in 0..depth {
                batcher.push([item; 4], bytes, round).unwrap();
            }
            while !batcher.is_empty() {
                if !reuse {
                    batch = Vec::new();
                }
                batch.clear();
                assert!(batcher.next(round, &mut batch));
                batcher.done();
            }
        }
    };
    rounds();
    allocations(rounds)
}

#[test]
fn a_warm_batcher_does_not_allocate() {
    for (depth, bytes) in [(1, 100), (100, 100), (5_000, 100), (60_000, 100), (500, 100_000)] {
        let found = measure(Bounds::default(), depth, bytes, true);
        assert_eq!(found, 0, "{depth} items of {bytes} bytes");
    }
}

#[test]
fn the_count_sees_buffers_that_are_not_reused() {
    assert!(measure(Bounds::default(), 100, 100, false) >= 200);
}

#[test]
fn a_warm_queue_does_not_allocate() {
    let queue = BatchQueue::new(Bounds::default()).unwrap();
    let mut batch = Vec::new();
    let mut rounds = || {
        for _ in 0..200 {
            for item in 0..2_500_u64 {
                queue.push(item, 8).unwrap();
            }
            while !queue.is_empty() {
                assert!(queue.take(&mut batch).is_some());
            }
        }
    };
    rounds();
    assert_eq!(allocations(rounds), 0);
}

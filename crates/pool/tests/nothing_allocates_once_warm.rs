//! Goal: taking, freezing, cloning, slicing and dropping never allocate once the buffers are there; and when a pool is
//! dropped, all of its memory is freed with the last of its buffers, from whatever thread.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicIsize, Ordering};

use rafterdb_pool::{Options, Pool, TIERS};

struct Counting;

static BYTES: AtomicIsize = AtomicIsize::new(0);

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: all is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES.fetch_add(layout.size() as isize, Ordering::Relaxed);
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        BYTES.fetch_add(layout.size() as isize, Ordering::Relaxed);
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as the caller promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(start, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Without the test runner, whose main thread allocates when it likes: what the whole process holds is looked at.
fn main() {
    a_warm_pool_does_not_allocate();
    for _ in 0..2 {
        // What the first round leaves behind are the locals of threads.
        drop_pools_before_their_buffers();
    }
    let before = BYTES.load(Ordering::Relaxed);
    drop_pools_before_their_buffers();
    assert_eq!(BYTES.load(Ordering::Relaxed) - before, 0);
    println!("nothing allocates once warm, and a dropped pool frees all: ok");
}

fn a_warm_pool_does_not_allocate() {
    let pool = Pool::new();
    pool.prewarm([100, 50, 10, 4]);
    drop(pool.take(1));
    let before = ALLOCATIONS.get();
    for bytes in TIERS {
        for _ in 0..100 {
            let (mut buffer, other) = (pool.take(bytes), pool.take(bytes));
            let front = buffer.split_to(100);
            buffer[0] = 1;
            let slice = buffer.freeze(600);
            let (copy, part) = (slice.clone(), slice.slice(10..20));
            drop((slice, front, other, copy));
            drop(part.try_into_mut().expect("the others are gone"));
        }
    }
    assert_eq!(ALLOCATIONS.get() - before, 0);
    drop(vec![1]);
    assert_eq!(ALLOCATIONS.get() - before, 1, "allocations are counted");
}

fn drop_pools_before_their_buffers() {
    for bytes_max in [0, 4 << 20, 64 << 20] {
        let before = BYTES.load(Ordering::Relaxed);
        let pool = Pool::with(Options {
            bytes_max,
            ..Options::default()
        });
        pool.prewarm([70, 0, 0, 2]);
        let mut held: Vec<_> = (0..200).map(|n| pool.take(TIERS[n % 3]).freeze(100)).collect();
        held.drain(..50);
        drop(pool);
        assert!(held.iter().all(|slice| slice.len() == 100));
        assert!(
            BYTES.load(Ordering::Relaxed) > before + 150 * 1024,
            "buffers outlive their pool"
        );
        let other = held.split_off(75);
        let other = std::thread::spawn(move || drop(other));
        drop(held);
        other.join().expect("dropping does not panic");
    }
}

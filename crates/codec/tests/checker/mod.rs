//! The checker of parsers: none panics, and none allocates more than it may. Counts what each thread allocates.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::panic::{catch_unwind, AssertUnwindSafe};

/// A parser under test: takes an input to its end and says whether all of it was well formed.
#[derive(Clone, Copy)]
pub struct Parser {
    pub name: &'static str,
    pub accepts: fn(&[u8]) -> bool,
    /// Bytes that it may allocate for an input of so many.
    pub may_allocate: fn(usize) -> usize,
}

/// What parsers that borrow may allocate.
pub const fn nothing(_input: usize) -> usize {
    0
}

thread_local! {
    static ALLOCATED: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

fn count(bytes: usize) {
    // A thread that is ending has no counter any more, and is not being checked.
    let _ = ALLOCATED.try_with(|allocated| allocated.set(allocated.get() + bytes));
}

// SAFETY: the system's allocator does the work; counting touches a thread's own cell and allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Runs a parser over an input. Says whether the input was well formed, or what the parser did wrong.
pub fn check(parser: &Parser, input: &[u8]) -> Result<bool, String> {
    let before = ALLOCATED.get();
    let outcome = catch_unwind(AssertUnwindSafe(|| (parser.accepts)(input)));
    let allocated = ALLOCATED.get() - before;
    let Ok(accepted) = outcome else {
        return Err(format!("{}: panicked", parser.name));
    };
    let allowed = (parser.may_allocate)(input.len());
    if allocated > allowed {
        return Err(format!("{}: allocated {allocated} bytes, may {allowed}", parser.name));
    }
    Ok(accepted)
}

//! Goal: once warm, neither side allocates, not in Rust and not in C. The C library's own entry points are counted:
//! the program's definition of `malloc` is taken for all that is linked into it.

#![cfg(all(target_os = "linux", target_env = "gnu"))]
#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod samples;

use std::cell::Cell;
use std::ffi::c_void;

use rafterdb_compress::{Algorithm, Compressor, Decompressor, Options};
use samples::{noise, text, trained, ALGORITHMS};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    ALLOCATIONS.with(|count| count.set(count.get() + 1));
}

extern "C" {
    fn __libc_malloc(bytes: usize) -> *mut c_void;
    fn __libc_calloc(count: usize, bytes: usize) -> *mut c_void;
    fn __libc_realloc(pointer: *mut c_void, bytes: usize) -> *mut c_void;
    fn __libc_memalign(alignment: usize, bytes: usize) -> *mut c_void;
}

#[no_mangle]
extern "C" fn malloc(bytes: usize) -> *mut c_void {
    count();
    // SAFETY: the same contract, passed on.
    unsafe { __libc_malloc(bytes) }
}

#[no_mangle]
extern "C" fn calloc(number: usize, bytes: usize) -> *mut c_void {
    count();
    // SAFETY: the same contract, passed on.
    unsafe { __libc_calloc(number, bytes) }
}

#[no_mangle]
extern "C" fn realloc(pointer: *mut c_void, bytes: usize) -> *mut c_void {
    count();
    // SAFETY: the same contract, passed on.
    unsafe { __libc_realloc(pointer, bytes) }
}

#[no_mangle]
extern "C" fn posix_memalign(out: *mut *mut c_void, alignment: usize, bytes: usize) -> i32 {
    count();
    // SAFETY: the same contract, passed on; `out` is the caller's to write to.
    unsafe {
        *out = __libc_memalign(alignment, bytes);
        i32::from((*out).is_null()) * libc::ENOMEM
    }
}

/// Allocations of this thread while `work` runs.
fn allocations(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.with(Cell::get);
    work();
    ALLOCATIONS.with(Cell::get) - before
}

/// Inputs of many sizes, some of which do not compress.
fn inputs() -> Vec<Vec<u8>> {
    let sizes = [100, 300, 1_000, 10_000, 65_536, 300_000];
    sizes
        .into_iter()
        .flat_map(|size| [text(size as u64, size), noise(size as u64, size)])
        .collect()
}

/// Allocations of the second round over all inputs, (compressing, decompressing).
fn measure(options: &Options) -> (u64, u64) {
    let mut compressor = Compressor::new(options).unwrap();
    let mut decompressor = samples::decompressor(options.dictionary.as_ref());
    let inputs = inputs();
    let mut packed: Vec<Vec<u8>> = vec![Vec::with_capacity(400_000); inputs.len()];
    packed.iter_mut().for_each(|out| out.reserve(400_000));
    let mut out = Vec::with_capacity(400_000);
    let mut counts = (0, 0);
    for _ in 0..2 {
        counts.0 = allocations(|| {
            for (input, out) in inputs.iter().zip(&mut packed) {
                out.clear();
                compressor.compress_to(input, out);
            }
        });
        counts.1 = allocations(|| {
            for packed in &packed {
                out.clear();
                decompressor.decompress_to(packed, &mut out, 400_000).unwrap();
            }
        });
    }
    counts
}

#[test]
fn nothing_is_allocated_once_warm() {
    for algorithm in ALGORITHMS {
        for level in [1, 3, 6].into_iter().filter(|level| algorithm.levels().contains(level)) {
            let mut options = Options::new(algorithm);
            (options.level, options.adaptive) = (Some(level), false);
            assert_eq!(measure(&options), (0, 0), "{algorithm:?} {level}");
        }
    }
    assert_eq!(measure(&Options::with_dictionary(Algorithm::Zstd, trained())), (0, 0));
}

#[test]
fn lz4_with_a_dictionary_allocates_its_table() {
    // Said of it in the docs: lz4_flex makes a table a call.
    let mut options = Options::with_dictionary(Algorithm::Lz4, trained());
    options.adaptive = false;
    assert_eq!(measure(&options), (12, 0));
}

#[test]
fn a_huge_input_leaves_no_scratch_behind() {
    let mut compressor = Compressor::new(&Options::new(Algorithm::Lz4)).unwrap();
    let (huge, mut out) = (text(1, 5 << 20), Vec::with_capacity(5 << 20));
    for _ in 0..3 {
        out.clear();
        assert_eq!(
            allocations(|| assert!(compressor.compress_to(&huge, &mut out).bytes > 0)),
            1
        );
    }
}

#[test]
fn errors_do_not_allocate() {
    for algorithm in ALGORITHMS {
        let mut packed = samples::compress(&Options::new(algorithm), &text(1, 5_000));
        packed.pop();
        let (mut decompressor, mut out) = (Decompressor::new(), Vec::with_capacity(5_000));
        let mut again = || assert!(decompressor.decompress_to(&packed, &mut out, 5_000).is_err());
        again();
        assert_eq!(allocations(again), 0, "{algorithm:?}");
    }
}

#[test]
fn canary_allocations_of_rust_and_of_c_are_counted() {
    assert_eq!(allocations(|| drop(std::hint::black_box(vec![1u8; 100]))), 1);
    assert!(allocations(|| drop(zstd_safe::CCtx::create())) > 0);
}

//! Goal: no path reads a byte outside of its input: between two pages that fault, every length is hashed at both ends.
#![cfg(unix)]

mod xxh3_support;

use std::ptr::null_mut;

use rafterdb_hash::{xxh3_64, xxh3_64_many, Path, Xxh3};
use xxh3_support::{hashes_on, paths, Random, SEEDS};

const LENGTH_MAX: usize = 4096;

/// Bytes that begin where a page begins and end where one ends, with pages before and after that no one may touch.
struct Guarded {
    mapping: *mut u8,
    page: usize,
    bytes: usize,
}

impl Guarded {
    fn new(content: &[u8]) -> Self {
        // SAFETY: asks for a number.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
        let bytes = content.len();
        assert_eq!(bytes % page, 0, "whole pages");
        // SAFETY: a new mapping of nothing, whose inner pages are then made writable and filled.
        unsafe {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANON;
            let mapping = libc::mmap(null_mut(), bytes + 2 * page, libc::PROT_NONE, flags, -1, 0).cast::<u8>();
            assert_ne!(mapping.cast(), libc::MAP_FAILED);
            let inner = mapping.add(page);
            assert_eq!(
                libc::mprotect(inner.cast(), bytes, libc::PROT_READ | libc::PROT_WRITE),
                0
            );
            inner.copy_from_nonoverlapping(content.as_ptr(), bytes);
            Self { mapping, page, bytes }
        }
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: the inner pages are readable and filled.
        unsafe { std::slice::from_raw_parts(self.mapping.add(self.page), self.bytes) }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and nothing borrows from it any more.
        unsafe { libc::munmap(self.mapping.cast(), self.bytes + 2 * self.page) };
    }
}

/// Calls `check` with every length at the beginning and at the end of the guarded bytes, and with the same bytes elsewhere.
fn at_both_ends(check: impl Fn(&[u8], &[u8])) {
    let content = Random(1).bytes(1 << 16);
    let guarded = Guarded::new(&content);
    for length in (0..=LENGTH_MAX).chain([content.len()]) {
        check(&guarded.bytes()[..length], &content[..length]);
        check(
            &guarded.bytes()[content.len() - length..],
            &content[content.len() - length..],
        );
    }
}

#[test]
fn no_path_reads_outside_of_its_input() {
    for path in paths() {
        at_both_ends(|guarded, same| {
            for seed in [SEEDS[0], SEEDS[2]] {
                let scalar = hashes_on(Path::Scalar, same, seed);
                assert_eq!(hashes_on(path, guarded, seed), scalar, "{} {}", path.name(), same.len());
            }
        });
    }
}

#[test]
fn no_stream_reads_outside_of_its_input() {
    for path in paths() {
        at_both_ends(|guarded, same| {
            let mut stream = Xxh3::on(path, 1).expect("the machine has it");
            let (left, right) = guarded.split_at(guarded.len() / 3);
            stream.update(left);
            stream.update(right);
            assert_eq!(stream.digest_64(), xxh3_64(same, 1), "{} {}", path.name(), same.len());
        });
    }
}

#[test]
fn many_read_nothing_outside_of_their_buffer() {
    at_both_ends(|guarded, same| {
        let third = guarded.len() as u32 / 3;
        let mut out = [0; 3];
        xxh3_64_many(guarded, &[0, third, third, guarded.len() as u32], 1, &mut out).expect("good offsets");
        assert_eq!(out[0], xxh3_64(&same[..third as usize], 1));
        assert_eq!(out[2], xxh3_64(&same[third as usize..], 1));
    });
}

/// The canary: a process that reads one byte before or after the guarded bytes is killed for it.
#[test]
fn a_read_outside_of_the_guarded_bytes_faults() {
    let guarded = Guarded::new(&[0; 1 << 16]);
    for outside in [-1, 1 << 16] {
        // SAFETY: the child does nothing but read the byte, which is what shall kill it, and leave.
        let status = unsafe {
            let child = libc::fork();
            if child == 0 {
                let byte = guarded.bytes().as_ptr().offset(outside).read_volatile();
                libc::_exit(i32::from(byte & 1));
            }
            let mut status = 0;
            assert_eq!(libc::waitpid(child, &mut status, 0), child);
            status
        };
        assert!(libc::WIFSIGNALED(status), "at {outside}: status {status:#x}");
    }
}

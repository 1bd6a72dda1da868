//! What the tests of CRC-32C share: the definition bit by bit, the paths of this machine, bytes, and memory between guard pages.

use rafterdb_hash::{crc32c_append_on, Path};

/// The definition (RFC 3720): the reflected polynomial 0x82f63b78, all ones before and after.
pub fn by_definition(crc: u32, bytes: &[u8]) -> u32 {
    let mut register = !crc;
    for byte in bytes {
        register ^= u32::from(*byte);
        for _ in 0..8 {
            register = (register >> 1) ^ (0x82f6_3b78 & (register & 1).wrapping_neg());
        }
    }
    !register
}

/// A way to append that a test can hold to the definition.
pub type Append = Box<dyn Fn(u32, &[u8]) -> u32>;

/// All paths that this machine can take, by name.
pub fn paths() -> Vec<(&'static str, Append)> {
    let available = Path::ALL
        .into_iter()
        .filter(|path| crc32c_append_on(*path, 0, b"").is_some());
    available
        .map(|path| -> (_, Append) {
            let append = move |crc, bytes: &[u8]| crc32c_append_on(path, crc, bytes).expect("it was there");
            (path.name(), Box::new(append))
        })
        .collect()
}

/// The same bytes on every run, without a pattern that a checksum could miss.
pub fn bytes(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    (0..length)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .collect()
}

/// Bytes between two pages that nothing may touch: a read before or behind them ends the process.
#[cfg(unix)]
pub struct Guarded {
    base: *mut libc::c_void,
    page: usize,
    length: usize,
}

#[cfg(unix)]
impl Guarded {
    /// Room for `length` bytes, rounded up to whole pages.
    pub fn new(length: usize) -> Self {
        // SAFETY: asks for a number.
        let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).expect("a page size");
        let length = length.next_multiple_of(page);
        // SAFETY: new memory, at no given address.
        let base = unsafe {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            libc::mmap(std::ptr::null_mut(), length + 2 * page, libc::PROT_NONE, flags, -1, 0)
        };
        assert_ne!(base, libc::MAP_FAILED);
        // SAFETY: the pages between the first and the last of that memory.
        let opened = unsafe { libc::mprotect(base.byte_add(page), length, libc::PROT_READ | libc::PROT_WRITE) };
        assert_eq!(opened, 0);
        Self { base, page, length }
    }

    /// All bytes between the guards.
    pub fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: they are mapped, readable and writable for as long as `self`, and zero at first.
        unsafe { std::slice::from_raw_parts_mut(self.base.byte_add(self.page).cast(), self.length) }
    }
}

#[cfg(unix)]
impl Drop for Guarded {
    fn drop(&mut self) {
        // SAFETY: what `new` mapped; no slice outlives `self`.
        unsafe { libc::munmap(self.base, self.length + 2 * self.page) };
    }
}

//! CRC-32C (Castagnoli, RFC 3720): the checksum of what is stored and sent. Owns the choice of the kernel, at run time and once;
//! must not know what the bytes mean.
//!
//! Kernels of our own, as no crate lets a path be forced, and as they are faster. On one core of a Sapphire Rapids server, ns a
//! call on cache-aligned bytes, least of many interleaved runs: calls that do not wait for each other, and (in brackets) that do.
//!
//! | bytes | avx512 | avx2 | sse | scalar | crate crc32c 0.6 | crate crc-fast 1.10 |
//! |---|---|---|---|---|---|---|
//! | 16 | 3.2 (4.7) | 4.1 (4.7) | 4.1 (4.7) | 5.6 (8.9) | 7.8 (11.8) | 5.1 (6.7) |
//! | 64 | 3.6 (9.0) | 4.2 (9.0) | 5.1 (9.0) | 16 (28) | 7.1 (17) | 3.7 (10) |
//! | 256 | 5.4 (11) | 7.3 (13) | 10 (15) | 87 (105) | 13 (37) | 9.9 (31) |
//! | 1,024 | 11 (18) | 19 (26) | 26 (32) | 392 (411) | 46 (69) | 15 (45) |
//! | 4,096 | 39 (46) | 63 (69) | 88 (97) | 1,680 (1,630) | 186 (204) | 62 (72) |
//! | 65,536 | 601 (601) | 924 (928) | 1,360 (1,350) | 26,300 (26,400) | 2,570 (2,580) | 626 (627) |
//!
//! So 16 bytes take two thirds of what the better crate takes, 256 to 4,096 between 36 and 73 %, and 65,536 (109 GB/s) 96 %.
//! crc-fast is ahead at a few sizes of aligned bytes when calls do not wait for each other: by a fifth at 777 bytes. The AVX2 path is
//! worth having: 1.4 times as fast as SSE, for machines with VPCLMULQDQ and without AVX-512. NEON is not measured.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod dispatch;
mod first_vector;
mod functions;
mod instruction_set;
#[cfg(any(target_arch = "x86_64", all(target_arch = "aarch64", target_endian = "little")))]
mod long;
#[cfg(any(target_arch = "x86_64", all(target_arch = "aarch64", target_endian = "little")))]
mod many;
#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
mod neon;
mod polynomial;
mod scalar;
#[cfg(any(target_arch = "x86_64", all(target_arch = "aarch64", target_endian = "little")))]
mod short;
#[cfg(target_arch = "x86_64")]
mod sse;

use crate::Path;
use dispatch::Kernel;
pub use many::{crc32c_many, crc32c_many_on};

/// The CRC-32C of `bytes`; 0 for none.
#[must_use]
#[inline]
pub fn crc32c(bytes: &[u8]) -> u32 {
    crc32c_append(0, bytes)
}

/// The CRC-32C of what `crc` was computed over, followed by `bytes`; start from 0.
#[must_use]
#[inline]
pub fn crc32c_append(crc: u32, bytes: &[u8]) -> u32 {
    Kernel::best().append(crc, bytes)
}

/// As [`crc32c_append`], on a given path; `None` where this machine lacks its instructions.
#[must_use]
pub fn crc32c_append_on(path: Path, crc: u32, bytes: &[u8]) -> Option<u32> {
    Some(Kernel::on(path)?.append(crc, bytes))
}

/// The path that [`crc32c`] takes on this machine: the last of [`Path::ALL`] that it has the instructions for.
#[must_use]
pub fn crc32c_path() -> Path {
    Kernel::best().path
}

/// The CRC-32C of a message, from those of its two parts and the length of the second in bytes. A few hundred nanoseconds at most.
#[must_use]
pub fn crc32c_combine(crc_a: u32, crc_b: u32, len_b: u64) -> u32 {
    polynomial::shift(crc_a, len_b) ^ crc_b
}

/// A CRC-32C that grows with what is added to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Crc32c {
    crc: u32,
}

impl Crc32c {
    /// The checksum of no bytes.
    #[must_use]
    pub const fn new() -> Self {
        Self { crc: 0 }
    }

    /// Adds `bytes` to the end.
    pub fn update(&mut self, bytes: &[u8]) {
        self.crc = crc32c_append(self.crc, bytes);
    }

    /// The CRC-32C of all that was added since the start or the last reset; more can be added after.
    #[must_use]
    pub const fn digest(&self) -> u32 {
        self.crc
    }

    /// Forgets all that was added.
    pub const fn reset(&mut self) {
        self.crc = 0;
    }
}

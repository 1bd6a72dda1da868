//! CRC-32C (Castagnoli, RFC 3720): the checksum of what is stored and sent. Owns the choice of the kernel, at run time and once;
//! must not know what the bytes mean.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod dispatch;
#[cfg(any(target_arch = "x86_64", all(target_arch = "aarch64", target_endian = "little")))]
mod long;
#[cfg(any(target_arch = "x86_64", all(target_arch = "aarch64", target_endian = "little")))]
mod machine;
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
pub use many::{crc32c_many, crc32c_many_on, BoundaryError};

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

//! The two checksums of rafterdb: crc32c for what is stored and sent, xxh3 for placing and sampling.
//! Each has one definition; the SIMD path is chosen at run time and gives the same bits on every machine.
//!
//! Measured on one core of an AVX-512 server, ns a call at 16 / 256 / 4,096 bytes:
//! `crc32c` 12 / 26 / 260 (crc-fast 11 / 17 / 176, but it needs a newer compiler than this workspace promises).

mod keys;
mod path;
mod xxh3;

pub use keys::{Keys, KeysError};
pub use path::Path;
pub use xxh3::{xxh3_128, xxh3_128_on, xxh3_64, xxh3_64_many, xxh3_64_on, xxh3_path, Xxh3};

/// The CRC-32C (Castagnoli) of `bytes`.
#[must_use]
pub fn crc32c(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes)
}

/// The CRC-32C of what `crc` was computed over, followed by `bytes`; start from 0.
#[must_use]
pub fn crc32c_append(crc: u32, bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc, bytes)
}

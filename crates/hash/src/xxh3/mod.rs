//! XXH3-64 and XXH3-128, seeded (xxHash specification 0.2.0, `doc/xxhash_spec.md` of the xxHash project). The lengths choose
//! among short, medium and long; only long inputs have kernels, and only they look at what the machine has.
//!
//! Our own, as it wins above 240 bytes and no other crate has AVX-512 or can be held to one path. ns a call, 64 bits, no seed, on
//! one core of an AVX-512 server that others used too (`cargo run --release -p rafterdb-hash --example xxh3_table`):
//!
//! |  bytes | avx512 | avx2  | sse   | scalar | twox-hash (AVX2) | xxhash-rust (SSE2) |
//! |-------:|-------:|------:|------:|-------:|-----------------:|-------------------:|
//! |     16 |    1.9 |   1.9 |   1.9 |    1.9 |              2.8 |                1.9 |
//! |    128 |    6.2 |   6.2 |   6.2 |    6.2 |              6.9 |                6.0 |
//! |    256 |     14 |    12 |    12 |     16 |               16 |                 13 |
//! |  1,024 |     20 |    24 |    38 |     46 |               37 |                 48 |
//! |  4,096 |     68 |    87 |   162 |    188 |              103 |                189 |
//! | 65,536 |    963 | 1,498 | 2,440 |  3,084 |            1,685 |              3,041 |
//!
//! A seed adds 3 ns to 1,024 bytes with AVX-512, 7 to twox-hash, 14 to xxhash-rust. AVX2 is ahead of AVX-512 up to 512 bytes.

mod dispatch;
mod kernels;
mod long;
mod many;
mod medium;
mod mix;
mod secret;
mod short;
mod stream;

pub use many::xxh3_64_many;
pub use stream::Xxh3;

use dispatch::Engine;
use medium::{medium_128, medium_64};
use secret::{Secret, Source, SECRET};
use short::{short_128, short_64};

use crate::Path;

/// The longest short input, in bytes.
const SHORT_BYTES_MAX: usize = 16;
/// The longest medium input, in bytes; it takes no kernel.
const MEDIUM_BYTES_MAX: usize = 240;

/// The 64-bit XXH3 of `bytes`; the seed of whoever has none is 0.
#[must_use]
#[inline(always)]
pub fn xxh3_64(bytes: &[u8], seed: u64) -> u64 {
    if bytes.len() <= SHORT_BYTES_MAX {
        short_64(bytes, seed)
    } else if bytes.len() <= MEDIUM_BYTES_MAX {
        medium_64(bytes, seed)
    } else {
        long_64(bytes, seed)
    }
}

/// The 128-bit XXH3 of `bytes`: `low64` of the specification in the low half. Its canonical form is big-endian
/// (`to_be_bytes`). The seed of whoever has none is 0.
#[must_use]
#[inline(always)]
pub fn xxh3_128(bytes: &[u8], seed: u64) -> u128 {
    if bytes.len() <= SHORT_BYTES_MAX {
        short_128(bytes, seed)
    } else if bytes.len() <= MEDIUM_BYTES_MAX {
        medium_128(bytes, seed)
    } else {
        long_128(bytes, seed)
    }
}

/// The path that [`xxh3_64`] and the others take on this machine.
#[must_use]
pub fn xxh3_path() -> Path {
    Engine::best().path()
}

/// [`xxh3_64`] on `path`; `None` if this machine lacks it. For tests and measurements.
#[must_use]
#[inline]
pub fn xxh3_64_on(path: Path, bytes: &[u8], seed: u64) -> Option<u64> {
    let engine = Engine::on(path)?;
    Some(if bytes.len() <= MEDIUM_BYTES_MAX {
        small_64(bytes, seed)
    } else {
        long_64_on(engine, bytes, seed)
    })
}

/// [`xxh3_128`] on `path`; `None` if this machine lacks it. For tests and measurements.
#[must_use]
#[inline]
pub fn xxh3_128_on(path: Path, bytes: &[u8], seed: u64) -> Option<u128> {
    let engine = Engine::on(path)?;
    Some(if bytes.len() <= MEDIUM_BYTES_MAX {
        small_128(bytes, seed)
    } else {
        long_128_on(engine, bytes, seed)
    })
}

#[inline(always)]
fn small_64(bytes: &[u8], seed: u64) -> u64 {
    if bytes.len() <= SHORT_BYTES_MAX {
        short_64(bytes, seed)
    } else {
        medium_64(bytes, seed)
    }
}

#[inline(always)]
fn small_128(bytes: &[u8], seed: u64) -> u128 {
    if bytes.len() <= SHORT_BYTES_MAX {
        short_128(bytes, seed)
    } else {
        medium_128(bytes, seed)
    }
}

// Not inlined: a short input shall not pay for a frame that holds a secret.
#[inline(never)]
fn long_64(bytes: &[u8], seed: u64) -> u64 {
    long_64_on(Engine::best(), bytes, seed)
}

#[inline(never)]
fn long_128(bytes: &[u8], seed: u64) -> u128 {
    long_128_on(Engine::best(), bytes, seed)
}

#[inline(always)]
fn long_64_on(engine: Engine, bytes: &[u8], seed: u64) -> u64 {
    if seed == 0 {
        digest_64(engine, bytes, Source::stored(&SECRET))
    } else if engine.derives_in_registers(bytes.len()) {
        digest_64(engine, bytes, Source::derived(seed))
    } else {
        digest_64(engine, bytes, Source::stored(&Secret::of_seed(seed)))
    }
}

#[inline(always)]
fn long_128_on(engine: Engine, bytes: &[u8], seed: u64) -> u128 {
    if seed == 0 {
        digest_128(engine, bytes, Source::stored(&SECRET))
    } else if engine.derives_in_registers(bytes.len()) {
        digest_128(engine, bytes, Source::derived(seed))
    } else {
        digest_128(engine, bytes, Source::stored(&Secret::of_seed(seed)))
    }
}

#[inline(always)]
fn digest_64<const SEEDED: bool>(engine: Engine, bytes: &[u8], source: Source<SEEDED>) -> u64 {
    engine.whole(bytes, source).digest_64(bytes.len() as u64, source)
}

#[inline(always)]
fn digest_128<const SEEDED: bool>(engine: Engine, bytes: &[u8], source: Source<SEEDED>) -> u128 {
    engine.whole(bytes, source).digest_128(bytes.len() as u64, source)
}

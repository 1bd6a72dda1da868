//! XXH3 of bytes that come in parts: the same hash as of all of them at once, wherever they are cut. Allocates nothing.

use super::dispatch::Engine;
use super::long::{Lanes, BLOCK_BYTES, STRIPE_BYTES};
use super::secret::{Secret, Source, SECRET};
use super::{small_128, small_64, MEDIUM_BYTES_MAX};
use crate::Path;

/// ```text
/// buffer   [64: the bytes before][1,024: what is not hashed yet]
///                                 └── buffered ──┘
/// ```
/// A full block is hashed only when more follows, because the last one is not scrambled; the 64 bytes before are there because
/// the last stripe of all input may reach back.
const BUFFER_BYTES: usize = STRIPE_BYTES + BLOCK_BYTES;

/// XXH3 of bytes that come in parts, 64 and 128 bits. About 1.4 KiB; nothing is allocated.
///
/// ```
/// use rafterdb_hash::{xxh3_64, Xxh3};
/// let mut hash = Xxh3::new(7);
/// hash.update(b"one ");
/// hash.update(b"two");
/// assert_eq!(hash.digest_64(), xxh3_64(b"one two", 7));
/// ```
#[derive(Clone)]
#[repr(C, align(64))]
pub struct Xxh3 {
    lanes: Lanes,
    secret: Secret,
    buffer: [u8; BUFFER_BYTES],
    /// At most 1,024, and 0 only while there has been no input.
    buffered: usize,
    length: u64,
    seed: u64,
    engine: Engine,
}

impl Xxh3 {
    /// No bytes yet, on the best path of this machine; the seed of whoever has none is 0.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::with(Engine::best(), seed)
    }

    /// As [`new`](Self::new) on `path`; `None` if this machine lacks it. For tests and measurements.
    #[must_use]
    pub fn on(path: Path, seed: u64) -> Option<Self> {
        Some(Self::with(Engine::on(path)?, seed))
    }

    fn with(engine: Engine, seed: u64) -> Self {
        Self {
            lanes: Lanes::START,
            secret: if seed == 0 {
                SECRET.clone()
            } else {
                Secret::of_seed(seed)
            },
            buffer: [0; BUFFER_BYTES],
            buffered: 0,
            length: 0,
            seed,
            engine,
        }
    }

    /// Forgets all bytes and keeps the seed.
    pub fn reset(&mut self) {
        self.lanes = Lanes::START;
        self.buffered = 0;
        self.length = 0;
    }

    /// Appends `bytes`.
    pub fn update(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        if bytes.len() <= BLOCK_BYTES - self.buffered {
            self.keep(bytes);
            return;
        }
        let mut rest = bytes;
        if self.buffered > 0 {
            let (head, after) = rest.split_at(BLOCK_BYTES - self.buffered);
            self.keep(head);
            self.lanes = self
                .engine
                .blocks(&self.lanes, &self.buffer[STRIPE_BYTES..], &self.secret);
            self.buffer.copy_within(BLOCK_BYTES.., 0);
            self.buffered = 0;
            rest = after;
        }
        // Something stays, so that what is hashed here is never the last block.
        let whole = (rest.len() - 1) / BLOCK_BYTES * BLOCK_BYTES;
        if whole > 0 {
            let (blocks, after) = rest.split_at(whole);
            self.lanes = self.engine.blocks(&self.lanes, blocks, &self.secret);
            self.buffer[..STRIPE_BYTES].copy_from_slice(&blocks[whole - STRIPE_BYTES..]);
            rest = after;
        }
        self.keep(rest);
    }

    /// The 64-bit hash of all bytes so far; more may follow.
    #[must_use]
    pub fn digest_64(&self) -> u64 {
        match self.small() {
            Some(bytes) => small_64(bytes, self.seed),
            None => self.finished().digest_64(self.length, Source::stored(&self.secret)),
        }
    }

    /// The 128-bit hash of all bytes so far, as [`xxh3_128`](crate::xxh3_128) gives it; more may follow.
    #[must_use]
    pub fn digest_128(&self) -> u128 {
        match self.small() {
            Some(bytes) => small_128(bytes, self.seed),
            None => self.finished().digest_128(self.length, Source::stored(&self.secret)),
        }
    }

    /// There is room for `bytes`.
    fn keep(&mut self, bytes: &[u8]) {
        let at = STRIPE_BYTES + self.buffered;
        self.buffer[at..at + bytes.len()].copy_from_slice(bytes);
        self.buffered += bytes.len();
    }

    /// All bytes so far, if they are too few for a kernel.
    fn small(&self) -> Option<&[u8]> {
        (self.length <= MEDIUM_BYTES_MAX as u64).then(|| &self.buffer[STRIPE_BYTES..STRIPE_BYTES + self.buffered])
    }

    fn finished(&self) -> Lanes {
        self.engine
            .tail(&self.lanes, &self.buffer[..STRIPE_BYTES + self.buffered], &self.secret)
    }
}

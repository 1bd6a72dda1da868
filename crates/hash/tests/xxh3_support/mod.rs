//! What the tests of XXH3 share: bytes to hash, and the one checker that compares two ways to hash them.
#![allow(dead_code, reason = "each test uses a part of it")]

use rafterdb_hash::{xxh3_128_on, xxh3_64_on, Path};

/// The seeds that every comparison runs with.
pub const SEEDS: [u64; 4] = [0, 1, 0x9e37_79b1_85eb_ca8d, u64::MAX];

/// Both widths of one input, so that one comparison covers both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashes(pub u64, pub u128);

/// Hashes of `bytes` on `path`, which this machine has.
pub fn hashes_on(path: Path, bytes: &[u8], seed: u64) -> Hashes {
    Hashes(
        xxh3_64_on(path, bytes, seed).expect("the machine has it"),
        xxh3_128_on(path, bytes, seed).expect("the machine has it"),
    )
}

/// The paths that this machine has.
pub fn paths() -> Vec<Path> {
    let mut paths = Path::ALL.to_vec();
    paths.retain(|path| xxh3_64_on(*path, b"", 0).is_some());
    paths
}

/// The first of `cases` (offset, length, seed) in `bytes` for which the two ways differ.
pub fn first_difference(
    bytes: &[u8],
    mut cases: impl Iterator<Item = (usize, usize, u64)>,
    expected: impl Fn(&[u8], u64) -> Hashes,
    hashes: impl Fn(&[u8], u64) -> Hashes,
) -> Option<(usize, usize, u64)> {
    cases.find(|&(offset, length, seed)| {
        let part = &bytes[offset..offset + length];
        hashes(part, seed) != expected(part, seed)
    })
}

/// SplitMix64 (Steele, Lea, Flood 2014).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }
}

//! Inputs for the tests, made from a seed: text that compresses, bytes that do not, records that have much in common.

#![allow(dead_code)] // Each test file uses some of it.
#![allow(clippy::unwrap_used)] // A test fails by panicking.

use std::sync::Arc;

use rafterdb_compress::{Algorithm, Compressor, Decompressor, Dictionary, Options};

pub const ALGORITHMS: [Algorithm; 3] = [Algorithm::Lz4, Algorithm::Zstd, Algorithm::Gzip];

/// SplitMix64 (Steele, Lea, Flood 2014).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

/// Bytes that no algorithm makes smaller.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut random = Random::new(seed);
    (0..length).map(|_| random.next() as u8).collect()
}

/// Words in random order; compresses to about a third.
pub fn text(seed: u64, length: usize) -> Vec<u8> {
    const WORDS: [&str; 12] = [
        "Package: ",
        "Version: ",
        "library ",
        "amd64\n",
        "Depends: ",
        "lib",
        "-dev",
        "(>= 2.34), ",
        "0.1",
        "and ",
        "x",
        "\n",
    ];
    let mut random = Random::new(seed);
    let mut bytes = Vec::new();
    while bytes.len() < length {
        bytes.extend_from_slice(WORDS[random.below(WORDS.len())].as_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// A small record like many others.
pub fn record(seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    format!(
        r#"{{"account":"customer-{:08}","state":"{}","balance":{{"currency":"EUR","amount":{}}},"address":{{"city":"{}","country":"Portugal"}}}}"#,
        random.below(100_000_000),
        ["active", "suspended", "closed"][random.below(3)],
        random.below(1_000_000),
        ["Lisboa", "Porto", "Braga", "Coimbra"][random.below(4)],
    )
    .into_bytes()
}

/// A dictionary trained with such records.
pub fn trained() -> Arc<Dictionary> {
    let samples: Vec<Vec<u8>> = (0..2_000).map(record).collect();
    Arc::new(Dictionary::train(&samples, 4 * 1024).unwrap())
}

/// Options that keep whatever is smaller, of any size.
pub fn eager(algorithm: Algorithm, dictionary: Option<Arc<Dictionary>>) -> Options {
    Options {
        min_bytes: 0,
        ratio_max: 1.0,
        adaptive: false,
        dictionary,
        ..Options::new(algorithm)
    }
}

/// Compresses one input with a new compressor.
pub fn compress(options: &Options, input: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Compressor::new(options).unwrap().compress_to(input, &mut out);
    out
}

/// A decompressor that knows the dictionary.
pub fn decompressor(dictionary: Option<&Arc<Dictionary>>) -> Decompressor {
    let mut decompressor = Decompressor::new();
    if let Some(dictionary) = dictionary {
        decompressor.add_dictionary(Arc::clone(dictionary)).unwrap();
    }
    decompressor
}

pub fn from_env(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

//! Inputs for the codec's tests: valid messages of every layout, and how many of them a run takes. Knows only the encoders.
#![allow(dead_code)] // Each test file uses a part of it.
#![allow(clippy::unwrap_used)] // A test fails by panicking.

pub mod messages;
pub mod mutations;
pub mod operations;
pub mod stored;

use proptest::test_runner::{Config, RngAlgorithm, RngSeed};

fn from_env(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

/// `RAFTERDB_FUZZ_CASES` cases, or else `cases`, from a seed that is printed.
pub fn config(cases: u32) -> Config {
    let cases = from_env("RAFTERDB_FUZZ_CASES").map_or(cases, |cases| cases as u32);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let seed = from_env("RAFTERDB_SEED").unwrap_or(now.unwrap().as_nanos() as u64);
    println!("{cases} cases, RAFTERDB_SEED={seed} repeats them");
    Config {
        cases,
        failure_persistence: None,
        rng_algorithm: RngAlgorithm::XorShift,
        rng_seed: RngSeed::Fixed(seed),
        ..Config::default()
    }
}

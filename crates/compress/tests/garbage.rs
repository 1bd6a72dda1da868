//! Goal: whatever bytes come in, decompressing neither panics nor writes more than was declared and allowed.
//! `RAFTERDB_FUZZ_CASES` sets the number of inputs (default 10,000), `RAFTERDB_SEED` repeats a failure.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod samples;

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;

use rafterdb_compress::{original_length, Algorithm, Decompressor, Dictionary, Options};
use samples::{compress, eager, noise, record, text, Random, ALGORITHMS};

const MAX: usize = 100_000;

/// Decompresses both ways; panics where a promise is broken.
fn decompress(decompressor: &mut Decompressor, input: &[u8]) {
    let mut out = Vec::new();
    match decompressor.decompress_to(input, &mut out, MAX) {
        Ok(bytes) => assert!(bytes == out.len() && bytes <= MAX && Ok(bytes) == original_length(input)),
        Err(_) => assert!(out.is_empty()),
    }
    let mut slice = vec![0xa5; MAX + 64];
    let _ = decompressor.decompress_into(input, &mut slice[..MAX]);
    assert!(slice[MAX..].iter().all(|byte| *byte == 0xa5));
}

/// The first input that breaks `decompress`.
fn first_failure(
    seed: u64,
    cases: u64,
    sources: &[Vec<u8>],
    mut decompress: impl FnMut(&[u8]),
) -> Option<(u64, Vec<u8>)> {
    let mut random = Random::new(seed);
    (0..cases).find_map(|case| {
        let input = random_input(&mut random, sources);
        let failed = catch_unwind(AssertUnwindSafe(|| decompress(&input))).is_err();
        failed.then_some((case, input))
    })
}

/// A quarter is noise behind a valid flag, the rest real inputs with some bytes changed, moved, cut off or appended.
fn random_input(random: &mut Random, sources: &[Vec<u8>]) -> Vec<u8> {
    if random.below(4) == 0 {
        let mut input = noise(random.next(), random.below(200));
        if let Some(flag) = input.first_mut() {
            *flag = [0, 1, 2, 3, 0x81, 0x82][random.below(6)];
        }
        if input.len() > 4 {
            input[2..5].copy_from_slice(&[random.below(32) as u8, 0, 0]);
        }
        return input;
    }
    let mut input = sources[random.below(sources.len())].clone();
    for _ in 0..=random.below(4) {
        // Most damage hits the begin, where the headers are.
        let bound = if random.below(2) == 0 {
            32.min(input.len())
        } else {
            input.len()
        };
        let at = random.below(bound);
        match random.below(4) {
            0 => input[at] = random.next() as u8,
            1 => input[at] ^= 1 << random.below(8),
            2 => input[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5)],
            _ => input.swap(at, bound - 1),
        }
    }
    match random.below(8) {
        0 => input.truncate(random.below(input.len())),
        1 => input.extend(noise(random.next(), 5)),
        2 => input.extend(sources[random.below(sources.len())].iter().skip(5)),
        _ => {}
    }
    input
}

/// Real inputs of every kind, and the dictionary of some.
fn sources() -> (Vec<Vec<u8>>, Arc<Dictionary>) {
    let dictionary = Arc::new(Dictionary::new(text(3, 2_000)).unwrap());
    let mut kinds: Vec<Options> = ALGORITHMS.map(|algorithm| eager(algorithm, None)).into();
    kinds.extend([Algorithm::Lz4, Algorithm::Zstd].map(|algorithm| eager(algorithm, Some(Arc::clone(&dictionary)))));
    let originals = [
        text(1, 100),
        text(2, 1_000),
        record(1),
        text(4, 20_000),
        vec![7; 40_000],
    ];
    let sources = kinds
        .iter()
        .flat_map(|options| originals.each_ref().map(|original| compress(options, original)));
    (sources.collect(), dictionary)
}

#[test]
fn garbage_never_panics() {
    let cases = samples::from_env("RAFTERDB_FUZZ_CASES", 10_000);
    let seed = samples::from_env("RAFTERDB_SEED", std::process::id().into());
    println!("seed {seed}, {cases} inputs");
    let (sources, dictionary) = sources();
    let mut decompressor = samples::decompressor(Some(&dictionary));
    let failure = first_failure(seed, cases, &sources, |input| decompress(&mut decompressor, input));
    assert!(failure.is_none(), "seed {seed}: {failure:?}");
    for source in &sources {
        decompressor.decompress_to(source, &mut Vec::new(), MAX).unwrap();
    }
}

#[test]
fn canary_a_decoder_that_believes_a_length_is_caught() {
    let (sources, _) = sources();
    let believes = |input: &[u8]| {
        if let Some(length) = input.get(1..5) {
            let length = u32::from_le_bytes(length.try_into().unwrap()) as usize;
            assert!(length <= MAX, "it would allocate {length} bytes");
        }
    };
    assert!(first_failure(1, 1_000, &sources, believes).is_some());
}

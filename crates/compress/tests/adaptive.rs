//! Goal: a stream that does not compress costs few tries, one that compresses again is compressed again, and the same
//! inputs always make the same bytes.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod samples;

use rafterdb_compress::{Algorithm, Compressor, Options, OutcomeKind};
use samples::{noise, text, ALGORITHMS};

fn kinds(compressor: &mut Compressor, input: &[u8], times: usize) -> Vec<OutcomeKind> {
    (0..times)
        .map(|_| compressor.compress_to(input, &mut Vec::new()).kind)
        .collect()
}

/// How many inputs were skipped before each try.
fn skips(kinds: &[OutcomeKind]) -> Vec<usize> {
    let runs = kinds.split(|kind| *kind == OutcomeKind::Incompressible);
    runs.map(|run| run.iter().filter(|kind| **kind == OutcomeKind::Skipped).count())
        .collect()
}

#[test]
fn tries_become_rare_while_nothing_compresses() {
    for algorithm in ALGORITHMS {
        let mut compressor = Compressor::new(&Options::new(algorithm)).unwrap();
        let kinds = kinds(&mut compressor, &noise(1, 1_000), 1_000);
        assert_eq!(
            skips(&kinds)[..13],
            [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 64, 64],
            "{algorithm:?}"
        );
    }
}

#[test]
fn one_that_compresses_ends_the_skipping() {
    let mut compressor = Compressor::new(&Options::new(Algorithm::Lz4)).unwrap();
    kinds(&mut compressor, &noise(1, 1_000), 1_000);
    let after = kinds(&mut compressor, &text(1, 1_000), 200);
    let first = after.iter().position(|kind| *kind == OutcomeKind::Compressed).unwrap();
    assert!(first <= 64);
    assert!(after[first..].iter().all(|kind| *kind == OutcomeKind::Compressed));
    assert_eq!(
        skips(&kinds(&mut compressor, &noise(1, 1_000), 6))[..5],
        [0, 0, 0, 0, 1],
        "it begins anew"
    );
}

#[test]
fn a_mixed_stream_is_tried_always() {
    let mut compressor = Compressor::new(&Options::new(Algorithm::Zstd)).unwrap();
    for round in 0..100 {
        let noise = kinds(&mut compressor, &noise(round, 1_000), 3);
        assert_eq!(noise, [OutcomeKind::Incompressible; 3]);
        assert_eq!(
            kinds(&mut compressor, &text(round, 1_000), 1),
            [OutcomeKind::Compressed]
        );
    }
}

#[test]
fn inputs_out_of_bounds_do_not_count() {
    let mut compressor = Compressor::new(&Options::new(Algorithm::Lz4)).unwrap();
    kinds(&mut compressor, &noise(1, 1_000), 4);
    assert_eq!(kinds(&mut compressor, b"short", 100), [OutcomeKind::OutOfBounds; 100]);
    assert_eq!(
        kinds(&mut compressor, &noise(1, 1_000), 1),
        [OutcomeKind::Skipped],
        "the skip is still due"
    );
}

#[test]
fn a_refused_call_does_not_count() {
    let mut compressor = Compressor::new(&Options::new(Algorithm::Lz4)).unwrap();
    let input = noise(1, 1_000);
    for _ in 0..100 {
        let error = compressor.compress_into(&input, &mut [0; 1_000]).unwrap_err();
        assert_eq!(error.code(), "OUTPUT_TOO_SMALL");
    }
    assert_eq!(kinds(&mut compressor, &input, 4), [OutcomeKind::Incompressible; 4]);
}

#[test]
fn without_it_every_input_is_tried() {
    let mut options = Options::new(Algorithm::Lz4);
    options.adaptive = false;
    let mut compressor = Compressor::new(&options).unwrap();
    assert_eq!(
        kinds(&mut compressor, &noise(1, 1_000), 100),
        [OutcomeKind::Incompressible; 100]
    );
}

#[test]
fn the_same_inputs_make_the_same_bytes() {
    for algorithm in ALGORITHMS {
        let stream = || {
            let mut compressor = Compressor::new(&Options::new(algorithm)).unwrap();
            let mut random = samples::Random::new(7);
            let mut out = Vec::new();
            for seed in 0..500 {
                let length = random.below(5_000);
                let input = if random.below(10) > 0 {
                    noise(seed, length)
                } else {
                    text(seed, length)
                };
                compressor.compress_to(&input, &mut out);
            }
            out
        };
        assert!(stream() == stream(), "{algorithm:?}");
    }
}

#[test]
fn an_input_compresses_the_same_whatever_came_before() {
    for algorithm in ALGORITHMS {
        let options = samples::eager(algorithm, None);
        let mut compressor = Compressor::new(&options).unwrap();
        for seed in 0..50 {
            compressor.compress_to(&noise(seed, 3_000), &mut Vec::new());
            compressor.compress_to(&text(seed, 100_000), &mut Vec::new());
            let (input, mut out) = (text(seed + 1, 2_000), Vec::new());
            compressor.compress_to(&input, &mut out);
            assert_eq!(out, samples::compress(&options, &input), "{algorithm:?}");
        }
    }
}

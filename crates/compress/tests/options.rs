//! Goal: options out of their ranges are errors that say the range, and those in range do what they say.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod samples;

use rafterdb_compress::{Compressor, Options, OutcomeKind};
use samples::{noise, text, ALGORITHMS};

#[test]
fn levels_out_of_range_are_errors() {
    for algorithm in ALGORITHMS {
        let with = |level| Options {
            level: Some(level),
            ..Options::new(algorithm)
        };
        for level in algorithm.levels() {
            Compressor::new(&with(level)).unwrap();
        }
        for level in [0, algorithm.levels().end() + 1, 255] {
            let error = Compressor::new(&with(level)).err().unwrap();
            assert_eq!(error.code(), "INVALID_OPTION");
            assert!(error.to_string().contains(algorithm.name()), "{error}");
        }
        assert!(algorithm.levels().contains(&algorithm.default_level()));
    }
}

#[test]
fn ratios_out_of_range_are_errors() {
    for ratio_max in [0.0, -0.5, 1.000_001, f64::NAN, f64::INFINITY] {
        let options = Options {
            ratio_max,
            ..Options::new(ALGORITHMS[0])
        };
        assert_eq!(Compressor::new(&options).err().unwrap().code(), "INVALID_OPTION");
    }
}

#[test]
fn higher_levels_save_more() {
    for algorithm in &ALGORITHMS[1..] {
        let packed = |level| {
            let options = Options {
                level: Some(level),
                ..Options::new(*algorithm)
            };
            samples::compress(&options, &text(1, 50_000)).len()
        };
        assert!(packed(*algorithm.levels().end()) < packed(1), "{algorithm:?}");
    }
}

#[test]
fn inputs_below_the_bound_are_stored() {
    for algorithm in ALGORITHMS {
        let mut compressor = Compressor::new(&Options {
            min_bytes: 300,
            ..Options::new(algorithm)
        })
        .unwrap();
        let mut kind = |length| compressor.compress_to(&text(1, length), &mut Vec::new()).kind;
        assert_eq!(
            (kind(299), kind(300)),
            (OutcomeKind::OutOfBounds, OutcomeKind::Compressed)
        );
    }
}

#[test]
fn only_what_saves_enough_is_kept() {
    for algorithm in ALGORITHMS {
        // Half of it compresses to little, so that the whole comes to something above one half.
        let input = [noise(1, 2_000), vec![0; 2_000]].concat();
        let with = |ratio_max| {
            let options = Options {
                ratio_max,
                ..Options::new(algorithm)
            };
            Compressor::new(&options).unwrap().compress_to(&input, &mut Vec::new())
        };
        let loose = with(0.6);
        assert_eq!(loose.kind, OutcomeKind::Compressed);
        let share = |bytes: f64| bytes / input.len() as f64;
        assert_eq!(with(share(loose.bytes as f64 + 0.5)), loose);
        assert_eq!(
            with(share(loose.bytes as f64 - 0.5)).kind,
            OutcomeKind::Incompressible,
            "{algorithm:?}"
        );
    }
}

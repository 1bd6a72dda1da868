//! Goal: whatever the input and the options, decompressing gives the input back, through both ways of either side,
//! and the output never has more than one byte more than the input.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod samples;

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use rafterdb_compress::{
    max_compressed_size, original_length, Algorithm, Compressor, Decompressor, Dictionary, Options, OutcomeKind,
};
use samples::{decompressor, noise, record, text, trained, ALGORITHMS};

static TRAINED: LazyLock<Arc<Dictionary>> = LazyLock::new(trained);
/// Longer than what LZ4 takes from the end.
static RAW: LazyLock<Arc<Dictionary>> = LazyLock::new(|| Arc::new(Dictionary::new(text(5, 70_000)).unwrap()));

/// What does not fit about one input's way there and back.
fn check(compressor: &mut Compressor, decompressor: &mut Decompressor, input: &[u8]) -> Result<OutcomeKind, String> {
    let mut packed = b"before".to_vec();
    let outcome = compressor.compress_to(input, &mut packed);
    if outcome.bytes != packed.len() - 6 || outcome.bytes > max_compressed_size(input.len()) {
        return Err(format!(
            "{outcome:?} of {} bytes wrote {}",
            input.len(),
            packed.len() - 6
        ));
    }
    check_unpacked(decompressor, &packed[6..], input)?;
    Ok(outcome.kind)
}

fn check_unpacked(decompressor: &mut Decompressor, packed: &[u8], input: &[u8]) -> Result<(), String> {
    if original_length(packed) != Ok(input.len()) {
        return Err(format!("{:?} instead of {}", original_length(packed), input.len()));
    }
    let mut out = b"before".to_vec();
    let bytes = decompressor.decompress_to(packed, &mut out, input.len());
    if bytes != Ok(input.len()) || out[..6] != *b"before" || out[6..] != *input {
        return Err(format!("decompress_to: {bytes:?}"));
    }
    let mut slice = vec![7; input.len() + 3];
    let bytes = decompressor.decompress_into(packed, &mut slice);
    if bytes != Ok(input.len()) || slice[..input.len()] != *input || slice[input.len()..] != [7; 3] {
        return Err(format!("decompress_into: {bytes:?}"));
    }
    Ok(())
}

fn inputs() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        (any::<u64>(), 0..3_000usize).prop_map(|(seed, length)| text(seed, length)),
        (any::<u64>(), 0..3_000usize).prop_map(|(seed, length)| noise(seed, length)),
        (any::<u8>(), 0..3_000usize).prop_map(|(byte, length)| vec![byte; length]),
        any::<u64>().prop_map(record),
        prop::collection::vec(any::<u8>(), 0..40),
    ];
    prop::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

fn options() -> impl Strategy<Value = Options> {
    let sizes = prop_oneof![Just(0usize), Just(64), Just(256), Just(5_000)];
    let ratios = prop_oneof![Just(1.0), Just(0.9), Just(0.25)];
    (
        0..3usize,
        any::<prop::sample::Index>(),
        0..3,
        sizes,
        ratios,
        any::<bool>(),
    )
        .prop_map(|(algorithm, level, dictionary, min_bytes, ratio_max, adaptive)| {
            let algorithm = ALGORITHMS[algorithm];
            let levels: Vec<u8> = algorithm.levels().collect();
            let dictionary = match dictionary {
                1 if algorithm != Algorithm::Gzip => Some(Arc::clone(&TRAINED)),
                2 if algorithm != Algorithm::Gzip => Some(Arc::clone(&RAW)),
                _ => None,
            };
            Options {
                algorithm,
                level: Some(levels[level.index(levels.len())]),
                min_bytes,
                ratio_max,
                adaptive,
                dictionary,
            }
        })
}

proptest! {
    #[test]
    fn every_stream_comes_back(options in options(), inputs in prop::collection::vec(inputs(), 1..12)) {
        let mut compressor = Compressor::new(&options).unwrap();
        let mut decompressor = decompressor(options.dictionary.as_ref());
        for input in &inputs {
            let kind = check(&mut compressor, &mut decompressor, input).map_err(TestCaseError::fail)?;
            prop_assert!(kind != OutcomeKind::Compressed || input.len() >= options.min_bytes);
        }
    }

    #[test]
    fn both_ways_to_compress_write_the_same(options in options(), inputs in prop::collection::vec(inputs(), 1..12)) {
        let mut to_vec = Compressor::new(&options).unwrap();
        let mut to_slice = Compressor::new(&options).unwrap();
        for input in &inputs {
            let mut packed = Vec::new();
            let outcome = to_vec.compress_to(input, &mut packed);
            let mut slice = vec![9; max_compressed_size(input.len()) + 2];
            prop_assert_eq!(to_slice.compress_into(input, &mut slice), Ok(outcome));
            prop_assert_eq!(&slice[..outcome.bytes], &packed[..]);
            prop_assert!(slice[outcome.bytes..].iter().all(|byte| *byte == 9));
        }
    }
}

#[test]
fn sizes_around_every_bound_come_back() {
    let mut decompressor = decompressor(Some(&TRAINED));
    for algorithm in ALGORITHMS {
        let dictionary = (algorithm != Algorithm::Gzip).then(|| Arc::clone(&TRAINED));
        for dictionary in [None, dictionary] {
            let mut compressor = Compressor::new(&samples::eager(algorithm, dictionary)).unwrap();
            let bounds = [
                0,
                1,
                5,
                12,
                13,
                64,
                256,
                32_768,
                65_534,
                65_535,
                65_536,
                131_072,
                5 << 20,
            ];
            for length in bounds
                .into_iter()
                .flat_map(|bound: usize| bound.saturating_sub(1)..=bound + 1)
            {
                let kind = check(&mut compressor, &mut decompressor, &text(1, length)).unwrap();
                assert!(
                    kind == OutcomeKind::Compressed || length < 200,
                    "{algorithm:?} {length} {kind:?}"
                );
            }
        }
    }
}

#[test]
fn canary_a_byte_that_differs_is_caught() {
    let input = text(1, 1_000);
    for algorithm in ALGORITHMS {
        let packed = samples::compress(&Options::new(algorithm), &input);
        let mut other = input.clone();
        other[500] ^= 1;
        assert_eq!(check_unpacked(&mut Decompressor::new(), &packed, &input), Ok(()));
        assert!(check_unpacked(&mut Decompressor::new(), &packed, &other).is_err());
    }
}

#[test]
fn both_sides_move_between_threads() {
    for algorithm in ALGORITHMS {
        let mut compressor = Compressor::new(&Options::new(algorithm)).unwrap();
        let mut decompressor = Decompressor::new();
        check(&mut compressor, &mut decompressor, &text(1, 1_000)).unwrap();
        let there = std::thread::spawn(move || check(&mut compressor, &mut decompressor, &text(2, 1_000)));
        assert_eq!(there.join().unwrap(), Ok(OutcomeKind::Compressed), "{algorithm:?}");
    }
}

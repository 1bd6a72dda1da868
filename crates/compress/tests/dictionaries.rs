//! Goal: a dictionary makes small records smaller, a missing one is an error that names it, and what is no dictionary
//! is refused when it is made.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod samples;

use std::sync::Arc;

use rafterdb_compress::{
    Algorithm, CompressError, Compressor, Decompressor, Dictionary, Options, DICTIONARY_BYTES_MAX,
};
use samples::{compress, decompressor, eager, record, text, trained};

#[test]
fn small_records_become_much_smaller_with_one() {
    for (algorithm, share) in [(Algorithm::Lz4, 0.7), (Algorithm::Zstd, 0.5)] {
        let (mut plain, mut with) = (0, 0);
        let mut compressor = Compressor::new(&Options::with_dictionary(algorithm, trained())).unwrap();
        for seed in 1_000_000..1_000_200 {
            plain += compress(&eager(algorithm, None), &record(seed)).len();
            with += compressor.compress_to(&record(seed), &mut Vec::new()).bytes;
        }
        println!("{algorithm:?}: {plain} bytes without, {with} with a dictionary");
        assert!((with as f64) < plain as f64 * share, "{algorithm:?}: {plain} {with}");
    }
}

#[test]
fn a_missing_dictionary_is_named() {
    let (mine, other) = (trained(), Arc::new(Dictionary::new(text(1, 500)).unwrap()));
    for algorithm in [Algorithm::Lz4, Algorithm::Zstd] {
        let packed = compress(&eager(algorithm, Some(Arc::clone(&mine))), &record(1));
        for mut wrong in [Decompressor::new(), decompressor(Some(&other))] {
            let error = wrong.decompress_to(&packed, &mut Vec::new(), 1_000).unwrap_err();
            assert_eq!(error, CompressError::DictionaryMissing { id: mine.id() });
            assert!(error.to_string().contains(&format!("{:08x}", mine.id())));
        }
    }
}

#[test]
fn a_decompressor_finds_the_right_one_of_several() {
    let several: Vec<_> = (1..5)
        .map(|seed| Arc::new(Dictionary::new(text(seed, 500)).unwrap()))
        .collect();
    let mut decompressor = Decompressor::new();
    for dictionary in several.iter().chain(&several) {
        decompressor.add_dictionary(Arc::clone(dictionary)).unwrap();
    }
    for dictionary in &several {
        let packed = compress(&eager(Algorithm::Zstd, Some(Arc::clone(dictionary))), &text(3, 300));
        let mut out = Vec::new();
        decompressor.decompress_to(&packed, &mut out, 300).unwrap();
        assert_eq!(out, text(3, 300));
    }
}

#[test]
fn another_dictionary_with_the_same_id_is_refused() {
    let first = b"plumless".to_vec();
    let second = b"buckeroo".to_vec(); // These two words are known to have the same CRC-32.
    let mut decompressor = decompressor(Some(&Arc::new(Dictionary::new(first).unwrap())));
    let error = decompressor
        .add_dictionary(Arc::new(Dictionary::new(second).unwrap()))
        .unwrap_err();
    assert_eq!(error.code(), "DICTIONARY_INVALID");
}

#[test]
fn gzip_takes_none() {
    let error = Compressor::new(&eager(Algorithm::Gzip, Some(trained()))).err().unwrap();
    assert_eq!(
        error,
        CompressError::DictionaryUnsupported {
            algorithm: Algorithm::Gzip
        }
    );
}

#[test]
fn what_is_no_dictionary_is_refused() {
    let damaged = [&[0x37, 0xa4, 0x30, 0xec, 1, 0, 0, 0][..], &[0xff; 500]].concat();
    for bytes in [vec![], vec![1; 7], damaged, vec![0; DICTIONARY_BYTES_MAX + 1]] {
        assert_eq!(Dictionary::new(bytes).err().unwrap().code(), "DICTIONARY_INVALID");
    }
    Dictionary::new(vec![1; 8]).unwrap();
    Dictionary::new(vec![0; DICTIONARY_BYTES_MAX]).unwrap();
}

#[test]
fn every_truncation_of_a_trained_one_is_refused_or_works() {
    let whole = trained();
    for end in 0..whole.bytes().len().min(600) {
        if let Ok(dictionary) = Dictionary::new(&whole.bytes()[..end]) {
            let dictionary = Arc::new(dictionary);
            let Ok(mut compressor) = Compressor::new(&eager(Algorithm::Zstd, Some(Arc::clone(&dictionary)))) else {
                continue;
            };
            let (mut packed, mut out) = (Vec::new(), Vec::new());
            compressor.compress_to(&record(1), &mut packed);
            decompressor(Some(&dictionary))
                .decompress_to(&packed, &mut out, 1_000)
                .unwrap();
            assert_eq!(out, record(1));
        }
    }
}

#[test]
fn training_is_repeatable_and_refuses_poor_samples() {
    let (one, two) = (trained(), trained());
    assert_eq!((one.id(), one.bytes()), (two.id(), two.bytes()));
    assert_eq!(Dictionary::new(one.bytes()).unwrap().id(), one.id());
    assert!(one.bytes().len() <= 4 * 1024);

    let none: [&[u8]; 0] = [];
    assert_eq!(
        Dictionary::train(&none, 4_096).err().unwrap().code(),
        "DICTIONARY_INVALID"
    );
    for samples in [
        vec![vec![]; 100],
        vec![vec![1]; 100],
        vec![vec![2; 3]; 7],
        vec![text(1, 1_000)],
    ] {
        if let Err(error) = Dictionary::train(&samples, 4_096) {
            assert_eq!(error.code(), "DICTIONARY_INVALID");
        }
    }
    let samples: Vec<Vec<u8>> = (0..500).map(record).collect();
    for max_bytes in [0, 1, 255] {
        assert_eq!(
            Dictionary::train(&samples, max_bytes).err().unwrap().code(),
            "DICTIONARY_INVALID"
        );
    }
    Dictionary::train(&samples, usize::MAX).unwrap();
}

//! Goal: every truncation and every damaged byte of a small input is an error or decodes to the declared length;
//! gzip, which carries a checksum, gives an error or the original. Bytes after the end are errors.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod samples;

use std::sync::Arc;

use rafterdb_compress::{original_length, Algorithm, CompressError, Decompressor, Dictionary, Options};
use samples::{compress, decompressor, eager, record, text, trained, ALGORITHMS};

const MAX: usize = 4_096;

/// Every kind of compressed input, with its original.
fn inputs() -> Vec<(Options, Vec<u8>, Vec<u8>)> {
    let raw = Arc::new(Dictionary::new(text(5, 3_000)).unwrap());
    let all = ALGORITHMS.map(|algorithm| eager(algorithm, None)).into_iter();
    let all = all.chain([Algorithm::Lz4, Algorithm::Zstd].map(|algorithm| eager(algorithm, Some(trained()))));
    let all = all.chain([Algorithm::Lz4, Algorithm::Zstd].map(|algorithm| eager(algorithm, Some(Arc::clone(&raw)))));
    all.flat_map(|options| {
        [text(1, 400), record(2).repeat(3), vec![7; 300]].map(|original| {
            let packed = compress(&options, &original);
            assert_ne!(packed[0], 0, "the sample is compressed");
            (options.clone(), packed, original)
        })
    })
    .collect()
}

/// Decompresses damaged input both ways; what comes out is as long as declared, and nothing is left after an error.
fn damaged(decompressor: &mut Decompressor, input: &[u8]) -> Result<Vec<u8>, CompressError> {
    let mut out = b"before".to_vec();
    let result = decompressor.decompress_to(input, &mut out, MAX);
    assert_eq!(out[..6], *b"before");
    let mut slice = vec![3; MAX + 8];
    let into_slice = decompressor.decompress_into(input, &mut slice[..MAX]);
    assert_eq!(slice[MAX..], [3; 8]);
    match result {
        Ok(bytes) => {
            assert_eq!((Ok(bytes), bytes), (original_length(input), out.len() - 6));
            assert_eq!(into_slice, Ok(bytes));
            assert_eq!(slice[..bytes], out[6..]);
            Ok(out.split_off(6))
        }
        Err(error) => {
            assert_eq!(out.len(), 6, "nothing is left after an error");
            assert!(!error.to_string().is_empty() && !error.code().is_empty());
            assert!(into_slice.is_err());
            Err(error)
        }
    }
}

#[test]
fn every_truncation_is_an_error() {
    for (options, packed, _) in inputs() {
        let mut decompressor = decompressor(options.dictionary.as_ref());
        for end in 0..packed.len() {
            let result = damaged(&mut decompressor, &packed[..end]);
            assert!(result.is_err(), "{options:?} cut at {end} of {}", packed.len());
        }
    }
}

#[test]
fn every_damaged_byte_is_an_error_or_decodes_in_bounds() {
    for (options, packed, original) in inputs() {
        let mut decompressor = decompressor(options.dictionary.as_ref());
        let (mut errors, mut unnoticed) = (0, 0);
        for at in 0..packed.len() {
            for byte in (0..=255).filter(|byte| *byte != packed[at]) {
                let mut input = packed.clone();
                input[at] = byte;
                match damaged(&mut decompressor, &input) {
                    Err(_) => errors += 1,
                    // A flag that becomes 0 makes the rest the original; no layout of one byte could notice.
                    Ok(_) if at == 0 && byte == 0 => {}
                    Ok(out) if out == original => {}
                    Ok(_) => unnoticed += 1,
                }
            }
        }
        assert!(errors > 0);
        if options.algorithm == Algorithm::Gzip {
            assert_eq!(unnoticed, 0, "the checksum notices all of it");
        }
    }
}

#[test]
fn bytes_after_the_end_are_errors() {
    const SKIPPABLE: [u8; 8] = [0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0];
    for (options, packed, _) in inputs() {
        let mut decompressor = decompressor(options.dictionary.as_ref());
        let header = if options.dictionary.is_some() { 9 } else { 5 };
        let empty = {
            let mut frame = [0; 32];
            let bytes = zstd_safe::compress(frame.as_mut_slice(), b"", 3).unwrap();
            frame[..bytes].to_vec()
        };
        for tail in [&[0][..], &[0xff], &[1, 2, 3], &SKIPPABLE, &empty, &packed[header..]] {
            let input = [&packed[..], tail].concat();
            let error = damaged(&mut decompressor, &input).unwrap_err();
            assert_eq!(error.code(), "CORRUPT", "{options:?} {tail:?}");
        }
    }
}

#[test]
fn a_decompressor_works_on_after_errors() {
    for (options, packed, original) in inputs() {
        let mut decompressor = decompressor(options.dictionary.as_ref());
        for end in [packed.len() - 1, packed.len() / 2, 3] {
            damaged(&mut decompressor, &packed[..end]).unwrap_err();
            assert_eq!(damaged(&mut decompressor, &packed).unwrap(), original);
        }
    }
}

#[test]
fn canary_damage_to_a_literal_goes_unnoticed_without_a_checksum() {
    // If this became an error, the counts above would check nothing for LZ4, and the crate's header would be wrong.
    let original = text(1, 400);
    let mut packed = compress(&eager(Algorithm::Lz4, None), &original);
    packed[8] ^= 1;
    assert_ne!(damaged(&mut Decompressor::new(), &packed).unwrap(), original);
}

//! Goal: a small input that declares or holds much costs neither memory nor time: the limit is checked before anything
//! is allocated, and no payload writes past its declared length.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod samples;

use rafterdb_compress::{original_length, Algorithm, CompressError, Decompressor};
use samples::{compress, eager, ALGORITHMS};

/// A whole input whose declared length is then changed.
fn declaring(input: &[u8], length: u32) -> Vec<u8> {
    let mut input = input.to_vec();
    input[1..5].copy_from_slice(&length.to_le_bytes());
    input
}

#[test]
fn a_declared_length_over_the_limit_is_refused_before_allocating() {
    for algorithm in ALGORITHMS {
        let input = compress(&eager(algorithm, None), &vec![0; 100_000]);
        let mut out = Vec::new();
        let error = Decompressor::new().decompress_to(&input, &mut out, 99_999).unwrap_err();
        assert_eq!(
            error,
            CompressError::TooLarge {
                length: 100_000,
                max: 99_999
            }
        );
        assert_eq!(out.capacity(), 0);
    }
    let mut out = Vec::new();
    let error = Decompressor::new().decompress_to(b"\0stored", &mut out, 5).unwrap_err();
    assert_eq!((error.code(), out.capacity()), ("TOO_LARGE", 0));
}

#[test]
fn four_gigabytes_in_a_few_bytes_are_refused_without_a_limit() {
    for algorithm in ALGORITHMS {
        let input = declaring(&compress(&eager(algorithm, None), &[0; 300]), u32::MAX);
        let mut out = Vec::new();
        let error = Decompressor::new()
            .decompress_to(&input, &mut out, usize::MAX)
            .unwrap_err();
        assert_eq!((error.code(), out.capacity()), ("CORRUPT", 0), "{algorithm:?}");
        assert!(original_length(&input).is_err());
    }
}

#[test]
fn the_densest_real_payloads_are_not_refused() {
    for algorithm in ALGORITHMS {
        let original = vec![0; 32 << 20];
        let input = compress(&eager(algorithm, None), &original);
        let mut out = Vec::new();
        Decompressor::new()
            .decompress_to(&input, &mut out, original.len())
            .unwrap();
        assert!(out == original, "{algorithm:?}");
        println!("{algorithm:?}: {} to 1", original.len() / input.len());
    }
}

#[test]
fn a_payload_that_holds_more_than_declared_stops_at_its_bound() {
    for algorithm in ALGORITHMS {
        let whole = compress(&eager(algorithm, None), &vec![0; 8 << 20]);
        for declared in [0, 1, 1_000, 65_536, (8 << 20) - 1] {
            let mut out = Vec::new();
            let input = declaring(&whole, declared);
            let error = Decompressor::new()
                .decompress_to(&input, &mut out, usize::MAX)
                .unwrap_err();
            assert_eq!(error.code(), "CORRUPT", "{algorithm:?} {declared}");
            assert!(out.is_empty() && out.capacity() <= declared.max(8) as usize);

            let mut slice = vec![5; declared as usize + 64];
            Decompressor::new().decompress_into(&input, &mut slice).unwrap_err();
            assert!(
                slice[declared as usize..].iter().all(|byte| *byte == 5),
                "{algorithm:?} wrote past its bound"
            );
        }
    }
}

#[test]
fn a_payload_that_holds_less_than_declared_is_an_error() {
    for algorithm in ALGORITHMS {
        let whole = compress(&eager(algorithm, None), &[0; 300]);
        let error = Decompressor::new()
            .decompress_to(&declaring(&whole, 301), &mut Vec::new(), 1_000)
            .unwrap_err();
        assert_eq!(error.code(), "CORRUPT", "{algorithm:?}");
    }
}

#[test]
fn a_gzip_member_cannot_pass_zeros_off_as_its_end() {
    // The checksum and the length are those of the data with a zero after it, which the fresh buffer holds.
    let (short, long) = ([7; 300], [&[7; 300][..], &[0]].concat());
    let mut input = compress(&eager(Algorithm::Gzip, None), &short);
    let forged = compress(&eager(Algorithm::Gzip, None), &long);
    let end = input.len() - 8;
    input[end..].copy_from_slice(&forged[forged.len() - 8..]);
    let result = Decompressor::new().decompress_to(&declaring(&input, 301), &mut Vec::new(), 1_000);
    assert_eq!(result.unwrap_err().code(), "CORRUPT");
}

#[test]
fn a_buffer_that_is_too_small_is_refused() {
    for algorithm in ALGORITHMS {
        let input = compress(&eager(algorithm, None), &[0; 300]);
        let error = Decompressor::new().decompress_into(&input, &mut [0; 299]).unwrap_err();
        assert_eq!(error, CompressError::OutputTooSmall { needed: 300, room: 299 });
    }
}

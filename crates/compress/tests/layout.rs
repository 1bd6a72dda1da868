//! Goal: the layout stays what it is: bytes that are kept here decode for ever, and headers are written to the byte.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod samples;

use std::sync::Arc;

use rafterdb_compress::{Algorithm, CompressError, Decompressor, Dictionary, Options};
use samples::{compress, eager, text, ALGORITHMS};

const DICTIONARY: &[u8] = b"the quick brown fox jumps over the lazy dog";

fn dictionary() -> Arc<Dictionary> {
    Arc::new(Dictionary::new(DICTIONARY).unwrap())
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[test]
fn kept_bytes_decode() {
    const BE: &[u8] = b"to be, or not to be, or not to be, or not to be, or not to be, or not to be";
    const FOX: &[u8] = b"the quick brown fox jumps over the quick brown fox jumps over the lazy dog";
    let kept = [
        ("00 746f206265", &BE[..5]),
        ("01 4b000000 ef746f2062652c206f72206e6f74200e00246020746f206265", BE),
        ("81 4a000000 14510cce 0f2b00100f4a000e607a7920646f67", FOX),
        (
            "02 4b000000 28b52ffd204bad000070746f2062652c206f72206e6f742001000a692a01",
            BE,
        ),
        ("82 4a000000 14510cce 28b52ffd204a4d00000002009a5002472a20", FOX),
        (
            "03 4b000000 1f8b08000000000000ff2bc957484ad551c82f52c8cb2f5128a18407006074eb4c4b000000",
            BE,
        ),
    ];
    let mut decompressor = samples::decompressor(Some(&dictionary()));
    for (hex, original) in kept {
        let mut out = Vec::new();
        decompressor.decompress_to(&bytes(hex), &mut out, 1_000).unwrap();
        assert_eq!(out, original, "{hex}");
    }
}

#[test]
fn headers_are_written_to_the_byte() {
    let input = text(1, 0x1234);
    for (flag, algorithm) in (1u8..).zip(ALGORITHMS) {
        assert_eq!(compress(&eager(algorithm, None), &input)[..5], [flag, 0x34, 0x12, 0, 0]);
    }
    for (flag, algorithm) in [(0x81, Algorithm::Lz4), (0x82, Algorithm::Zstd)] {
        let packed = compress(&eager(algorithm, Some(dictionary())), &input);
        assert_eq!(packed[..9], [flag, 0x34, 0x12, 0, 0, 0x14, 0x51, 0x0c, 0xce][..]);
    }
    assert_eq!(compress(&Options::new(Algorithm::Zstd), b"short"), b"\0short");
    assert_eq!(compress(&Options::new(Algorithm::Zstd), b""), b"\0");
}

#[test]
fn a_gzip_header_names_no_system_and_no_time() {
    let packed = compress(&eager(Algorithm::Gzip, None), &text(1, 500));
    assert_eq!(packed[5..15], bytes("1f8b0800 00000000 00ff"));
}

#[test]
fn a_dictionary_id_is_the_crc32_of_its_bytes() {
    assert_eq!(Dictionary::new(&b"123456789"[..]).unwrap().id(), 0xcbf4_3926);
}

#[test]
fn unknown_flags_are_errors() {
    for flag in (0..=255).filter(|flag| ![0, 1, 2, 3, 0x81, 0x82].contains(flag)) {
        let input = [[flag].as_slice(), &[0; 40]].concat();
        let error = Decompressor::new().decompress_to(&input, &mut Vec::new(), 1_000);
        assert_eq!(error, Err(CompressError::UnknownFlag { flag }));
    }
}

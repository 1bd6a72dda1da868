//! Goal: after the header comes what the plain libraries write and read: an LZ4 block, a zstd frame, a gzip member.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod samples;

use std::io::{Read, Write};
use std::sync::Arc;

use rafterdb_compress::{Algorithm, Dictionary};
use samples::{compress, decompressor, eager, noise, text};

const HEADER: usize = 5;
const HEADER_WITH_DICTIONARY: usize = 9;

fn with_header(flag: u8, original: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut out = vec![flag];
    out.extend_from_slice(&(original.len() as u32).to_le_bytes());
    out.extend_from_slice(payload);
    out
}

fn reads_back(input: &[u8], original: &[u8]) {
    let mut out = Vec::new();
    decompressor(None)
        .decompress_to(input, &mut out, original.len())
        .unwrap();
    assert_eq!(out, original);
}

#[test]
fn lz4_blocks_are_plain() {
    for original in [text(1, 300), text(2, 200_000)] {
        let ours = compress(&eager(Algorithm::Lz4, None), &original);
        assert_eq!(
            lz4_flex::block::decompress(&ours[HEADER..], original.len()).unwrap(),
            original
        );
        reads_back(
            &with_header(1, &original, &lz4_flex::block::compress(&original)),
            &original,
        );
    }
}

#[test]
fn lz4_blocks_with_a_dictionary_are_plain() {
    let dictionary = Arc::new(Dictionary::new(noise(3, 100_000)).unwrap());
    let begin = dictionary.bytes().len() - 65_536;
    let reach = &dictionary.bytes()[begin..];

    let original = dictionary.bytes()[99_000..].to_vec();
    let ours = compress(&eager(Algorithm::Lz4, Some(Arc::clone(&dictionary))), &original);
    assert!(ours.len() < 100);
    let plain = lz4_flex::block::decompress_with_dict(&ours[HEADER_WITH_DICTIONARY..], original.len(), reach);
    assert_eq!(plain.unwrap(), original);

    // Others may refer back as far as a block can.
    let original = &dictionary.bytes()[begin + 100..begin + 1_000];
    let block = lz4_flex::block::compress_with_dict(original, reach);
    assert!(block.len() < 100);
    let mut input = with_header(0x81, original, &dictionary.id().to_le_bytes());
    input.extend_from_slice(&block);
    let mut out = Vec::new();
    decompressor(Some(&dictionary))
        .decompress_to(&input, &mut out, original.len())
        .unwrap();
    assert_eq!(out, original);
}

#[test]
fn zstd_frames_are_plain() {
    for original in [text(1, 300), text(2, 300_000)] {
        let ours = compress(&eager(Algorithm::Zstd, None), &original);
        let mut plain = vec![0; original.len()];
        zstd_safe::decompress(plain.as_mut_slice(), &ours[HEADER..]).unwrap();
        assert_eq!(plain, original);
        assert_eq!(
            zstd_safe::get_frame_content_size(&ours[HEADER..]).unwrap(),
            Some(original.len() as u64)
        );
        for level in [-5, 1, 19] {
            let mut frame = vec![0; zstd_safe::compress_bound(original.len())];
            let bytes = zstd_safe::compress(frame.as_mut_slice(), &original, level).unwrap();
            reads_back(&with_header(2, &original, &frame[..bytes]), &original);
        }
    }
}

#[test]
fn zstd_frames_with_a_dictionary_are_plain() {
    let (dictionary, original) = (samples::trained(), samples::record(1_000_000));
    let ours = compress(&eager(Algorithm::Zstd, Some(Arc::clone(&dictionary))), &original);
    let mut plain = vec![0; original.len()];
    let mut context = zstd_safe::DCtx::create();
    let payload = &ours[HEADER_WITH_DICTIONARY..];
    context
        .decompress_using_dict(plain.as_mut_slice(), payload, dictionary.bytes())
        .unwrap();
    assert_eq!(plain, original);
    let id = zstd_safe::get_dict_id_from_dict(dictionary.bytes());
    assert!(id.is_some() && zstd_safe::get_dict_id_from_frame(payload) == id);
}

#[test]
fn gzip_members_are_plain() {
    for original in [text(1, 300), text(2, 300_000)] {
        let ours = compress(&eager(Algorithm::Gzip, None), &original);
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&ours[HEADER..])
            .read_to_end(&mut plain)
            .unwrap();
        assert_eq!(plain, original);
        for level in [0, 1, 9] {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
            encoder.write_all(&original).unwrap();
            reads_back(&with_header(3, &original, &encoder.finish().unwrap()), &original);
        }
    }
}

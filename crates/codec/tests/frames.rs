//! Goal: a frame is cut as it was encoded, however its body lay in memory and however much of it has arrived; damage never passes.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod generate;

use std::io::IoSlice;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use rafterdb_codec::*;

const MAX: usize = limits::FRAME_BYTES_MAX;

fn encoded(pieces: &[Vec<u8>]) -> Vec<u8> {
    let frame = Frame::new(pieces).unwrap();
    let mut out = vec![0; frame.encoded_size()];
    assert_eq!(frame.encode_to(&mut out), Ok(out.len()));
    out
}

fn pieces() -> impl Strategy<Value = Vec<Vec<u8>>> {
    vec(vec(any::<u8>(), 0..50), 0..5)
}

proptest! {
    #![proptest_config(generate::config(256))]

    #[test]
    fn a_frame_is_cut_as_it_was_encoded(pieces in pieces(), after in vec(any::<u8>(), 0..20)) {
        let frame = encoded(&pieces);
        let body = pieces.concat();
        prop_assert_eq!(&frame, &encoded(std::slice::from_ref(&body)), "pieces do not show");
        let input = [&frame[..], &after].concat();
        let (cut, consumed) = Frame::decode_from(&input, MAX).unwrap().unwrap();
        prop_assert_eq!((cut, consumed), (&body[..], frame.len()));
        prop_assert_eq!(cut.as_ptr(), input[FRAME_HEADER_BYTES..].as_ptr());
    }

    #[test]
    fn vectored_writes_of_any_length_join_to_the_frame(pieces in pieces(), room in 1usize..8, step in 1usize..40) {
        let frame = Frame::new(&pieces[..]).unwrap();
        let mut wire = Vec::new();
        while wire.len() < frame.encoded_size() {
            let mut slices = vec![IoSlice::new(&[]); room];
            let used = frame.encode_vectored(wire.len(), &mut slices);
            let offered = slices[..used].iter().flat_map(|slice| slice.iter().copied());
            prop_assert!(slices[..used].iter().all(|slice| !slice.is_empty()) && used > 0);
            wire.extend(offered.take(step));
        }
        prop_assert_eq!(frame.encode_vectored(wire.len(), &mut [IoSlice::new(&[])]), 0);
        prop_assert_eq!(wire, encoded(&pieces));
    }

    #[test]
    fn a_part_of_a_frame_waits_for_what_is_missing(pieces in pieces()) {
        let frame = encoded(&pieces);
        for arrived in 0..frame.len() {
            prop_assert_eq!(Frame::decode_from(&frame[..arrived], MAX).unwrap(), None);
            let whole = if arrived < 4 { FRAME_HEADER_BYTES } else { frame.len() };
            prop_assert_eq!(Frame::missing(&frame[..arrived], MAX).unwrap(), whole - arrived);
        }
        prop_assert_eq!(Frame::missing(&frame, MAX).unwrap(), 0);
        for given in 0..frame.len() {
            let refused = Frame::new(&pieces[..]).unwrap().encode_to(&mut vec![0; given]);
            prop_assert_eq!(refused, Err(Unencodable::NoRoom { needed: frame.len(), given }));
        }
    }

    #[test]
    fn a_flipped_bit_never_passes(pieces in pieces(), at in any::<Index>(), bit in 0u8..8) {
        let mut frame = encoded(&pieces);
        frame[at.index(pieces.concat().len() + FRAME_HEADER_BYTES)] ^= 1 << bit;
        prop_assert!(!matches!(Frame::decode_from(&frame, MAX), Ok(Some(_))));
    }
}

#[test]
fn the_layout_is_that_of_formats_md() {
    // The check value of CRC-32C, as published with its parameters.
    let expected = [&[9, 0, 0, 0][..], &0xe306_9283u32.to_le_bytes(), b"123456789"].concat();
    assert_eq!(encoded(&[b"1234".to_vec(), b"56789".to_vec()]), expected);
    assert_eq!(encoded(&[]), [0; 8], "a ping");
}

#[test]
fn a_length_above_the_limit_is_malformed_as_soon_as_it_is_there() {
    for (length, max) in [(MAX + 1, MAX), (u32::MAX as usize, MAX), (11, 10), (1, 0)] {
        let input = u32::try_from(length).unwrap().to_le_bytes();
        assert!(Frame::decode_from(&input, max).is_err());
        assert!(Frame::missing(&input, max).is_err());
        assert_eq!(Frame::decode_from(&input[..3], max), Ok(None));
        assert_eq!(Frame::decode_from(&input, length), Ok(None), "the limit itself is fine");
    }
}

#[test]
#[cfg(target_pointer_width = "64")]
fn a_body_longer_than_a_u32_tells_is_refused() {
    let piece = vec![0; 1 << 20];
    let bytes = 1usize << 32;
    let refused = Frame::new(&vec![&piece; 1 << 12][..]).map(|frame| frame.encoded_size());
    assert_eq!(refused, Err(Unencodable::TooLong { bytes }));
}

//! Goal: a message cut anywhere has the checksum of the whole: appended, streamed, and combined from those of its parts.

#[allow(dead_code, reason = "each test uses a part of it")]
mod crc32c_definition;

use crc32c_definition::{by_definition, bytes, paths};
use proptest::prelude::*;
use rafterdb_hash::{crc32c, crc32c_append, crc32c_combine, Crc32c};

proptest! {
    #[test]
    fn parts_make_the_whole(start in 0usize..64, lengths in prop::collection::vec(0usize..3000, 1..6)) {
        let message = &bytes(64 + lengths.iter().sum::<usize>())[start..];
        let message = &message[..lengths.iter().sum()];
        let whole = by_definition(0, message);

        let (mut appended, mut combined, mut streamed) = (0, 0, Crc32c::new());
        let mut on_paths: Vec<_> = paths().into_iter().map(|(path, append)| (path, append, 0)).collect();
        let mut rest = message;
        for length in lengths {
            let (part, others) = rest.split_at(length);
            rest = others;
            appended = crc32c_append(appended, part);
            streamed.update(part);
            combined = crc32c_combine(combined, crc32c(part), part.len() as u64);
            for (_, append, crc) in &mut on_paths {
                *crc = append(*crc, part);
            }
        }
        prop_assert_eq!(appended, whole);
        prop_assert_eq!(streamed.digest(), whole);
        prop_assert_eq!(combined, whole);
        for (path, _, crc) in on_paths {
            prop_assert_eq!(crc, whole, "{}", path);
        }
    }
}

#[test]
fn a_stream_starts_again_after_a_reset() {
    let mut stream = Crc32c::new();
    stream.update(b"something else");
    stream.reset();
    assert_eq!(stream, Crc32c::default());
    stream.update(b"12345");
    let before = stream.clone();
    stream.update(b"6789");
    assert_eq!((before.digest(), stream.digest()), (crc32c(b"12345"), 0xe306_9283));
}

#[test]
fn a_combination_reaches_over_lengths_that_no_buffer_has() {
    // Half of the zeros and the other half are all of them.
    let (mut zeros, mut length) = (crc32c(&[0]), 1u64);
    while length < 1 << 62 {
        zeros = crc32c_combine(zeros, zeros, length);
        length *= 2;
        if length == 1 << 20 {
            assert_eq!(zeros, by_definition(0, &vec![0; 1 << 20]));
        }
    }
    assert_eq!(crc32c_combine(zeros, crc32c(b""), 0), zeros);
    // The powers of x come round after 2^31 - 1 bits, so after as many bytes.
    assert_eq!(crc32c_combine(zeros, 0, (1 << 31) - 1), zeros);
    assert_ne!(crc32c_combine(zeros, 0, (1 << 31) - 2), zeros);
}

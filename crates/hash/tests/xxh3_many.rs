//! Goal: many keys of one buffer get the hashes that each would get alone, and offsets that name no keys are refused by place.

mod xxh3_support;

use rafterdb_hash::{xxh3_64, xxh3_64_many, Keys, KeysError};
use xxh3_support::{Random, SEEDS};

/// The first key whose hash is not the one that it gets alone.
fn first_difference(buffer: &[u8], offsets: &[u32], seed: u64, out: &[u64]) -> Option<usize> {
    (0..out.len()).find(|&i| out[i] != xxh3_64(&buffer[offsets[i] as usize..offsets[i + 1] as usize], seed))
}

/// Offsets of keys of `lengths`, the first at 5.
fn offsets_of(lengths: impl Iterator<Item = usize>) -> Vec<u32> {
    let mut end = 5;
    let ends = lengths.map(|length| {
        end += length as u32;
        end
    });
    std::iter::once(5).chain(ends).collect()
}

#[test]
fn each_key_gets_the_hash_that_it_gets_alone() {
    let mut random = Random(1);
    let buffer = random.bytes(700_000);
    let every_length = offsets_of(0..=1100);
    let mixed = offsets_of((0..500).map(|_| [0, 3, 8, 16, 32, 100, 200, 241, 1024, 1025, 4000][random.below(11)]));
    for offsets in [every_length, mixed] {
        for seed in SEEDS {
            let mut out = vec![0; offsets.len() - 1];
            xxh3_64_many(&buffer, &offsets, seed, &mut out).expect("good offsets");
            assert_eq!(first_difference(&buffer, &offsets, seed, &out), None, "seed {seed:#x}");
        }
    }
}

#[test]
fn no_keys_are_fine() {
    assert_eq!(xxh3_64_many(b"abc", &[3], 0, &mut []), Ok(()));
    assert_eq!(xxh3_64_many(b"", &[0], 0, &mut []), Ok(()));
    assert!(Keys::new(b"abc", &[1]).expect("good offsets").is_empty());
}

#[test]
fn keys_are_the_bytes_between_their_offsets() {
    let keys = Keys::new(b"onetwothree", &[0, 3, 3, 6, 11]).expect("good offsets");
    let found: Vec<&[u8]> = keys.iter().collect();
    assert_eq!(found, [&b"one"[..], b"", b"two", b"three"]);
    assert_eq!(keys.len(), 4);
}

#[test]
fn the_first_bad_offset_is_named_and_nothing_is_written() {
    let buffer = [0; 100];
    let mut out = [7; 4];
    let mut refused = |offsets: &[u32]| {
        let error = xxh3_64_many(&buffer, offsets, 0, &mut out).expect_err("bad offsets");
        assert_eq!(out, [7; 4]);
        error
    };
    assert_eq!(refused(&[]), KeysError::NoOffsets);
    let descending = refused(&[0, 10, 9, 8, 101]);
    assert_eq!(
        descending,
        KeysError::Descending {
            index: 2,
            offset: 9,
            before: 10
        }
    );
    assert_eq!(
        descending.to_string(),
        "offsets[2] is 9, less than the offset before it, 10"
    );
    let outside = refused(&[0, 10, 101, 20, 200]);
    assert_eq!(
        outside,
        KeysError::Outside {
            index: 2,
            offset: 101,
            bytes: 100
        }
    );
    assert_eq!(outside.to_string(), "offsets[2] is 101, but the buffer has 100 bytes");
    assert_eq!(
        refused(&[0, 1, 2, 3, u32::MAX]),
        KeysError::Outside {
            index: 4,
            offset: u32::MAX,
            bytes: 100
        }
    );
    assert_eq!(
        refused(&[200]),
        KeysError::Outside {
            index: 0,
            offset: 200,
            bytes: 100
        }
    );
    assert_eq!(refused(&[0, 1, 2]), KeysError::Places { keys: 2, places: 4 });
}

#[test]
fn the_buffer_ends_where_the_last_key_may_end() {
    for bytes in 0..70 {
        let buffer = vec![0; bytes];
        assert!(Keys::new(&buffer, &[0, bytes as u32]).is_ok());
        let offset = bytes as u32 + 1;
        let error = Keys::new(&buffer, &[0, offset]).expect_err("one byte too far");
        assert_eq!(
            error,
            KeysError::Outside {
                index: 1,
                offset,
                bytes
            }
        );
    }
}

/// A descent at any place is found: the check runs over several offsets at once.
#[test]
fn a_bad_offset_is_found_at_every_place() {
    let buffer = [0; 200];
    for count in 2..70 {
        for bad in 1..count {
            let mut offsets: Vec<u32> = (0..count as u32).map(|i| 2 * i + 1).collect();
            offsets[bad] = offsets[bad - 1] - 1;
            let error = Keys::new(&buffer, &offsets).expect_err("bad offsets");
            let (offset, before) = (offsets[bad], offsets[bad - 1]);
            assert_eq!(
                error,
                KeysError::Descending {
                    index: bad,
                    offset,
                    before
                }
            );
        }
    }
}

/// The canary: hashes that were written one place too far.
#[test]
fn the_checker_finds_hashes_in_wrong_places() {
    let buffer = Random(2).bytes(1000);
    let offsets = offsets_of((0..40).map(|i| i % 30));
    let mut out = vec![0; 40];
    xxh3_64_many(&buffer, &offsets, 0, &mut out).expect("good offsets");
    assert_eq!(first_difference(&buffer, &offsets, 0, &out), None);
    out.swap(20, 21);
    assert_eq!(first_difference(&buffer, &offsets, 0, &out), Some(20));
}

//! Goal: many keys in one call have the checksums that they have one by one, on every path; wrong boundaries are an error value.

#[allow(dead_code, reason = "each test uses a part of it")]
mod crc32c_definition;

use crc32c_definition::{by_definition, bytes};
use proptest::prelude::*;
use rafterdb_hash::{crc32c_many, crc32c_many_on, KeysError, Path};

proptest! {
    #[test]
    fn many_are_as_one_by_one(start in 0u32..9, lengths in prop::collection::vec(0u32..400, 0..40)) {
        let mut offsets = vec![start];
        for length in lengths {
            offsets.push(offsets[offsets.len() - 1] + length);
        }
        let buffer = bytes(offsets[offsets.len() - 1] as usize + 3);
        let each = |key: &[u32]| by_definition(0, &buffer[key[0] as usize..key[1] as usize]);
        let expected: Vec<u32> = offsets.windows(2).map(each).collect();

        let mut out = vec![0; expected.len()];
        prop_assert_eq!(crc32c_many(&buffer, &offsets, &mut out), Ok(()));
        prop_assert_eq!(&out, &expected);
        for path in Path::ALL {
            out.fill(0);
            if let Some(done) = crc32c_many_on(path, &buffer, &offsets, &mut out) {
                prop_assert_eq!(done, Ok(()));
                prop_assert_eq!(&out, &expected, "{}", path.name());
            }
        }
    }
}

#[test]
fn wrong_boundaries_are_told_and_nothing_is_written() {
    let buffer = [0; 10];
    let cases: [(&[u32], usize, KeysError); 6] = [
        (&[], 0, KeysError::NoOffsets),
        (&[0, 5], 2, KeysError::Places { keys: 1, places: 2 }),
        (&[0, 5, 10], 1, KeysError::Places { keys: 2, places: 1 }),
        (
            &[0, 6, 5, 10],
            3,
            KeysError::Descending {
                index: 2,
                offset: 5,
                before: 6,
            },
        ),
        (
            &[0, 5, 11],
            2,
            KeysError::Outside {
                index: 2,
                offset: 11,
                bytes: 10,
            },
        ),
        (
            &[0, u32::MAX, 10],
            2,
            KeysError::Outside {
                index: 1,
                offset: u32::MAX,
                bytes: 10,
            },
        ),
    ];
    for (offsets, results, error) in cases {
        let mut out = vec![7; results];
        assert_eq!(crc32c_many(&buffer, offsets, &mut out), Err(error), "{offsets:?}");
        assert_eq!(out, vec![7; results], "{error}");
    }
}

#[test]
fn no_keys_are_no_error() {
    assert_eq!(crc32c_many(b"abc", &[3], &mut []), Ok(()));
}

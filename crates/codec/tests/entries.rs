//! Goal: an entry is decoded as it was encoded, in place; a buffer too short or a body too long is an error, not a panic.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod generate;

use proptest::collection::vec;
use proptest::prelude::*;
use rafterdb_codec::*;

proptest! {
    #![proptest_config(generate::config(256))]

    #[test]
    fn an_entry_is_decoded_as_it_was_encoded(
        kind: u8, version: u8, name in vec(any::<u8>(), 0..=limits::PRINCIPAL_BYTES_MAX),
        body in vec(any::<u8>(), 0..300), after in vec(any::<u8>(), 0..20)
    ) {
        let principal = Principal::new(&name).unwrap();
        let entry = Entry { kind, version, principal, body: &body };
        let mut out = vec![0xa5; entry.encoded_size() + after.len()];
        out[entry.encoded_size()..].copy_from_slice(&after);
        prop_assert_eq!(entry.encode_to(&mut out).unwrap(), entry.encoded_size());
        let (decoded, consumed) = Entry::decode_from(&out).unwrap();
        prop_assert_eq!((decoded, consumed), (entry, entry.encoded_size()));
        prop_assert_eq!(&out[consumed..], &after[..]);
        prop_assert_eq!(decoded.body.as_ptr(), out[ENTRY_HEADER_BYTES + name.len()..].as_ptr());
        let mut appended = after.clone();
        entry.encode(&mut appended).unwrap();
        prop_assert_eq!(&appended[after.len()..], &out[..consumed]);
    }

    #[test]
    fn a_part_of_an_entry_is_malformed_and_a_buffer_too_short_stays_as_it_was(body in vec(any::<u8>(), 0..60)) {
        let entry = Entry::new(1_u8, &body);
        let needed = entry.encoded_size();
        let mut whole = vec![0; needed];
        entry.encode_to(&mut whole).unwrap();
        for given in 0..needed {
            prop_assert!(Entry::decode_from(&whole[..given]).is_err());
            let mut out = vec![0xa5; given];
            prop_assert_eq!(entry.encode_to(&mut out), Err(Unencodable::NoRoom { needed, given }));
            prop_assert!(out.iter().all(|byte| *byte == 0xa5));
        }
    }
}

#[test]
#[cfg(target_pointer_width = "64")]
fn a_body_longer_than_a_u32_tells_is_refused() {
    // Never touched, so that it takes addresses and no memory.
    let body = vec![0; 1 << 32];
    let entry = Entry::new(0_u8, &body);
    let refused = Err(Unencodable::TooLong { bytes: 1 << 32 });
    assert_eq!(entry.encode_to(&mut []), refused);
    assert_eq!(entry.encode(&mut Vec::new()).map(|()| 0), refused);
}

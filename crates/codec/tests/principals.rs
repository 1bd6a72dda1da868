//! Goal: who is behind an entry or a forwarded request stands where FORMATS.md says, and takes no byte if it is nobody in
//! particular; what is cut short, or says more than this version knows, is malformed.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

use rafterdb_codec::limits::PRINCIPAL_BYTES_MAX;
use rafterdb_codec::*;

fn named(name: &str) -> Principal<'_> {
    Principal::new(name.as_bytes()).unwrap()
}

fn entry<'a>(version: u8, principal: Principal<'a>, body: &'a [u8]) -> Entry<'a> {
    Entry {
        version,
        principal,
        ..Entry::new(EntryKind::Batch, body)
    }
}

fn forward<'a>(principal: Principal<'a>, body: &'a [u8]) -> Forward<'a> {
    let (kind, flags, group, id) = (RequestKind::Write.into(), 0, 0x0102, 0x0a);
    let request = Request {
        kind,
        flags,
        group,
        id,
        body,
    };
    Forward { principal, request }
}

fn encoded(forward: &Forward<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    forward.encode(&mut out);
    out
}

#[test]
fn an_entry_has_the_bytes_of_formats_md() {
    for (entry, golden) in [
        (
            entry(0, Principal::ANONYMOUS, b"abc"),
            &b"\x03\x00\x00\x00\x01\x00\x00\x00abc"[..],
        ),
        (
            entry(7, named("ann"), b"abc"),
            &b"\x06\x00\x00\x00\x01\x03\x07\x00annabc"[..],
        ),
        (entry(1, named("ann"), b""), &b"\x03\x00\x00\x00\x01\x03\x01\x00ann"[..]),
    ] {
        let mut out = Vec::new();
        entry.encode(&mut out).unwrap();
        assert_eq!(out, golden);
        let mut room = vec![0xa5; golden.len()];
        assert_eq!(entry.encode_to(&mut room), Ok(golden.len()));
        assert_eq!(room, golden);
        assert_eq!(entry.header().unwrap(), golden[..ENTRY_HEADER_BYTES]);
        assert_eq!(Entry::decode_from(golden), Ok((entry, golden.len())));
        for end in 0..golden.len() {
            assert!(Entry::decode_from(&golden[..end]).is_err(), "cut at {end}");
        }
    }
}

#[test]
fn an_entry_whose_principal_is_longer_than_itself_is_malformed() {
    let mut out = Vec::new();
    entry(0, named("ann"), b"abc").encode(&mut out).unwrap();
    // What follows must not be taken for the rest of the name.
    out.extend_from_slice(b"what follows");
    for (length, is_sound) in [(3, true), (6, true), (7, false), (u8::MAX, false)] {
        out[5] = length;
        let decoded = Entry::decode_from(&out);
        assert_eq!(decoded.is_ok(), is_sound, "a name of {length} bytes");
        if let Ok((entry, _)) = decoded {
            assert_eq!([entry.principal.name(), entry.body].concat(), b"annabc");
        }
    }
}

#[test]
fn what_must_be_0_in_an_entry_and_is_not_is_malformed() {
    let mut out = Vec::new();
    entry(0, named("ann"), b"abc").encode(&mut out).unwrap();
    out[7] = 1;
    assert!(Entry::decode_from(&out).is_err());
    assert!(count_entries(&out).is_err());
}

#[test]
fn a_forwarded_request_has_the_bytes_of_formats_md() {
    for (forward, golden) in [
        (
            forward(Principal::ANONYMOUS, b"abc"),
            &b"\x02\x00\x00\x00\x03\x00\x00\x00\x01\x00\x02\x01\x0a\x00\x00\x00\x00\x00\x00\x00abc"[..],
        ),
        (
            forward(named("ann"), b"abc"),
            &b"\x02\x03\x00\x00ann\x03\x00\x00\x00\x01\x00\x02\x01\x0a\x00\x00\x00\x00\x00\x00\x00abc"[..],
        ),
    ] {
        assert_eq!(encoded(&forward), golden);
        assert_eq!(forward.encoded_size(), golden.len());
        let mut records = PeerRecords::new(golden);
        assert_eq!(records.next(), Some(Ok(PeerRecord::Forward(forward))));
        assert_eq!(records.next(), None);
        for end in 1..golden.len() {
            let cut: Vec<_> = PeerRecords::new(&golden[..end]).collect();
            assert!(matches!(cut[..], [Err(_)]), "cut at {end}");
        }
    }
}

#[test]
fn what_must_be_0_in_a_forwarded_request_and_is_not_is_malformed_and_what_follows_it_is_not() {
    let sound = encoded(&forward(named("ann"), b"abc"));
    for at in [2, 3] {
        let mut unknown = sound.clone();
        unknown[at] = 1;
        let frame = [sound.as_slice(), &unknown, &sound].concat();
        let records: Vec<bool> = PeerRecords::new(&frame).map(|record| record.is_ok()).collect();
        assert_eq!(records, [true, false, true], "byte {at}");
    }
}

#[test]
fn the_longest_name_is_taken_and_a_longer_one_is_none() {
    let name = [b'n'; PRINCIPAL_BYTES_MAX + 1];
    assert_eq!(Principal::new(&name), None);
    let principal = Principal::new(&name[1..]).unwrap();
    let mut out = Vec::new();
    entry(0, principal, b"abc").encode(&mut out).unwrap();
    assert_eq!(Entry::decode_from(&out).unwrap().0.principal, principal);
    let largest = vec![0; limits::REQUEST_BYTES_MAX - MESSAGE_HEADER_BYTES];
    assert_eq!(entry(0, principal, &largest).encoded_size(), ENTRY_BYTES_MAX);
    let record = forward(principal, b"abc");
    assert_eq!(
        PeerRecords::new(&encoded(&record)).next(),
        Some(Ok(PeerRecord::Forward(record)))
    );
    assert!(Principal::default().is_anonymous() && !principal.is_anonymous());
}

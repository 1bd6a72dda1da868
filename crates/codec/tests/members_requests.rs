//! Goal: what an asker knows of the members has the bytes of FORMATS.md, and it is told what is later in the order of the log, or who
//! leads instead, and nothing else.

use rafterdb_codec::KnownMembers;

const KNOWN: KnownMembers = KnownMembers {
    index: 9,
    term: 4,
    leader: 7,
};

#[test]
fn the_bytes_are_those_of_formats_md() {
    let golden = b"\x09\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x07\x00\x00\x00\x00\x00\x00\x00";
    let mut out = Vec::new();
    KNOWN.encode(&mut out);
    assert_eq!(out, golden);
    assert_eq!(KnownMembers::parse(golden), Ok(Some(KNOWN)));
    assert_eq!(KnownMembers::parse(b""), Ok(None), "nothing is known");
    for end in 1..golden.len() {
        assert!(KnownMembers::parse(&golden[..end]).is_err(), "cut at {end}");
    }
    assert!(KnownMembers::parse(&[&golden[..], b"x"].concat()).is_err());
}

#[test]
fn news_are_a_later_configuration_or_another_leader() {
    let of = |index, term, leader| KnownMembers { index, term, leader };
    for (now, is_news) in [
        (KNOWN, false),
        (of(10, 4, 7), true),
        (of(8, 4, 7), false),
        // What was known was cut off the log.
        (of(8, 5, 7), true),
        (of(20, 3, 7), false),
        (of(9, 4, 8), true),
        (of(9, 4, 0), false),
        (of(8, 4, 8), true),
        // Somebody does not say of which term it is.
        (of(10, 0, 7), true),
        (of(0, 0, 7), false),
    ] {
        assert_eq!(now.is_news_to(&KNOWN), is_news, "{now:?}");
    }
    assert!(KNOWN.is_news_to(&of(8, 0, 7)) && !KNOWN.is_news_to(&of(9, 0, 7)));
}

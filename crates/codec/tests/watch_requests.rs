//! Goal: a watch has the bytes of FORMATS.md, and one that is cut short, goes on behind its end, or asks for what is not known is
//! malformed.

use rafterdb_codec::{WatchRequest, SAFE_NUMBER_MAX, WATCH_PREV_KV, WATCH_PROGRESS};

const WATCH: WatchRequest<'_> = WatchRequest {
    flags: WATCH_PREV_KV | WATCH_PROGRESS,
    start_revision: 9,
    credit: 4,
    cluster: 7,
    key: b"key",
    end: b"kez!",
};

fn encoded(watch: &WatchRequest<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    watch.encode(&mut out);
    out
}

#[test]
fn the_bytes_are_those_of_formats_md() {
    let golden = b"\x03\x00\x00\x00\x03\x00\x00\x00\x04\x00\x00\x00\x09\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\
                   \x07\x00\x00\x00\x00\x00\x00\x00keykez!";
    assert_eq!(encoded(&WATCH), golden);
    assert_eq!(WatchRequest::parse(golden), Ok(WATCH));
    for end in 0..golden.len() {
        assert!(WatchRequest::parse(&golden[..end]).is_err(), "cut at {end}");
    }
    assert!(WatchRequest::parse(&[&golden[..], b"x"].concat()).is_err());
}

#[test]
fn what_is_not_known_is_malformed() {
    for bit in 2..8 {
        let flags = 1 << bit;
        assert!(
            WatchRequest::parse(&encoded(&WatchRequest { flags, ..WATCH })).is_err(),
            "{flags}"
        );
    }
    for (start_revision, is_sound) in [(SAFE_NUMBER_MAX, true), (SAFE_NUMBER_MAX + 1, false)] {
        let watch = WatchRequest {
            start_revision,
            ..WATCH
        };
        assert_eq!(
            WatchRequest::parse(&encoded(&watch)).is_ok(),
            is_sound,
            "{start_revision}"
        );
    }
}

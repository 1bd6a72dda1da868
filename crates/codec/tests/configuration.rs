//! Goal: a configuration has the bytes of FORMATS.md; what cannot be the members of a cluster, is cut short or says more than this
//! version knows is malformed.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

use rafterdb_codec::limits::{ENDPOINT_BYTES_MAX, MEMBERS_MAX, MEMBER_NAME_BYTES_MAX};
use rafterdb_codec::*;

fn member(id: u64, part: u8, name: &str) -> ConfiguredMember {
    ConfiguredMember {
        id,
        part,
        priority: 0,
        name: name.to_owned(),
        endpoint: "h:1".to_owned(),
    }
}

fn encoded(members: &[ConfiguredMember]) -> Vec<u8> {
    let members = members.to_vec();
    let mut out = Vec::new();
    Configuration { members }.encode(&mut out).unwrap();
    out
}

fn of(members: &[ConfiguredMember]) -> Parsed<Configuration> {
    Configuration::parse(&encoded(members))
}

#[test]
fn it_has_the_bytes_of_formats_md() {
    let members = [member(0x0102, PART_INCOMING | PART_OUTGOING, "ab"), member(3, 0, "c")];
    let expected = [
        &[2, 0, 0, 0][..],
        &[2, 1, 0, 0, 0, 0, 0, 0, 3, 0, 2, 0, 3, 0, 0, 0],
        b"abh:1",
        &[3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 3, 0, 0, 0],
        b"ch:1",
    ];
    assert_eq!(encoded(&members), expected.concat());
    let parsed = of(&members).unwrap();
    assert_eq!(parsed.members, members);
    assert_eq!(parsed.parts(), [(0x0102, 3), (3, 0)]);
    assert_eq!(parsed.find(3).map(|member| member.name.as_str()), Some("c"));
    assert_eq!(parsed.find(4), None);
}

#[test]
fn a_change_has_the_bytes_of_formats_md() {
    let members = vec![member(7, PART_INCOMING, "ab")];
    let change = ConfigurationChange {
        from: 0x0203,
        is_forced: true,
        wanted: Configuration { members },
    };
    let mut out = Vec::new();
    change.encode(&mut out).unwrap();
    let head = [3, 2, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(out, [&head[..], &encoded(&change.wanted.members)].concat());
    assert_eq!(ConfigurationChange::parse(&out).unwrap(), change);
    for (at, value) in [(8, 2), (9, 1), (15, 1), (7, 1)] {
        let mut other = out.clone();
        other[at] = value;
        assert!(ConfigurationChange::parse(&other).is_err(), "byte {at} is {value}");
    }
    let leaving = [&head[..], &encoded(&[member(7, 1, "a"), member(8, PART_OUTGOING, "b")])].concat();
    assert!(ConfigurationChange::parse(&leaving).is_err(), "who leaves is left out");
}

#[test]
fn what_cannot_be_the_members_of_a_cluster_is_malformed() {
    let long = |bytes| "n".repeat(bytes);
    let most: Vec<_> = (1..=MEMBERS_MAX as u64)
        .map(|id| member(id, 1, &id.to_string()))
        .collect();
    assert!(of(&most).is_ok());
    assert!(of(&[member(1, 1, &long(MEMBER_NAME_BYTES_MAX))]).is_ok());
    assert!(of(&[member(SAFE_NUMBER_MAX, 1, "a")]).is_ok());
    let endpoint = |bytes| ConfiguredMember {
        endpoint: long(bytes),
        ..member(1, 1, "a")
    };
    assert!(of(&[endpoint(ENDPOINT_BYTES_MAX)]).is_ok());
    let refused = [
        vec![],
        [&most[..], &[member(99, 1, "99")]].concat(),
        vec![member(1, 1, "a"), member(1, 1, "b")],
        vec![member(1, 1, "a"), member(2, 1, "a")],
        vec![member(1, 0, "a"), member(2, PART_OUTGOING, "b")],
        vec![member(0, 1, "a")],
        vec![member(SAFE_NUMBER_MAX + 1, 1, "a")],
        vec![member(1, 8, "a")],
        vec![member(1, PART_INCOMING | PART_WITNESS, "a")],
        vec![member(1, 1, "")],
        vec![member(1, 1, &long(MEMBER_NAME_BYTES_MAX + 1))],
        vec![endpoint(ENDPOINT_BYTES_MAX + 1)],
    ];
    for members in refused {
        assert!(of(&members).is_err(), "{members:?}");
    }
    let mut no_text = encoded(&[member(1, 1, "a")]);
    no_text[20] = 0xff;
    assert!(Configuration::parse(&no_text).is_err());
}

#[test]
fn witnesses_and_priorities_are_said_and_each_majority_has_data() {
    let (voter, witness) = (PART_INCOMING, PART_INCOMING | PART_WITNESS);
    let mut preferred = member(2, voter, "b");
    preferred.priority = 200;
    let members = [
        member(1, voter, "a"),
        preferred,
        member(3, witness, "c"),
        member(4, PART_WITNESS, "d"),
    ];
    let bytes = encoded(&members);
    assert_eq!(bytes[4 + 20 + 8..][..2], [1, 200], "b's part and priority");
    let parsed = of(&members).unwrap();
    assert_eq!(parsed.members, members);
    assert_eq!(parsed.parts(), [(1, 1), (2, 1 + 256 * 200), (3, 5), (4, 4)]);
    let said = |member: &ConfiguredMember| (member.votes(), member.is_witness());
    let all: Vec<_> = parsed.members.iter().map(said).collect();
    assert_eq!(all, [(true, false), (true, false), (true, true), (false, true)]);
    assert_eq!(members[0].with_standing(1 + 256 * 200).unwrap().priority, 200);
    assert_eq!(members[0].with_standing(256 * 256), None);

    let voters = |parts: &[u8]| {
        let all: Vec<_> = (1..)
            .zip(parts)
            .map(|(id, part)| member(id, *part, &id.to_string()))
            .collect();
        of(&all).is_ok()
    };
    assert!(voters(&[voter, witness]) && voters(&[voter, voter, witness, witness]));
    assert!(!voters(&[witness]) && !voters(&[voter, witness, witness]));
    let leaves = PART_OUTGOING | PART_WITNESS;
    assert!(voters(&[voter | PART_OUTGOING, voter | PART_OUTGOING, leaves]));
    assert!(!voters(&[voter | PART_OUTGOING, leaves, leaves]));
}

#[test]
fn a_block_is_stripped_of_what_its_batches_say_and_of_nothing_else() {
    let mut block = Vec::new();
    let entry = |kind: EntryKind, body: &'static [u8]| Entry {
        version: 1,
        principal: Principal::new(b"ann").unwrap(),
        ..Entry::new(kind, body)
    };
    for each in [
        (EntryKind::Noop, &b"identity"[..]),
        (EntryKind::Batch, b"data"),
        (EntryKind::Configuration, b"who"),
    ] {
        entry(each.0, each.1).encode(&mut block).unwrap();
    }
    let mut stripped = Vec::new();
    strip_batches(&block, &mut stripped).unwrap();
    let all: Vec<_> = Entries::new(&stripped).flatten().collect();
    assert_eq!(all[0], entry(EntryKind::Noop, b"identity"));
    let bare = Entry {
        version: 1,
        ..Entry::new(EntryKind::Stripped, &[])
    };
    assert_eq!(all[1], bare);
    assert_eq!(all[2], entry(EntryKind::Configuration, b"who"));
    assert_eq!(all.len(), 3);
    let mut again = Vec::new();
    strip_batches(&stripped, &mut again).unwrap();
    assert_eq!(again, stripped);
    assert!(strip_batches(&block[..block.len() - 1], &mut Vec::new()).is_err());
}

#[test]
fn what_is_cut_short_or_longer_or_says_more_is_malformed() {
    let whole = encoded(&[member(1, 1, "ab"), member(2, 0, "c")]);
    for end in 0..whole.len() {
        assert!(Configuration::parse(&whole[..end]).is_err(), "{end} bytes");
    }
    assert!(Configuration::parse(&[&whole[..], &[0]].concat()).is_err());
    for at in [18, 19] {
        let mut other = whole.clone();
        other[at] = 1;
        assert!(Configuration::parse(&other).is_err(), "byte {at}");
    }
}

#[test]
fn what_is_too_long_to_be_written_is_not() {
    let members = vec![member(1, 1, &"n".repeat(1 << 16))];
    let refused = Configuration { members }.encode(&mut Vec::new());
    assert_eq!(refused, Err(Unencodable::TooLong { bytes: 1 << 16 }));
}

//! A Raft message of a member that lies: what does not hold together is malformed, and what is as large as allowed is not.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

use rafterdb_codec::limits::{APPEND_RUNS_MAX, FRAME_BYTES_MAX};
use rafterdb_codec::*;

/// An append of term 9 after (5, 2).
fn append() -> RaftHeader {
    RaftHeader {
        kind: MessageKind::Append,
        group: 0,
        term: 9,
        fields: [5, 2, 5, 1, 0, 0],
    }
}

fn run(term: u64, count: u32) -> Run {
    Run { term, count }
}

fn entries(count: u32, kind: impl Into<u8>, body: &[u8]) -> Vec<u8> {
    let (kind, mut out) = (kind.into(), Vec::new());
    (0..count).for_each(|_| Entry::new(kind, body).encode(&mut out).unwrap());
    out
}

fn frame(header: &RaftHeader, runs: &[Run], payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    header.encode(&mut frame, runs, payload.len());
    frame.extend_from_slice(payload);
    frame
}

fn check(header: &RaftHeader, runs: &[Run], payload: &[u8]) -> Parsed<u64> {
    checked(header, runs, payload).map(|entries| entries.count)
}

fn checked(header: &RaftHeader, runs: &[Run], payload: &[u8]) -> Parsed<CheckedEntries> {
    let frame = frame(header, runs, payload);
    match PeerRecords::new(&frame).next().unwrap().unwrap() {
        PeerRecord::Raft(record) => record.check(false),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_holds_together_is_taken() {
    let payload = entries(3, EntryKind::Batch, b"batch");
    assert_eq!(check(&append(), &[run(2, 1), run(9, 2)], &payload), Ok(3));
    assert_eq!(check(&append(), &[], &[]), Ok(0));
}

#[test]
fn terms_and_counts_that_no_log_has_are_malformed() {
    let payload = entries(2, EntryKind::Noop, b"");
    let cases: [(&str, &[Run]); 7] = [
        ("a run of none", &[run(2, 2), run(3, 0)]),
        ("term 0", &[run(0, 2)]),
        ("a term twice", &[run(3, 1), run(3, 1)]),
        ("terms that descend", &[run(4, 1), run(3, 1)]),
        ("a term above the sender's", &[run(10, 2)]),
        ("a term below that of the entry before", &[run(1, 2)]),
        ("more than there are", &[run(3, u32::MAX)]),
    ];
    for (what, runs) in cases {
        assert!(check(&append(), runs, &payload).is_err(), "{what}");
    }
    assert_eq!(check(&append(), &[run(3, 2)], &payload), Ok(2));
}

#[test]
fn numbers_that_the_core_cannot_hold_are_malformed() {
    for field in 0..6 {
        for (value, is_sound) in [
            (SAFE_NUMBER_MAX, field != 1),
            (SAFE_NUMBER_MAX + 1, false),
            (u64::MAX, false),
        ] {
            let mut header = append();
            header.fields[field] = value;
            // The entries follow field a, and field b is the term of the one before them.
            let is_sound = is_sound && field != 0;
            let checked = check(&header, &[run(3, 1)], &entries(1, EntryKind::Noop, b""));
            assert_eq!(checked.is_ok(), is_sound, "field {field} = {value}");
        }
    }
    let header = RaftHeader {
        term: SAFE_NUMBER_MAX + 1,
        ..append()
    };
    assert!(check(&header, &[], &[]).is_err());
}

#[test]
fn unknown_kinds_and_entries_where_none_belong_are_malformed() {
    let vote = RaftHeader {
        kind: MessageKind::Vote,
        ..append()
    };
    assert!(check(&vote, &[run(3, 1)], &entries(1, EntryKind::Noop, b"")).is_err());
    assert!(check(
        &append(),
        &[run(3, 1)],
        &entries(1, EntryKind::Configuration as u8 + 1, b"")
    )
    .is_err());
    assert!(check(&append(), &[], &entries(1, EntryKind::Noop, b"")).is_err());
}

#[test]
fn an_entry_that_changes_the_members_is_told_with_its_place_and_refused_if_it_names_none() {
    let member = ConfiguredMember {
        id: 5,
        part: 1,
        priority: 0,
        name: "a".to_owned(),
        endpoint: "a:1".to_owned(),
    };
    let (configuration, mut body) = (Configuration { members: vec![member] }, Vec::new());
    configuration.encode(&mut body).unwrap();
    let configured = entries(1, EntryKind::Configuration, &body);
    let payload = [entries(2, EntryKind::Noop, b""), configured.clone(), configured].concat();
    let told = checked(&append(), &[run(3, 4)], &payload).unwrap();
    let expected = vec![(2, configuration.clone()), (3, configuration)];
    assert_eq!((told.count, told.configurations), (4, expected));
    let harmed = |body: &[u8]| check(&append(), &[run(3, 1)], &entries(1, EntryKind::Configuration, body));
    assert!(harmed(b"").is_err() && harmed(&body[..body.len() - 1]).is_err());
    body[12] = 0;
    assert!(harmed(&body).is_err(), "nobody votes");
}

#[test]
fn an_entry_of_any_version_of_the_machine_is_taken_and_one_that_says_more_is_malformed() {
    let mut payload = Vec::new();
    let entry = Entry {
        version: u8::MAX,
        principal: Principal::new(b"ann").unwrap(),
        ..Entry::new(EntryKind::Batch, b"batch")
    };
    entry.encode(&mut payload).unwrap();
    assert_eq!(
        check(&append(), &[run(3, 1)], &payload),
        Ok(1),
        "who applies it decides"
    );
    payload[7] = 1;
    assert!(check(&append(), &[run(3, 1)], &payload).is_err());
}

#[test]
fn an_append_of_the_largest_entry_and_the_most_runs_fits_a_frame() {
    let body = vec![0; ENTRY_BYTES_MAX - ENTRY_HEADER_BYTES];
    assert_eq!(
        check(&append(), &[run(3, 1)], &entries(1, EntryKind::Batch, &body)),
        Ok(1)
    );
    let body = vec![0; ENTRY_BYTES_MAX - ENTRY_HEADER_BYTES + 1];
    assert!(check(&append(), &[run(3, 1)], &entries(1, EntryKind::Batch, &body)).is_err());

    let most = u32::try_from(APPEND_RUNS_MAX).unwrap();
    let header = RaftHeader {
        term: 1 << 20,
        ..append()
    };
    let mut runs: Vec<Run> = (0..most).map(|n| run(u64::from(n) + 3, 1)).collect();
    assert_eq!(
        check(&header, &runs, &entries(most, EntryKind::Noop, b"")),
        Ok(u64::from(most))
    );
    let largest = frame(&header, &runs, &entries(1, EntryKind::Batch, &body[1..]));
    assert!(largest.len() <= FRAME_BYTES_MAX);
    runs.push(run(1 << 19, 1));
    assert!(check(&header, &runs, &entries(most + 1, EntryKind::Noop, b"")).is_err());
}

#[test]
fn a_message_of_unknown_kind_is_malformed_and_what_follows_it_is_not() {
    let known = frame(&append(), &[run(3, 2)], &entries(2, EntryKind::Noop, b""));
    for kind in [0, MessageKind::RecoverReply as u8 + 1, u8::MAX] {
        let mut unknown = known.clone();
        unknown[1] = kind;
        let frame = [known.as_slice(), &unknown, &known].concat();
        let records: Vec<_> = PeerRecords::new(&frame).map(|record| record.is_ok()).collect();
        assert_eq!(records, [true, false, true], "kind {kind}");
    }
}

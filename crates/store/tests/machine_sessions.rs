//! A batch that is sent again is not applied again, and what is forgotten is said to be forgotten.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod model;

use model::engine::ModelEngine;
use model::harness::Harness;
use model::semantics::{Op, Outcome, PutOp};
use model::wire::{decode_write, encode_batch};
use rafterdb_codec::limits::{SESSIONS_MAX, SESSION_RESULT_BYTES_MAX, SESSION_WINDOW_MAX};
use rafterdb_codec::{BatchHeader, Code, BATCH_RETRY, SAFE_NUMBER_MAX};
use rafterdb_store::{Applied, Bounds, SessionStart};

type Fixture = Harness<ModelEngine>;

fn put(value: &[u8]) -> Op {
    Op::Put(PutOp {
        key: b"k".to_vec(),
        value: value.to_vec(),
        ..PutOp::default()
    })
}

fn put_with_previous(value: &[u8]) -> Op {
    Op::Put(PutOp {
        key: b"k".to_vec(),
        value: value.to_vec(),
        previous: true,
        ..PutOp::default()
    })
}

fn send(fixture: &mut Fixture, session: u64, sequence: u64, acked: u64, flags: u8, ops: &[Op]) -> (Applied, Vec<u8>) {
    fixture.apply(encode_batch(
        BatchHeader {
            session,
            sequence,
            acked,
            flags,
            count: 0,
        },
        ops,
    ))
}

fn version(fixture: &mut Fixture) -> u64 {
    let (applied, results) = fixture.apply(encode_batch(BatchHeader::default(), &[put_with_previous(b"probe")]));
    match &decode_write(applied.flags, &results)[..] {
        [Outcome::Put { previous, .. }] => previous.as_ref().map_or(0, |kv| kv.version),
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_start_begins_a_session_of_its_own() {
    let mut fixture = Fixture::new(1000);
    let numbers = [(); 3].map(|()| fixture.start_session());
    assert!(numbers[0] != numbers[1] && numbers[1] != numbers[2] && numbers[0] != numbers[2]);
    for number in numbers {
        assert!((1..=SAFE_NUMBER_MAX).contains(&number));
        let (applied, _) = send(&mut fixture, number, 2, 2, BATCH_RETRY, &[put(b"v")]);
        assert_eq!(
            (applied.code, applied.is_duplicate),
            (Code::Ok, false),
            "sent before, but never committed"
        );
    }
    assert_eq!(version(&mut fixture), 3);
}

#[test]
fn a_batch_of_an_unknown_session_is_refused() {
    let mut fixture = Fixture::new(1000);
    for flags in [0, BATCH_RETRY] {
        for ops in [&[put(b"v")][..], &[]] {
            let (applied, results) = send(&mut fixture, 9, 1, 1, flags, ops);
            assert_eq!(applied.code, Code::SessionExpired);
            assert!(!rafterdb_codec::parse_error(&results).unwrap().1.is_empty());
        }
    }
    assert_eq!(version(&mut fixture), 0, "nothing was applied");
}

/// Copies of all that a client ever sent in a session, its start too, that come once the session is forgotten.
#[test]
fn a_delayed_copy_of_a_forgotten_session_is_not_applied_again() {
    let mut fixture = Fixture::new(100_000);
    let session = fixture.start_session();
    send(&mut fixture, session, 2, 2, 0, &[put(b"v")]);
    for _ in 0..SESSIONS_MAX {
        fixture.start_session();
    }
    fixture.start_session();
    for sequence in [1, 2, 3] {
        let (applied, _) = send(&mut fixture, session, sequence, 1, 0, &[put(b"v")]);
        assert_eq!(applied.code, Code::SessionExpired);
    }
    assert_eq!(version(&mut fixture), 1);
}

/// The canary, and how entries of releases before are applied.
#[test]
fn a_delayed_copy_is_applied_again_where_any_batch_starts_a_session() {
    let bounds = Bounds {
        session_start: SessionStart::Implicit,
        ..Bounds::default()
    };
    let mut fixture = Fixture::bounded(100_000, bounds);
    send(&mut fixture, 9, 1, 1, 0, &[put(b"v")]);
    for session in 10..=9 + SESSIONS_MAX as u64 {
        send(&mut fixture, session, 1, 1, 0, &[]);
    }
    let (applied, _) = send(&mut fixture, 9, 1, 1, BATCH_RETRY, &[put(b"v")]);
    assert_eq!(applied.code, Code::SessionExpired);
    assert_eq!(send(&mut fixture, 9, 3, 1, 0, &[put(b"v")]).0.code, Code::Ok);
    let (applied, _) = send(&mut fixture, 9, 1, 1, BATCH_RETRY, &[put(b"v")]);
    assert_eq!(
        applied.code,
        Code::SessionExpired,
        "it does not vouch for what was before"
    );
    assert_eq!(version(&mut fixture), 2);
}

#[test]
fn duplicates_are_answered_and_not_applied() {
    let mut fixture = Fixture::new(1000);
    let session = fixture.start_session();
    let plain = send(&mut fixture, session, 1, 1, 0, &[put(b"a"), put(b"b")]);
    let full = send(&mut fixture, session, 2, 1, 0, &[put_with_previous(b"c")]);
    for flags in [0, BATCH_RETRY] {
        let (applied, results) = send(&mut fixture, session, 1, 1, flags, &[put(b"a"), put(b"b")]);
        assert!(applied.is_duplicate);
        assert_eq!((applied.flags, &results), (plain.0.flags, &plain.1));
        let (applied, results) = send(&mut fixture, session, 2, 1, flags, &[put_with_previous(b"c")]);
        assert!(applied.is_duplicate);
        assert_eq!((applied.flags, &results), (full.0.flags, &full.1));
    }
    assert_eq!(version(&mut fixture), 3);
}

#[test]
fn batches_may_arrive_out_of_order() {
    let mut fixture = Fixture::new(1000);
    let session = fixture.start_session();
    for sequence in [4, 2, 3] {
        let (applied, _) = send(&mut fixture, session, sequence, 1, BATCH_RETRY, &[put(b"v")]);
        assert_eq!((applied.code, applied.is_duplicate), (Code::Ok, false));
    }
    for sequence in [2, 3, 4] {
        assert!(
            send(&mut fixture, session, sequence, 1, BATCH_RETRY, &[put(b"v")])
                .0
                .is_duplicate
        );
    }
    assert_eq!(version(&mut fixture), 3);
}

#[test]
fn what_was_acknowledged_is_forgotten() {
    let mut fixture = Fixture::new(1000);
    let session = fixture.start_session();
    for sequence in 1..=5 {
        send(&mut fixture, session, sequence, sequence, 0, &[put(b"v")]);
    }
    let (applied, _) = send(&mut fixture, session, 3, 1, BATCH_RETRY, &[put(b"v")]);
    assert_eq!(applied.code, Code::ResultForgotten);
    assert_eq!(version(&mut fixture), 5);
}

#[test]
fn a_large_result_is_forgotten_but_not_applied_again() {
    let mut fixture = Fixture::new(1000);
    let session = fixture.start_session();
    send(
        &mut fixture,
        session,
        1,
        1,
        0,
        &[put(&vec![7; SESSION_RESULT_BYTES_MAX])],
    );
    let (applied, results) = send(&mut fixture, session, 2, 1, 0, &[put_with_previous(b"x")]);
    assert!(applied.code == Code::Ok && results.len() > SESSION_RESULT_BYTES_MAX);
    let (applied, _) = send(&mut fixture, session, 2, 1, BATCH_RETRY, &[put_with_previous(b"x")]);
    assert_eq!(applied.code, Code::ResultForgotten);
    assert_eq!(version(&mut fixture), 2);
}

#[test]
fn the_window_is_bounded() {
    let mut fixture = Fixture::new(10_000);
    let session = fixture.start_session();
    let window = SESSION_WINDOW_MAX as u64;
    assert_eq!(
        send(&mut fixture, session, window + 1, 1, 0, &[put(b"v")]).0.code,
        Code::Busy
    );
    assert_eq!(version(&mut fixture), 0, "nothing was applied");
    assert_eq!(send(&mut fixture, session, window, 1, 0, &[put(b"v")]).0.code, Code::Ok);
    assert_eq!(
        send(&mut fixture, session, window + 1, 2, 0, &[put(b"v")]).0.code,
        Code::Ok
    );
}

#[test]
fn the_least_recently_used_session_goes() {
    let mut fixture = Fixture::new(100_000);
    let sessions: Vec<u64> = (0..SESSIONS_MAX).map(|_| fixture.start_session()).collect();
    send(&mut fixture, sessions[0], 2, 2, 0, &[]);
    fixture.start_session();
    let mut code = |session| send(&mut fixture, session, 3, 3, BATCH_RETRY, &[put(b"v")]).0.code;
    assert_eq!(code(sessions[1]), Code::SessionExpired);
    assert_eq!(code(sessions[0]), Code::Ok);
    fixture.machine().publish().unwrap();
    assert_eq!(fixture.machine().status().sessions, SESSIONS_MAX);
}

#[test]
fn sessions_survive_a_crash() {
    let mut fixture = Fixture::new(3);
    let session = fixture.start_session();
    for sequence in 1..=10 {
        send(
            &mut fixture,
            session,
            sequence,
            1,
            0,
            &[put_with_previous(&[sequence as u8])],
        );
        fixture.start_session();
    }
    fixture.crash();
    for sequence in 1..=10 {
        assert!(
            send(&mut fixture, session, sequence, 1, BATCH_RETRY, &[put(b"v")])
                .0
                .is_duplicate
        );
    }
    assert_eq!(version(&mut fixture), 10);
}

#[test]
fn canary_without_a_session_a_batch_sent_again_is_applied_again() {
    let mut fixture = Fixture::new(1000);
    for flags in [0, BATCH_RETRY] {
        assert!(!send(&mut fixture, 0, 1, 1, flags, &[put(b"v")]).0.is_duplicate);
    }
    assert_eq!(version(&mut fixture), 2);
}

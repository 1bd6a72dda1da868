//! Goal: a write from inside a real member is answered by the thread that has its answer, and when the member closes or fails before
//! there is one.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod harness;

use std::sync::mpsc::{channel, Receiver};

use harness::{batch, Bench, PATIENCE};
use rafterdb_codec::{Code, CommandKind, EventKind, Response};
use rafterdb_plane::PlaneError;

fn propose(bench: &Bench, id: u64) -> Receiver<Code> {
    let (tell, hear) = channel();
    let answered = Box::new(move |response: &Response<'_>| tell.send(response.code).unwrap());
    bench.member.propose(0, &batch(id), answered).unwrap();
    hear
}

#[test]
fn a_write_of_the_member_itself_is_answered_once_it_is_applied() {
    let bench = Bench::open();
    bench.lead(6);
    bench.begin_to_lead(1, 6);
    let hear = propose(&bench, 1);
    let count = bench.event(EventKind::Proposals)[0];
    bench.command(&[
        CommandKind::Accept as u64,
        0,
        2,
        6,
        count,
        CommandKind::Commit as u64,
        0,
        2,
    ]);
    assert_eq!(hear.recv_timeout(PATIENCE), Ok(Code::Ok));
}

#[test]
fn a_write_that_was_handed_to_the_leader_is_answered_when_the_member_closes() {
    let bench = Bench::open();
    let hear = propose(&bench, 1);
    bench.member.close().unwrap();
    assert_eq!(hear.recv_timeout(PATIENCE), Ok(Code::Closed));
}

#[test]
fn a_write_that_waits_for_the_core_is_answered_when_the_member_fails() {
    let bench = Bench::open();
    bench.lead(6);
    let hear = propose(&bench, 1);
    let why = PlaneError::new(Code::Io, "the disk is gone");
    bench.member.fail(why);
    assert_eq!(hear.recv_timeout(PATIENCE), Ok(Code::Poisoned));
    let refused = bench
        .member
        .propose(0, &batch(2), Box::new(|_| panic!("nobody is called")));
    assert_eq!(refused, Err(Code::Poisoned));
}

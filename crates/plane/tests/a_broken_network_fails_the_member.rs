//! An invariant that is broken in what handles the network: a member that went on without it would look alive and be deaf, so it
//! fails as a whole, with the reason, like one of its own threads.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod harness;

use harness::Bench;
use rafterdb_codec::Code;
use rafterdb_net::Handler;

#[test]
fn a_broken_invariant_in_the_network_fails_the_member_with_its_reason() {
    let bench = Bench::open();
    let handler = bench.member.handler();
    handler.broken("frame advance: 5 of 4");
    let failure = bench.member.failure().unwrap();
    assert_eq!(failure.code, Code::Internal);
    assert!(failure.text.contains("frame advance: 5 of 4"), "{}", failure.text);
}

//! A peer that stands there and says nothing is taken for gone; a client likewise.

mod support;

use std::net::TcpListener;
use std::time::Duration;

use rafterdb_codec::HelloKind;
use support::{addresses, hello, Member, Raw, ROSTER};

#[test]
fn a_peer_that_answers_no_ping_goes_down() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut addresses = addresses(2);
    addresses[1] = listener.local_addr().unwrap().to_string();
    let one = Member::start(1, &addresses);
    // Member 2, by hand: says hello on all four connections, then nothing.
    let mut held = Vec::new();
    for kind in [HelloKind::PeerFast, HelloKind::PeerBulk] {
        let mut raw = Raw::open(one.address);
        raw.write(&hello(kind, ROSTER, 2, 1));
        raw.read_frame().unwrap();
        held.push(raw);
    }
    for _ in 0..2 {
        let mut raw = Raw(listener.accept().unwrap().0);
        raw.read_frame().unwrap();
        raw.write(&hello(HelloKind::PeerFast, ROSTER, 2, 1));
        held.push(raw);
    }
    one.wait_up(2);
    one.wait_for(Duration::from_secs(2), "down", |seen| seen.up.get(&2) == Some(&false));
    assert!(one.log_lines("has not answered") >= 1);
}

#[test]
fn a_client_that_neither_pings_nor_reads_is_closed() {
    let member = Member::alone();
    let mut raw = Raw::client(member.address);
    assert!(raw.is_closed_within(Duration::from_secs(4)));
    member.wait("closed", |seen| seen.closed.len() == 1);
}

#[test]
fn a_client_that_pings_stays() {
    let member = Member::alone();
    let mut raw = Raw::client(member.address);
    for _ in 0..15 {
        std::thread::sleep(Duration::from_millis(100));
        raw.write(&support::frame(b""));
        assert_eq!(raw.read_frame().unwrap(), b"");
    }
    assert!(member.recorder.seen.lock().unwrap().closed.is_empty());
}

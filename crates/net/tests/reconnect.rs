//! A peer that goes away is told, and a peer that comes back is connected again within about a second.

mod support;

use std::time::{Duration, Instant};

use rafterdb_codec::HelloKind;
use rafterdb_net::{Lane, Parts, PeerState};
use support::{addresses, hello, Member, Raw, ROSTER};

#[test]
fn a_restarted_member_is_connected_again_soon_however_long_it_was_away() {
    let addresses = addresses(2);
    let one = Member::start(1, &addresses);
    let mut two = Member::start(2, &addresses);
    one.wait_up(2);
    for pause in [0, 700, 7000] {
        two.net.close();
        one.wait("down", |seen| seen.up.get(&2) == Some(&false));
        assert!(
            !one.net.send_peer(2, Lane::Fast, Parts::new(vec![1]))
                || one.net.stats().peers[0].state != PeerState::Healthy
        );
        std::thread::sleep(Duration::from_millis(pause));
        if pause > 2000 {
            assert_eq!(one.net.stats().peers[0].state, PeerState::Disconnected);
        }
        let started = Instant::now();
        two = Member::start(2, &addresses);
        one.wait_up(2);
        two.wait_up(1);
        assert!(
            started.elapsed() < Duration::from_secs(4),
            "after {pause} ms away: {:?}",
            started.elapsed()
        );
        assert!(one.net.send_peer(2, Lane::Fast, Parts::new(vec![7])));
        two.wait("the frame", |seen| seen.frames.len() == 1);
    }
    let states = one.recorder.seen.lock().unwrap().states.clone();
    assert!(
        states.iter().zip(1..).all(|((_, up), place)| *up == (place % 2 == 1)),
        "up and down in turn: {states:?}"
    );
    assert!(one.log_lines("UNREACHABLE") <= 3, "not a line for each retry");
}

#[test]
fn a_newer_connection_of_a_peer_takes_the_place_of_the_older() {
    let one = Member::start(1, &addresses(2));
    let connect = || {
        let mut raw = Raw::open(one.address);
        raw.write(&hello(HelloKind::PeerFast, ROSTER, 2, 1));
        raw.read_frame().unwrap();
        raw
    };
    let mut older = connect();
    older.write(&support::frame(b"first"));
    one.wait("the first", |seen| seen.frames.len() == 1);
    let mut newer = connect();
    older.0.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    let _ = std::io::Write::write_all(&mut older.0, &support::frame(b"late"));
    assert!(
        older.is_closed_within(Duration::from_secs(5)),
        "the older one is closed"
    );
    newer.write(&support::frame(b"second"));
    one.wait("the second", |seen| seen.frames.len() == 2);
    assert_eq!(&one.recorder.seen.lock().unwrap().frames[1].2[..], b"second");
}

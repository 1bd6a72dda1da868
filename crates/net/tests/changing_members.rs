//! Members come, go and move while the network runs: who is new is connected, who is gone is left, and nobody else notices.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use rafterdb_net::{Lane, Parts, PeerConfig};
use support::{addresses, cluster, Member, ROSTER};

fn peer(id: u64, address: &str) -> PeerConfig {
    PeerConfig {
        id,
        name: format!("member-{id}"),
        endpoint: address.to_owned(),
    }
}

fn is_sent(from: &Member, to: u64, body: &[u8]) -> bool {
    from.net.send_peer(to, Lane::Fast, Parts::new(body.to_vec()))
}

/// Waits until a frame with this body has arrived from a peer.
fn arrives(at: &Member, from: u64, body: &[u8]) {
    at.wait("a frame", |seen| {
        seen.frames
            .iter()
            .any(|(peer, _, frame)| (*peer, &frame[..]) == (from, body))
    });
}

fn lost(at: &Member, peer: u64) -> bool {
    let seen = at.recorder.seen.lock().unwrap();
    seen.states.contains(&(peer, false))
}

#[test]
fn a_new_member_is_dialed_and_let_in() {
    let addresses = addresses(2);
    let one = Member::start_with(1, &addresses, |config| config.peers.clear());
    let two = Member::start(2, &addresses);
    two.wait("a refusal", |seen| {
        seen.log.iter().any(|(_, text)| text.contains("MEMBER_UNKNOWN"))
    });
    assert!(!is_sent(&one, 2, b"to a stranger"));
    one.net.set_peers(ROSTER, &[peer(2, &addresses[1])]);
    one.wait_up(2);
    two.wait_up(1);
    assert!(is_sent(&one, 2, b"hello") && is_sent(&two, 1, b"welcome"));
    arrives(&two, 1, b"hello");
    arrives(&one, 2, b"welcome");
    assert_eq!(one.net.peer_stats().len(), 1);
}

#[test]
fn a_member_that_is_gone_gets_what_was_queued_and_no_more() {
    let members = cluster(3);
    let [one, two, three] = &members[..] else {
        panic!("three")
    };
    assert!(is_sent(one, 3, b"farewell"));
    one.net.set_peers(ROSTER, &[peer(2, &two.address.to_string())]);
    assert!(!is_sent(one, 3, b"too late"), "from the call on");
    assert!(!one.net.is_up(3));
    arrives(three, 1, b"farewell");
    three.wait("the loss", |seen| seen.up.get(&1) == Some(&false));
    one.wait("the loss", |seen| seen.up.get(&3) == Some(&false));
    one.wait("a refusal", |seen| {
        seen.log.iter().any(|(_, text)| text.contains("not among the members"))
    });
    // Who stayed has not noticed.
    assert!(is_sent(one, 2, b"still here") && is_sent(two, 1, b"so am I"));
    arrives(two, 1, b"still here");
    arrives(one, 2, b"so am I");
    assert!(!lost(one, 2) && !lost(two, 1));
    // And it is let in again.
    one.net.set_peers(
        ROSTER,
        &[2, 3].map(|id| peer(id, &members[id as usize - 1].address.to_string())),
    );
    one.wait_up(3);
    three.wait_up(1);
    assert!(is_sent(three, 1, b"back"));
    arrives(one, 3, b"back");
}

#[test]
fn a_member_that_was_never_reached_is_dialed_no_more() {
    let addresses = addresses(2);
    let one = Member::start(1, &addresses);
    one.wait("attempts", |_| one.net.stats().counters.dials >= 4);
    one.net.set_peers(ROSTER, &[]);
    std::thread::sleep(Duration::from_millis(100));
    let dials = one.net.stats().counters.dials;
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(one.net.stats().counters.dials, dials, "longer than the longest pause");
}

#[test]
fn a_member_that_moved_is_found_at_its_new_address() {
    let members = cluster(2);
    let [one, two] = &members[..] else { panic!("two") };
    two.net.close();
    let moved = [members[0].address.to_string(), addresses(1).remove(0)];
    let two = Member::start(2, &moved);
    one.net.set_peers(ROSTER, &[peer(2, &moved[1])]);
    two.wait_up(1);
    // It may have the way back a moment later.
    one.wait("the way there", |_| is_sent(one, 2, b"found"));
    arrives(&two, 1, b"found");
}

#[test]
fn another_list_of_members_is_what_the_next_hello_says() {
    let members = cluster(2);
    let [one, two] = &members[..] else { panic!("two") };
    one.net.set_peers(ROSTER + 1, &[peer(2, &two.address.to_string())]);
    assert!(is_sent(one, 2, b"a connection that stands stays"));
    arrives(two, 1, b"a connection that stands stays");
    // Dialed anew, as its name is another one; who knows of no cluster yet has its list to go by.
    two.recorder.cluster.store(0, std::sync::atomic::Ordering::Relaxed);
    let renamed = PeerConfig {
        name: "other".to_owned(),
        ..peer(2, &two.address.to_string())
    };
    one.net.set_peers(ROSTER + 1, &[renamed]);
    one.wait("a refusal", |seen| {
        seen.log.iter().any(|(_, text)| text.contains("CLUSTER_MISMATCH"))
    });
}

#[test]
fn after_a_close_nobody_is_dialed() {
    let members = cluster(2);
    members[0].net.close();
    let dials = members[0].net.stats().counters.dials;
    members[0]
        .net
        .set_peers(ROSTER, &[peer(2, "127.0.0.1:1"), peer(3, "127.0.0.1:1")]);
    assert!(!is_sent(&members[0], 3, b"nobody"));
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(members[0].net.stats().counters.dials, dials);
}

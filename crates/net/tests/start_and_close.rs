//! A network says at once where it cannot listen, and a close is quick, writes what is queued and frees the port.

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rafterdb_codec::Code;
use rafterdb_net::{Lane, Net, Parts};
use support::{addresses, cluster, config, Member, Raw, Recorder};

fn start_error(listen: &str) -> Code {
    let recorder = Arc::new(Recorder::default());
    let config = config(1, &[listen.to_owned()], &recorder);
    Net::start(config, recorder)
        .expect_err("an address that cannot be had")
        .code
}

#[test]
fn an_address_that_cannot_be_listened_on_is_an_error_with_a_code() {
    let taken = Member::alone();
    assert_eq!(start_error(&taken.address.to_string()), Code::PortInUse);
    for invalid in [
        "",
        "7001",
        "127.0.0.1",
        "127.0.0.1:port",
        "127.0.0.1:70000",
        "192.0.2.1:7001",
    ] {
        assert_eq!(start_error(invalid), Code::AddressInvalid, "{invalid}");
    }
}

#[test]
fn a_close_is_quick_with_peers_up_down_and_clients_connected() {
    let addresses = addresses(3);
    let one = Member::start(1, &addresses);
    let two = Member::start(2, &addresses);
    one.wait_up(2);
    two.wait_up(1);
    let _clients: Vec<_> = (0..20).map(|_| Raw::client(one.address)).collect();
    let _stranger = Raw::open(one.address);
    let started = Instant::now();
    one.net.close();
    assert!(
        started.elapsed() < Duration::from_millis(300),
        "{:?}",
        started.elapsed()
    );
    assert!(!one.net.send_peer(2, Lane::Fast, Parts::new(vec![1])));
    one.net.close();
    let states = one.recorder.seen.lock().unwrap().states.len();
    // Its port is free at once, though connections of it linger.
    let again = Member::start(1, &addresses);
    again.wait_up(2);
    assert_eq!(
        one.recorder.seen.lock().unwrap().states.len(),
        states,
        "the closed one's handler is left alone"
    );
}

#[test]
fn frames_queued_before_a_close_arrive() {
    let members = cluster(2);
    for _ in 0..16 {
        assert!(members[0]
            .net
            .send_peer(2, Lane::Bulk, Parts::from(Bytes::from(vec![3; 1 << 20]))));
    }
    members[0].net.close();
    members[1].wait("all frames", |seen| seen.frames.len() == 16);
}

#[test]
fn a_close_does_not_wait_for_a_peer_that_does_not_read() {
    let addresses = addresses(2);
    let one = Member::start_with(1, &addresses, |config| {
        config.limits.dead_after = Duration::from_secs(60)
    });
    let two = Member::start(2, &addresses);
    one.wait_up(2);
    two.recorder.held.store(true, std::sync::atomic::Ordering::Relaxed);
    while one
        .net
        .send_peer(2, Lane::Fast, Parts::from(Bytes::from(vec![3; 1 << 20])))
    {}
    let started = Instant::now();
    one.net.close();
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
}

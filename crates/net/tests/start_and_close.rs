//! A network says at once where it cannot listen, and a close is quick, writes what is queued and frees the port.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use rafterdb_codec::Code;
use rafterdb_net::{Client, Handler, Lane, Net, NetConfig, Parts};
use rafterdb_pool::Slice;
use support::{addresses, cluster, config, frame, Member, Raw, Recorder};

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

/// Far below every wait of a patient member, far above what a busy machine takes.
const QUICK: Duration = Duration::from_secs(10);

/// Its waits are a minute: what ends sooner did not wait for one.
fn patient(config: &mut NetConfig) {
    let minute = Duration::from_secs(60);
    config.limits.hello_timeout = minute;
    config.limits.dead_after = minute;
    config.limits.idle_after = minute;
}

#[test]
fn a_close_is_quick_with_peers_up_down_and_clients_connected() {
    let addresses = addresses(3);
    let one = Member::start_with(1, &addresses, patient);
    let two = Member::start(2, &addresses);
    one.wait_up(2);
    two.wait_up(1);
    let _clients: Vec<_> = (0..20).map(|_| Raw::client(one.address)).collect();
    let _stranger = Raw::open(one.address);
    let started = Instant::now();
    one.net.close();
    assert!(started.elapsed() < QUICK, "{:?}", started.elapsed());
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
        assert!(members[0].net.send_peer(2, Lane::Bulk, Parts::from(vec![3; 1 << 20])));
    }
    members[0].net.close();
    members[1].wait("all frames", |seen| seen.frames.len() == 16);
}

#[test]
fn a_close_does_not_wait_for_a_peer_that_does_not_read() {
    let addresses = addresses(2);
    let one = Member::start_with(1, &addresses, patient);
    let two = Member::start(2, &addresses);
    one.wait_up(2);
    two.recorder.held.store(true, std::sync::atomic::Ordering::Relaxed);
    while one.net.send_peer(2, Lane::Fast, Parts::from(vec![3; 1 << 20])) {}
    let started = Instant::now();
    one.net.close();
    assert!(started.elapsed() < QUICK, "{:?}", started.elapsed());
}

/// What was told of a broken invariant.
#[derive(Default)]
struct Broken(std::sync::Mutex<Vec<String>>);

impl Handler for Broken {
    fn broken(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }

    fn peer_frame(&self, _peer: u64, _lane: Lane, _body: Slice) {}
    fn peer_state(&self, _peer: u64, _up: bool, _rtt_micros: u32) {}
    fn client_frame(&self, _client: &Client, _body: Slice) {
        panic!("a broken invariant, on purpose");
    }
    fn client_closed(&self, _connection: u64) {}
}

#[test]
fn a_handler_that_panics_ends_the_network_and_its_owner_is_told_why() {
    let log = Arc::new(Recorder::default());
    let config = config(1, &["127.0.0.1:0".to_owned()], &log);
    let broken = Arc::new(Broken::default());
    let net = Net::start(config, broken.clone()).unwrap();
    let address = net.local_addr().unwrap();
    let (mut guilty, mut innocent) = (Raw::client(address), Raw::client(address));
    guilty.write(&frame(b"trigger"));
    assert!(guilty.is_closed_within(Duration::from_secs(10)));
    assert!(
        innocent.is_closed_within(Duration::from_secs(10)),
        "a member with a broken invariant leaves"
    );
    assert!(std::net::TcpStream::connect(address).is_err(), "and listens no more");
    assert_eq!(*broken.0.lock().unwrap(), ["a broken invariant, on purpose"]);
    assert!(log
        .seen
        .lock()
        .unwrap()
        .log
        .iter()
        .any(|(_, text)| text.contains("a bug in rafterdb: a broken invariant")));
}

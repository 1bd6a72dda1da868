//! A process without data: connects, sends, receives, hears of a loss once, and can stop at any time.

#![allow(
    clippy::unwrap_used,
    reason = "the handler and the waiting are of the test, outside its functions"
)]

mod support;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rafterdb_codec::Code;
use rafterdb_net::{NetError, Parts, RemoteClient, RemoteConfig, RemoteHandler, RemoteMember};
use rafterdb_pool::Slice;
use support::{addresses, Member, CLUSTER};

#[derive(Default)]
struct Heard {
    connected: Vec<RemoteMember>,
    frames: Vec<Slice>,
    lost: Vec<NetError>,
}

#[derive(Default)]
struct Listener(Mutex<Heard>);

impl RemoteHandler for Listener {
    fn connected(&self, member: RemoteMember) {
        self.0.lock().unwrap().connected.push(member);
    }
    fn frame(&self, body: Slice) {
        self.0.lock().unwrap().frames.push(body);
    }
    fn lost(&self, error: NetError) {
        self.0.lock().unwrap().lost.push(error);
    }
}

impl Listener {
    fn wait(&self, what: &str, until: impl Fn(&Heard) -> bool) {
        let started = Instant::now();
        while !until(&self.0.lock().unwrap()) {
            assert!(started.elapsed() < Duration::from_secs(10), "{what}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn connect(endpoint: impl ToString, cluster: u64) -> (RemoteClient, Arc<Listener>) {
    let listener = Arc::new(Listener::default());
    let config = RemoteConfig {
        endpoint: endpoint.to_string(),
        cluster,
        timeout: Duration::from_millis(500),
        limits: support::limits(),
        ..RemoteConfig::default()
    };
    (RemoteClient::connect(config, listener.clone()).unwrap(), listener)
}

#[test]
fn submissions_and_deliveries_cross_in_order() {
    let member = Member::alone();
    let (client, listener) = connect(member.address, CLUSTER);
    // Before the connection stands: kept and sent.
    for place in 0..1000u32 {
        assert!(client.send(Parts::new(place.to_le_bytes().to_vec())));
    }
    member.wait("submissions", |seen| seen.submissions.len() == 1000);
    let submissions = member.recorder.seen.lock().unwrap().submissions.clone();
    assert!(submissions
        .iter()
        .zip(0u32..)
        .all(|((_, body), place)| body[..] == place.to_le_bytes()));
    for (connection, body) in submissions {
        assert!(member.net.send_client(connection, Parts::from(body)));
    }
    listener.wait("deliveries", |heard| heard.frames.len() == 1000);
    let heard = listener.0.lock().unwrap();
    assert!(heard
        .frames
        .iter()
        .zip(0u32..)
        .all(|(body, place)| body[..] == place.to_le_bytes()));
    let expected = RemoteMember {
        cluster: CLUSTER,
        member_id: 1,
        name: "member-1".to_owned(),
    };
    assert_eq!(heard.connected, [expected]);
}

#[test]
fn a_lost_member_is_told_once_and_sends_fail_afterwards() {
    let member = Member::alone();
    let (client, listener) = connect(member.address, 0);
    listener.wait("connected", |heard| heard.connected.len() == 1);
    member.net.close();
    listener.wait("lost", |heard| heard.lost.len() == 1);
    assert_eq!(listener.0.lock().unwrap().lost[0].code, Code::Unreachable);
    assert!(!client.send(Parts::new(vec![1])));
    client.close();
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(listener.0.lock().unwrap().lost.len(), 1);
}

#[test]
fn each_way_not_to_connect_has_its_code() {
    let member = Member::alone();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_at = silent.local_addr().unwrap();
    let cases = [
        (member.address.to_string(), 0xbad, Code::ClusterMismatch),
        (addresses(1)[0].clone(), 0, Code::Unreachable),
        (silent_at.to_string(), 0, Code::Timeout),
        ("not an endpoint".to_owned(), 0, Code::AddressInvalid),
    ];
    for (endpoint, cluster, code) in cases {
        let (_client, listener) = connect(&endpoint, cluster);
        listener.wait("lost", |heard| heard.lost.len() == 1);
        let heard = listener.0.lock().unwrap();
        assert_eq!(heard.lost[0].code, code, "{endpoint}: {}", heard.lost[0]);
        assert!(heard.connected.is_empty());
    }
}

#[test]
fn a_member_that_ends_a_connection_writes_what_it_has_queued_first() {
    let member = Member::alone();
    let (client, listener) = connect(member.address, 0);
    assert!(client.send(Parts::new(vec![1])));
    member.wait("submission", |seen| seen.submissions.len() == 1);
    let connection = member.recorder.seen.lock().unwrap().submissions[0].0;
    for _ in 0..8 {
        assert!(member.net.send_client(connection, Parts::from(vec![1; 1 << 20])));
    }
    member.net.close_client(connection);
    listener.wait("lost", |heard| heard.lost.len() == 1);
    assert_eq!(listener.0.lock().unwrap().frames.len(), 8);
    assert!(!member.net.send_client(connection, Parts::new(vec![1])));
    member.wait("closed", |seen| seen.closed == [connection]);
}

#[test]
fn after_a_close_nothing_is_heard_and_what_was_sent_has_arrived() {
    let member = Member::alone();
    let (client, listener) = connect(member.address, 0);
    listener.wait("connected", |heard| heard.connected.len() == 1);
    for _ in 0..8 {
        assert!(client.send(Parts::from(vec![1; 1 << 20])));
    }
    client.close();
    assert!(!client.send(Parts::new(vec![1])));
    member.wait("closed", |seen| seen.closed.len() == 1);
    assert_eq!(member.recorder.seen.lock().unwrap().submissions.len(), 8);
    assert!(listener.0.lock().unwrap().lost.is_empty());
}

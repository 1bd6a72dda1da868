//! What a network carries over loopback: round trips of small frames, and a stream of large ones, between two members and
//! between a client and a member. `cargo run --release -p rafterdb-net --example ping_pong`

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rafterdb_net::{
    Client, Handler, Lane, Net, NetConfig, NetError, Parts, PeerConfig, RemoteClient, RemoteConfig, RemoteHandler,
    RemoteMember,
};
use rafterdb_pool::{Buffer, Slice};

const SMALL: usize = 300;
const LARGE: usize = 64 << 10;
const ROUNDS: usize = 30_000;
const STREAM_BYTES: usize = 2 << 30;

/// Sends small frames back, counts large ones.
struct Echo {
    net: OnceLock<Arc<Net>>,
    up: Mutex<Sender<()>>,
    received: AtomicU64,
}

impl Handler for Echo {
    fn peer_frame(&self, peer: u64, lane: Lane, body: Slice) {
        self.received.fetch_add(body.len() as u64, Ordering::Relaxed);
        if body.len() == SMALL {
            self.net.get().map(|net| net.send_peer(peer, lane, Parts::from(body)));
        }
    }
    fn peer_state(&self, _peer: u64, up: bool, _rtt_micros: u32) {
        if up {
            let _ = self.up.lock().send(());
        }
    }
    fn client_frame(&self, client: &Client, body: Slice) {
        self.received.fetch_add(body.len() as u64, Ordering::Relaxed);
        if body.len() == SMALL {
            self.net
                .get()
                .map(|net| net.send_client(client.id(), Parts::from(body)));
        }
    }
    fn client_closed(&self, _connection: u64) {}
}

/// Hands what arrives to the bench's thread.
struct Asker {
    arrived: Mutex<Sender<()>>,
}

impl Handler for Asker {
    fn peer_frame(&self, _peer: u64, _lane: Lane, _body: Slice) {
        let _ = self.arrived.lock().send(());
    }
    fn peer_state(&self, _peer: u64, _up: bool, _rtt_micros: u32) {}
    fn client_frame(&self, _client: &Client, _body: Slice) {}
    fn client_closed(&self, _connection: u64) {}
}

impl RemoteHandler for Asker {
    fn connected(&self, _member: RemoteMember) {
        let _ = self.arrived.lock().send(());
    }
    fn frame(&self, _body: Slice) {
        let _ = self.arrived.lock().send(());
    }
    fn lost(&self, error: NetError) {
        eprintln!("lost: {error}");
    }
}

fn config(id: u64, listen: &str, peers: Vec<PeerConfig>) -> NetConfig {
    let log = Arc::new(|level, text| eprintln!("{level:?} {text}"));
    NetConfig {
        listen: vec![listen.to_owned()],
        roster: 7,
        member_id: id,
        name: format!("m{id}"),
        peers,
        log,
        ..NetConfig::default()
    }
}

fn free_endpoint() -> std::io::Result<String> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

fn filled(byte: u8, length: usize) -> Slice {
    let mut buffer = Buffer::new(length);
    buffer.fill(byte);
    buffer.freeze(length)
}

fn round_trips(name: &str, arrived: &Receiver<()>, send: impl Fn(Parts) -> bool) {
    let body = filled(7, SMALL);
    let mut times = Vec::with_capacity(ROUNDS);
    let started = Instant::now();
    for _ in 0..ROUNDS {
        let sent = Instant::now();
        assert!(send(Parts::from(body.clone())), "the connection stands");
        arrived.recv().expect("an answer");
        times.push(sent.elapsed());
    }
    let rate = ROUNDS as f64 / started.elapsed().as_secs_f64();
    times.sort();
    let at = |share: usize| times[ROUNDS * share / 1000].as_nanos() as f64 / 1e3;
    println!(
        "{name:<22} {SMALL} B round trips: {rate:>8.0}/s   p50 {:.1} µs   p99 {:.1} µs   p99.9 {:.1} µs",
        at(500),
        at(990),
        at(999)
    );
}

fn stream(name: &str, received: &AtomicU64, send: impl Fn(Parts) -> bool) {
    let body = filled(9, LARGE);
    let before = received.load(Ordering::Relaxed);
    let started = Instant::now();
    for _ in 0..STREAM_BYTES / LARGE {
        // Half of the frame as a header of its own slice, as an append has it.
        let mut parts = Parts::new(body[..64].to_vec());
        parts.push(body.slice(64..));
        while !send(parts.clone()) {
            std::thread::sleep(Duration::from_micros(200));
        }
    }
    while received.load(Ordering::Relaxed) - before < STREAM_BYTES as u64 {
        std::thread::sleep(Duration::from_micros(200));
    }
    let rate = STREAM_BYTES as f64 / 1e6 / started.elapsed().as_secs_f64();
    println!("{name:<22} {} KiB frames: {rate:.0} MB/s", LARGE >> 10);
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (a_at, b_at) = (free_endpoint()?, free_endpoint()?);
    let (up_sender, up) = channel();
    let echo = Arc::new(Echo {
        net: OnceLock::new(),
        up: Mutex::new(up_sender),
        received: AtomicU64::new(0),
    });
    let (arrived_sender, arrived) = channel();
    let asker = Arc::new(Asker {
        arrived: Mutex::new(arrived_sender.clone()),
    });
    let peer = |id: u64, endpoint: &str| PeerConfig {
        id,
        name: format!("m{id}"),
        endpoint: endpoint.to_owned(),
    };
    let b = Arc::new(Net::start(config(2, &b_at, vec![peer(1, &a_at)]), echo.clone())?);
    let _ = echo.net.set(b.clone());
    let a = Net::start(config(1, &a_at, vec![peer(2, &b_at)]), asker)?;
    up.recv_timeout(Duration::from_secs(5))?;
    std::thread::sleep(Duration::from_millis(100));

    round_trips("member to member", &arrived, |parts| a.send_peer(2, Lane::Fast, parts));
    stream("member to member", &echo.received, |parts| {
        a.send_peer(2, Lane::Fast, parts)
    });
    println!("{:?}", a.stats().counters);

    let handler = Arc::new(Asker {
        arrived: Mutex::new(arrived_sender),
    });
    let client = RemoteClient::connect(
        RemoteConfig {
            endpoint: b_at,
            ..RemoteConfig::default()
        },
        handler,
    )?;
    arrived.recv_timeout(Duration::from_secs(5))?;
    round_trips("client to member", &arrived, |parts| client.send(parts));
    stream("client to member", &echo.received, |parts| client.send(parts));
    a.close();
    b.close();
    Ok(())
}

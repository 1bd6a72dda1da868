//! Members for tests: a network whose handler writes down what it is told, and raw sockets that speak frames by hand.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a module of tests, which clippy does not see")]

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rafterdb_codec::{Hello, HelloKind};
use rafterdb_hash::crc32c;
use rafterdb_net::{Client, Handler, Lane, Level, Net, NetConfig, NetLimits, PeerConfig};
use rafterdb_pool::{Buffer, Pool, Slice};

mod addresses;
pub use addresses::addresses;

pub const ROSTER: u64 = 0xc1;
/// Identity that members have unless a test says otherwise.
pub const CLUSTER: u64 = 0xfade;
/// Index of the configuration that says who is gone.
pub const REMOVED_AT: u64 = 7;

/// What a handler was told.
#[derive(Default)]
pub struct Seen {
    pub frames: Vec<(u64, Lane, Slice)>,
    pub states: Vec<(u64, bool)>,
    pub up: HashMap<u64, bool>,
    pub submissions: Vec<(u64, Slice)>,
    pub closed: Vec<u64>,
    pub log: Vec<(Level, String)>,
    /// Who said that this member was removed, and by which configuration.
    pub removed: Vec<(u64, u64)>,
}

#[derive(Default)]
pub struct Recorder {
    pub seen: Mutex<Seen>,
    pub held: AtomicBool,
    /// Identity of the cluster.
    pub cluster: AtomicU64,
    /// A member that was removed, by the configuration at `REMOVED_AT`; 0: nobody was.
    pub gone: AtomicU64,
}

impl Handler for Recorder {
    fn peer_frame(&self, peer: u64, lane: Lane, body: Slice) {
        self.seen.lock().unwrap().frames.push((peer, lane, body));
    }
    fn peer_state(&self, peer: u64, up: bool, _rtt_micros: u32) {
        let mut seen = self.seen.lock().unwrap();
        seen.states.push((peer, up));
        seen.up.insert(peer, up);
    }
    fn client_frame(&self, client: &Client, body: Slice) {
        self.seen.lock().unwrap().submissions.push((client.id(), body));
    }
    fn client_closed(&self, connection: u64) {
        self.seen.lock().unwrap().closed.push(connection);
    }
    fn cluster(&self) -> u64 {
        self.cluster.load(Ordering::Relaxed)
    }
    fn removed(&self, member: u64) -> Option<u64> {
        (self.gone.load(Ordering::Relaxed) == member).then_some(REMOVED_AT)
    }
    fn told_removed(&self, peer: u64, index: u64) {
        self.seen.lock().unwrap().removed.push((peer, index));
    }
    fn ready(&self, _peer: u64, _lane: Lane) -> bool {
        !self.held.load(Ordering::Relaxed)
    }
}

pub struct Member {
    pub net: Net,
    pub recorder: Arc<Recorder>,
    pub address: SocketAddr,
}

/// Short times, so that tests are.
pub fn limits() -> NetLimits {
    NetLimits {
        hello_timeout: Duration::from_millis(300),
        ping_every: Duration::from_millis(50),
        dead_after: Duration::from_millis(400),
        idle_after: Duration::from_secs(1),
        ..NetLimits::default()
    }
}

/// So many bytes alike.
#[allow(dead_code, reason = "not every test needs it")]
pub fn filled(byte: u8, length: usize) -> Slice {
    let mut buffer = Buffer::new(length.max(1));
    buffer.fill(byte);
    buffer.freeze(length)
}

/// The settings of member `id`, which listens at `addresses[id - 1]`.
pub fn config(id: u64, addresses: &[String], recorder: &Arc<Recorder>) -> NetConfig {
    let peers = addresses.iter().zip(1..).filter(|(_, peer)| *peer != id);
    let told = recorder.clone();
    NetConfig {
        listen: vec![addresses[usize::try_from(id).unwrap() - 1].clone()],
        roster: ROSTER,
        token: None,
        member_id: id,
        name: format!("member-{id}"),
        peers: peers
            .map(|(endpoint, id)| PeerConfig {
                id,
                name: format!("member-{id}"),
                endpoint: endpoint.clone(),
            })
            .collect(),
        limits: limits(),
        log: Arc::new(move |level, text| told.seen.lock().unwrap().log.push((level, text))),
        pool: Pool::new(),
    }
}

impl Member {
    pub fn start(id: u64, addresses: &[String]) -> Self {
        Self::start_with(id, addresses, |_| {})
    }

    pub fn start_with(id: u64, addresses: &[String], change: impl FnOnce(&mut NetConfig)) -> Self {
        Self::start_in(CLUSTER, id, addresses, change)
    }

    /// One that knows its cluster by this identity; 0: not yet.
    pub fn start_in(cluster: u64, id: u64, addresses: &[String], change: impl FnOnce(&mut NetConfig)) -> Self {
        let recorder = Arc::new(Recorder::default());
        recorder.cluster.store(cluster, Ordering::Relaxed);
        let mut config = config(id, addresses, &recorder);
        change(&mut config);
        let net = Net::start(config, recorder.clone()).unwrap();
        let address = net.local_addr().unwrap();
        Self { net, recorder, address }
    }

    /// A member without peers.
    pub fn alone() -> Self {
        Self::start(1, &["127.0.0.1:0".to_owned()])
    }

    pub fn wait(&self, what: &str, until: impl Fn(&Seen) -> bool) {
        self.wait_for(Duration::from_secs(10), what, until);
    }

    pub fn wait_for(&self, time: Duration, what: &str, until: impl Fn(&Seen) -> bool) {
        let started = Instant::now();
        while !until(&self.recorder.seen.lock().unwrap()) {
            assert!(
                started.elapsed() < time,
                "{what}: not within {time:?}; log: {:?}",
                self.recorder.seen.lock().unwrap().log
            );
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub fn wait_up(&self, peer: u64) {
        self.wait("peer up", |seen| seen.up.get(&peer) == Some(&true));
    }

    pub fn log_lines(&self, containing: &str) -> usize {
        self.recorder
            .seen
            .lock()
            .unwrap()
            .log
            .iter()
            .filter(|(_, text)| text.contains(containing))
            .count()
    }
}

/// Members that are connected to each other.
pub fn cluster(count: usize) -> Vec<Member> {
    let addresses = addresses(count);
    let members: Vec<_> = (1..=count as u64).map(|id| Member::start(id, &addresses)).collect();
    for (member, id) in members.iter().zip(1..) {
        for peer in (1..=count as u64).filter(|peer| *peer != id) {
            member.wait_up(peer);
        }
    }
    members
}

pub fn frame(body: &[u8]) -> Vec<u8> {
    let mut out = u32::try_from(body.len()).unwrap().to_le_bytes().to_vec();
    out.extend_from_slice(&crc32c(body).to_le_bytes());
    out.extend_from_slice(body);
    out
}

/// A hello of a side without a token.
pub fn hello_of(kind: HelloKind, roster: u64, cluster: u64, member_id: u64, to: u64) -> Hello {
    Hello {
        kind,
        roster,
        cluster,
        member_id,
        to,
        has_token: false,
        proof: [0; 32],
        name: "raw".to_owned(),
    }
}

/// Its frame; the cluster is not known.
pub fn hello(kind: HelloKind, roster: u64, member_id: u64, to: u64) -> Vec<u8> {
    frame(&hello_of(kind, roster, 0, member_id, to).encode())
}

/// A socket that says what a test wants.
pub struct Raw(pub TcpStream);

impl Raw {
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
        Self(stream)
    }

    /// A client that has said hello and read the answer.
    pub fn client(address: SocketAddr) -> Self {
        let mut raw = Self::open(address);
        raw.write(&hello(HelloKind::Client, 0, 0, 0));
        Hello::decode(&raw.read_frame().unwrap()).unwrap();
        raw
    }

    pub fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    /// The next frame's body; `None` if the connection has ended.
    pub fn read_frame(&mut self) -> Option<Vec<u8>> {
        let mut header = [0; 8];
        self.0.read_exact(&mut header).ok()?;
        let mut body = vec![0; u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize];
        self.0.read_exact(&mut body).ok()?;
        assert_eq!(
            header[4..],
            crc32c(&body).to_le_bytes(),
            "checksum of what a member sent"
        );
        Some(body)
    }

    /// Whether the other side closes within the time.
    pub fn is_closed_within(&mut self, time: Duration) -> bool {
        self.0.set_read_timeout(Some(time)).unwrap();
        let mut buffer = [0; 4096];
        loop {
            match self.0.read(&mut buffer) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => {
                    return !matches!(
                        error.kind(),
                        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                    );
                }
            }
        }
    }
}

/// A small generator: the seed is in the failing test's message.
pub struct Random(pub u64);

impl Random {
    pub fn seeded() -> Self {
        let from_clock = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_nanos() as u64;
        let seed = std::env::var("SEED")
            .ok()
            .and_then(|s| s.parse().ok())
            .unwrap_or(from_clock | 1);
        eprintln!("SEED={seed} repeats this run");
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

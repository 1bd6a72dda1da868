//! A member's rooms without its threads, its network and its core, for tests: each step is taken by hand, and what goes out is
//! looked at. Judges nothing.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rafterdb_codec::{
    BatchHeader, Body, Code, Consistency, Entries, Entry, EntryKind, MessageKind, Principal, Put, RaftHeader, Range,
    ReadRequest, Request, RequestKind, Responses, Run,
};
use rafterdb_metrics::Samples;
use rafterdb_net::{Client, Handler, Lane, NetStats, Parts, PeerConfig, PeerStats};
use rafterdb_pool::{Buffer, Slice};

use crate::askers::app_port::Port;
use crate::askers::asker::Asker;
use crate::config::Config;
use crate::exchange::commands::Exchange;
use crate::exchange::events::Opening;
use crate::exchange::log_age::LogAges;
use crate::exchange::parts::ExchangeParts;
use crate::member::data_dir::DataDir;
use crate::member::recovery;
use crate::member::rooms::{Rooms, Threads};
use crate::member::shared::Shared;
use crate::network::Wire;
use crate::peers::handler::{Incoming, Peers};
use crate::snapshots::under_way::Queues;
use crate::state::group::Group;
use crate::state::tail::Block;

mod script;

/// The other members.
pub const PEERS: [&str; 2] = ["b", "c"];

/// Frames that went out, in order.
#[derive(Default)]
pub struct Recorder {
    /// To whom, and the body.
    pub frames: Mutex<Vec<(u64, Vec<u8>)>>,
    /// Who the other members were said to be, each time.
    pub peers: Mutex<Vec<Vec<u64>>>,
    /// Nobody can be reached.
    pub is_cut: std::sync::atomic::AtomicBool,
}

impl Recorder {
    fn note(&self, to: u64, parts: &Parts) -> bool {
        let is_there = !self.is_cut.load(std::sync::atomic::Ordering::Relaxed);
        if is_there {
            self.frames
                .lock()
                .expect("it works")
                .push((to, parts.pieces().collect::<Vec<_>>().concat()));
        }
        is_there
    }
}

/// The recorder as a member's network.
struct Recording(Arc<Recorder>);

impl Wire for Recording {
    fn send_peer(&self, peer: u64, _lane: Lane, parts: Parts) -> bool {
        self.0.note(peer, &parts)
    }

    fn set_peers(&self, _roster: u64, peers: &[PeerConfig]) {
        let ids = peers.iter().map(|peer| peer.id).collect();
        self.0.peers.lock().expect("it works").push(ids);
    }

    fn is_up(&self, _peer: u64) -> bool {
        !self.0.is_cut.load(std::sync::atomic::Ordering::Relaxed)
    }

    fn send_client(&self, connection: u64, parts: Parts) -> bool {
        self.0.note(connection, &parts)
    }

    fn close_client(&self, _connection: u64) {}

    fn has_client(&self, _connection: u64) -> bool {
        true
    }

    fn has_room(&self, _client: &Client) -> bool {
        true
    }

    fn peer_stats(&self) -> Vec<PeerStats> {
        Vec::new()
    }

    fn stats(&self) -> NetStats {
        panic!("nobody asks a recorder for its figures")
    }

    fn collect(&self, _into: &mut Samples) {
        panic!("nobody asks a recorder for its figures")
    }

    fn listening(&self) -> &[String] {
        &[]
    }

    fn close(&self) {}
}

/// The rooms.
pub struct Bench {
    pub shared: Shared,
    pub rooms: Rooms,
    pub threads: Threads,
    pub queues: Queues,
    pub wire: Arc<Recorder>,
    /// Lines for people.
    pub notes: Arc<Mutex<Vec<String>>>,
    pub config: Config,
    pub port: Arc<Port>,
    exchange: Mutex<Exchange>,
    parts: ExchangeParts,
    dir: tempfile::TempDir,
}

impl Bench {
    /// The rooms of the member `a` of three, with so many groups.
    pub fn new(groups: u16) -> Self {
        let bench = Self::open(groups, tempfile::tempdir().expect("it works"), "");
        bench.script("");
        bench
    }

    /// The same on what a kill leaves of this one's files, with all members at an endpoint; nothing is told yet.
    pub fn killed(&self, endpoint: &str) -> Self {
        let dir = tempfile::tempdir().expect("it works");
        copy(self.dir.path(), dir.path());
        Self::open(self.config.groups, dir, endpoint)
    }

    /// The rooms of the member `a` of three, which has no data, with one group.
    pub fn witness() -> Self {
        let bench = Self::open_as(1, tempfile::tempdir().expect("it works"), "", true);
        bench.script("");
        bench
    }

    fn open(groups: u16, dir: tempfile::TempDir, endpoint: &str) -> Self {
        Self::open_as(groups, dir, endpoint, false)
    }

    fn open_as(groups: u16, dir: tempfile::TempDir, endpoint: &str, is_witness: bool) -> Self {
        let members: Vec<_> = ["a"]
            .iter()
            .chain(&PEERS)
            .map(|name| serde_json::json!({"name": name, "endpoint": endpoint}))
            .collect();
        let config = serde_json::json!({
            "name": "a", "dataDir": dir.path(), "members": members, "listen": [], "durability": "os", "durabilityInterval": 10,
            "memory": 32 << 20, "valueBytesMax": 1 << 20, "groups": groups, "segmentBytes": 1 << 20, "cpuAffinity": null,
        });
        let mut config = Config::parse(&config.to_string()).expect("it works");
        let data_dir = Arc::new(DataDir::open(&config).expect("it works"));
        let notes = Arc::new(Mutex::new(Vec::new()));
        let told = notes.clone();
        let on_line = Arc::new(move |line: &str| told.lock().expect("it works").push(line.to_owned()));
        let (shared, queues) = Shared::new(&config, Box::new(|_| {}), on_line);
        config.witness = is_witness;
        let (recovered, writer) = recovery::recover(&config, &data_dir, &shared).expect("it works");
        let rooms = Rooms::new(&shared, &config, &recovered);
        let threads = Threads::new(&shared, &config, &rooms, &data_dir, writer);
        let wire = Arc::<Recorder>::default();
        shared.network.begin(Box::new(Recording(wire.clone())));
        let ages = LogAges {
            groups: rooms.groups.clone(),
            log: rooms.log.clone(),
            apply: shared.apply.clone(),
            inbox: shared.inbox.clone(),
            failure: shared.failure.clone(),
            segment_bytes: config.segment_bytes,
            looked_at: 0,
        };
        Self {
            exchange: Mutex::new(Exchange::new(Opening::new(recovered.opened), ages)),
            parts: rooms.exchange(&shared, &threads, None),
            port: Arc::new(Port::new(Principal::ANONYMOUS, Box::new(|| {}))),
            shared,
            rooms,
            threads,
            queues,
            wire,
            notes,
            config,
            dir,
        }
    }

    /// A member of that name says so much over the network.
    pub fn hear(&self, name: &str, bytes: &[u8]) {
        let incoming = Arc::new(Incoming {
            gate: self.rooms.gate.clone(),
            snapshots: self.shared.snapshots.clone(),
            membership: self.rooms.membership.clone(),
            is_witness: self.config.witness,
            cluster_joined: 0,
        });
        let mut frame = Buffer::new(bytes.len());
        frame.copy_from_slice(bytes);
        Peers(Arc::downgrade(&incoming)).peer_frame(self.id(name), Lane::Fast, frame.freeze(bytes.len()));
    }

    /// A group.
    pub fn group(&self, id: u16) -> &Arc<Group> {
        self.rooms.groups.get(id)
    }

    /// Number of a member.
    pub fn id(&self, name: &str) -> u64 {
        self.config
            .members
            .iter()
            .find(|member| member.name == name)
            .expect("it works")
            .id
    }

    /// One exchange, whose commands and events are numbers.
    pub fn exchange(&self, commands: &[f64]) -> Vec<f64> {
        let mut events = vec![0.0; 16 << 10];
        let used = self
            .exchange
            .lock()
            .expect("it works")
            .run(&self.parts, commands, &mut events, Duration::ZERO);
        events[2..used].to_vec()
    }

    /// Whatever has been done so far was quick, so that the worker does the next itself.
    pub fn quick(&self) {
        self.shared.log.set_quick();
        self.shared.apply.set_quick();
    }

    /// Frames that went out since the last look: to whom, and the body.
    pub fn sent(&self) -> Vec<(u64, Vec<u8>)> {
        std::mem::take(&mut *self.wire.frames.lock().expect("it works"))
    }

    /// Submits a request at the port.
    pub fn submit(&self, kind: impl Into<u8>, group: u16, id: u64, body: &[u8]) -> Result<(), Code> {
        self.rooms
            .gate
            .submit(&Asker::Port(self.port.clone()), &request(kind, group, id, body))
    }

    /// Group 0 leads in term 1.
    pub fn lead(&self) {
        self.script("PERSIST 0 1 a 0\nROLE 0 2 1 a\nNOOP 0 1 1");
        self.script("COMMIT 0 1");
    }

    /// Who is behind each entry in a group's log, in memory, from one on.
    pub fn principals(&self, group: u16, first: u64) -> Vec<String> {
        let (group, mut blocks) = (self.group(group), Vec::new());
        let end = group.last.load(Ordering::Acquire) + 1;
        assert!(group.tail.lock().read(first, end, usize::MAX, &mut blocks));
        let of_block = |block: &Block| {
            let entries = Entries::new(&block.bytes).flatten();
            entries
                .map(|entry| String::from_utf8_lossy(entry.principal.name()).into_owned())
                .collect::<Vec<_>>()
        };
        blocks.iter().flat_map(of_block).collect()
    }

    /// Submits a put.
    pub fn put(&self, group: u16, id: u64) -> Result<(), Code> {
        self.submit(RequestKind::Write, group, id, &batch(b"value"))
    }

    /// Code of each answer at the port since the last look, by request.
    pub fn answers(&self) -> Vec<(u64, Code)> {
        let mut into = vec![0; 1 << 20];
        let bytes = usize::try_from(self.port.drain(&mut into)).expect("it works");
        Responses::new(&into[..bytes])
            .flatten()
            .map(|response| (response.id, response.code))
            .collect()
    }
}

/// An APPEND of term 1, after nothing.
pub fn append(group: u16, runs: &[Run], payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let (term, fields) = (1, [0; 6]);
    let kind = MessageKind::Append;
    RaftHeader {
        kind,
        group,
        term,
        fields,
    }
    .encode(&mut out, runs, payload.len());
    out.extend_from_slice(payload);
    out
}

/// Copies a directory's files, but for who holds it.
fn copy(from: &std::path::Path, to: &std::path::Path) {
    for entry in std::fs::read_dir(from).expect("it works").flatten() {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir_all(&to).expect("it works");
            copy(&entry.path(), &to);
        } else if entry.file_name() != "LOCK" {
            std::fs::copy(entry.path(), to).expect("it works");
        }
    }
}

/// A request.
pub fn request(kind: impl Into<u8>, group: u16, id: u64, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let flags = 0;
    Request {
        kind: kind.into(),
        flags,
        group,
        id,
        body,
    }
    .encode(&mut out);
    out
}

/// A batch of one put.
pub fn batch(value: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    BatchHeader {
        count: 1,
        ..BatchHeader::default()
    }
    .encode(&mut body);
    let (flags, lease, key) = (0, 0, &b"key"[..]);
    Put {
        flags,
        lease,
        key,
        value,
    }
    .encode(&mut body);
    body
}

/// An entry of a block.
pub fn entry(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Entry::new(EntryKind::Batch, body).encode(&mut out).expect("it works");
    out
}

/// A block of batches.
pub fn block(batches: &[&[u8]]) -> Slice {
    let bytes: Vec<u8> = batches.iter().flat_map(|batch| entry(batch)).collect();
    let mut buffer = Buffer::new(bytes.len());
    buffer.copy_from_slice(&bytes);
    buffer.freeze(bytes.len())
}

/// The body of a linearizable READ of a key.
pub fn linearizable_read(key: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    ReadRequest::encode_header(&mut body, Consistency::Linearizable, 1, 0);
    let (flags, limit, revision, end) = (0, 0, 0, &[][..]);
    Range {
        flags,
        limit,
        revision,
        key,
        end,
    }
    .encode(&mut body);
    body
}

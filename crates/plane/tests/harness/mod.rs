//! A real member whose Raft core is the test, with a peer that is the test too: it can lie. Judges nothing.

#![allow(dead_code, unused_imports, clippy::unwrap_used)] // Each test uses a part of it, and fails by panicking.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rafterdb_codec::{
    BatchHeader, Code, CommandKind, Consistency, Entry, EntryKind, EventKind, MessageKind, Principal, Put, Range,
    ReadRequest, Request, RequestKind, Responses, Role, SnapshotState, WatchRequest,
};
use rafterdb_net::{Lane, Net, NetConfig, Parts, PeerConfig};
use rafterdb_plane::{Config, Member, Port};
use rafterdb_store::{Deliver, EngineOptions, LsmEngine, Machine, WatchId};

#[path = "../../../net/tests/support/addresses.rs"]
mod addresses;
use addresses::addresses;
mod heard;
mod joining;
pub use heard::Ack;
use heard::Heard;
pub use joining::Joining;

/// Far above what anything here takes.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// One event of the exchange.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub kind: EventKind,
    pub fields: Vec<u64>,
}

/// One response at a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub kind: u8,
    pub code: Code,
    pub id: u64,
    pub body: Vec<u8>,
}

/// The member, its core and its peer.
pub struct Bench {
    pub member: Arc<Member>,
    pub port: Arc<Port>,
    /// The member's id, and the peer's.
    pub me: u64,
    pub peer: u64,
    pub dir: tempfile::TempDir,
    net: Option<Net>,
    heard: Arc<Heard>,
    notes: Arc<Mutex<Vec<String>>>,
    seen: Mutex<Vec<Event>>,
    answers: Mutex<Vec<Answer>>,
}

impl Bench {
    /// Opens the member `a` of three and connects the peer `b`; `c` is never there. The member follows `b` in term 5.
    pub fn open() -> Self {
        Self::open_with(256 << 20)
    }

    /// The same; its clients may hold so many bytes.
    pub fn open_with(connection_memory: usize) -> Self {
        Self::open_in(64 << 20, connection_memory)
    }

    /// The same, in so much memory.
    pub fn open_in(memory: usize, connection_memory: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let [a, b] = addresses(2).try_into().unwrap();
        let config = serde_json::json!({
            "name": "a", "dataDir": dir.path().join("a"), "listen": [a],
            "members": [{"name": "a", "endpoint": a}, {"name": "b", "endpoint": b}, {"name": "c", "endpoint": "127.0.0.1:1"}],
            "durability": "always", "durabilityInterval": 100, "memory": memory, "valueBytesMax": 1 << 20,
            "groups": 1, "segmentBytes": 4 << 20, "cpuAffinity": null, "connectionMemory": connection_memory,
        });
        let config = Config::parse(&config.to_string()).unwrap();
        let id = |name: &str| config.members.iter().find(|member| member.name == name).unwrap().id;
        let (me, peer) = (id("a"), id("b"));
        let notes = Arc::new(Mutex::new(Vec::new()));
        let to_notes = notes.clone();
        let on_line = Arc::new(move |text: &str| to_notes.lock().unwrap().push(text.to_owned()));
        let member = Member::open(config, Box::new(|_| {}), on_line).unwrap();
        let heard = Arc::new(Heard::default());
        let net = Net::start(
            NetConfig {
                listen: vec![b],
                roster: member.config().roster(),
                member_id: peer,
                name: "b".into(),
                peers: vec![PeerConfig {
                    id: me,
                    name: "a".into(),
                    endpoint: a,
                }],
                ..NetConfig::default()
            },
            heard.clone(),
        )
        .unwrap();
        let bench = Self {
            port: member.port(Principal::ANONYMOUS, Box::new(|| {})),
            member,
            me,
            peer,
            dir,
            net: Some(net),
            heard,
            notes,
            seen: Mutex::default(),
            answers: Mutex::default(),
        };
        eventually("the peer is connected", || bench.net().is_up(me).then_some(()));
        bench.follow(5);
        bench
    }

    fn net(&self) -> &Net {
        self.net.as_ref().unwrap()
    }

    // ── the core ──

    /// One exchange.
    pub fn exchange(&self, commands: &[u64], timeout: Duration) {
        #[allow(clippy::cast_precision_loss, reason = "the core's numbers are below 2^53")]
        let commands: Vec<f64> = commands.iter().map(|number| *number as f64).collect();
        let mut events = vec![0.0; 16 << 10];
        let used = self.member.exchange(&commands, &mut events, timeout);
        let numbers: Vec<u64> = events[2..used].iter().map(|number| *number as u64).collect();
        let mut rest = numbers.as_slice();
        while let [kind, _group, after @ ..] = rest {
            let kind = EventKind::try_from(u16::try_from(*kind).unwrap()).unwrap();
            let fields = match kind {
                EventKind::Opened => 9 + 2 * after[8] as usize,
                EventKind::Message => 12 + 2 * after[11] as usize,
                EventKind::Proposals | EventKind::Durable | EventKind::Persisted | EventKind::Committed => 2,
                EventKind::Peer | EventKind::SnapshotSent => 3,
                EventKind::SnapshotInstalled | EventKind::Sent => 4,
                EventKind::Applied | EventKind::Reads | EventKind::Transfer => 1,
                EventKind::Configuration => 3 + 2 * after[2] as usize,
                EventKind::Change => 4 + 2 * after[3] as usize,
                EventKind::Close | EventKind::OpenedRuns => 0,
            };
            self.seen.lock().unwrap().push(Event {
                kind,
                fields: after[..fields].to_vec(),
            });
            rest = &after[fields..];
        }
    }

    /// Hands over commands.
    pub fn command(&self, commands: &[u64]) {
        self.exchange(commands, Duration::ZERO);
    }

    /// The next event of a kind that was not taken before.
    pub fn event(&self, kind: EventKind) -> Vec<u64> {
        eventually(&format!("an event of kind {kind:?}"), || {
            self.exchange(&[], Duration::from_millis(10));
            let mut seen = self.seen.lock().unwrap();
            let at = seen.iter().position(|event| event.kind == kind)?;
            Some(seen.remove(at).fields)
        })
    }

    /// How many events of a kind came and were not taken.
    pub fn events_left(&self, kind: EventKind) -> usize {
        self.exchange(&[], Duration::from_millis(50));
        self.seen
            .lock()
            .unwrap()
            .iter()
            .filter(|event| event.kind == kind)
            .count()
    }

    fn role(&self, role: Role, term: u64, leader: u64) {
        let [persist, take_role] = [CommandKind::Persist, CommandKind::Role].map(|kind| kind as u64);
        self.command(&[persist, 0, term, leader, 0, take_role, 0, role as u64, term, leader]);
    }

    /// The peer leads in a term.
    pub fn follow(&self, term: u64) {
        self.role(Role::Follower, term, self.peer);
    }

    /// The member leads in a term.
    pub fn lead(&self, term: u64) {
        self.role(Role::Leader, term, self.me);
    }

    /// The member's first entry as a leader, at `index`, is committed and applied.
    pub fn begin_to_lead(&self, index: u64, term: u64) {
        self.command(&[CommandKind::Noop as u64, 0, index, term]);
        while self.event(EventKind::Durable)[0] < index {}
        self.command(&[CommandKind::Commit as u64, 0, index]);
        while self.event(EventKind::Applied)[0] < index {}
    }

    /// Sends the peer a message of a kind once what was handed over before is durable, or at once.
    pub fn send(&self, kind: MessageKind, after_durable: bool) {
        self.send_to(self.peer, kind, after_durable);
    }

    /// The same, to any member.
    pub fn send_to(&self, to: u64, kind: MessageKind, after_durable: bool) {
        let mut command = [0; 14];
        command[..6].copy_from_slice(&[
            CommandKind::Send as u64,
            0,
            to,
            kind as u64,
            5,
            u64::from(after_durable),
        ]);
        self.command(&command);
    }

    /// Kinds of the messages that the peer has heard.
    pub fn messages(&self) -> Vec<MessageKind> {
        self.heard.messages.lock().unwrap().clone()
    }

    /// What waits to be confirmed may be answered once `index` is applied.
    pub fn confirm(&self, index: u64) {
        let sequence = self.event(EventKind::Reads)[0];
        self.command(&[CommandKind::ServeReads as u64, 0, sequence, index]);
    }

    // ── the app ──

    /// Submits a request.
    pub fn submit(&self, kind: RequestKind, id: u64, body: &[u8]) {
        let mut submission = Vec::new();
        Request {
            kind: kind.into(),
            flags: 0,
            group: 0,
            id,
            body,
        }
        .encode(&mut submission);
        self.member.submit(&self.port, &submission).unwrap();
    }

    /// Submits a put, and returns when the core has taken it into the log at `index`, where it is on disk.
    pub fn put(&self, id: u64, index: u64, term: u64) {
        self.put_value(id, index, term, b"value");
    }

    /// As above, with a value of one's own.
    pub fn put_value(&self, id: u64, index: u64, term: u64, value: &[u8]) {
        self.submit(RequestKind::Write, id, &batch_of(id, value));
        let count = self.event(EventKind::Proposals)[0];
        self.command(&[CommandKind::Accept as u64, 0, index, term, count]);
        while self.event(EventKind::Durable)[0] < index {}
    }

    /// Submits a linearizable read of a key.
    pub fn get(&self, id: u64, key: &[u8]) {
        let mut body = Vec::new();
        ReadRequest::encode_header(&mut body, Consistency::Linearizable, 1, 0);
        Range {
            flags: 0,
            limit: 0,
            revision: 0,
            key,
            end: &[],
        }
        .encode(&mut body);
        self.submit(RequestKind::Read, id, &body);
    }

    /// Watches all keys from a revision on.
    pub fn watch(&self, id: u64, start_revision: u64) {
        let mut body = Vec::new();
        WatchRequest {
            flags: 0,
            start_revision,
            credit: 1000,
            cluster: 0,
            key: &[0],
            end: &[0],
        }
        .encode(&mut body);
        self.submit(RequestKind::Watch, id, &body);
    }

    fn drain(&self) {
        let mut into = vec![0; 1 << 20];
        let bytes = usize::try_from(self.member.drain(&self.port, &mut into)).unwrap();
        for response in Responses::new(&into[..bytes]).flatten() {
            self.answers.lock().unwrap().push(Answer {
                kind: response.kind,
                code: response.code,
                id: response.id,
                body: response.body.to_vec(),
            });
        }
    }

    /// The next answer to a request.
    pub fn answer(&self, id: u64) -> Answer {
        eventually(&format!("an answer to {id}"), || {
            assert!(self.member.failure().is_none(), "{:?}", self.member.failure());
            self.drain();
            let mut answers = self.answers.lock().unwrap();
            let at = answers.iter().position(|answer| answer.id == id)?;
            Some(answers.remove(at))
        })
    }

    /// Whether there is an answer to a request that was not taken.
    pub fn is_answered(&self, id: u64) -> bool {
        self.drain();
        self.answers.lock().unwrap().iter().any(|answer| answer.id == id)
    }

    // ── the peers ──

    /// Snapshots that began to arrive at the peer.
    pub fn snapshots_begun(&self) -> usize {
        self.heard.snapshots.load(Ordering::Relaxed)
    }

    /// Whether the peer has connected both ways.
    pub fn is_peer_up(&self) -> bool {
        self.net().is_up(self.me)
    }

    /// Sends a record of a snapshot as it is.
    pub fn record(&self, part: u8, group: u16, id: u64, number: u64, rest: &[u8]) {
        let mut record = vec![4, part];
        record.extend_from_slice(&group.to_le_bytes());
        record.extend_from_slice(&id.to_le_bytes());
        record.extend_from_slice(&number.to_le_bytes());
        record.extend_from_slice(rest);
        eventually("a record is sent", || {
            self.net()
                .send_peer(self.me, Lane::Bulk, Parts::new(record.clone()))
                .then_some(())
        });
    }

    pub fn begin(&self, id: u64, index: u64, term: u64) {
        self.record(1, 0, id, index, &term.to_le_bytes());
    }

    pub fn data(&self, id: u64, offset: u64, bytes: &[u8]) {
        self.record(2, 0, id, offset, bytes);
    }

    pub fn end(&self, id: u64, length: u64) {
        self.record(3, 0, id, length, &[]);
    }

    /// Sends a whole snapshot.
    pub fn stream(&self, id: u64, index: u64, term: u64, bytes: &[u8]) {
        self.begin(id, index, term);
        let mut offset = 0;
        for chunk in bytes.chunks(64 << 10) {
            self.data(id, offset, chunk);
            offset += chunk.len() as u64;
        }
        self.end(id, offset);
    }

    /// What the member said of a stream so far, and when.
    pub fn acks(&self, id: u64) -> Vec<(Ack, Instant)> {
        let acks = self.heard.acks.lock().unwrap();
        acks.iter().filter(|(ack, _)| ack.id == id).copied().collect()
    }

    /// The first state other than 0 that the member says of a stream.
    pub fn outcome(&self, id: u64) -> SnapshotState {
        eventually(&format!("the end of stream {id}"), || {
            let acks = self.acks(id);
            acks.iter()
                .map(|(ack, _)| ack.state)
                .find(|state| *state != SnapshotState::More)
        })
    }

    /// Lines of the member's log with this in them.
    pub fn notes(&self, with: &str) -> Vec<String> {
        let notes = self.notes.lock().unwrap();
        notes.iter().filter(|note| note.contains(with)).cloned().collect()
    }

    // ── what is on disk ──

    /// Names of the store's generations.
    pub fn generations(&self) -> Vec<String> {
        let store = self.dir.path().join("a/groups/0000");
        let names = std::fs::read_dir(store).unwrap();
        let mut names: Vec<String> = names
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.retain(|name| name.starts_with("generation"));
        names.sort();
        names
    }

    /// Files of snapshots that are being received.
    pub fn received_files(&self) -> usize {
        std::fs::read_dir(self.dir.path().join("a/snapshots")).unwrap().count()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if let Some(net) = self.net.take() {
            net.close();
        }
        // A test may have closed it, and seen how that ends.
        let _ = self.member.close();
    }
}

/// Tries until there is an answer.
pub fn eventually<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = attempt() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A batch of one put of the key `k<number>`.
pub fn batch(number: u64) -> Vec<u8> {
    batch_of(number, b"value")
}

/// The same, with a value of one's own.
pub fn batch_of(number: u64, value: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    BatchHeader {
        count: 1,
        ..BatchHeader::default()
    }
    .encode(&mut body);
    Put {
        flags: 0,
        lease: 0,
        key: format!("k{number}").as_bytes(),
        value,
    }
    .encode(&mut body);
    body
}

struct Nobody;

impl Deliver for Nobody {
    fn deliver(&self, _watch: WatchId, _code: Code, _body: &[u8]) {}
    fn behind(&self) {}
}

/// The snapshot of a store to which a no-op, which names the cluster, and the puts from 1 on were applied in a term: so many
/// entries in all.
pub fn snapshot(entries: u64, term: u64) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let (engine, _) = LsmEngine::open(dir.path(), EngineOptions::default()).unwrap();
    let machine = Machine::new(engine, None, Arc::new(Nobody)).unwrap();
    let apply = |index, kind: EntryKind, body: &[u8]| {
        machine
            .apply(index, term, &Entry::new(kind, body), &mut Vec::new())
            .unwrap()
    };
    apply(1, EntryKind::Noop, &7_u64.to_le_bytes());
    for index in 2..=entries {
        apply(index, EntryKind::Batch, &batch(index - 1));
    }
    machine.publish().unwrap();
    let (mark, state) = machine.state();
    let mut bytes = Vec::new();
    machine
        .engine()
        .snapshot(mark, state)
        .unwrap()
        .write(&mut bytes)
        .unwrap();
    bytes
}

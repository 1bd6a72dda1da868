//! The network of a member: start, send, close. Owns the thread; the parts it is made of are in the other files.

use std::collections::HashMap;
use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use parking_lot::{Mutex, RwLock};
use rafterdb_codec::{encode_refusal, Code};
use rafterdb_metrics::{Samples, Source, Value};
use rafterdb_pool::Slice;
use tokio::runtime::{Builder, Handle};
use tokio::sync::Notify;

use crate::accept::accept;
use crate::budget::{Budget, Client, Share};
use crate::config::{Level, NetConfig, NetError, PeerConfig};
use crate::counters::{CounterValues, Counters};
use crate::frame::Parts;
use crate::guard::caught;
use crate::peer::{keep_connected, Lane, Peer, PeerState, PeerStats};
use crate::queue::{QueueLimits, Refused, SendQueue};
use crate::roster::Roster;
use crate::socket::{Endpoint, Listener};
use crate::throttled_log::ThrottledLog;

/// How often a close looks whether the connections have ended.
const CLOSE_POLL: Duration = Duration::from_millis(1);

/// What the network tells. Called on its thread, in order for each connection; must not block.
pub trait Handler: Send + Sync + 'static {
    /// A frame of a peer; `body` is never empty.
    fn peer_frame(&self, peer: u64, lane: Lane, body: Slice);

    /// A peer was connected both ways on both lanes, or that is no longer so: then frames in either direction may be lost.
    /// Every loss is told, however short. `rtt_micros`: smoothed round-trip time, µs.
    fn peer_state(&self, peer: u64, up: bool, rtt_micros: u32);

    /// A submission of a client.
    fn client_frame(&self, client: &Client, body: Slice);

    /// A client of which [`Net::has_room`] was false has read. Called by whoever wrote to it, whatever that thread has locked:
    /// it is only to be noted.
    fn client_has_room(&self, _connection: u64) {}

    /// A client is gone; its number is not used again. Not told for those that `close` disconnects.
    fn client_closed(&self, connection: u64);

    /// Identity of the cluster; 0: not known yet. Asked at each hello, on any thread.
    fn cluster(&self) -> u64 {
        0
    }

    /// An invariant was broken in one of the network's tasks, or in this handler when it was called: the network stops, and
    /// whoever owns it must not go on as if it had one.
    fn broken(&self, _text: &str) {}

    /// Whether a frame of a peer may be handed over now: the way to slow a peer down. Asked before each frame, and about every
    /// millisecond while it says no; a peer held up for as long as `dead_after` takes the connection for dead.
    fn ready(&self, _peer: u64, _lane: Lane) -> bool {
        true
    }
}

/// What every task of a network sees.
pub(crate) struct Shared {
    pub(crate) config: NetConfig,
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) log: ThrottledLog,
    pub(crate) counters: Arc<Counters>,
    /// What all clients hold together.
    pub(crate) budget: Arc<Budget>,
    /// The members, which may change while the network runs.
    pub(crate) roster: ArcSwap<Roster>,
    pub(crate) clients: RwLock<HashMap<u64, Arc<SendQueue>>>,
    /// Queues of the connections that peers have made; they carry answers to pings.
    pub(crate) answers: Mutex<HashMap<u64, Arc<SendQueue>>>,
    /// Tells this process from another that runs under the same name; not 0.
    pub(crate) life: u64,
    connections: AtomicU64,
    open: Arc<AtomicUsize>,
    closing: AtomicBool,
    close: Notify,
}

/// Counts an accepted connection for as long as it lives.
pub(crate) struct Open(Arc<AtomicUsize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Shared {
    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// Runs a task; a broken invariant in it ends the whole network, and is told.
    pub(crate) async fn guard(&self, task: impl Future<Output = ()>) {
        if let Err(text) = caught(task).await {
            self.log
                .line(Level::Error, format!("the network stops: a bug in rafterdb: {text}"));
            self.stop();
            self.handler.broken(&text);
        }
    }

    /// Makes the thread end.
    fn stop(&self) {
        self.closing.store(true, Ordering::Release);
        self.close.notify_one();
    }

    /// A number for a connection, from 1, never used again.
    pub(crate) fn next_connection(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Counts a connection in, unless too many are open or the network is closing.
    pub(crate) fn open_connection(&self) -> Option<Open> {
        if self.is_closing() || self.open_count() >= self.config.limits.connections_max {
            return None;
        }
        self.open.fetch_add(1, Ordering::AcqRel);
        Some(Open(self.open.clone()))
    }

    pub(crate) fn open_count(&self) -> usize {
        self.open.load(Ordering::Acquire)
    }

    pub(crate) fn new_queue(&self, bytes_max: usize, share: Arc<Share>) -> SendQueue {
        let limits = QueueLimits {
            bytes_max,
            frame_bytes_max: self.config.limits.frame_bytes_max,
            pause_bytes: self.config.limits.client_pause_bytes,
        };
        SendQueue::new(limits, self.counters.clone(), share)
    }

    fn queues(&self) -> Vec<Arc<SendQueue>> {
        let roster = self.roster.load();
        let mut queues: Vec<_> = roster
            .peers
            .values()
            .flat_map(|peer| peer.queues().collect::<Vec<_>>())
            .collect();
        queues.extend(self.clients.read().values().cloned());
        queues.extend(self.answers.lock().values().cloned());
        queues
    }

    /// Disconnects the clients that hold most, while all hold more than they may.
    fn relieve(&self) {
        while self.budget.excess() > 0 {
            let clients = self.clients.read();
            let held = |queue: &Arc<SendQueue>| queue.share().bytes();
            let total: usize = clients.values().map(held).sum();
            let largest = clients.iter().max_by_key(|(_, queue)| held(queue));
            let Some((connection, queue)) = largest.filter(|_| total > self.config.limits.clients_bytes_max) else {
                // Those that were cut give back what they hold as they end.
                break;
            };
            let text = format!(
                "all clients together hold {total} bytes of requests and unread answers, more than they may: client {connection} \
                with {} was disconnected",
                held(queue)
            );
            let queue = queue.clone();
            // What follows writes to a socket, and tells others.
            drop(clients);
            self.log.seldom("clients hold".to_owned(), Level::Warn, text);
            let reason = "the member is short of memory for its clients, and this one held most: read answers sooner";
            queue.cut(Parts::new(encode_refusal(Code::Busy, reason)));
        }
    }

    /// Turns an outcome into the senders' bool; a frame that nobody could ever send is said aloud.
    fn sent(&self, to: &str, outcome: Result<(), Refused>) -> bool {
        if outcome == Err(Refused::TooLong) {
            let text = format!(
                "a frame for {to} is longer than {} bytes: dropped",
                self.config.limits.frame_bytes_max
            );
            self.log.seldom("too long".to_owned(), Level::Error, text);
        }
        outcome.is_ok()
    }
}

/// How it stands with the network.
#[derive(Clone, Debug)]
pub struct NetStats {
    /// The peers, by id.
    pub peers: Vec<PeerStats>,
    /// Clients connected.
    pub clients: usize,
    /// Bytes waiting to be written to them.
    pub client_queued_bytes: usize,
    /// Bytes of memory that they hold, both ways.
    pub client_held_bytes: usize,
    /// Counts since start.
    pub counters: CounterValues,
}

/// A member's network. Dropping it closes it.
pub struct Net {
    shared: Arc<Shared>,
    runtime: Handle,
    /// One change of the members at a time.
    changing: Mutex<()>,
    local_addr: Option<SocketAddr>,
    listening: Vec<String>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl std::fmt::Debug for Net {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Net")
            .field("local_addr", &self.local_addr)
            .finish_non_exhaustive()
    }
}

impl Net {
    /// Binds, then starts the thread that accepts, dials and calls `handler`: it may be called before this returns.
    /// Errors: `PORT_IN_USE`, `ADDRESS_INVALID`, `IO`.
    pub fn start(config: NetConfig, handler: Arc<dyn Handler>) -> Result<Self, NetError> {
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(|error| NetError::new(Code::Io, format!("cannot start the network: {error}")))?;
        let listeners = config
            .listen
            .iter()
            .map(|endpoint| Listener::bind(&runtime, &Endpoint::parse(endpoint)?))
            .collect::<Result<Vec<_>, _>>()?;
        let listening = listeners.iter().map(Listener::to_string).collect();
        let local_addr = listeners.iter().find_map(Listener::local_addr);
        let shared = Arc::new(Shared {
            log: ThrottledLog::new(config.log.clone()),
            handler,
            counters: Arc::default(),
            budget: Budget::new(config.limits.clients_bytes_max),
            roster: ArcSwap::from_pointee(Roster::default().with(config.roster, &config.peers)),
            clients: RwLock::default(),
            answers: Mutex::default(),
            life: RandomState::new().hash_one(std::process::id()) | 1,
            connections: AtomicU64::new(0),
            open: Arc::default(),
            closing: AtomicBool::new(false),
            close: Notify::new(),
            config,
        });
        let running = shared.clone();
        let handle = runtime.handle().clone();
        let thread = rafterdb_fault::point("thread.start")
            .and_then(|()| {
                thread::Builder::new().name("rafterdb-net".to_owned()).spawn(move || {
                    runtime.block_on(running.guard(live(&running, listeners)));
                    // Not waiting for a look-up of a name that may be under way.
                    runtime.shutdown_background();
                    for queue in running.queues() {
                        queue.close();
                    }
                })
            })
            .map_err(|error| NetError::new(Code::Io, format!("cannot start the network's thread: {error}")))?;
        Ok(Self {
            shared,
            runtime: handle,
            changing: Mutex::default(),
            local_addr,
            listening,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Where it listens on TCP; the port is the one really bound.
    #[must_use]
    pub const fn local_addr(&self) -> Option<SocketAddr> {
        self.local_addr
    }

    /// All addresses on which it listens, as [`Endpoint`] is written, in the order of the settings.
    #[must_use]
    pub fn listening(&self) -> &[String] {
        &self.listening
    }

    /// Sends a frame to a peer, from any thread, without blocking. `false`: not connected on that lane, or its queue is
    /// full; the frame is dropped. `true`: it goes out unless the connection is lost. Order is kept on each lane.
    pub fn send_peer(&self, peer: u64, lane: Lane, parts: Parts) -> bool {
        assert!(!parts.is_empty(), "frame body: empty ones are the network's own");
        let roster = self.shared.roster.load();
        let Some(to) = roster.peers.get(&peer) else {
            return false;
        };
        self.shared.sent(&to.config.name, to.send(lane, parts))
    }

    /// Says who the other members are from now on, and the hash over the names of all. Who is new is dialed and let in; who is gone is
    /// sent nothing more and not listened to, and its connections end once what is queued for it has been written, for at most
    /// `flush_timeout`. Who has another name or address counts as gone, and as new. The handler hears of a loss, not of the change.
    pub fn set_peers(&self, roster: u64, peers: &[PeerConfig]) {
        let _one = self.changing.lock();
        let before = self.shared.roster.load_full();
        let after = Arc::new(before.with(roster, peers));
        self.shared.roster.store(after.clone());
        let shared = self.shared.clone();
        // On the network's thread, where all else happens to peers: in the order of the calls.
        self.runtime.spawn(async move {
            let change = async {
                before.missing_in(&after).for_each(|gone| gone.remove(&shared));
                after.missing_in(&before).for_each(|new| dial_always(&shared, new));
            };
            shared.guard(change).await;
        });
    }

    /// Whether a peer is connected both ways on both lanes: else an answer to what is sent now may be lost without a word.
    #[must_use]
    pub fn is_up(&self, peer: u64) -> bool {
        let roster = self.shared.roster.load();
        roster.peers.get(&peer).is_some_and(|peer| peer.is_up())
    }

    /// Sends a delivery to a client, from any thread, without blocking. `false`: the client is gone. However much it has not
    /// read, it is served while all clients together hold no more than they may.
    pub fn send_client(&self, connection: u64, parts: Parts) -> bool {
        assert!(!parts.is_empty(), "frame body: empty ones are the network's own");
        let Some(queue) = self.shared.clients.read().get(&connection).cloned() else {
            return false;
        };
        let taken = self.shared.sent("a client", queue.send(parts));
        // Here and not by the network's thread alone: until that came round, much more could be sent.
        if self.shared.budget.excess() > 0 {
            self.shared.relieve();
        }
        taken
    }

    /// Whether a client has read so much of what was sent to it that more may be made for it, if that can wait. Else its handler
    /// is told once it has, unless the client goes.
    #[must_use]
    pub fn has_room(&self, client: &Client) -> bool {
        if client.share().outgoing() <= self.shared.config.limits.client_pause_bytes {
            return true;
        }
        let queue = self.shared.clients.read().get(&client.id()).cloned();
        queue.is_none_or(|queue| queue.has_room())
    }

    /// Whether a client is connected.
    #[must_use]
    pub fn has_client(&self, connection: u64) -> bool {
        self.shared.clients.read().contains_key(&connection)
    }

    /// Ends a client's connection once what is queued for it has been written, for at most `flush_timeout`.
    pub fn close_client(&self, connection: u64) {
        if let Some(queue) = self.shared.clients.read().get(&connection) {
            queue.finish();
        }
    }

    /// How it stands with each peer, by id.
    #[must_use]
    pub fn peer_stats(&self) -> Vec<PeerStats> {
        let roster = self.shared.roster.load();
        let mut peers: Vec<_> = roster.peers.values().map(|peer| peer.stats()).collect();
        peers.sort_by_key(|peer| peer.id);
        peers
    }

    /// How it stands.
    #[must_use]
    pub fn stats(&self) -> NetStats {
        let peers = self.peer_stats();
        let clients = self.shared.clients.read();
        let client_queued_bytes = clients.values().map(|queue| queue.amounts().0).sum();
        NetStats {
            peers,
            clients: clients.len(),
            client_queued_bytes,
            client_held_bytes: self.shared.budget.used(),
            counters: self.shared.counters.values(),
        }
    }

    /// Stops accepting and dialing, writes what is queued for at most `flush_timeout`, closes every connection and joins
    /// the thread: the handler is not called any more afterwards. Called by the handler itself, it does not wait.
    pub fn close(&self) {
        self.shared.stop();
        let Some(thread) = self.thread.lock().take() else {
            return;
        };
        if thread.thread().id() != thread::current().id() {
            // A panic there has been reported by the panic hook; there is nothing left to close.
            let _ = thread.join();
        }
    }
}

impl Source for Net {
    fn collect(&self, into: &mut Samples) {
        let stats = self.stats();
        stats.counters.collect(into);
        into.gauge("rafterdb_network_clients", stats.clients as u64);
        into.gauge(
            "rafterdb_network_clients_queued_bytes",
            stats.client_queued_bytes as u64,
        );
        into.gauge("rafterdb_network_clients_held_bytes", stats.client_held_bytes as u64);
        for peer in stats.peers {
            let is_up = f64::from(u8::from(peer.state == PeerState::Healthy));
            let round_trip = f64::from(peer.rtt_micros) / 1e6;
            into.labelled("rafterdb_network_peer_up", "peer", &peer.name, Value::Gauge(is_up));
            into.labelled(
                "rafterdb_network_peer_round_trip_seconds",
                "peer",
                &peer.name,
                Value::Gauge(round_trip),
            );
        }
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        self.close();
    }
}

/// The thread's life. All tasks end with the runtime, after it.
async fn live(shared: &Arc<Shared>, listeners: Vec<Listener>) {
    let accepting = listeners.into_iter().map(|listener| {
        let shared = shared.clone();
        tokio::spawn(async move { shared.guard(accept(shared.clone(), listener)).await })
    });
    let accepting: Vec<_> = accepting.collect();
    let relieving = shared.clone();
    tokio::spawn(async move { relieving.guard(relieve(&relieving)).await });
    for peer in shared.roster.load().peers.values() {
        dial_always(shared, peer);
    }
    shared.close.notified().await;
    for accepting in accepting {
        accepting.abort();
    }
    let queues = shared.queues();
    for queue in &queues {
        queue.finish();
    }
    let deadline = Instant::now() + shared.config.limits.flush_timeout;
    while queues.iter().any(|queue| !queue.is_closed()) && Instant::now() < deadline {
        tokio::time::sleep(CLOSE_POLL).await;
    }
}

/// Keeps a peer connected for as long as it is one.
fn dial_always(shared: &Arc<Shared>, peer: &Arc<Peer>) {
    for lane in Lane::BOTH {
        let (shared, peer) = (shared.clone(), peer.clone());
        tokio::spawn(async move { shared.guard(keep_connected(shared.clone(), peer, lane)).await });
    }
}

/// What is held by other things than answers is looked at here.
async fn relieve(shared: &Shared) {
    loop {
        shared.budget.is_short().await;
        shared.relieve();
    }
}

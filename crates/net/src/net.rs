//! The network of a member: start, send, close. Owns the thread; the parts it is made of are in the other files.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rafterdb_codec::Code;
use rafterdb_metrics::{Samples, Source, Value};
use tokio::runtime::{Builder, Handle};

use crate::accept::accept;
use crate::budget::Client;
use crate::config::{NetConfig, PeerConfig};
use crate::counters::CounterValues;
use crate::dialer::keep_connected;
use crate::error::NetError;
use crate::frame::Parts;
use crate::handler::Handler;
use crate::lane::Lane;
use crate::peer::{Peer, PeerState, PeerStats};
use crate::queue::SendQueue;
use crate::roster::Roster;
use crate::shared::Shared;
use crate::socket::{Endpoint, Listener};

/// How often a close looks whether the connections have ended.
const CLOSE_POLL: Duration = Duration::from_millis(1);

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
    /// The members, which may change while the network runs.
    roster: Arc<ArcSwap<Roster>>,
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
        let roster = Roster::default().with(config.roster, &config.peers);
        let roster = Arc::new(ArcSwap::from_pointee(roster));
        let shared = Arc::new(Shared::new(config, handler));
        let (running, members) = (shared.clone(), roster.clone());
        let handle = runtime.handle().clone();
        let thread = rafterdb_fault::point("thread.start")
            .and_then(|()| {
                thread::Builder::new().name("rafterdb-net".to_owned()).spawn(move || {
                    runtime.block_on(running.guard(live(&running, &members, listeners)));
                    // Not waiting for a look-up of a name that may be under way.
                    runtime.shutdown_background();
                    for queue in queues(&running, &members) {
                        queue.close();
                    }
                })
            })
            .map_err(|error| NetError::new(Code::Io, format!("cannot start the network's thread: {error}")))?;
        Ok(Self {
            shared,
            roster,
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
        let roster = self.roster.load();
        let Some(to) = roster.peers.get(&peer) else {
            return false;
        };
        self.shared.sent(&to.config.name, to.send(lane, parts))
    }

    /// Says who the other members are from now on, and the hash over the names of all. Who is new is dialed and let in; who is gone is
    /// sent nothing more and not listened to, and its connections end once what is queued for it has been written, for at most
    /// `flush_timeout`. Who has another name or address counts as gone, and as new. The handler hears of a loss, not of the change.
    /// Connections to those that stay do not notice: the hash is compared when one is made.
    pub fn set_peers(&self, roster: u64, peers: &[PeerConfig]) {
        let _one = self.changing.lock();
        let before = self.roster.load_full();
        let after = Arc::new(before.with(roster, peers));
        self.roster.store(after.clone());
        let (shared, members) = (self.shared.clone(), self.roster.clone());
        // On the network's thread, where all else happens to peers: in the order of the calls.
        self.runtime.spawn(async move {
            let change = async {
                before.missing_in(&after).for_each(|gone| gone.remove(&shared));
                after
                    .missing_in(&before)
                    .for_each(|new| dial_always(&shared, &members, new));
            };
            shared.guard(change).await;
        });
    }

    /// Whether a peer is connected both ways on both lanes: else an answer to what is sent now may be lost without a word.
    #[must_use]
    pub fn is_up(&self, peer: u64) -> bool {
        let roster = self.roster.load();
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
        let roster = self.roster.load();
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
async fn live(shared: &Arc<Shared>, roster: &Arc<ArcSwap<Roster>>, listeners: Vec<Listener>) {
    let accepting = listeners.into_iter().map(|listener| {
        let (shared, roster) = (shared.clone(), roster.clone());
        tokio::spawn(async move { shared.guard(accept(shared.clone(), roster, listener)).await })
    });
    let accepting: Vec<_> = accepting.collect();
    let relieving = shared.clone();
    tokio::spawn(async move { relieving.guard(relieve(&relieving)).await });
    for peer in roster.load().peers.values() {
        dial_always(shared, roster, peer);
    }
    shared.stopped().await;
    for accepting in accepting {
        accepting.abort();
    }
    let queues = queues(shared, roster);
    for queue in &queues {
        queue.finish();
    }
    let deadline = Instant::now() + shared.config.limits.flush_timeout;
    while queues.iter().any(|queue| !queue.is_closed()) && Instant::now() < deadline {
        tokio::time::sleep(CLOSE_POLL).await;
    }
}

/// Keeps a peer connected for as long as it is one.
fn dial_always(shared: &Arc<Shared>, roster: &Arc<ArcSwap<Roster>>, peer: &Arc<Peer>) {
    for lane in Lane::BOTH {
        let (shared, roster, peer) = (shared.clone(), roster.clone(), peer.clone());
        tokio::spawn(async move { shared.guard(keep_connected(&shared, &roster, &peer, lane)).await });
    }
}

/// The queues of all connections.
fn queues(shared: &Shared, roster: &ArcSwap<Roster>) -> Vec<Arc<SendQueue>> {
    let roster = roster.load();
    let peers = roster.peers.values().flat_map(|peer| peer.queues());
    let clients: Vec<_> = shared.clients.read().values().cloned().collect();
    peers.chain(clients).collect()
}

/// What is held by other things than answers is looked at here.
async fn relieve(shared: &Shared) {
    loop {
        shared.budget.is_short().await;
        shared.relieve();
    }
}

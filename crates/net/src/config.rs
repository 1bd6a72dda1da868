//! What a network is told at start: who it is, who its peers are, its bounds.
//! Knows no sockets.

use std::sync::Arc;
use std::time::Duration;

use rafterdb_codec::limits;
use rafterdb_pool::Pool;

use crate::token::Token;

/// How much a log line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Normal life: a peer was connected.
    Info,
    /// Something to look at if it lasts: a peer is unreachable, a stranger sent garbage.
    Warn,
    /// A member cannot take part until someone changes its settings.
    Error,
}

/// Receives log lines, on any thread; must not block.
pub type Log = Arc<dyn Fn(Level, String) + Send + Sync>;

/// Another member of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerConfig {
    /// Its member id, not 0.
    pub id: u64,
    /// Its name, for people.
    pub name: String,
    /// Where it listens, as [`crate::Endpoint`] is written.
    pub endpoint: String,
}

/// Settings of a member's network.
#[derive(Clone)]
pub struct NetConfig {
    /// Where to listen, as [`crate::Endpoint`] is written (port 0: any free one); empty: nowhere, so neither peers nor clients reach
    /// this member.
    pub listen: Vec<String>,
    /// A hash over the names of all members, not 0: who is configured with others is not spoken to, unless both know that they are of
    /// one cluster. `Net::set_peers` changes it.
    pub roster: u64,
    /// What members must prove to know; `None`: whoever says that it is a member is believed.
    pub token: Option<Token>,
    /// This member's id, not 0.
    pub member_id: u64,
    /// This member's name, for people.
    pub name: String,
    /// The other members at the start; `Net::set_peers` changes them.
    pub peers: Vec<PeerConfig>,
    /// Bounds and times.
    pub limits: NetLimits,
    /// Where log lines go.
    pub log: Log,
    /// Where what is received comes to lie. Default: a pool of its own.
    pub pool: Arc<Pool>,
}

impl Default for NetConfig {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            roster: 0,
            token: None,
            member_id: 0,
            name: String::new(),
            peers: Vec::new(),
            limits: NetLimits::default(),
            log: Arc::new(|_, _| {}),
            pool: Pool::new(),
        }
    }
}

impl std::fmt::Debug for NetConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NetConfig")
            .field("listen", &self.listen)
            .field("roster", &self.roster)
            .field("token", &self.token)
            .field("member_id", &self.member_id)
            .field("name", &self.name)
            .field("peers", &self.peers)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Bounds and times of a network.
#[derive(Clone, Debug)]
pub struct NetLimits {
    /// Bytes of one frame's body.
    pub frame_bytes_max: usize,
    /// Bytes waiting to be written to one peer on one lane; a frame beyond is dropped.
    pub peer_queue_bytes_max: usize,
    /// Bytes that all clients hold together, of requests that have arrived in part and of answers that they have not read. Beyond
    /// it, who holds most is disconnected with `BUSY`.
    pub clients_bytes_max: usize,
    /// With more bytes than this waiting to be written to it, a client is not read from.
    pub client_pause_bytes: usize,
    /// Connections accepted and open at a time; more are closed at once.
    pub connections_max: usize,
    /// Time for a connection to be made.
    pub connect_timeout: Duration,
    /// Time for a hello to arrive, on both sides.
    pub hello_timeout: Duration,
    /// The dialer sends a ping this often.
    pub ping_every: Duration,
    /// A dialer whose ping is unanswered for so long takes the connection for dead.
    pub dead_after: Duration,
    /// An accepted connection on which nothing moves for so long is closed.
    pub idle_after: Duration,
    /// Pause before the second attempt to dial (the first retry is made at once); it doubles.
    pub backoff_min: Duration,
    /// Longest pause between attempts to dial.
    pub backoff_max: Duration,
    /// Longest time that a close waits for queued frames to be written.
    pub flush_timeout: Duration,
}

impl Default for NetLimits {
    fn default() -> Self {
        Self {
            frame_bytes_max: limits::FRAME_BYTES_MAX,
            peer_queue_bytes_max: limits::SEND_QUEUE_BYTES_MAX,
            clients_bytes_max: 256 << 20,
            client_pause_bytes: 1 << 20,
            connections_max: 4096,
            connect_timeout: Duration::from_secs(2),
            hello_timeout: Duration::from_secs(2),
            ping_every: Duration::from_millis(500),
            dead_after: Duration::from_secs(3),
            idle_after: Duration::from_secs(15),
            backoff_min: Duration::from_millis(50),
            backoff_max: Duration::from_secs(1),
            flush_timeout: Duration::from_millis(500),
        }
    }
}

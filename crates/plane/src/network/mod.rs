//! The way to other members and to clients' connections, once there is one; who the members are is in roster.rs. Knows nothing of what
//! frames mean.

pub mod configurations;
pub mod roster;

use std::sync::OnceLock;

use rafterdb_metrics::{Samples, Source};
use rafterdb_net::{Client, Lane, Net, NetStats, Parts, PeerConfig, PeerStats};

/// What a member does with its network.
pub trait Wire: Send + Sync {
    /// Sends a frame to a peer; false: it is not connected, or behind.
    fn send_peer(&self, peer: u64, lane: Lane, parts: Parts) -> bool;
    /// Says who the other members are from now on, and the hash over the names of all.
    fn set_peers(&self, roster: u64, peers: &[PeerConfig]);
    /// Whether a peer is connected both ways.
    fn is_up(&self, peer: u64) -> bool;
    /// Sends a frame to a client; false: it is gone, or was cut off.
    fn send_client(&self, connection: u64, parts: Parts) -> bool;
    /// Ends a client's connection.
    fn close_client(&self, connection: u64);
    /// Whether a client's connection is there.
    fn has_client(&self, connection: u64) -> bool;
    /// Whether a client has read most of what it was sent.
    fn has_room(&self, client: &Client) -> bool;
    /// How it stands with each peer.
    fn peer_stats(&self) -> Vec<PeerStats>;
    /// Counters.
    fn stats(&self) -> NetStats;
    /// The same, and how it stands with each peer, as metrics.
    fn collect(&self, into: &mut Samples);
    /// Where it listens.
    fn listening(&self) -> &[String];
    /// Ends it.
    fn close(&self);
}

impl Wire for Net {
    fn send_peer(&self, peer: u64, lane: Lane, parts: Parts) -> bool {
        Self::send_peer(self, peer, lane, parts)
    }

    fn set_peers(&self, roster: u64, peers: &[PeerConfig]) {
        Self::set_peers(self, roster, peers);
    }

    fn is_up(&self, peer: u64) -> bool {
        Self::is_up(self, peer)
    }

    fn send_client(&self, connection: u64, parts: Parts) -> bool {
        Self::send_client(self, connection, parts)
    }

    fn close_client(&self, connection: u64) {
        Self::close_client(self, connection);
    }

    fn has_client(&self, connection: u64) -> bool {
        Self::has_client(self, connection)
    }

    fn has_room(&self, client: &Client) -> bool {
        Self::has_room(self, client)
    }

    fn peer_stats(&self) -> Vec<PeerStats> {
        Self::peer_stats(self)
    }

    fn stats(&self) -> NetStats {
        Self::stats(self)
    }

    fn collect(&self, into: &mut Samples) {
        Source::collect(self, into);
    }

    fn listening(&self) -> &[String] {
        Self::listening(self)
    }

    fn close(&self) {
        Self::close(self);
    }
}

/// The network of a member: none before it listens, or if it is alone and does not.
#[derive(Default)]
pub struct Network(OnceLock<Box<dyn Wire>>);

impl Network {
    /// There is a network from now on; there was none.
    pub fn begin(&self, wire: Box<dyn Wire>) {
        // Cannot be set already: whoever opens the member alone comes here, once.
        let _ = self.0.set(wire);
    }

    /// The network, if this member has one.
    #[must_use]
    pub fn get(&self) -> Option<&dyn Wire> {
        self.0.get().map(|wire| &**wire)
    }

    /// Sends a frame to a peer; a frame that cannot be sent now is lost, and Raft copes.
    pub fn send(&self, peer: u64, lane: Lane, parts: Parts) {
        if let Some(wire) = self.get() {
            wire.send_peer(peer, lane, parts);
        }
    }

    /// Sends a question to a peer; `false`: no answer can be relied on. Call it after noting that the answer is awaited: a
    /// peer that is lost from then on is told to whoever handles lost peers, one that was lost before is seen here.
    pub fn ask(&self, peer: u64, body: Vec<u8>) -> bool {
        self.get()
            .is_some_and(|wire| wire.is_up(peer) && wire.send_peer(peer, Lane::Fast, Parts::new(body)))
    }
}

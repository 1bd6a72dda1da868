//! Who the other members are: a value that is replaced as a whole when that changes. Knows no sockets.

use std::collections::HashMap;
use std::sync::Arc;

use crate::config::PeerConfig;
use crate::peer::Peer;

/// The other members.
#[derive(Default)]
pub(crate) struct Roster {
    /// A hash over the names of all members, this one's too.
    pub(crate) hash: u64,
    /// By id.
    pub(crate) peers: HashMap<u64, Arc<Peer>>,
}

impl Roster {
    /// Another one, in which who stays as it is keeps its connections.
    pub(crate) fn with(&self, hash: u64, peers: &[PeerConfig]) -> Self {
        let peers = peers.iter().map(|config| {
            let same = self.peers.get(&config.id).filter(|peer| peer.config == *config);
            let peer = same.cloned().unwrap_or_else(|| Arc::new(Peer::new(config.clone())));
            (config.id, peer)
        });
        Self {
            hash,
            peers: peers.collect(),
        }
    }

    /// Those that are not the same in the other.
    pub(crate) fn missing_in<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a Arc<Peer>> {
        let is_same = |peer: &&Arc<Peer>| {
            let there = other.peers.get(&peer.config.id);
            there.is_some_and(|there| Arc::ptr_eq(there, peer))
        };
        self.peers.values().filter(move |peer| !is_same(peer))
    }
}

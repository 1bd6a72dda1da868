//! A member that joins later: a network that waits for the one under test. Judges nothing.

use std::sync::Arc;

use rafterdb_codec::MessageKind;
use rafterdb_net::{Net, NetConfig, PeerConfig};
use rafterdb_plane::{id_of, Peer};

use super::addresses::addresses;
use super::heard::Heard;
use super::Bench;

/// A member that joins later: a network, and what it has heard.
pub struct Joining {
    pub peer: Peer,
    pub net: Net,
    heard: Arc<Heard>,
}

impl Joining {
    /// The member `d`, which is configured with `a` to `d`.
    pub fn start(bench: &Bench) -> Self {
        let [endpoint] = addresses(1).try_into().unwrap();
        let mut config = bench.member.config().clone();
        config.members.push(Peer {
            id: id_of("d"),
            name: "d".to_owned(),
            endpoint: endpoint.clone(),
        });
        let (peer, heard) = (config.members[3].clone(), Arc::new(Heard::default()));
        let a = config.members.iter().find(|member| member.id == bench.me).unwrap();
        let net = NetConfig {
            listen: vec![endpoint],
            roster: config.roster(),
            member_id: peer.id,
            name: "d".into(),
            peers: vec![PeerConfig {
                id: a.id,
                name: "a".into(),
                endpoint: a.endpoint.clone(),
            }],
            ..NetConfig::default()
        };
        let net = Net::start(net, heard.clone()).unwrap();
        Self { peer, net, heard }
    }

    /// Kinds of the messages that it has heard.
    pub fn messages(&self) -> Vec<MessageKind> {
        self.heard.messages.lock().unwrap().clone()
    }
}

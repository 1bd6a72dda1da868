//! What members and clients say over the network, as it comes in: each record goes to the room that it is for.
//! Called on the network's thread; never blocks.

use std::sync::{Arc, Weak};

use rafterdb_codec::{limits, Code, PeerRecord, PeerRecords, RaftRecord};
use rafterdb_net::{Client, Handler, Lane};
use rafterdb_pool::Slice;

use crate::askers::asker::{number_of_client, Asker};
use crate::askers::deliveries::Deliveries;
use crate::ground::error::PlaneError;
use crate::requests::gate::Gate;
use crate::snapshots::under_way::Snapshots;
use crate::state::core_inbox::{Happening, Message};
use crate::state::groups::IDENTITY_GROUP;
use crate::state::membership::Membership;
use crate::state::tail::Block;
use crate::state::waiting_reads::Read;

/// Where what comes in goes.
pub struct Incoming {
    /// Requests, forwarded or of clients.
    pub gate: Arc<Gate>,
    /// Records of snapshots.
    pub snapshots: Arc<Snapshots>,
    /// Who was a member, and whether this one is.
    pub membership: Arc<Membership>,
    /// Whether this member has no data.
    pub is_witness: bool,
    /// Identity of the cluster that this member joined; 0: it was not told, or founded it.
    pub cluster_joined: u64,
}

/// A member as its network sees it, as long as the member lives.
pub struct Peers(pub Weak<Incoming>);

impl Handler for Peers {
    fn peer_frame(&self, peer: u64, _lane: Lane, body: Slice) {
        let Some(room) = self.0.upgrade() else { return };
        for record in PeerRecords::new(&body) {
            // The network checked the frame's sum: what cannot be read comes from a newer version, and is ignored.
            match record {
                Ok(record) => room.dispatch(peer, &body, &record),
                Err(malformed) => room.gate.member_log.doubt(peer, malformed.0),
            }
        }
    }

    fn peer_state(&self, peer: u64, up: bool, rtt_micros: u32) {
        let Some(room) = self.0.upgrade() else { return };
        room.gate.inbox.push(Happening::Peer {
            peer,
            up,
            rtt: f64::from(rtt_micros) / 1e3,
        });
        if up {
            room.snapshots.peer_connected(peer);
        } else {
            room.snapshots.peer_lost(peer);
            room.gate.peer_lost(peer);
        }
    }

    fn cluster(&self) -> u64 {
        self.0.upgrade().map_or(0, |room| match room.gate.groups.cluster() {
            0 => room.cluster_joined,
            known => known,
        })
    }

    fn began_anew(&self, former: u64) -> Option<u64> {
        let status = self.0.upgrade()?.gate.groups.get(IDENTITY_GROUP).machine().status();
        let of = status.former.iter().rfind(|one| one.cluster == former);
        of.map(|one| one.index)
    }

    fn removed(&self, member: u64) -> Option<u64> {
        self.0.upgrade()?.membership.removed(member)
    }

    fn told_removed(&self, _peer: u64, index: u64) {
        let Some(room) = self.0.upgrade() else { return };
        if let Some(error) = room.membership.told_removed(index) {
            room.gate.failure.fail(error);
        }
    }

    /// It must not found another cluster with others that are none of the first one's members any more either.
    fn told_stranger(&self, _peer: u64, text: &str) {
        let Some(room) = self.0.upgrade() else { return };
        if self.cluster() == 0 {
            room.gate
                .failure
                .fail(PlaneError::new(Code::MemberRemoved, text.to_owned()));
        }
    }

    fn client_frame(&self, client: &Client, body: Slice) {
        let Some(room) = self.0.upgrade() else { return };
        if room.gate.submit(&Asker::Connection(client.clone()), &body).is_err() {
            if let Some(wire) = room.gate.network.get() {
                wire.close_client(client.id());
            }
        }
    }

    fn client_has_room(&self, connection: u64) {
        let Some(room) = self.0.upgrade() else { return };
        room.gate.watches.note_room(number_of_client(connection));
    }

    fn broken(&self, text: &str) {
        let Some(room) = self.0.upgrade() else { return };
        room.gate.failure.fail(PlaneError::new(
            Code::Internal,
            format!("a bug in rafterdb, in what handles the network: {text}"),
        ));
    }

    fn client_closed(&self, connection: u64) {
        let Some(room) = self.0.upgrade() else { return };
        room.gate.close_asker(number_of_client(connection));
    }
}

impl Incoming {
    fn dispatch(&self, peer: u64, frame: &Slice, record: &PeerRecord<'_>) {
        match record {
            PeerRecord::Raft(record) => self.raft(peer, frame, record),
            PeerRecord::Forward(forward) => {
                let mut out = Deliveries::default();
                self.gate.admit_forwarded(peer, forward, &mut out);
                self.gate.answers.deliver_all(&mut out);
            }
            PeerRecord::Forwarded(response) => self.gate.forwarder.answer(peer, response),
            PeerRecord::Snapshot(bytes) => self
                .snapshots
                .arrived(&self.gate.member_log, peer, frame.slice_ref(bytes)),
            PeerRecord::ReadIndex { group, id } => {
                let Some(group) = self.gate.groups.find(*group) else {
                    return;
                };
                let mut out = Deliveries::default();
                self.gate.linearizable(group, Read::Index { peer, id: *id }, &mut out);
            }
            PeerRecord::ReadReply(reply) => self.gate.read_reply(peer, reply),
        }
    }

    /// Raft takes lost messages in its stride; a malformed one, or one too many, is as good as lost.
    fn raft(&self, peer: u64, frame: &Slice, record: &RaftRecord<'_>) {
        if self.gate.groups.find(record.header.group).is_none() {
            return self
                .gate
                .member_log
                .doubt(peer, "a message for a group that this member does not have");
        }
        let configurations = match record.check(self.is_witness) {
            Ok(checked) => checked.configurations,
            Err(malformed) => return self.gate.member_log.doubt(peer, malformed.0),
        };
        if !record.payload.is_empty() && !self.gate.disk_room.takes_appends() {
            // As good as lost: what needs no room, votes and heartbeats, goes on, and the leader sends it again.
            return;
        }
        let mut message = Message {
            from: peer,
            header: record.header,
            runs: record.runs.iter().collect(),
            payload: frame.slice_ref(record.payload),
            configurations,
        };
        shorten(&mut message, limits::APPEND_CONFIGURATIONS_MAX);
        self.gate.inbox.push_message(message);
    }
}

/// Leaves out the entries from the configuration on that is one too many, as if the message had come without: the leader sends them again.
fn shorten(message: &mut Message, most: usize) {
    let Some(&(end, _)) = message.configurations.get(most) else {
        return;
    };
    message.configurations.truncate(most);
    let mut left = end;
    for run in &mut message.runs {
        run.count = u32::try_from(left).unwrap_or(u32::MAX).min(run.count);
        left -= u64::from(run.count);
    }
    message.runs.retain(|run| run.count > 0);
    let whole = Block {
        first: 0,
        term: 0,
        count: u64::MAX,
        bytes: std::mem::take(&mut message.payload),
    };
    message.payload = whole.slice(0, end).bytes;
}

//! A peer's ears: what the member sends it. Judges nothing.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;
use std::time::Instant;

use rafterdb_codec::{MessageKind, PeerRecord, PeerRecords, SnapshotMessage, SnapshotRecord, SnapshotState};
use rafterdb_net::{Client, Handler, Lane};
use rafterdb_pool::Slice;

/// What a member says of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    pub id: u64,
    pub received: u64,
    pub state: SnapshotState,
}

/// What a peer has heard of the member.
#[derive(Default)]
pub struct Heard {
    /// What it said of streams, and when.
    pub acks: Mutex<Vec<(Ack, Instant)>>,
    /// Kinds of the core's messages.
    pub messages: Mutex<Vec<MessageKind>>,
    /// Snapshots that began to arrive.
    pub snapshots: AtomicUsize,
}

impl Handler for Heard {
    fn peer_frame(&self, _peer: u64, _lane: Lane, body: Slice) {
        for record in PeerRecords::new(&body).map(Result::unwrap) {
            if let PeerRecord::Raft(raft) = record {
                self.messages.lock().unwrap().push(raft.header.kind);
            } else if let PeerRecord::Snapshot(bytes) = record {
                let SnapshotRecord { id, part, .. } = SnapshotRecord::parse(bytes).unwrap();
                match part {
                    SnapshotMessage::Ack { received, state, .. } => {
                        let ack = Ack { id, received, state };
                        self.acks.lock().unwrap().push((ack, Instant::now()));
                    }
                    SnapshotMessage::Begin { .. } => {
                        self.snapshots.fetch_add(1, Ordering::Relaxed);
                    }
                    SnapshotMessage::Data { .. } | SnapshotMessage::End { .. } | SnapshotMessage::Resume { .. } => {}
                }
            }
        }
    }
    fn peer_state(&self, _peer: u64, _up: bool, _rtt_micros: u32) {}
    fn client_frame(&self, _client: &Client, _body: Slice) {}
    fn client_closed(&self, _connection: u64) {}
}

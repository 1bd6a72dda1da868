//! Sending a snapshot: a consistent state is streamed over the bulk lane while writes go on, on a thread of its own. Whatever
//! happens, the core hears once how it ended. Knows nothing of what the receiver does with it.

use std::io::{self, Write};
use std::sync::mpsc::channel;
use std::sync::Arc;
use std::time::Duration;

use rafterdb_net::{Lane, Parts};
use rafterdb_store::{Mark, Snapshot, StoreError};

use crate::ground::failure::Failure;
use crate::ground::unique_ids::UniqueIds;
use crate::network::Network;
use crate::queues::apply_queue::ApplyQueue;
use crate::snapshots::outgoing::Outgoing;
use crate::snapshots::record::encoded;
use crate::snapshots::under_way::Snapshots;
use crate::state::core_inbox::{CoreInbox, Happening};
use crate::state::group::{Group, StoreMachine};
use rafterdb_codec::SnapshotMessage;

/// Bytes of one DATA record.
const CHUNK_BYTES: usize = 256 << 10;
/// Bytes sent and not yet acknowledged.
const WINDOW_BYTES: u64 = 8 << 20;
/// How long the receiver may be silent. While it installs, it gives a sign of life every second.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// What sending works with.
#[derive(Clone)]
pub struct SnapshotSender {
    /// Those under way.
    pub snapshots: Arc<Snapshots>,
    /// Their numbers.
    pub ids: Arc<UniqueIds>,
    /// Who is told how it ended.
    pub inbox: Arc<CoreInbox>,
    /// The way to other members.
    pub network: Arc<Network>,
    /// Who takes a view of the state, between two entries.
    pub apply: Arc<ApplyQueue>,
    /// What ends the member.
    pub failure: Arc<Failure>,
}

/// Tells the core how sending ended: once, also if the thread that sends ends in a way that nobody thought of.
struct Telling {
    snapshots: Arc<Snapshots>,
    inbox: Arc<CoreInbox>,
    group: u16,
    peer: u64,
    id: u64,
    /// Index of the snapshot that the peer now has all of.
    sent: Option<u64>,
}

impl Telling {
    fn end(mut self, sent: io::Result<Mark>) {
        self.sent = sent.ok().map(|mark| mark.index);
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        self.snapshots.outgoing.lock().remove(&self.id);
        self.inbox.push(Happening::SnapshotSent {
            group: self.group,
            peer: self.peer,
            ok: self.sent.is_some(),
            index: self.sent.unwrap_or(0),
        });
    }
}

impl SnapshotSender {
    /// Streams a group's state to a peer, on a thread of its own; the core is told how it ended.
    pub fn send(&self, group: &Arc<Group>, peer: u64) {
        let outgoing = Arc::new(Outgoing::new(peer));
        let id = self.ids.next();
        self.snapshots.outgoing.lock().insert(id, outgoing.clone());
        let telling = Telling {
            snapshots: self.snapshots.clone(),
            inbox: self.inbox.clone(),
            group: group.id,
            peer,
            id,
            sent: None,
        };
        let (sender, group) = (self.clone(), group.clone());
        // If there is no thread, what it was given is dropped, and the core hears of it.
        let _ = rafterdb_fault::point("thread.start").and_then(|()| {
            std::thread::Builder::new()
                .name("rafterdb-snapshot-out".to_owned())
                .spawn(move || {
                    let failure = sender.failure.clone();
                    failure.guard(move || telling.end(sender.stream(&group, outgoing, id)));
                })
        });
    }

    fn stream(&self, group: &Arc<Group>, outgoing: Arc<Outgoing>, id: u64) -> io::Result<Mark> {
        // It is on the list of those to give up already, so a loss from here on is heard of.
        if !self.snapshots.connected.lock().contains(&outgoing.peer) {
            return Err(io::ErrorKind::NotConnected.into());
        }
        let (reply, answer) = channel();
        let take = move |group: &Arc<Group>| {
            // The asker may have given up: then nobody wants the snapshot.
            let _ = reply.send(snapshot_of(&group.machine()));
        };
        self.apply.run(group.id, Box::new(take));
        let lost = |what: &str| io::Error::other(what.to_owned());
        let (mark, snapshot) = answer
            .recv()
            .map_err(|_| lost("the member closes"))?
            .map_err(|e| lost(&e.text))?;
        let mut writer = ChunkWriter {
            network: &self.network,
            group: group.id,
            id,
            offset: 0,
            buffer: Vec::new(),
            outgoing,
            is_there: false,
        };
        let Mark { index, term, .. } = mark;
        writer.record(&SnapshotMessage::Begin { index, term })?;
        let written = snapshot
            .write(&mut writer)
            .map_err(|e| lost(&e.text))
            .and_then(|()| writer.finish());
        if !writer.is_there {
            written?;
        }
        Ok(mark)
    }
}

/// A consistent view of a group's state, taken between two entries.
fn snapshot_of(machine: &StoreMachine) -> Result<(Mark, Snapshot), StoreError> {
    let (mark, state) = machine.state();
    Ok((mark, machine.engine().snapshot(mark, state)?))
}

/// Cuts a stream into records, and never runs further ahead of the receiver than the window.
struct ChunkWriter<'a> {
    network: &'a Network,
    group: u16,
    id: u64,
    offset: u64,
    buffer: Vec<u8>,
    outgoing: Arc<Outgoing>,
    /// The receiver has said that it holds this state, so that the rest is not needed.
    is_there: bool,
}

impl ChunkWriter<'_> {
    fn record(&self, part: &SnapshotMessage<'_>) -> io::Result<()> {
        let record = encoded(self.group, self.id, *part);
        let sent = self
            .network
            .get()
            .is_some_and(|wire| wire.send_peer(self.outgoing.peer, Lane::Bulk, Parts::new(record)));
        if sent {
            Ok(())
        } else {
            Err(io::Error::new(
                io::ErrorKind::NotConnected,
                "the follower cannot be reached",
            ))
        }
    }

    fn chunk(&mut self) -> io::Result<()> {
        let acked = self.offset.saturating_sub(WINDOW_BYTES - 1);
        if self.outgoing.wait(Some(acked), SILENCE_MAX)? {
            self.is_there = true;
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        rafterdb_fault::point("member.snapshot.send")?;
        let (offset, bytes) = (self.offset, &self.buffer[..]);
        self.record(&SnapshotMessage::Data { offset, bytes })?;
        self.offset += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        if !self.buffer.is_empty() {
            self.chunk()?;
        }
        self.record(&SnapshotMessage::End { length: self.offset })?;
        self.outgoing.wait(None, SILENCE_MAX).map(drop)
    }
}

impl Write for ChunkWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(CHUNK_BYTES - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        if self.buffer.len() == CHUNK_BYTES {
            self.chunk()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

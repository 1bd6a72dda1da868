//! Snapshots under way, to other members and from them. Sending is in send.rs, receiving in receive.rs, and how a received one
//! takes the store's place in install.rs. Knows nothing of what is in a snapshot.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rafterdb_codec::{limits, Code, SnapshotMessage, SnapshotRecord, SnapshotStream, SAFE_NUMBER_MAX};
use rafterdb_pool::Slice;
use rafterdb_store::Mark;

use crate::ground::error::PlaneError;
use crate::ground::member_log::MemberLog;
use crate::ground::rate_limit::RateLimited;
use crate::ground::unique_ids::UniqueIds;
use crate::snapshots::outgoing::Outgoing;
use crate::snapshots::rate::SendRate;
use crate::snapshots::turns::Turns;

/// How often the sender of a snapshot that is being installed hears of it.
pub const SIGN_OF_LIFE_EVERY: Duration = Duration::from_secs(1);

/// How long the sender of a snapshot whose connection was lost waits for another one.
pub const RESUME_WITHIN: Duration = Duration::from_secs(30);

/// How long the receiver keeps what it has of one: longer, since either may hear of the loss first.
pub const KEPT_WITHIN: Duration = Duration::from_secs(60);

/// Bytes of records that wait for the receiving thread; what comes above is dropped, and its stream fails. Peers that keep to
/// their windows do not come there.
const WAITING_BYTES_MAX: usize = limits::SNAPSHOTS_RECEIVED_MAX * limits::SNAPSHOT_WINDOW_BYTES_MAX;

/// A snapshot that has arrived and is durable as a file.
pub struct Received {
    /// Who sent it.
    pub peer: u64,
    /// Its group.
    pub group: u16,
    /// Its sender's number for it.
    pub id: u64,
    /// Where it stands, as its sender announced it; the revision is not known.
    pub mark: Mark,
    /// The revision from which it may go on, as this member has offered; 0: it must hold all.
    pub base: u64,
    /// The file.
    pub path: PathBuf,
}

/// Something for the receiving thread.
pub enum Incoming {
    /// A record from a peer.
    Record { peer: u64, body: Slice },
    /// The connection to a peer was lost, and what it was sending with it: it may go on with that.
    Lost { peer: u64 },
    /// A peer is no member any more: what it was sending will not come.
    Left { peer: u64 },
    /// A received snapshot was installed, or was not.
    Ended {
        peer: u64,
        group: u16,
        id: u64,
        result: Result<(), PlaneError>,
    },
}

/// The other ends of what a member's two threads for snapshots take.
pub struct Queues {
    /// For the receiving thread.
    pub incoming: Receiver<Incoming>,
    /// For the installing thread.
    pub received: Receiver<Received>,
}

/// Snapshots under way, both ways.
pub struct Snapshots {
    incoming: Mutex<Option<Sender<Incoming>>>,
    received: Mutex<Option<Sender<Received>>>,
    waiting_bytes: AtomicUsize,
    /// Counts what the installing thread has done, so that who waits for it can tell whether it comes forward.
    pub steps: AtomicU64,
    closing: AtomicBool,
    /// Those that are being sent, by their number of the member: an answer to an earlier life of this member is none.
    pub outgoing: Mutex<Turns>,
    /// How fast, all together.
    pub rate: SendRate,
    /// Lines about those that ended before all was there.
    pub ended_early: RateLimited,
    /// Peers that are connected both ways: to others an answer may be lost without a loss being told.
    pub connected: Mutex<HashSet<u64>>,
}

impl Snapshots {
    /// Nothing under way; the queues are for the threads. `bytes_per_second`: how fast snapshots are sent; 0: as fast as can be.
    #[must_use]
    pub fn new(bytes_per_second: u64) -> (Self, Queues) {
        let (to_receiver, incoming) = channel();
        let (to_installer, received) = channel();
        let snapshots = Self {
            incoming: Mutex::new(Some(to_receiver)),
            received: Mutex::new(Some(to_installer)),
            waiting_bytes: AtomicUsize::new(0),
            steps: AtomicU64::new(0),
            closing: AtomicBool::new(false),
            outgoing: Mutex::default(),
            rate: SendRate::new(bytes_per_second),
            ended_early: RateLimited::default(),
            connected: Mutex::default(),
        };
        (snapshots, Queues { incoming, received })
    }

    /// Lets the receiving and the installing thread end, and every sending one.
    pub fn close(&self) {
        self.closing.store(true, Ordering::Release);
        self.incoming.lock().take();
        self.received.lock().take();
        self.outgoing.lock().forget(None);
    }

    /// Whether the member closes: what has been received is not installed any more.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// Counts that the installing thread has come further.
    ///
    /// # Errors
    /// `CLOSED` if the member closes.
    pub fn step(&self) -> Result<(), PlaneError> {
        self.steps.fetch_add(1, Ordering::Relaxed);
        if self.is_closing() {
            return Err(PlaneError::new(Code::Closed, "the member closes"));
        }
        Ok(())
    }

    /// The next one that is to be sent now, and its number.
    pub fn next(&self, ids: &UniqueIds) -> Option<(u64, Arc<Outgoing>)> {
        let mut turns = self.outgoing.lock();
        // Looked at under the lock: who closes gives up what is on the list by then.
        if self.is_closing() {
            None
        } else {
            turns.next(|| ids.next())
        }
    }

    /// A peer can be sent to, and can answer.
    pub fn peer_connected(&self, peer: u64) {
        self.connected.lock().insert(peer);
        self.each_to(peer, Outgoing::connected);
    }

    /// The connection to a peer was lost, and records with it: both sides keep what they have, for when there is another one.
    pub fn peer_lost(&self, peer: u64) {
        self.connected.lock().remove(&peer);
        self.each_to(peer, Outgoing::lost);
        self.tell(Incoming::Lost { peer });
    }

    /// A peer is no member any more: nothing comes of what is under way to it or from it.
    pub fn peer_left(&self, peer: u64) {
        self.connected.lock().remove(&peer);
        self.outgoing.lock().forget(Some(peer));
        self.tell(Incoming::Left { peer });
    }

    fn each_to(&self, peer: u64, tell: impl Fn(&Outgoing)) {
        for outgoing in self.outgoing.lock().sent().filter(|outgoing| outgoing.peer == peer) {
            tell(outgoing);
        }
    }

    /// Hands something to the receiving thread, which is gone only when the member closes.
    pub fn tell(&self, what: Incoming) {
        if let Some(sender) = &*self.incoming.lock() {
            let _ = sender.send(what);
        }
    }

    /// Hands a snapshot that is here as a file to the installing thread. False when the member closes.
    pub fn hand_over(&self, received: Received) -> bool {
        let sender = self.received.lock();
        sender.as_ref().is_some_and(|sender| sender.send(received).is_ok())
    }

    /// A record that was told has been taken.
    pub fn taken(&self, body: &Slice) {
        self.waiting_bytes.fetch_sub(body.len(), Ordering::Relaxed);
    }

    /// A snapshot record from a peer, on the network's thread.
    pub fn arrived(&self, member_log: &MemberLog, peer: u64, body: Slice) {
        if let Err(malformed) = SnapshotStream::of(&body) {
            return member_log.doubt(peer, malformed.0);
        }
        match SnapshotRecord::parse(&body).map(|record| (record.id, record.part)) {
            Ok((_, SnapshotMessage::Begin { index, term })) if index.max(term) > SAFE_NUMBER_MAX => {
                return member_log.doubt(peer, "a snapshot of an entry beyond 2^53");
            }
            Ok((id, SnapshotMessage::Ack { received, state, base })) => {
                let outgoing = self.outgoing.lock().get(id);
                if let Some(outgoing) = outgoing.filter(|outgoing| outgoing.peer == peer) {
                    outgoing.answered(received, state, base);
                }
                return;
            }
            // What cannot be read is answered by the receiving thread too: its stream fails.
            Ok((
                _,
                SnapshotMessage::Begin { .. }
                | SnapshotMessage::Data { .. }
                | SnapshotMessage::End { .. }
                | SnapshotMessage::Resume { .. },
            ))
            | Err(_) => {}
        }
        let waiting = self.waiting_bytes.fetch_add(body.len(), Ordering::Relaxed);
        if waiting > WAITING_BYTES_MAX {
            self.taken(&body);
            return;
        }
        self.tell(Incoming::Record { peer, body });
    }
}

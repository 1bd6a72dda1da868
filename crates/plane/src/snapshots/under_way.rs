//! Snapshots between members: what is under way both ways, and what the records say. Sending is in send.rs, receiving in
//! receive.rs, and how a received one takes the store's place in install.rs.
//!
//! ```text
//! record   [u8 4][u8 part][u16 group][u64 id] then
//!   1 BEGIN  [u64 index][u64 term]
//!   2 DATA   [u64 offset][bytes]
//!   3 END    [u64 length]
//!   4 ACK    [u64 bytes received][u8 0 more, 1 installed, 2 failed]     from the receiver, of every record, and while it
//!                                                                       installs once a second, as a sign of life
//! ```

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rafterdb_codec::{encode_snapshot_header, request, Code, SAFE_NUMBER_MAX};
use rafterdb_pool::Slice;

use crate::askers::asker::{write_response, Deliveries, Waiter};
use crate::ground::error::PlaneError;
use crate::member::life::Member;
use crate::snapshots::install::Received;
use crate::snapshots::send::Outgoing;
use crate::state::group::Group;
use crate::system::held_directory::named;

/// Kinds of records.
pub mod part {
    pub const BEGIN: u8 = 1;
    pub const DATA: u8 = 2;
    pub const END: u8 = 3;
    pub const ACK: u8 = 4;
}

/// What an ACK says of a stream.
pub mod state {
    pub const MORE: u8 = 0;
    pub const INSTALLED: u8 = 1;
    pub const FAILED: u8 = 2;
}

/// Bytes of a record before what its part adds.
pub const HEAD_BYTES: usize = 20;

/// How often the sender of a snapshot that is being installed hears of it.
pub const SIGN_OF_LIFE_EVERY: Duration = Duration::from_secs(1);

/// Bytes of records that wait for the receiving thread; what comes above is dropped, and its stream fails. Peers that keep to
/// their windows come there only with many groups at a time.
const WAITING_BYTES_MAX: usize = 64 << 20;

/// Something for the receiving thread.
pub enum Incoming {
    /// A record from a peer.
    Record { peer: u64, body: Slice },
    /// What a peer was sending will not come.
    Lost { peer: u64 },
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
    /// Those that are being sent, by their number of `Member::ids`: an answer to an earlier life of this member is none.
    pub outgoing: Mutex<HashMap<u64, Arc<Outgoing>>>,
    /// Peers that are connected both ways: to others an answer may be lost without a loss being told.
    pub connected: Mutex<HashSet<u64>>,
}

impl Snapshots {
    /// Nothing under way; the queues are for the threads.
    #[must_use]
    pub fn new() -> (Self, Queues) {
        let (to_receiver, incoming) = channel();
        let (to_installer, received) = channel();
        let snapshots = Self {
            incoming: Mutex::new(Some(to_receiver)),
            received: Mutex::new(Some(to_installer)),
            waiting_bytes: AtomicUsize::new(0),
            steps: AtomicU64::new(0),
            closing: AtomicBool::new(false),
            outgoing: Mutex::default(),
            connected: Mutex::default(),
        };
        (snapshots, Queues { incoming, received })
    }

    /// Lets the receiving and the installing thread end, and every sending one.
    pub fn close(&self) {
        self.closing.store(true, Ordering::Release);
        self.incoming.lock().take();
        self.received.lock().take();
        self.give_up(|_| true);
    }

    /// Whether the member closes: what has been received is not installed any more.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// A peer can be sent to, and can answer.
    pub fn peer_connected(&self, peer: u64) {
        self.connected.lock().insert(peer);
    }

    /// The connection to a peer was lost, and records with it: what it was being sent is begun anew when the core asks.
    pub fn peer_lost(&self, peer: u64) {
        self.connected.lock().remove(&peer);
        self.give_up(|outgoing| outgoing.peer == peer);
        self.tell(Incoming::Lost { peer });
    }

    fn give_up(&self, which: impl Fn(&Outgoing) -> bool) {
        for outgoing in self.outgoing.lock().values().filter(|outgoing| which(outgoing)) {
            outgoing.give_up();
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
}

/// What every record begins with: `number` is the first field of its part.
pub fn head(part: u8, group: u16, id: u64, number: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEAD_BYTES + 8);
    encode_snapshot_header(&mut out, part, group);
    out.extend_from_slice(&id.to_le_bytes());
    out.extend_from_slice(&number.to_le_bytes());
    out
}

/// The number at a place of a record, which must reach so far.
pub fn number(body: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|i| body[at + i]))
}

/// A snapshot record from a peer, on the network's thread.
pub fn arrived(member: &Member, peer: u64, body: Slice) {
    if body.len() < HEAD_BYTES {
        return member.doubt(peer, "a part of a snapshot that is cut short");
    }
    let is_begin = body[1] == part::BEGIN && body.len() >= HEAD_BYTES + 8;
    if is_begin && number(&body, 12).max(number(&body, HEAD_BYTES)) > SAFE_NUMBER_MAX {
        return member.doubt(peer, "a snapshot of an entry beyond 2^53");
    }
    let snapshots = &member.snapshots;
    if body[1] == part::ACK {
        let outgoing = snapshots.outgoing.lock().get(&number(&body, 4)).cloned();
        if let Some(outgoing) = outgoing.filter(|outgoing| outgoing.peer == peer) {
            outgoing.answered(
                number(&body, 12),
                body.get(HEAD_BYTES).copied().unwrap_or(state::FAILED),
            );
        }
        return;
    }
    let waiting = snapshots.waiting_bytes.fetch_add(body.len(), Ordering::Relaxed);
    if waiting > WAITING_BYTES_MAX {
        snapshots.taken(&body);
        return;
    }
    snapshots.tell(Incoming::Record { peer, body });
}

/// Has a group's state written out now, and answers when it is.
pub fn flush(member: &Arc<Member>, group: &Arc<Group>, waiter: Waiter) {
    let task = move |member: &Arc<Member>, group: &Arc<Group>| {
        let mut out = Deliveries::default();
        match group.machine().rotate() {
            Ok(_) => write_response(out.to(&waiter.asker), request::SNAPSHOT, 0, Code::Ok, waiter.id, &[]),
            Err(error) => out.fail(
                &waiter,
                request::SNAPSHOT,
                error.code,
                error.detail,
                &named(&error.text),
            ),
        }
        member.deliver_all(&mut out);
    };
    member.apply.run(group.id, Box::new(task));
}

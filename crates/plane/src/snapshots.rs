//! Snapshots between members: a consistent state streamed over the bulk lane while writes go on, received into a file,
//! checked, and installed whole or not at all.
//!
//! ```text
//! record   [u8 4][u8 part][u16 group][u64 id] then
//!   1 BEGIN  [u64 index][u64 term]
//!   2 DATA   [u64 offset][bytes]
//!   3 END    [u64 length]
//!   4 ACK    [u64 bytes received][u8 0 more, 1 installed, 2 failed]     from the receiver
//! ```

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rafterdb_codec::{encode_snapshot_header, request, Code};
use rafterdb_net::{Lane, Parts};
use rafterdb_pool::Slice;
use rafterdb_store::{Mark, Snapshot, StoreError};

use crate::error::PlaneError;
use crate::group::{Group, StoreMachine};
use crate::inbox::Happening;
use crate::member::Member;
use crate::open;
use crate::source::{write_response, Deliveries, Waiter};

mod part {
    pub const BEGIN: u8 = 1;
    pub const DATA: u8 = 2;
    pub const END: u8 = 3;
    pub const ACK: u8 = 4;
}

/// Bytes of one DATA record.
const CHUNK_BYTES: usize = 256 << 10;
/// Bytes of a record before what its part adds.
const HEAD_BYTES: usize = 20;
/// Bytes sent and not yet acknowledged.
const WINDOW_BYTES: u64 = 8 << 20;
/// How long the receiver may be silent.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// A record from a peer, for the receiving thread.
pub struct Incoming {
    peer: u64,
    body: Slice,
}

/// How far the receiver of a snapshot is.
#[derive(Default)]
struct Progress {
    acked: u64,
    state: u8,
}

struct Outgoing {
    peer: u64,
    progress: Mutex<Progress>,
    moved: Condvar,
}

/// Snapshots under way, both ways.
pub struct Snapshots {
    incoming: Mutex<Option<Sender<Incoming>>>,
    outgoing: Mutex<(u64, HashMap<u64, Arc<Outgoing>>)>,
    /// Peers that are connected both ways: to others an answer may be lost without a loss being told.
    connected: Mutex<HashSet<u64>>,
}

impl Snapshots {
    /// Nothing under way; the receiver is for the receiving thread.
    #[must_use]
    pub fn new() -> (Self, Receiver<Incoming>) {
        let (sender, receiver) = channel();
        (
            Self {
                incoming: Mutex::new(Some(sender)),
                outgoing: Mutex::default(),
                connected: Mutex::default(),
            },
            receiver,
        )
    }

    /// Lets the receiving thread end, and every sending one.
    pub fn close(&self) {
        self.incoming.lock().take();
        self.give_up(|_| true);
    }

    /// A peer can be sent to, and can answer.
    pub fn peer_connected(&self, peer: u64) {
        self.connected.lock().insert(peer);
    }

    /// The connection to a peer was lost, and records with it: what it was being sent is begun anew when the core asks.
    pub fn peer_lost(&self, peer: u64) {
        self.connected.lock().remove(&peer);
        self.give_up(|outgoing| outgoing.peer == peer);
    }

    fn give_up(&self, which: impl Fn(&Outgoing) -> bool) {
        for outgoing in self.outgoing.lock().1.values().filter(|outgoing| which(outgoing)) {
            outgoing.progress.lock().state = 2;
            outgoing.moved.notify_all();
        }
    }
}

fn head(part: u8, group: u16, id: u64, number: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEAD_BYTES + 8);
    encode_snapshot_header(&mut out, part, group);
    out.extend_from_slice(&id.to_le_bytes());
    out.extend_from_slice(&number.to_le_bytes());
    out
}

/// Streams a group's state to a peer, on a thread of its own; the core is told how it ended.
pub fn send(member: &Arc<Member>, group: &Arc<Group>, peer: u64) {
    let id = {
        let mut outgoing = member.snapshots.outgoing.lock();
        outgoing.0 += 1;
        let id = outgoing.0;
        outgoing.1.insert(
            id,
            Arc::new(Outgoing {
                peer,
                progress: Mutex::default(),
                moved: Condvar::new(),
            }),
        );
        id
    };
    let (owner, state) = (member.clone(), group.clone());
    let started = std::thread::Builder::new()
        .name("rafterdb-snapshot-out".to_owned())
        .spawn(move || {
            let sent = stream(&owner, &state, peer, id);
            owner.snapshots.outgoing.lock().1.remove(&id);
            let (ok, index) = sent.map_or((false, 0), |mark| (true, mark.index));
            owner.inbox.push(Happening::SnapshotSent {
                group: state.id,
                peer,
                ok,
                index,
            });
        });
    if started.is_err() {
        member.snapshots.outgoing.lock().1.remove(&id);
        member.inbox.push(Happening::SnapshotSent {
            group: group.id,
            peer,
            ok: false,
            index: 0,
        });
    }
}

fn stream(member: &Arc<Member>, group: &Arc<Group>, peer: u64, id: u64) -> io::Result<Mark> {
    // It is on the list of those to give up already, so a loss from here on is heard of.
    if !member.snapshots.connected.lock().contains(&peer) {
        return Err(io::ErrorKind::NotConnected.into());
    }
    let (reply, answer) = channel();
    let take = move |_: &Arc<Member>, group: &Arc<Group>| {
        // The asker may have given up: then nobody wants the snapshot.
        let _ = reply.send(snapshot_of(&group.machine()));
    };
    member.apply.run(group.id, Box::new(take));
    let lost = |what: &str| io::Error::other(what.to_owned());
    let (mark, snapshot) = answer
        .recv()
        .map_err(|_| lost("the member closes"))?
        .map_err(|e| lost(&e.text))?;
    let outgoing = member
        .snapshots
        .outgoing
        .lock()
        .1
        .get(&id)
        .cloned()
        .ok_or_else(|| lost("the member closes"))?;
    let mut writer = ChunkWriter {
        member,
        group: group.id,
        peer,
        id,
        offset: 0,
        buffer: Vec::new(),
        outgoing,
    };
    let mut begin = head(part::BEGIN, group.id, id, mark.index);
    begin.extend_from_slice(&mark.term.to_le_bytes());
    writer.record(begin)?;
    snapshot.write(&mut writer).map_err(|e| lost(&e.text))?;
    writer.finish()?;
    Ok(mark)
}

/// A consistent view of a group's state, taken between two entries.
fn snapshot_of(machine: &StoreMachine) -> Result<(Mark, Snapshot), StoreError> {
    let (mark, state) = machine.state();
    Ok((mark, machine.engine().snapshot(mark, state)?))
}

/// Cuts a stream into records, and never runs further ahead of the receiver than the window.
struct ChunkWriter<'a> {
    member: &'a Member,
    group: u16,
    peer: u64,
    id: u64,
    offset: u64,
    buffer: Vec<u8>,
    outgoing: Arc<Outgoing>,
}

impl ChunkWriter<'_> {
    fn record(&self, record: Vec<u8>) -> io::Result<()> {
        let sent = self
            .member
            .net()
            .is_some_and(|net| net.send_peer(self.peer, Lane::Bulk, Parts::new(record)));
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
        self.wait(|progress, offset| progress.acked + WINDOW_BYTES > offset)?;
        rafterdb_fault::point("member.snapshot.send")?;
        let mut record = head(part::DATA, self.group, self.id, self.offset);
        record.append(&mut self.buffer);
        self.offset += (record.len() - HEAD_BYTES) as u64;
        self.record(record)
    }

    fn finish(&mut self) -> io::Result<()> {
        if !self.buffer.is_empty() {
            self.chunk()?;
        }
        self.record(head(part::END, self.group, self.id, self.offset))?;
        self.wait(|progress, _| progress.state == 1)
    }

    fn wait(&self, until: impl Fn(&Progress, u64) -> bool) -> io::Result<()> {
        let mut progress = self.outgoing.progress.lock();
        let mut heard = (progress.acked, Instant::now());
        while !until(&progress, self.offset) {
            if progress.state != 0 {
                // Installed already: the receiver had this state, so the rest is not needed.
                return if progress.state == 1 {
                    Err(io::ErrorKind::AlreadyExists.into())
                } else {
                    Err(io::ErrorKind::BrokenPipe.into())
                };
            }
            self.outgoing.moved.wait_for(&mut progress, Duration::from_secs(1));
            if progress.acked != heard.0 {
                heard = (progress.acked, Instant::now());
            } else if heard.1.elapsed() > SILENCE_MAX {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
        Ok(())
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

/// A snapshot record from a peer, on the network's thread.
pub fn arrived(member: &Member, peer: u64, body: Slice) {
    if body.len() < HEAD_BYTES {
        return;
    }
    if body[1] == part::ACK {
        if let Some(outgoing) = member.snapshots.outgoing.lock().1.get(&number(&body, 4)) {
            let mut progress = outgoing.progress.lock();
            // An answer may be read after the loss of its sender was told: what has ended stays so.
            if progress.state == 0 {
                *progress = Progress {
                    acked: number(&body, 12),
                    state: body.get(HEAD_BYTES).copied().unwrap_or(2),
                };
            }
            drop(progress);
            outgoing.moved.notify_all();
        }
    } else if let Some(sender) = &*member.snapshots.incoming.lock() {
        // The receiving thread is gone only when the member closes.
        let _ = sender.send(Incoming { peer, body });
    }
}

fn number(body: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|i| body[at + i]))
}

struct Receiving {
    id: u64,
    mark: Mark,
    path: PathBuf,
    file: File,
    offset: u64,
}

/// The receiving thread's body.
pub fn receive(member: &Arc<Member>, records: &Receiver<Incoming>) {
    let mut under_way: HashMap<(u64, u16), Receiving> = HashMap::new();
    while let Ok(Incoming { peer, body }) = records.recv() {
        let group = u16::from_le_bytes([body[2], body[3]]);
        let id = number(&body, 4);
        if member.find_group(group).is_none() {
            continue;
        }
        let state = match take(member, &mut under_way, peer, group, &body) {
            Ok(state) => state,
            Err(error) => {
                member.note(&format!("snapshot of group {group} from member {peer}: {error}"));
                under_way.remove(&(peer, group));
                2
            }
        };
        let received = under_way.get(&(peer, group)).map_or(0, |r| r.offset);
        let mut ack = head(part::ACK, group, id, received);
        ack.push(state);
        member.send(peer, Lane::Bulk, Parts::new(ack));
        if state != 0 {
            if let Some(done) = under_way.remove(&(peer, group)) {
                // What is left behind is removed at the next open.
                let _ = std::fs::remove_file(done.path);
            }
        }
    }
}

/// Takes one record; returns what the ACK says.
fn take(
    member: &Arc<Member>,
    under_way: &mut HashMap<(u64, u16), Receiving>,
    peer: u64,
    group: u16,
    body: &Slice,
) -> Result<u8, PlaneError> {
    let (id, value) = (number(body, 4), number(body, 12));
    let io = |e: io::Error| PlaneError::io("receive a snapshot", &e);
    if body[1] == part::BEGIN && body.len() >= 28 {
        let path = open::snapshot_dir(&member.config).join(format!("incoming-{group}-{peer}"));
        let file = File::create(&path).map_err(io)?;
        let mark = Mark {
            index: value,
            term: number(body, 20),
            revision: 0,
        };
        let has_it = member.group(group).applied.load(Ordering::Acquire) >= value;
        under_way.insert(
            (peer, group),
            Receiving {
                id,
                mark,
                path,
                file,
                offset: 0,
            },
        );
        return Ok(u8::from(has_it));
    }
    let unexpected = || PlaneError::new(Code::ProtocolError, "a record without its beginning");
    let receiving = under_way
        .get_mut(&(peer, group))
        .filter(|r| r.id == id)
        .ok_or_else(unexpected)?;
    if value != receiving.offset {
        return Err(PlaneError::new(
            Code::ProtocolError,
            format!("{value} follows {}", receiving.offset),
        ));
    }
    if body[1] == part::DATA {
        rafterdb_fault::point("member.snapshot.write")
            .and_then(|()| receiving.file.write_all(&body[HEAD_BYTES..]))
            .map_err(io)?;
        receiving.offset += (body.len() - HEAD_BYTES) as u64;
        return Ok(0);
    }
    receiving
        .file
        .sync_all()
        .and_then(|()| rafterdb_fault::point("member.snapshot.received"))
        .map_err(io)?;
    install(member, group, peer, receiving.mark, receiving.path.clone())?;
    Ok(1)
}

/// Has the apply thread put the received state in place of the group's, and tells the core.
fn install(member: &Arc<Member>, group: u16, peer: u64, mark: Mark, path: PathBuf) -> Result<(), PlaneError> {
    let (reply, answer) = channel();
    let task = move |member: &Arc<Member>, group: &Arc<Group>| {
        let is_new = group.applied.load(Ordering::Acquire) < mark.index;
        let result = if is_new {
            open::install(member, group, &path)
        } else {
            Ok(())
        };
        // A state that is not newer is refused: the core would cut the log up to it, and the store on disk may be behind it.
        let (ok, index, term) = (is_new && result.is_ok(), mark.index, mark.term);
        member.inbox.push(Happening::SnapshotInstalled {
            group: group.id,
            ok,
            index,
            term,
            from: peer,
        });
        if ok {
            // Only now: the core must hear of the new store before it hears what that store holds.
            open::observe(member, group);
        }
        // The receiving thread waits for this answer, or the member closes.
        let _ = reply.send(result);
    };
    member.apply.run(group, Box::new(task));
    answer
        .recv()
        .unwrap_or_else(|_| Err(PlaneError::new(Code::Closed, "the member closes")))
}

/// Has a group's state written out now, and answers when it is.
pub fn flush(member: &Arc<Member>, group: &Arc<Group>, waiter: Waiter) {
    let task = move |member: &Arc<Member>, group: &Arc<Group>| {
        let mut out = Deliveries::default();
        match group.machine().rotate() {
            Ok(_) => write_response(out.to(&waiter.source), request::SNAPSHOT, 0, Code::Ok, waiter.id, &[]),
            Err(error) => out.fail(&waiter, request::SNAPSHOT, error.code, error.detail, &error.text),
        }
        member.deliver_all(&mut out);
    };
    member.apply.run(group.id, Box::new(task));
}

//! Receiving a snapshot: its records become a file, which is handed to the installing thread when it is whole. Believes nothing:
//! whatever does not follow from what came before ends the stream, leaves nothing behind and is told in the member's log once.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rafterdb_codec::{is_shortage, limits, Code, SnapshotMessage, SnapshotRecord, SnapshotState, SnapshotStream};
use rafterdb_net::{Lane, Parts};
use rafterdb_pool::Slice;
use rafterdb_store::Mark;

use crate::ground::error::PlaneError;
use crate::ground::member_log::MemberLog;
use crate::health::stalls::{Stalls, Work};
use crate::network::Network;
use crate::snapshots::record::encoded;
use crate::snapshots::under_way::{Incoming, Received, Snapshots, KEPT_WITHIN, SIGN_OF_LIFE_EVERY};
use crate::state::core_inbox::{CoreInbox, Happening};
use crate::state::groups::Groups;
use crate::system::disk_space::check_space;

/// Bytes of a stream after which it is looked whether there is room on the disk for more.
const SPACE_LOOK_BYTES: u64 = 1 << 20;

/// Bytes of a stream after which those so far are synced: its end then waits for little, and no write of anybody for much.
const SYNC_BYTES: u64 = 16 << 20;

/// How long the installing thread may come no further before the senders that wait for it are left to themselves.
const STILL_MAX: Duration = Duration::from_secs(300);

/// How often a peer's streams that end badly are told in the member's log, at most.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// A stream, by the peer that sends it and its group.
type Key = (u64, u16);

/// A snapshot that arrives, or has arrived and is being installed.
struct Stream {
    id: u64,
    mark: Mark,
    /// Up to which revision this member has all, as it has told the sender; 0: it wants all.
    base: u64,
    path: PathBuf,
    /// Until all is there.
    file: Option<File>,
    offset: u64,
    space_looked_at: u64,
    synced: u64,
    /// When the connection was lost that it came over: until its sender asks where to go on, nothing that comes follows.
    lost_at: Option<Instant>,
}

impl Stream {
    /// Removes what was received.
    fn remove(self) {
        drop(self.file);
        // What cannot be removed is removed at the next open.
        let _ = std::fs::remove_file(self.path);
    }
}

/// What the receiving thread works with.
pub struct SnapshotReceiver {
    /// Those under way.
    pub snapshots: Arc<Snapshots>,
    /// Whose state they may be.
    pub groups: Arc<Groups>,
    /// Who is told of what is of no use.
    pub inbox: Arc<CoreInbox>,
    /// The way to other members.
    pub network: Arc<Network>,
    /// What people are told.
    pub member_log: Arc<MemberLog>,
    /// How long a part takes.
    pub stalls: Arc<Stalls>,
    /// Where they are kept until they are installed.
    pub directory: PathBuf,
}

/// The receiving thread's state.
struct Streams<'a> {
    room: &'a SnapshotReceiver,
    under_way: HashMap<Key, Stream>,
    /// Of each peer, the last stream that was told to have ended badly, and when.
    told: HashMap<u64, (u16, u64, Instant)>,
    /// Groups of which an increment could not be installed: the next snapshot is to hold all.
    want_all: HashSet<u16>,
    /// What the installing thread had done when that was last new, and when that was.
    moved: (u64, Instant),
}

/// The receiving thread's body.
pub fn receive(room: &SnapshotReceiver, incoming: &Receiver<Incoming>) {
    let mut streams = Streams {
        room,
        under_way: HashMap::new(),
        told: HashMap::new(),
        want_all: HashSet::new(),
        moved: (0, Instant::now()),
    };
    let mut sign_at = Instant::now();
    loop {
        let wait = sign_at.saturating_duration_since(Instant::now());
        let next = if streams.is_installing() || streams.oldest_lost().is_some() {
            incoming.recv_timeout(wait)
        } else {
            sign_at = Instant::now() + SIGN_OF_LIFE_EVERY;
            incoming.recv().map_err(|_| RecvTimeoutError::Disconnected)
        };
        match next {
            Ok(Incoming::Record { peer, body }) => {
                room.snapshots.taken(&body);
                let _under_way = room.stalls.begin(Work::Receive, Instant::now());
                streams.record(peer, &body);
            }
            Ok(Incoming::Lost { peer }) => streams.lost(peer),
            Ok(Incoming::Left { peer }) => streams.left(peer),
            Ok(Incoming::Ended {
                peer,
                group,
                id,
                result,
            }) => streams.ended(peer, group, id, &result),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        if Instant::now() >= sign_at {
            sign_at = Instant::now() + SIGN_OF_LIFE_EVERY;
            streams.forget_lost(Instant::now());
            streams.give_signs_of_life();
        }
    }
}

/// Whether a snapshot was refused for what it and this member hold, and not for want of room, or since it is not needed.
const fn is_of_the_content(error: &PlaneError) -> bool {
    !is_shortage(error.code) && !matches!(error.code, Code::InvalidArgument | Code::Closed)
}

fn refused(text: impl Into<String>) -> PlaneError {
    PlaneError::new(Code::ProtocolError, text)
}

impl Streams<'_> {
    fn record(&mut self, peer: u64, body: &Slice) {
        let Ok(SnapshotStream { group, id }) = SnapshotStream::of(body) else {
            return;
        };
        if self.is_early((peer, group), id, body) {
            return;
        }
        let said = match self.write_record(peer, group, body) {
            Ok(said) => said,
            Err(error) => {
                self.tell_refusal(peer, group, id, &error);
                SnapshotState::Failed
            }
        };
        let key = (peer, group);
        let known = self.under_way.get(&key).filter(|stream| stream.id == id);
        // What it has is told at the beginning, as long as it may count.
        let offered = known.filter(|stream| stream.offset == 0 && stream.file.is_some());
        let (received, base) = (
            known.map_or(0, |stream| stream.offset),
            offered.map_or(0, |stream| stream.base),
        );
        let ack = SnapshotMessage::Ack {
            received,
            state: said,
            base,
        };
        self.answer(peer, group, id, ack);
        if matches!(said, SnapshotState::Installed | SnapshotState::Failed) {
            self.remove(key, id);
        }
    }

    /// Whether a record was sent before its sender knew that those before it were lost: it comes again.
    fn is_early(&self, key: Key, id: u64, body: &Slice) -> bool {
        let known = self.under_way.get(&key).filter(|stream| stream.id == id);
        known.is_some_and(|stream| stream.lost_at.is_some())
            && SnapshotRecord::parse(body)
                .is_ok_and(|record| matches!(record.part, SnapshotMessage::Data { .. } | SnapshotMessage::End { .. }))
    }

    /// Takes one record; returns what its sender is told.
    fn write_record(&mut self, peer: u64, group: u16, body: &Slice) -> Result<SnapshotState, PlaneError> {
        if self.room.groups.find(group).is_none() {
            return Err(refused("there is no such group here"));
        }
        let SnapshotRecord { id, part, .. } = SnapshotRecord::parse(body).map_err(|malformed| refused(malformed.0))?;
        match part {
            SnapshotMessage::Begin { index, term } => {
                let revision = 0;
                self.begin(peer, group, id, Mark { index, term, revision })
            }
            SnapshotMessage::Data { offset, bytes } => self.data((peer, group), id, offset, bytes),
            SnapshotMessage::End { length } => self.end(peer, group, id, length),
            SnapshotMessage::Resume { index } => self.resume((peer, group), id, index),
            SnapshotMessage::Ack { .. } => Err(refused("an answer is none of the sender's")),
        }
    }

    fn begin(&mut self, peer: u64, group: u16, id: u64, mark: Mark) -> Result<SnapshotState, PlaneError> {
        let key = (peer, group);
        match self.under_way.get(&key) {
            Some(stream) if stream.id == id => return Err(refused("it begins a second time")),
            Some(stream) if stream.file.is_none() => {
                return Err(refused("the one before it is still being installed"));
            }
            // Its sender has given up the one before.
            Some(_) => self.remove_any(key),
            None => {}
        }
        if self.room.groups.get(group).applied.load(Ordering::Acquire) >= mark.index {
            self.tell_core(peer, group, mark);
            return Ok(SnapshotState::Installed);
        }
        self.make_room()?;
        let name = format!("incoming-{group}-{peer}-{id}");
        let path = self.room.directory.join(name);
        check_space(&path)?;
        let file = File::create(&path).map_err(|e| PlaneError::io("receive a snapshot", &e))?;
        let base = if self.want_all.contains(&group) {
            0
        } else {
            self.room.groups.get(group).machine().revision()
        };
        let stream = Stream {
            id,
            mark,
            base,
            path,
            file: Some(file),
            offset: 0,
            space_looked_at: 0,
            synced: 0,
            lost_at: None,
        };
        self.under_way.insert(key, stream);
        Ok(SnapshotState::More)
    }

    /// Sees to it that one more may begin: if need be one goes whose sender may never come back.
    fn make_room(&mut self) -> Result<(), PlaneError> {
        if self.under_way.len() < limits::SNAPSHOTS_RECEIVED_MAX {
            return Ok(());
        }
        let (_, key) = self.oldest_lost().ok_or_else(|| {
            let text = format!("this member receives {} snapshots already", self.under_way.len());
            PlaneError::new(Code::Busy, text)
        })?;
        self.remove_any(key);
        Ok(())
    }

    /// The sender's connection was lost, and it asks where to go on.
    fn resume(&mut self, key: Key, id: u64, index: u64) -> Result<SnapshotState, PlaneError> {
        let known = self.under_way.get_mut(&key);
        if let Some(stream) = known.filter(|stream| stream.id == id && stream.mark.index == index) {
            rafterdb_fault::point("member.snapshot.resumed").map_err(|e| PlaneError::io("receive a snapshot", &e))?;
            stream.lost_at = None;
            return Ok(SnapshotState::Resumed);
        }
        if self.room.groups.get(key.1).applied.load(Ordering::Acquire) >= index {
            return Ok(SnapshotState::Installed);
        }
        Err(refused("nothing is there of it to go on with"))
    }

    /// The stream that a record goes on, which must say how much came before.
    fn stream(&mut self, key: Key, id: u64, offset: u64) -> Result<&mut Stream, PlaneError> {
        let stream = self
            .under_way
            .get_mut(&key)
            .filter(|stream| stream.id == id)
            .ok_or_else(|| refused("a record without its beginning"))?;
        if stream.file.is_none() {
            return Err(refused("a record after the end"));
        }
        if offset != stream.offset {
            return Err(refused(format!("{offset} follows {}", stream.offset)));
        }
        Ok(stream)
    }

    fn data(&mut self, key: Key, id: u64, offset: u64, bytes: &[u8]) -> Result<SnapshotState, PlaneError> {
        let stream = self.stream(key, id, offset)?;
        if bytes.is_empty() {
            return Err(refused("a record without data"));
        }
        if stream.offset >= stream.space_looked_at {
            check_space(&stream.path)?;
            stream.space_looked_at = stream.offset + SPACE_LOOK_BYTES;
        }
        let write =
            |file: &mut File| rafterdb_fault::point("member.snapshot.write").and_then(|()| file.write_all(bytes));
        let written = stream.file.as_mut().map_or(Ok(()), write);
        written.map_err(|e| PlaneError::io("receive a snapshot", &e))?;
        stream.offset += bytes.len() as u64;
        if stream.offset - stream.synced >= SYNC_BYTES {
            stream.synced = stream.offset;
            let synced = stream.file.as_ref().map_or(Ok(()), File::sync_data);
            synced.map_err(|e| PlaneError::io("receive a snapshot", &e))?;
        }
        Ok(SnapshotState::More)
    }

    fn end(&mut self, peer: u64, group: u16, id: u64, length: u64) -> Result<SnapshotState, PlaneError> {
        let key = (peer, group);
        let known = self.under_way.get(&key).filter(|stream| stream.id == id);
        if known.is_some_and(|stream| stream.file.is_none() && stream.offset == length) {
            // Said once more since the answer was lost with the connection.
            return Ok(SnapshotState::More);
        }
        let mark = self.stream(key, id, length)?.mark;
        let handed_over = self.complete(key);
        if handed_over.is_err() {
            self.tell_core(peer, group, mark);
        }
        handed_over.map(|()| SnapshotState::More)
    }

    /// Makes the file durable and hands it to the installing thread.
    fn complete(&mut self, key: Key) -> Result<(), PlaneError> {
        let Some(stream) = self.under_way.get_mut(&key) else {
            return Ok(());
        };
        if let Some(file) = stream.file.take() {
            let synced = file.sync_all();
            synced
                .and_then(|()| rafterdb_fault::point("member.snapshot.received"))
                .map_err(|e| PlaneError::io("receive a snapshot", &e))?;
        }
        let received = Received {
            peer: key.0,
            group: key.1,
            id: stream.id,
            mark: stream.mark,
            base: stream.base,
            path: stream.path.clone(),
        };
        if self.room.snapshots.hand_over(received) {
            Ok(())
        } else {
            Err(PlaneError::new(Code::Closed, "the member closes"))
        }
    }

    /// The core hears of every stream that came to its end, also if it was of no use.
    fn tell_core(&self, peer: u64, group: u16, mark: Mark) {
        self.room.inbox.push(Happening::SnapshotInstalled {
            group,
            ok: false,
            index: mark.index,
            term: mark.term,
            from: peer,
            configuration: None,
        });
    }

    fn ended(&mut self, peer: u64, group: u16, id: u64, result: &Result<(), PlaneError>) {
        let key = (peer, group);
        let said = match result {
            Ok(()) => SnapshotState::Installed,
            Err(error) => {
                self.tell_refusal(peer, group, id, error);
                SnapshotState::Failed
            }
        };
        let Some(stream) = self.under_way.get(&key).filter(|stream| stream.id == id) else {
            return;
        };
        let (received, base) = (stream.offset, stream.base);
        match result {
            Ok(()) => drop(self.want_all.remove(&group)),
            Err(error) if base > 0 && is_of_the_content(error) => drop(self.want_all.insert(group)),
            Err(_) => {}
        }
        self.say(peer, group, id, received, said);
        self.remove(key, id);
    }

    /// What there is of what a peer was sending is kept for a while. What is there whole is installed in any case.
    fn lost(&mut self, peer: u64) {
        let of_peer = self.under_way.iter_mut().filter(|((from, _), _)| *from == peer);
        for (_, stream) in of_peer.filter(|(_, stream)| stream.file.is_some()) {
            stream.lost_at = stream.lost_at.or_else(|| Some(Instant::now()));
        }
    }

    /// What a peer that is no member any more was sending does not come.
    fn left(&mut self, peer: u64) {
        self.remove_each(|(from, _), stream| *from == peer && stream.file.is_some());
    }

    /// Who has not gone on by now does not.
    fn forget_lost(&mut self, now: Instant) {
        self.remove_each(|_, stream| stream.lost_at.is_some_and(|at| now >= at + KEPT_WITHIN));
    }

    fn oldest_lost(&self) -> Option<(Instant, Key)> {
        let lost = |(key, stream): (&Key, &Stream)| stream.lost_at.map(|at| (at, *key));
        self.under_way.iter().filter_map(lost).min()
    }

    fn remove_each(&mut self, is_meant: impl Fn(&Key, &Stream) -> bool) {
        let meant = |(key, stream): (&Key, &Stream)| is_meant(key, stream).then_some(*key);
        let keys: Vec<Key> = self.under_way.iter().filter_map(meant).collect();
        for key in keys {
            self.remove_any(key);
        }
    }

    fn remove(&mut self, key: Key, id: u64) {
        if self.under_way.get(&key).is_some_and(|stream| stream.id == id) {
            self.remove_any(key);
        }
    }

    fn remove_any(&mut self, key: Key) {
        if let Some(stream) = self.under_way.remove(&key) {
            stream.remove();
        }
    }

    fn say(&self, peer: u64, group: u16, id: u64, received: u64, state: SnapshotState) {
        let base = 0;
        self.answer(peer, group, id, SnapshotMessage::Ack { received, state, base });
    }

    fn answer(&self, peer: u64, group: u16, id: u64, ack: SnapshotMessage<'_>) {
        self.room
            .network
            .send(peer, Lane::Bulk, Parts::new(encoded(group, id, ack)));
    }

    fn is_installing(&self) -> bool {
        self.under_way.values().any(|stream| stream.file.is_none())
    }

    /// Who sent what is being installed, or waits for that, hears that this member is at it, as long as it is.
    fn give_signs_of_life(&mut self) {
        let steps = self.room.snapshots.steps.load(Ordering::Relaxed);
        if steps != self.moved.0 {
            self.moved = (steps, Instant::now());
        }
        if self.moved.1.elapsed() > STILL_MAX {
            return;
        }
        for ((peer, group), stream) in &self.under_way {
            if stream.file.is_none() {
                self.say(*peer, *group, stream.id, stream.offset, SnapshotState::More);
            }
        }
    }

    /// One line a stream, whatever more comes of it, and no more of one peer than the log can bear.
    fn tell_refusal(&mut self, peer: u64, group: u16, id: u64, error: &PlaneError) {
        let known = self.told.get(&peer);
        if known.is_some_and(|(g, i, at)| (*g, *i) == (group, id) || at.elapsed() < TOLD_EVERY) {
            return;
        }
        self.told.insert(peer, (group, id, Instant::now()));
        let text = format!(
            "snapshot of group {group} from member {peer} refused: {}: {error}",
            error.code.name()
        );
        self.room.member_log.warn(&text);
    }
}

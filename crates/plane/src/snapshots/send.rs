//! Sending a snapshot: a consistent state is streamed over the bulk lane while writes go on, on a thread of its own. Whatever
//! happens, the core hears once how it ended. Knows nothing of what the receiver does with it.

use std::io::{self, Write};
use std::sync::mpsc::channel;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rafterdb_net::{Lane, Parts};
use rafterdb_store::{Mark, Snapshot, StoreError};

use crate::member::life::{guard, Member};
use crate::snapshots::under_way::{head, part, state, HEAD_BYTES};
use crate::state::core_inbox::Happening;
use crate::state::group::{Group, StoreMachine};

/// Bytes of one DATA record.
const CHUNK_BYTES: usize = 256 << 10;
/// Bytes sent and not yet acknowledged.
const WINDOW_BYTES: u64 = 8 << 20;
/// How long the receiver may be silent. While it installs, it gives a sign of life every second.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// How far the receiver of a snapshot is.
#[derive(Default)]
struct Progress {
    acked: u64,
    state: u8,
    /// Answers so far: each is a sign of life, whatever it says.
    answers: u64,
}

/// A snapshot that is being sent.
pub struct Outgoing {
    /// To whom.
    pub peer: u64,
    progress: Mutex<Progress>,
    moved: Condvar,
}

impl Outgoing {
    fn new(peer: u64) -> Self {
        Self {
            peer,
            progress: Mutex::default(),
            moved: Condvar::new(),
        }
    }

    /// The receiver has answered.
    pub fn answered(&self, acked: u64, said: u8) {
        let mut progress = self.progress.lock();
        // An answer may be read after the loss of its sender was told: what has ended stays so.
        if progress.state == state::MORE {
            progress.acked = acked;
            progress.state = said;
            progress.answers += 1;
        }
        drop(progress);
        self.moved.notify_all();
    }

    /// No answer will come.
    pub fn give_up(&self) {
        self.progress.lock().state = state::FAILED;
        self.moved.notify_all();
    }

    /// Waits until so many bytes are acknowledged; `None`: until all is installed. True when it is installed, whatever was waited
    /// for: the receiver may have this state already. Fails when the receiver does, or says nothing for `silence_max`.
    fn wait(&self, acked: Option<u64>, silence_max: Duration) -> io::Result<bool> {
        let mut progress = self.progress.lock();
        let (mut answers, mut heard) = (progress.answers, Instant::now());
        loop {
            match progress.state {
                state::MORE => {}
                state::INSTALLED => return Ok(true),
                _ => return Err(io::ErrorKind::BrokenPipe.into()),
            }
            if acked.is_some_and(|acked| progress.acked >= acked) {
                return Ok(false);
            }
            let silent = self.moved.wait_until(&mut progress, heard + silence_max).timed_out();
            if progress.answers != answers {
                (answers, heard) = (progress.answers, Instant::now());
            } else if silent && progress.state == state::MORE {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
    }
}

/// Tells the core how sending ended: once, also if the thread that sends ends in a way that nobody thought of.
struct Telling {
    member: Arc<Member>,
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
        self.member.snapshots.outgoing.lock().remove(&self.id);
        self.member.inbox.push(Happening::SnapshotSent {
            group: self.group,
            peer: self.peer,
            ok: self.sent.is_some(),
            index: self.sent.unwrap_or(0),
        });
    }
}

/// Streams a group's state to a peer, on a thread of its own; the core is told how it ended.
pub fn send(member: &Arc<Member>, group: &Arc<Group>, peer: u64) {
    let outgoing = Arc::new(Outgoing::new(peer));
    let id = member.ids.next();
    member.snapshots.outgoing.lock().insert(id, outgoing.clone());
    let telling = Telling {
        member: member.clone(),
        group: group.id,
        peer,
        id,
        sent: None,
    };
    let (owner, group) = (member.clone(), group.clone());
    // If there is no thread, what it was given is dropped, and the core hears of it.
    let _ = rafterdb_fault::point("thread.start").and_then(|()| {
        std::thread::Builder::new()
            .name("rafterdb-snapshot-out".to_owned())
            .spawn(move || {
                let body = move |member: &Arc<Member>| telling.end(stream(member, &group, outgoing, id));
                guard(&owner, Box::new(body));
            })
    });
}

fn stream(member: &Arc<Member>, group: &Arc<Group>, outgoing: Arc<Outgoing>, id: u64) -> io::Result<Mark> {
    // It is on the list of those to give up already, so a loss from here on is heard of.
    if !member.snapshots.connected.lock().contains(&outgoing.peer) {
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
    let mut writer = ChunkWriter {
        member,
        group: group.id,
        id,
        offset: 0,
        buffer: Vec::new(),
        outgoing,
        is_there: false,
    };
    let mut begin = head(part::BEGIN, group.id, id, mark.index);
    begin.extend_from_slice(&mark.term.to_le_bytes());
    writer.record(begin)?;
    let written = snapshot
        .write(&mut writer)
        .map_err(|e| lost(&e.text))
        .and_then(|()| writer.finish());
    if !writer.is_there {
        written?;
    }
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
    id: u64,
    offset: u64,
    buffer: Vec<u8>,
    outgoing: Arc<Outgoing>,
    /// The receiver has said that it holds this state, so that the rest is not needed.
    is_there: bool,
}

impl ChunkWriter<'_> {
    fn record(&self, record: Vec<u8>) -> io::Result<()> {
        let sent = self
            .member
            .net()
            .is_some_and(|net| net.send_peer(self.outgoing.peer, Lane::Bulk, Parts::new(record)));
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

#[cfg(test)]
mod tests {
    use super::*;

    const SILENCE: Duration = Duration::from_millis(300);

    #[test]
    fn a_receiver_that_installs_for_longer_than_the_silence_allows_is_waited_for() {
        let outgoing = Arc::new(Outgoing::new(1));
        let receiver = outgoing.clone();
        let installing = std::thread::spawn(move || {
            for _ in 0..10 {
                std::thread::sleep(SILENCE / 3);
                // All was received long ago: what it says is not new, that it says something is.
                receiver.answered(100, state::MORE);
            }
            receiver.answered(100, state::INSTALLED);
        });
        assert!(outgoing.wait(None, SILENCE).unwrap());
        installing.join().unwrap();
    }

    #[test]
    fn a_receiver_that_is_gone_is_noticed() {
        let outgoing = Outgoing::new(1);
        outgoing.answered(100, state::MORE);
        assert!(!outgoing.wait(Some(100), SILENCE).unwrap());
        let began = Instant::now();
        assert_eq!(
            outgoing.wait(Some(101), SILENCE).unwrap_err().kind(),
            io::ErrorKind::TimedOut
        );
        assert!(began.elapsed() >= SILENCE);
        outgoing.give_up();
        outgoing.answered(200, state::INSTALLED);
        assert_eq!(
            outgoing.wait(None, SILENCE).unwrap_err().kind(),
            io::ErrorKind::BrokenPipe
        );
    }
}

//! Cuts a snapshot's stream into records on their way to one member: never further ahead of its answers than the window, nor faster
//! than the rate. What is not acknowledged is kept, and sent again when the connection was lost and there is another one. Knows
//! nothing of what the bytes hold.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rafterdb_codec::{limits, SnapshotMessage};
use rafterdb_net::{Lane, Parts};
use rafterdb_pool::{Buffer, Slice};

use crate::ground::member_log::MemberLog;
use crate::network::Network;
use crate::snapshots::outgoing::{Heard, Outgoing};
use crate::snapshots::rate::SendRate;
use crate::snapshots::record::encoded;
use crate::snapshots::under_way::RESUME_WITHIN;
use crate::state::group::Group;

/// Bytes of one DATA record.
const CHUNK_BYTES: usize = 256 << 10;
/// Bytes sent and not yet acknowledged.
const WINDOW_BYTES: u64 = limits::SNAPSHOT_WINDOW_BYTES_MAX as u64;
/// How long the receiver may be silent. While it installs, it gives a sign of life every second.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// How long it may be before it is asked where it is, once: it may know of a loss of the connection that this member saw otherwise.
const ASK_AFTER: Duration = Duration::from_secs(5);

/// Where records go.
pub struct Way<'a> {
    /// The way to other members.
    pub network: &'a Network,
    /// How fast.
    pub rate: &'a SendRate,
    /// What people are told.
    pub member_log: &'a MemberLog,
    /// Whose state it is.
    pub group: &'a Group,
    /// The sender's number for the stream.
    pub id: u64,
    /// The last entry of the state.
    pub index: u64,
    /// How far the receiver is.
    pub outgoing: Arc<Outgoing>,
}

/// A stream on its way.
pub struct RecordWriter<'a> {
    way: Way<'a>,
    /// Bytes handed out.
    offset: u64,
    buffer: Vec<u8>,
    /// Bytes that are not acknowledged, in pieces with the offset of each: no more than the window.
    kept: VecDeque<(u64, Slice)>,
    has_ended: bool,
    /// Losses of the connection that are dealt with.
    losses: u64,
    /// What was acknowledged when the receiver was asked, as it was silent.
    asked_at: Option<u64>,
    is_there: bool,
}

impl<'a> RecordWriter<'a> {
    /// One that begins with nothing sent.
    #[must_use]
    pub const fn new(way: Way<'a>) -> Self {
        Self {
            way,
            offset: 0,
            buffer: Vec::new(),
            kept: VecDeque::new(),
            has_ended: false,
            losses: 0,
            asked_at: None,
            is_there: false,
        }
    }

    /// Whether the receiver has said that it holds this state, so that writing failed as the rest is not needed.
    #[must_use]
    pub const fn is_there(&self) -> bool {
        self.is_there
    }

    /// Bytes of the stream that have gone out, each counted once.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.offset
    }

    /// Says where the state stands. Fails if the peer cannot be reached.
    pub fn begin(&self, term: u64) -> io::Result<()> {
        let index = self.way.index;
        if self.send(SnapshotMessage::Begin { index, term }, None) {
            Ok(())
        } else {
            Err(io::Error::new(
                io::ErrorKind::NotConnected,
                "the follower cannot be reached",
            ))
        }
    }

    /// Up to which revision the receiver has all, as it answers the beginning; 0: all is to be sent.
    #[must_use]
    pub fn base(&self) -> u64 {
        self.way.outgoing.base(ASK_AFTER)
    }

    /// Sends what is left, and waits until all of it is installed.
    pub fn finish(&mut self) -> io::Result<()> {
        if !self.buffer.is_empty() {
            self.chunk()?;
        }
        self.has_ended = true;
        if !self.end() {
            self.resume()?;
        }
        self.wait(None)
    }

    fn send(&self, part: SnapshotMessage<'_>, bytes: Option<&Slice>) -> bool {
        let Way { group, id, .. } = self.way;
        let mut parts = Parts::new(encoded(group.id, id, part));
        if let Some(bytes) = bytes {
            parts.push(bytes.clone());
        }
        let wire = self.way.network.get();
        wire.is_some_and(|wire| wire.send_peer(self.way.outgoing.peer, Lane::Bulk, parts))
    }

    fn data(&self, offset: u64, bytes: &Slice) -> bool {
        // The bytes lie behind the record's own, so that they are not copied.
        self.send(SnapshotMessage::Data { offset, bytes: &[] }, Some(bytes))
    }

    fn end(&self) -> bool {
        self.send(SnapshotMessage::End { length: self.offset }, None)
    }

    fn chunk(&mut self) -> io::Result<()> {
        let end = self.offset + self.buffer.len() as u64;
        self.wait(Some(end.saturating_sub(WINDOW_BYTES)))?;
        let turn = self.way.rate.turn(self.buffer.len(), Instant::now());
        self.way.outgoing.pause(turn);
        rafterdb_fault::point("member.snapshot.send")?;
        self.forget(self.way.outgoing.acked());
        let mut bytes = Buffer::new(self.buffer.len());
        bytes.copy_from_slice(&self.buffer);
        let bytes = bytes.freeze(self.buffer.len());
        self.buffer.clear();
        let offset = self.offset;
        self.offset = end;
        self.kept.push_back((offset, bytes.clone()));
        if self.data(offset, &bytes) {
            Ok(())
        } else {
            self.resume()
        }
    }

    /// Lets go of what the receiver has.
    fn forget(&mut self, acked: u64) {
        while self
            .kept
            .front()
            .is_some_and(|(at, bytes)| at + bytes.len() as u64 <= acked)
        {
            self.kept.pop_front();
        }
    }

    /// Waits until so many bytes are acknowledged, or all is installed, over as many connections as it takes.
    fn wait(&mut self, acked: Option<u64>) -> io::Result<()> {
        loop {
            let known = self.way.outgoing.acked();
            let silence_max = if self.asked_at == Some(known) {
                SILENCE_MAX
            } else {
                ASK_AFTER
            };
            match self.way.outgoing.wait(acked, self.losses, silence_max) {
                Ok(Heard::Reached) => return Ok(()),
                Ok(Heard::Installed) if acked.is_none() => return Ok(()),
                Ok(Heard::Installed) => return self.not_needed(),
                Ok(Heard::Lost) => self.resume()?,
                Err(error) if error.kind() == io::ErrorKind::TimedOut && self.asked_at != Some(known) => {
                    self.asked_at = Some(known);
                    self.ask()?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn not_needed(&mut self) -> io::Result<()> {
        self.is_there = true;
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// The connection was lost: waits for another one, and goes on where the receiver is. A member that does not lead any more leaves
    /// that to who does.
    fn resume(&mut self) -> io::Result<()> {
        let until = Instant::now() + RESUME_WITHIN;
        loop {
            self.losses = self.way.outgoing.reconnected(self.losses, until)?;
            if !self.way.group.leads() {
                return Err(io::Error::other("this member does not lead any more"));
            }
            rafterdb_fault::point("member.snapshot.resume")?;
            if self.ask()? {
                return Ok(());
            }
        }
    }

    /// Asks where the receiver is, and goes on from there. False when the connection was lost meanwhile.
    fn ask(&mut self) -> io::Result<bool> {
        let index = self.way.index;
        self.way.outgoing.forget_resumed();
        if !self.send(SnapshotMessage::Resume { index }, None) {
            return Ok(false);
        }
        match self.way.outgoing.resumed(self.losses, SILENCE_MAX)? {
            (Heard::Lost, _) => Ok(false),
            (Heard::Installed, _) => self.not_needed().map(|()| true),
            (Heard::Reached, at) => self.send_again(at),
        }
    }

    /// Sends all behind `at` again. False when the connection was lost meanwhile.
    fn send_again(&mut self, at: u64) -> io::Result<bool> {
        let first = self.kept.front().map_or(self.offset, |(offset, _)| *offset);
        let follows = at == self.offset || self.kept.iter().any(|(offset, _)| *offset == at);
        if at < first || !follows {
            let text = format!(
                "the receiver goes on at {at}, which is none of what was sent from {first} to {}",
                self.offset
            );
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        self.forget(at);
        let Way {
            group,
            outgoing,
            member_log,
            ..
        } = &self.way;
        member_log.info(&format!(
            "snapshot of group {} to member {} goes on at byte {at}; {} bytes are sent again",
            group.id,
            outgoing.peer,
            self.offset - at
        ));
        let are_sent = self.kept.iter().all(|(offset, bytes)| self.data(*offset, bytes));
        Ok(are_sent && (!self.has_ended || self.end()))
    }
}

impl Write for RecordWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(CHUNK_BYTES - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        if self.buffer.len() == CHUNK_BYTES {
            self.chunk()?;
        }
        Ok(taken)
    }

    /// Sees to a connection that was lost meanwhile: who looks for long for what to send would hear of it when the receiver keeps its
    /// part no more.
    fn flush(&mut self) -> io::Result<()> {
        self.wait(Some(0))
    }
}

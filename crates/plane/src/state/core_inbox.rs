//! What the Raft worker has not seen yet. Any thread adds; the worker takes everything at its next exchange.
//! Facts that only grow (durable, applied, …) are kept once a group; messages are kept in order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rafterdb_codec::{limits, Configuration, ConfigurationEntry, RaftHeader, Run};
use rafterdb_pool::Slice;
use smallvec::SmallVec;

/// Runs of one message that need no memory of their own: nearly all entries are of the newest term.
pub const RUNS_INLINE: usize = 2;

/// A peer's Raft message whose payload stays here.
#[derive(Debug)]
pub struct Message {
    /// The member that sent it.
    pub from: u64,
    /// Group, kind, term and fields.
    pub header: RaftHeader,
    /// Terms of the entries carried.
    pub runs: SmallVec<[Run; RUNS_INLINE]>,
    /// The entries.
    pub payload: Slice,
    /// Those of them that are configurations: how many come before each, and what it says.
    pub configurations: Vec<(u64, Configuration)>,
}

/// Something that happened once and must be told in order.
#[derive(Debug)]
pub enum Happening {
    /// A peer's message.
    Message(Message),
    /// A peer became reachable or not, with its round-trip time in milliseconds.
    Peer { peer: u64, up: bool, rtt: f64 },
    /// Sending a snapshot ended.
    SnapshotSent {
        group: u16,
        peer: u64,
        ok: bool,
        index: u64,
    },
    /// A received snapshot was installed, or could not be.
    SnapshotInstalled {
        group: u16,
        ok: bool,
        index: u64,
        term: u64,
        from: u64,
        /// The last configuration that it holds.
        configuration: Option<Arc<ConfigurationEntry>>,
    },
    /// Entries first ≤ i < end, of so many bytes, went to a peer: the core did not know how many fit a message.
    Sent {
        group: u16,
        peer: u64,
        first: u64,
        end: u64,
        bytes: u64,
    },
    /// Someone asks for the leadership to move.
    Transfer { group: u16, peer: u64 },
    /// Someone asks for other members: (id, 1 if it votes, else 0) of each.
    Change {
        group: u16,
        asker: u64,
        from: u64,
        is_forced: bool,
        members: Vec<(u64, u64)>,
    },
}

/// The newest of each fact of one group; `None`: nothing new.
#[derive(Debug, Default)]
pub struct Facts {
    /// On this disk up to (index, term).
    pub durable: Option<(u64, u64)>,
    /// Applied up to an index.
    pub applied: Option<u64>,
    /// The leader that was asked says that the entry (index, term) is committed.
    pub committed: Option<(u64, u64)>,
    /// Reads up to this number wait to be confirmed.
    pub reads: Option<u64>,
    /// Proposals may wait.
    pub proposals: bool,
    /// The store holds everything up to an index.
    pub persisted: Option<u64>,
}

#[derive(Default)]
struct State {
    facts: Vec<Facts>,
    dirty: VecDeque<u16>,
    marked: Vec<bool>,
    happenings: VecDeque<Happening>,
    /// Messages among them.
    messages: usize,
    /// Bytes of their entries.
    message_bytes: usize,
    closing: bool,
    /// Something that the worker must not sleep over.
    urgent: bool,
}

impl State {
    fn change(&mut self, group: u16, change: impl FnOnce(&mut Facts)) {
        let at = usize::from(group);
        change(&mut self.facts[at]);
        if !self.marked[at] {
            self.marked[at] = true;
            self.dirty.push_back(group);
        }
    }
}

/// The worker's in-tray.
pub struct CoreInbox {
    state: Mutex<State>,
    arrived: Condvar,
}

/// What an exchange takes out. Groups are taken one by one so that a full events array leaves the rest for the next time.
pub struct Taken<'a>(parking_lot::MutexGuard<'a, State>);

impl CoreInbox {
    /// An empty in-tray for so many groups.
    #[must_use]
    pub fn new(groups: usize) -> Self {
        let state = State {
            facts: (0..groups).map(|_| Facts::default()).collect(),
            marked: vec![false; groups],
            ..State::default()
        };
        Self {
            state: Mutex::new(state),
            arrived: Condvar::new(),
        }
    }

    /// Records facts of a group.
    pub fn record(&self, group: u16, change: impl FnOnce(&mut Facts)) {
        let mut state = self.state.lock();
        state.change(group, change);
        state.urgent = true;
        self.arrived.notify_one();
    }

    /// Records facts of a group that can wait for the worker's next exchange, whatever it is for.
    pub fn note_quietly(&self, group: u16, change: impl FnOnce(&mut Facts)) {
        self.state.lock().change(group, change);
    }

    /// Records something that happened.
    pub fn push(&self, happening: Happening) {
        let mut state = self.state.lock();
        state.happenings.push_back(happening);
        state.urgent = true;
        self.arrived.notify_one();
    }

    /// Records a peer's message, or drops it: Raft takes lost messages in its stride, and the worker is behind by so many.
    pub fn push_message(&self, message: Message) {
        let mut state = self.state.lock();
        let bytes = message.payload.len();
        let is_full = state.messages >= limits::MESSAGES_WAITING_MAX
            || (bytes > 0 && state.message_bytes + bytes > limits::MESSAGES_WAITING_BYTES_MAX);
        if is_full {
            return;
        }
        state.messages += 1;
        state.message_bytes += bytes;
        state.happenings.push_back(Happening::Message(message));
        state.urgent = true;
        self.arrived.notify_one();
    }

    /// Tells the worker to stop.
    pub fn close(&self) {
        let mut state = self.state.lock();
        state.closing = true;
        state.urgent = true;
        self.arrived.notify_all();
    }

    /// Waits until there is something urgent, or until the time-out.
    pub fn wait(&self, timeout: Duration) -> Taken<'_> {
        let mut state = self.state.lock();
        if !state.urgent && !timeout.is_zero() {
            let deadline = Instant::now() + timeout;
            while !state.urgent {
                if self.arrived.wait_until(&mut state, deadline).timed_out() {
                    break;
                }
            }
        }
        Taken(state)
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        // What did not fit is wanted at once.
        self.0.urgent = self.0.closing || !self.0.dirty.is_empty() || !self.0.happenings.is_empty();
    }
}

impl Taken<'_> {
    /// The next happening, if `fits` accepts it.
    pub fn next_happening(&mut self, fits: impl FnOnce(&Happening) -> bool) -> Option<Happening> {
        if !self.0.happenings.front().is_some_and(fits) {
            return None;
        }
        let next = self.0.happenings.pop_front();
        if let Some(Happening::Message(message)) = &next {
            self.0.messages -= 1;
            self.0.message_bytes -= message.payload.len();
        }
        next
    }

    /// Whether happenings wait.
    #[must_use]
    pub fn has_happenings(&self) -> bool {
        !self.0.happenings.is_empty()
    }

    /// The facts of the next group that has new ones.
    pub fn next_facts(&mut self) -> Option<(u16, Facts)> {
        let group = self.0.dirty.pop_front()?;
        let at = usize::from(group);
        self.0.marked[at] = false;
        Some((group, std::mem::take(&mut self.0.facts[at])))
    }

    /// Changes the facts of a group: they are taken with the others.
    pub fn change(&mut self, group: u16, change: impl FnOnce(&mut Facts)) {
        self.0.change(group, change);
    }

    /// Whether the worker is to stop.
    #[must_use]
    pub fn closing(&self) -> bool {
        self.0.closing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rafterdb_codec::MessageKind;
    use rafterdb_pool::Buffer;

    fn message(bytes: usize) -> Message {
        Message {
            from: 1,
            header: RaftHeader {
                kind: MessageKind::Append,
                group: 0,
                term: 0,
                fields: [0; 6],
            },
            runs: SmallVec::new(),
            payload: match bytes {
                0 => Slice::default(),
                _ => Buffer::new(bytes).freeze(bytes),
            },
            configurations: Vec::new(),
        }
    }

    fn drain(inbox: &CoreInbox) -> usize {
        let mut taken = inbox.wait(Duration::ZERO);
        std::iter::from_fn(|| taken.next_happening(|_| true)).count()
    }

    #[test]
    fn messages_beyond_a_number_are_dropped_and_other_happenings_are_not() {
        let inbox = CoreInbox::new(1);
        for _ in 0..limits::MESSAGES_WAITING_MAX + 5 {
            inbox.push_message(message(0));
        }
        inbox.push(Happening::Transfer { group: 0, peer: 1 });
        assert_eq!(drain(&inbox), limits::MESSAGES_WAITING_MAX + 1);
        inbox.push_message(message(0));
        assert_eq!(drain(&inbox), 1);
    }

    #[test]
    fn messages_beyond_an_amount_are_dropped_and_votes_and_heartbeats_are_not() {
        let inbox = CoreInbox::new(1);
        let large = message(limits::MESSAGES_WAITING_BYTES_MAX / 4);
        for _ in 0..6 {
            let Message { header, payload, .. } = &large;
            inbox.push_message(Message {
                from: 1,
                header: *header,
                runs: SmallVec::new(),
                payload: payload.clone(),
                configurations: Vec::new(),
            });
        }
        inbox.push_message(message(0));
        assert_eq!(drain(&inbox), 5);
        inbox.push_message(message(10));
        assert_eq!(drain(&inbox), 1);
    }
}

//! Exactly-once: which batches of which client have been applied, and what they were answered.
//! Deterministic: every member remembers and forgets the same at the same index. Knows no operations.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use rafterdb_codec::limits::{SESSIONS_MAX, SESSION_RESULT_BYTES_MAX, SESSION_WINDOW_MAX};
use rafterdb_codec::store::digest::session_number;
use rafterdb_codec::{BatchHeader, Code, SAFE_NUMBER_MAX};

/// Bytes of kept results of all sessions together; what comes above is forgotten at once.
pub const SESSION_RESULTS_BYTES_MAX: usize = 16 << 20;
/// Batches remembered over all sessions together; above it the least recently used session goes.
pub const SESSION_BATCHES_MAX: usize = 1 << 20;

/// What is remembered of one batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// Not applied yet: a batch above it came first.
    Absent,
    /// All plain puts: they took `count` revisions from `first` on.
    Plain { first: u64, count: u32 },
    /// Its results.
    Results(Arc<[u8]>),
    /// Applied, with results too large to keep.
    Forgotten,
}

/// How entries of a version of the machine begin sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionStart {
    /// Any batch of an unknown session that was not sent before begins it, under the number that it names.
    Implicit,
    /// A batch that says so, under a number of its own. No copy of a batch brings back a session that is forgotten.
    Explicit,
}

/// What to do with a batch.
#[derive(Debug)]
pub(super) enum Admission<'a> {
    /// Apply it, then call `keep`.
    Apply,
    /// It started a session: answer its number.
    Started(u64),
    /// It was applied: answer this.
    Answer(&'a Kept),
    /// Nothing is applied: answer this error.
    Refuse(Code, &'static str),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) id: u64,
    /// Sequence that created the session: whether a lower one was applied before that is not known.
    pub(super) floor: u64,
    /// Every batch below has been answered; `kept[0]` is this one.
    pub(super) acked: u64,
    /// Shared with the images of it that are not encoded yet.
    pub(super) kept: Arc<VecDeque<Kept>>,
    /// Neighbours in order of use.
    older: u32,
    newer: u32,
}

/// No slot.
const NONE: u32 = u32::MAX;
const TOO_MANY_UNANSWERED: &str = "too many batches of the session are unanswered: wait for answers";

/// All sessions, in order of use. Sessions live in slots; the order is a linked list through them.
#[derive(Debug)]
pub(super) struct Sessions {
    slots: Vec<Session>,
    by_id: HashMap<u64, u32>,
    oldest: u32,
    newest: u32,
    batches: usize,
    result_bytes: usize,
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            by_id: HashMap::new(),
            oldest: NONE,
            newest: NONE,
            batches: 0,
            result_bytes: 0,
        }
    }
}

impl Sessions {
    /// How many sessions are remembered.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Decides about a batch of a session other than 0, in the entry at `index`.
    pub(super) fn admit(&mut self, header: &BatchHeader, index: u64, start: SessionStart) -> Admission<'_> {
        if header.is_start() {
            return Admission::Started(self.start(header.session, index));
        }
        let Some(&slot) = self.by_id.get(&header.session) else {
            if header.is_retry() || start == SessionStart::Explicit {
                return Admission::Refuse(Code::SessionExpired, "the session is not known: open a new one");
            }
            let acked = header.acked.min(header.sequence);
            if header.sequence - acked >= SESSION_WINDOW_MAX as u64 {
                return Admission::Refuse(Code::Busy, TOO_MANY_UNANSWERED);
            }
            self.push(Session::new(header.session, header.sequence, acked));
            self.shrink();
            return Admission::Apply;
        };
        self.touch(slot);
        self.acknowledge(slot, header.acked);
        let session = &self.slots[slot as usize];
        if header.sequence < session.acked {
            return Admission::Refuse(Code::ResultForgotten, "the batch was answered before");
        }
        let offset = header.sequence - session.acked;
        if offset >= SESSION_WINDOW_MAX as u64 {
            return Admission::Refuse(Code::Busy, TOO_MANY_UNANSWERED);
        }
        let known = session
            .kept
            .get(offset as usize)
            .is_some_and(|kept| *kept != Kept::Absent);
        if known {
            return Admission::Answer(&self.slots[slot as usize].kept[offset as usize]);
        }
        if header.is_retry() && header.sequence < session.floor {
            return Admission::Refuse(
                Code::SessionExpired,
                "the batch is older than the session: open a new one",
            );
        }
        Admission::Apply
    }

    /// Starts a session for the entry at `index`, and returns its number. The random number tells it from sessions of other clusters.
    fn start(&mut self, random: u64, index: u64) -> u64 {
        let mut id = session_number(random, index);
        while id == 0 || self.by_id.contains_key(&id) {
            id = (id + 1) & SAFE_NUMBER_MAX;
        }
        self.push(Session::new(id, 1, 1));
        self.shrink();
        id
    }

    /// Remembers what an admitted batch was answered.
    pub(super) fn keep(&mut self, header: &BatchHeader, plain: Option<(u64, u32)>, results: &[u8]) {
        let kept = match plain {
            Some((first, count)) => Kept::Plain { first, count },
            None if results.len() > SESSION_RESULT_BYTES_MAX => Kept::Forgotten,
            None if self.result_bytes + results.len() > SESSION_RESULTS_BYTES_MAX => Kept::Forgotten,
            None => Kept::Results(results.into()),
        };
        let slot = self.by_id[&header.session];
        self.result_bytes += kept.bytes();
        let session = &mut self.slots[slot as usize];
        let offset = (header.sequence - session.acked) as usize;
        let all = Arc::make_mut(&mut session.kept);
        while all.len() <= offset {
            all.push_back(Kept::Absent);
            self.batches += 1;
        }
        all[offset] = kept;
        self.shrink();
    }

    /// Least recently used first, as the state keeps them.
    pub(super) fn in_order(&self) -> impl Iterator<Item = &Session> {
        let mut next = self.oldest;
        std::iter::from_fn(move || {
            let session = self.slots.get(next as usize)?;
            next = session.newer;
            Some(session)
        })
    }

    /// Puts back a session that the state kept; they come least recently used first.
    pub(super) fn restore(&mut self, session: Session) {
        self.batches += session.kept.len();
        self.result_bytes += session.kept.iter().map(Kept::bytes).sum::<usize>();
        self.push(session);
    }

    fn acknowledge(&mut self, slot: u32, acked: u64) {
        let session = &mut self.slots[slot as usize];
        if session.acked >= acked {
            return;
        }
        let all = Arc::make_mut(&mut session.kept);
        while session.acked < acked {
            let Some(kept) = all.pop_front() else {
                session.acked = acked;
                break;
            };
            session.acked += 1;
            self.batches -= 1;
            self.result_bytes -= kept.bytes();
        }
    }

    /// Forgets the least recently used sessions until the bounds hold, but never the one in use.
    fn shrink(&mut self) {
        while self.oldest != self.newest && (self.len() > SESSIONS_MAX || self.batches > SESSION_BATCHES_MAX) {
            self.remove(self.oldest);
        }
    }

    fn push(&mut self, mut session: Session) {
        let slot = self.slots.len() as u32;
        (session.older, session.newer) = (self.newest, NONE);
        self.by_id.insert(session.id, slot);
        self.slots.push(session);
        self.link_newest(slot);
    }

    fn link_newest(&mut self, slot: u32) {
        let last = std::mem::replace(&mut self.newest, slot);
        match self.slots.get_mut(last as usize) {
            Some(session) => session.newer = slot,
            None => self.oldest = slot,
        }
    }

    fn unlink(&mut self, slot: u32) {
        let (older, newer) = (self.slots[slot as usize].older, self.slots[slot as usize].newer);
        match self.slots.get_mut(older as usize) {
            Some(session) => session.newer = newer,
            None => self.oldest = newer,
        }
        match self.slots.get_mut(newer as usize) {
            Some(session) => session.older = older,
            None => self.newest = older,
        }
    }

    fn touch(&mut self, slot: u32) {
        if self.newest == slot {
            return;
        }
        self.unlink(slot);
        (self.slots[slot as usize].older, self.slots[slot as usize].newer) = (self.newest, NONE);
        self.link_newest(slot);
    }

    fn remove(&mut self, slot: u32) {
        self.unlink(slot);
        let session = self.slots.swap_remove(slot as usize);
        self.by_id.remove(&session.id);
        self.batches -= session.kept.len();
        self.result_bytes -= session.kept.iter().map(Kept::bytes).sum::<usize>();
        let moved = self.slots.len() as u32;
        let Some(session) = self.slots.get(slot as usize) else {
            return;
        };
        // The last slot took the free place: whoever pointed at it must follow.
        let (id, older, newer) = (session.id, session.older, session.newer);
        self.by_id.insert(id, slot);
        match self.slots.get_mut(older as usize) {
            Some(session) => session.newer = slot,
            None => self.oldest = slot,
        }
        match self.slots.get_mut(newer as usize) {
            Some(session) => session.older = slot,
            None => self.newest = slot,
        }
        debug_assert_ne!(self.oldest, moved, "invariant session order: no link to a free slot");
    }
}

impl Session {
    pub(super) fn new(id: u64, floor: u64, acked: u64) -> Self {
        Self {
            id,
            floor,
            acked,
            kept: Arc::default(),
            older: NONE,
            newer: NONE,
        }
    }
}

impl Kept {
    fn bytes(&self) -> usize {
        if let Self::Results(results) = self {
            results.len()
        } else {
            0
        }
    }
}

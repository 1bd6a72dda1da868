//! The deterministic state machine of one group: committed entries in, results, reads and watch events out.
//! One thread applies and publishes; any number read. Knows the storage only as [`Engine`], and no Raft.
//!
//! An entry is applied in steps: `batch` decides (sessions, results), `writer` and `txn` change rows at a revision above
//! the published one, where no reader looks. `publish` raises the published revision, which makes a group of entries
//! visible at once, and hands their events to the watches.

mod batch;
mod bounds;
mod counts;
mod digest;
mod feed;
mod range;
mod read;
mod sessions;
mod state;
mod txn;
mod watch;
mod writer;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use rafterdb_codec::{is_shortage, Code, EntryKind};

pub use batch::BATCH_REPLY_BYTES_MAX;
pub use bounds::Bounds;
pub use counts::KeptForCounts;
pub use read::SlicedRead;
pub use sessions::{SESSION_BATCHES_MAX, SESSION_RESULTS_BYTES_MAX};
pub use watch::{Deliver, WatchId};

use crate::{Engine, KeyRange, Mark, StoreError, Visit};
use state::State;
use watch::WatchHub;
use writer::Writer;

/// What a WRITE that was applied is answered, besides the bytes appended to the results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    /// OK, or why nothing was applied; the appended bytes are then an error's body.
    pub code: Code,
    /// Flags of the WRITE response.
    pub flags: u8,
    /// The batch had been applied before; the answer is the one of that time.
    pub is_duplicate: bool,
    /// The entry's index was applied before: nothing was done and nothing appended.
    pub is_skipped: bool,
    /// Counts are missing in the results: [`Machine::fill_in`] is to be called before they are answered.
    pub is_uncounted: bool,
}

impl Default for Applied {
    fn default() -> Self {
        Self {
            code: Code::Ok,
            flags: 0,
            is_duplicate: false,
            is_skipped: false,
            is_uncounted: false,
        }
    }
}

/// Figures of a machine, all of them at `mark`, as last published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MachineStatus {
    /// Index and term of the last entry, and the revision after it.
    pub mark: Mark,
    /// The compacted revision; 0: nothing was compacted.
    pub compacted: u64,
    /// Equal on members with equal `mark.index`, or they have diverged.
    pub state_hash: u64,
    /// Sessions remembered.
    pub sessions: usize,
    /// The cluster's identity; 0: no entry has told one yet.
    pub cluster: u64,
}

/// The state machine of one group. Shared between the apply thread, readers, and the thread that serves watches.
pub struct Machine<E> {
    engine: E,
    /// Revision that readers see. Written by `publish` alone.
    published: AtomicU64,
    /// Index applied and published: reads at this index may be served.
    applied: AtomicU64,
    status: Mutex<MachineStatus>,
    writer: Mutex<Writer>,
    watches: WatchHub,
    bounds: Bounds,
    /// The longest time that one entry's operations took, µs.
    longest_apply: AtomicU64,
}

impl<E: Engine> Machine<E> {
    /// A machine over an engine that is new, or that recovered the given mark and state; they are what `rotate` was given.
    /// `deliver` receives the events of all watches.
    ///
    /// # Errors
    /// `STORE_CORRUPT`, `FORMAT_NEWER`, or what the engine reports.
    pub fn new(engine: E, recovered: Option<(Mark, Vec<u8>)>, deliver: Arc<dyn Deliver>) -> Result<Self, StoreError> {
        Self::with_bounds(engine, recovered, deliver, Bounds::default())
    }

    /// The same with other bounds, for tests: all members of a group must have the same.
    ///
    /// # Errors
    /// As of [`Machine::new`].
    pub fn with_bounds(
        engine: E,
        recovered: Option<(Mark, Vec<u8>)>,
        deliver: Arc<dyn Deliver>,
        bounds: Bounds,
    ) -> Result<Self, StoreError> {
        let state = match recovered {
            None => State::empty(),
            Some((mark, bytes)) => {
                let state = State::decode(&bytes)?;
                if state.mark != mark {
                    let text = format!(
                        "the state is of {:?}, the rows are of {mark:?}: restore this member",
                        state.mark
                    );
                    return Err(StoreError::new(Code::StoreCorrupt, text));
                }
                state
            }
        };
        // The engine hears of a compaction at a publish, which the rotation may have come before.
        if engine.compacted() < state.compacted {
            engine.compact(state.compacted)?;
        }
        let status = status_of(&state);
        Ok(Self {
            engine,
            published: AtomicU64::new(status.mark.revision),
            applied: AtomicU64::new(status.mark.index),
            status: Mutex::new(status),
            writer: Mutex::new(Writer::new(state, bounds)),
            watches: WatchHub::new(deliver, status.mark.revision),
            bounds,
            longest_apply: AtomicU64::new(0),
        })
    }

    /// Applies the entry at `index`; by the apply thread alone, in order. Appends the body of the WRITE response.
    /// An entry that was applied before is skipped. When the engine is full it is rotated, which may block.
    ///
    /// # Errors
    /// What the engine reports, or `FORMAT_NEWER` for an unknown kind of entry. Every error is final: `POISONED` after it.
    ///
    /// # Panics
    /// Invariant `apply order`: no index is left out.
    pub fn apply(
        &self,
        index: u64,
        term: u64,
        kind: u8,
        body: &[u8],
        results: &mut Vec<u8>,
    ) -> Result<Applied, StoreError> {
        let mut writer = self.writer.lock();
        let applied = writer.state.mark.index;
        if index <= applied {
            return Ok(Applied {
                is_skipped: true,
                ..Applied::default()
            });
        }
        assert!(
            index == applied + 1,
            "invariant apply order: entry {index} comes after {applied}"
        );
        writer.check_health()?;
        let outcome = self.apply_next(&mut writer, index, term, kind, body, results);
        writer.is_poisoned = outcome.is_err();
        outcome
    }

    fn apply_next(
        &self,
        writer: &mut Writer,
        index: u64,
        term: u64,
        kind: u8,
        body: &[u8],
        results: &mut Vec<u8>,
    ) -> Result<Applied, StoreError> {
        if writer.state.mark.revision == writer.published {
            // First changes after a publish: from here on the feed is complete or not used at all.
            writer.is_recording = self.watches.has_watches();
        }
        let Ok(kind) = EntryKind::try_from(kind) else {
            let text = format!("entry {index} is of kind {kind}, which this version does not know: upgrade");
            return Err(StoreError::new(Code::FormatNewer, text));
        };
        let mut is_named = false;
        let outcome = match kind {
            EntryKind::Batch => {
                let began = Instant::now();
                let applied = writer.apply_batch(&self.engine, body, results)?;
                let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
                self.longest_apply.fetch_max(micros, Ordering::Relaxed);
                applied
            }
            EntryKind::Noop => {
                is_named = writer.state.take_name(body);
                Applied::default()
            }
            EntryKind::Control => Applied::default(),
        };
        (writer.state.mark.index, writer.state.mark.term) = (index, term);
        // An identity is flushed at once: a member must know it whenever it starts, before it has a leader.
        if is_named || self.engine.is_full() {
            self.rotate_if_there_is_room(writer)?;
        }
        Ok(outcome)
    }

    /// Without room a flush comes when there is some: what was applied is in memory, and in the log.
    fn rotate_if_there_is_room(&self, writer: &Writer) -> Result<(), StoreError> {
        match self.engine.rotate(writer.state.mark, writer.state.encode()) {
            Err(error) if is_shortage(error.code) => Ok(()),
            rotated => rotated,
        }
    }

    /// Makes everything applied so far visible to readers and watches; by the apply thread, after a group of entries. After a
    /// compaction that gives back space the engine is rotated, which may block.
    ///
    /// # Errors
    /// What the engine reports; final.
    pub fn publish(&self) -> Result<Mark, StoreError> {
        let mut writer = self.writer.lock();
        writer.check_health()?;
        let status = status_of(&writer.state);
        let revision = status.mark.revision;
        if revision != writer.published {
            let writer = &mut *writer;
            let feed = writer.is_recording.then_some(&writer.feed);
            self.watches
                .publish(revision, feed, || self.published.store(revision, Ordering::Release));
            writer.feed.clear();
            writer.published = revision;
        }
        *self.status.lock() = status;
        self.applied.store(status.mark.index, Ordering::Release);
        if let Some(revision) = writer.compaction.take() {
            let compacted = self.engine.compact(revision).and_then(|()| {
                // The space is to be free soon, also if no entry follows for long.
                if self.engine.is_full() {
                    self.rotate_if_there_is_room(&writer)?;
                }
                Ok(())
            });
            writer.is_poisoned |= compacted.is_err();
            compacted?;
        }
        Ok(status.mark)
    }

    /// Flushes everything applied so far, whether the engine is full or not: before a clean stop, or for a snapshot.
    ///
    /// # Errors
    /// `DISK_FULL` or `OUT_OF_FILES` while there is no room for it: the machine goes on. Else what the engine reports; final.
    pub fn rotate(&self) -> Result<Mark, StoreError> {
        let mut writer = self.writer.lock();
        writer.check_health()?;
        let mark = writer.state.mark;
        let rotated = self.engine.rotate(mark, writer.state.encode());
        writer.is_poisoned = rotated.as_ref().is_err_and(|error| !is_shortage(error.code));
        rotated.map(|()| mark)
    }

    /// The machine's own state at its applied index, as [`Machine::new`] takes it; for a snapshot of the rows at that mark.
    pub fn state(&self) -> (Mark, Vec<u8>) {
        let writer = self.writer.lock();
        (writer.state.mark, writer.state.encode())
    }

    /// Recomputes the state hash from the rows: false if they are not what was applied. Holds up the apply thread.
    ///
    /// # Errors
    /// What the engine reports.
    pub fn verify_hash(&self) -> Result<bool, StoreError> {
        let writer = self.writer.lock();
        let now = self.live_sum(writer.state.mark.revision)?;
        let then = match writer.state.digest_from {
            0 => 0,
            from => self.live_sum(from)?,
        };
        Ok(now.wrapping_sub(then) == writer.state.digest)
    }

    /// Sum of the digests of all pairs that are live at a revision.
    fn live_sum(&self, at: u64) -> Result<u64, StoreError> {
        let mut sum: u64 = 0;
        let all = KeyRange { start: &[], end: None };
        self.engine.scan(all, at, false, &mut |key, row| {
            sum = sum.wrapping_add(digest::pair_digest(digest::key_digest(key), &row));
            Visit::Next
        })?;
        Ok(sum)
    }

    /// The longest time that the operations of one entry took, since the machine was made, µs; without waits for a flush.
    pub fn longest_apply_micros(&self) -> u64 {
        self.longest_apply.load(Ordering::Relaxed)
    }

    /// The revision to compact to while half as many range tombstones as may be kept are, so that half of those go; 0: there are
    /// fewer. Nobody who does so meets a delete that is refused for their number.
    pub fn crowded_revision(&self) -> u64 {
        let compacted = self.status().compacted;
        let (count, bytes) = self.engine.deleted_ranges(compacted);
        if 2 * count < self.bounds.ranges_max && 2 * bytes < self.bounds.range_bytes_max {
            return 0;
        }
        self.engine.deleted_ranges_half(compacted).min(self.revision())
    }

    /// Figures as of the last publish.
    pub fn status(&self) -> MachineStatus {
        *self.status.lock()
    }

    /// Index up to which reads see what was applied.
    pub fn applied(&self) -> u64 {
        self.applied.load(Ordering::Acquire)
    }

    /// The revision that readers see.
    pub fn revision(&self) -> u64 {
        self.published.load(Ordering::Acquire)
    }

    /// The storage below.
    pub fn engine(&self) -> &E {
        &self.engine
    }
}

impl Writer {
    fn check_health(&self) -> Result<(), StoreError> {
        if self.is_poisoned {
            let text = "an earlier write to the store failed: restart the member";
            return Err(StoreError::new(Code::Poisoned, text));
        }
        Ok(())
    }
}

fn status_of(state: &State) -> MachineStatus {
    MachineStatus {
        mark: state.mark,
        compacted: state.compacted,
        state_hash: state.digest.wrapping_add(state.past).wrapping_add(state.mark.revision),
        sessions: state.sessions.len(),
        cluster: state.cluster,
    }
}

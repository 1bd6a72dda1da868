//! The deterministic state machine of one group: committed entries in, results, reads and watch events out.
//! One thread applies and publishes; any number read. Knows the storage only as [`Engine`], and no Raft.
//!
//! An entry is applied in steps: `batch` decides (sessions, results), `writer` and `txn` change rows at a revision above
//! the published one, where no reader looks. `publish` raises the published revision, which makes a group of entries
//! visible at once, and hands their events to the watches.

mod apply_times;
mod batch;
mod begin_anew;
mod bounds;
mod compares;
mod counts;
mod feed;
mod range;
mod read;
mod refusal;
mod reply;
mod restore;
mod sessions;
mod state;
mod txn;
mod uncounted;
mod watch;
mod watches;
mod writer;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use parking_lot::Mutex;
use rafterdb_codec::store::digest::{key_digest, pair_digest};
use rafterdb_codec::store::machine_state::FormerCluster;
use rafterdb_codec::{is_shortage, Code, ConfigurationEntry, Entry, EntryKind};

pub use apply_times::LongestApply;
pub use batch::BATCH_REPLY_BYTES_MAX;
pub use begin_anew::Anew;
pub use bounds::{Bounds, MACHINE_VERSION};
pub use counts::KeptForCounts;
pub use read::SlicedRead;
pub use restore::restored_state;
pub use sessions::{SessionStart, SESSION_BATCHES_MAX, SESSION_RESULTS_BYTES_MAX};
pub use watch::{Deliver, WatchId};

use crate::{Engine, KeyRange, Mark, RowRef, StoreError, Value, Visit};
use apply_times::{ApplyTimes, Timer};
use bounds::VERSIONS;
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
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// The last configuration of the members that was applied; `None`: they never changed.
    pub configuration: Option<Arc<ConfigurationEntry>>,
    /// Identities that the cluster had before it began anew with one member, oldest first.
    pub former: Arc<[FormerCluster]>,
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
    /// Bounds of each version that entries may name.
    versions: Vec<Bounds>,
    apply_times: ApplyTimes,
}

impl<E: Engine> Machine<E> {
    /// A machine over an engine that is new, or that recovered the given mark and state; they are what `rotate` was given.
    /// `deliver` receives the events of all watches.
    ///
    /// # Errors
    /// `STORE_CORRUPT`, `FORMAT_NEWER`, or what the engine reports.
    pub fn new(engine: E, recovered: Option<(Mark, Vec<u8>)>, deliver: Arc<dyn Deliver>) -> Result<Self, StoreError> {
        Self::with_versions(engine, recovered, deliver, VERSIONS.to_vec())
    }

    /// The same with other bounds of each version, for tests: all members of a group must have the same.
    ///
    /// # Errors
    /// As of [`Machine::new`].
    pub fn with_versions(
        engine: E,
        recovered: Option<(Mark, Vec<u8>)>,
        deliver: Arc<dyn Deliver>,
        versions: Vec<Bounds>,
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
        let mark = state.mark;
        Ok(Self {
            engine,
            published: AtomicU64::new(mark.revision),
            applied: AtomicU64::new(mark.index),
            status: Mutex::new(status_of(&state)),
            writer: Mutex::new(Writer::new(state)),
            watches: WatchHub::new(deliver, mark.revision),
            versions,
            apply_times: ApplyTimes::default(),
        })
    }

    /// Applies the entry at `index`; by the apply thread alone, in order. Appends the body of the WRITE response.
    /// An entry that was applied before is skipped. When the engine is full it is rotated, which may block.
    ///
    /// # Errors
    /// What the engine reports, or `FORMAT_NEWER` for an entry of unknown kind or version, or a configuration that is none: nothing of it was done, and who knows it
    /// goes on from there. Every error is final: `POISONED` after it.
    ///
    /// # Panics
    /// Invariant `apply order`: no index is left out.
    pub fn apply(
        &self,
        index: u64,
        term: u64,
        entry: &Entry<'_>,
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
        let outcome = self.apply_next(&mut writer, index, term, entry, results);
        writer.is_poisoned = outcome.is_err();
        outcome
    }

    fn apply_next(
        &self,
        writer: &mut Writer,
        index: u64,
        term: u64,
        entry: &Entry<'_>,
        results: &mut Vec<u8>,
    ) -> Result<Applied, StoreError> {
        if writer.state.mark.revision == writer.published {
            // First changes after a publish: from here on the feed is complete or not used at all.
            writer.is_recording = self.watches.has_watches();
        }
        let Ok(kind) = EntryKind::try_from(entry.kind) else {
            return Err(newer(index, "kind", entry.kind));
        };
        let Some(bounds) = self.versions.get(usize::from(entry.version)) else {
            return Err(newer(index, "version", entry.version));
        };
        writer.bounds = *bounds;
        let mut is_named = false;
        let timer = Timer::begin();
        let outcome = match kind {
            EntryKind::Batch => writer.apply_batch(&self.engine, index, entry.body, results)?,
            EntryKind::Noop => {
                is_named = writer.state.take_name(entry.body);
                Applied::default()
            }
            EntryKind::Configuration => {
                let taken = writer.state.take_configuration(index, term, entry.body);
                taken.map_err(|_| newer(index, "kind", entry.kind))?;
                Applied::default()
            }
            // Of a witness: where it stands is all that it knows.
            EntryKind::Stripped => Applied::default(),
        };
        (writer.state.mark.index, writer.state.mark.term) = (index, term);
        // An identity is flushed at once: a member must know it whenever it starts, before it has a leader.
        if is_named || self.engine.is_full() {
            self.rotate_if_there_is_room(writer)?;
        }
        self.apply_times.applied(&timer);
        Ok(outcome)
    }

    fn flush(&self, writer: &Writer) -> Result<(), StoreError> {
        let image = writer.state.image();
        self.engine
            .rotate_with(writer.state.mark, Box::new(move || image.encode()))
    }

    /// Without room a flush comes when there is some: what was applied is in memory, and in the log.
    fn rotate_if_there_is_room(&self, writer: &Writer) -> Result<(), StoreError> {
        let timer = Timer::begin();
        let rotated = self.flush(writer);
        self.apply_times.waited(&timer);
        match rotated {
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
        let mark = status.mark;
        *self.status.lock() = status;
        self.applied.store(mark.index, Ordering::Release);
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
        Ok(mark)
    }

    /// Flushes what was applied if the engine is full. By the apply thread when a flush has ended: what asked for another one meanwhile
    /// does not wait for the next entry.
    ///
    /// # Errors
    /// What the engine reports; final.
    pub fn rotate_if_full(&self) -> Result<(), StoreError> {
        let mut writer = self.writer.lock();
        writer.check_health()?;
        if !self.engine.is_full() {
            return Ok(());
        }
        let rotated = self.rotate_if_there_is_room(&writer);
        writer.is_poisoned = rotated.is_err();
        rotated
    }

    /// Flushes everything applied so far, whether the engine is full or not: before a clean stop, or for a snapshot.
    ///
    /// # Errors
    /// `DISK_FULL` or `OUT_OF_FILES` while there is no room for it: the machine goes on. Else what the engine reports; final.
    pub fn rotate(&self) -> Result<Mark, StoreError> {
        let mut writer = self.writer.lock();
        writer.check_health()?;
        let mark = writer.state.mark;
        let rotated = self.flush(&writer);
        writer.is_poisoned = rotated.as_ref().is_err_and(|error| !is_shortage(error.code));
        rotated.map(|()| mark)
    }

    /// The machine's own state at its applied index, as [`Machine::new`] takes it; for a snapshot of the rows at that mark.
    pub fn state(&self) -> (Mark, Vec<u8>) {
        let writer = self.writer.lock();
        (writer.state.mark, writer.state.encode())
    }

    /// What a witness is sent of that state: where it stands, the identity, and who the members are.
    pub fn state_of_witness(&self) -> (Mark, Vec<u8>) {
        let writer = self.writer.lock();
        (writer.state.mark, writer.state.of_witness().encode())
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
        let mut read = Ok(());
        self.engine.scan(all, at, false, &mut |key, row| {
            // Of the bytes: what the row says of them is not what is in question.
            read = self.engine.value(key, &row, &mut |value| {
                let value = Value::Here(value);
                sum = sum.wrapping_add(pair_digest(key_digest(key), &RowRef { value, ..row }));
            });
            if read.is_ok() {
                Visit::Next
            } else {
                Visit::Stop
            }
        })?;
        read.map(|()| sum)
    }

    /// The longest times that an entry took, and waited, since the machine was made.
    pub fn longest_apply(&self) -> LongestApply {
        self.apply_times.longest()
    }

    /// The revision to compact to while half as many range tombstones as may be kept are, so that half of those go; 0: there are
    /// fewer. Nobody who does so meets a delete that is refused for their number.
    pub fn crowded_revision(&self) -> u64 {
        let compacted = self.status().compacted;
        let (count, bytes) = self.engine.deleted_ranges(compacted);
        // A machine of a test may know fewer versions.
        let proposed = self.versions.get(usize::from(MACHINE_VERSION)).or(self.versions.last());
        if proposed.is_none_or(|bounds| 2 * count < bounds.ranges_max && 2 * bytes < bounds.range_bytes_max) {
            return 0;
        }
        self.engine.deleted_ranges_half(compacted).min(self.revision())
    }

    /// Figures as of the last publish.
    pub fn status(&self) -> MachineStatus {
        self.status.lock().clone()
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

/// An entry that this member cannot decide as the others do.
fn newer(index: u64, what: &str, number: u8) -> StoreError {
    let text = format!(
        "entry {index} of the log is of {what} {number}, which this version of rafterdb does not know: a newer one wrote it. Nothing is \
         lost: upgrade this member, and it goes on from there"
    );
    StoreError::new(Code::FormatNewer, text)
}

fn status_of(state: &State) -> MachineStatus {
    MachineStatus {
        mark: state.mark,
        compacted: state.compacted,
        state_hash: state
            .digest
            .wrapping_add(state.past)
            .wrapping_add(state.mark.revision)
            .wrapping_add(state.configuration_digest),
        sessions: state.sessions.len(),
        cluster: state.cluster,
        configuration: state.configuration.clone(),
        former: state.former.clone(),
    }
}

//! What the state machine needs of the storage below it: rows by key, history by revision.
//! One writer (the apply thread), many readers. Knows no operations, sessions or results.

mod adding;
mod arena;
mod base;
mod chunks;
mod content_hash;
mod dead_run;
mod dead_stretches;
mod deletions;
mod directory;
mod displaced;
mod failure;
mod files;
mod generation;
mod history;
mod install;
mod key_order;
mod last_row;
mod late_state;
mod lsm;
mod lsm_operations;
mod memtable;
mod merge;
mod options;
mod pairs_stream;
mod persisted_state;
mod pressure;
mod range_tombstones;
mod reclaim;
mod retired_memory;
mod row_cache;
mod scan;
mod shared;
mod skips;
mod slot;
mod slot_table;
mod snapshot;
mod spool;
mod stats;
mod tables;
mod threads;
mod values;

use crate::StoreError;

pub use rafterdb_codec::store::skips::Skips;
pub use rafterdb_codec::store::value::APART_BYTES_MIN;
pub use rafterdb_codec::store::{RowRef, Value};

pub use base::BaseStore;
pub use install::{install_snapshot, PreparedStore};
pub use late_state::MakeState;
pub use lsm::{LsmEngine, MarkedState};
pub use options::{EngineOptions, SharedCache, MEMORY_BYTES_MIN};
pub use pairs_stream::PairsStream;
pub use row_cache::CacheCounts;
pub use skips::skips_after;
pub use snapshot::{Snapshot, STATE_BYTES_MAX};
pub use stats::EngineStats;

/// A change as history keeps it.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// Position of the change among those of its revision, from 0.
    pub sub: u32,
    /// The key that changed.
    pub key: &'a [u8],
    /// What it became; `row.modified` is the revision.
    pub row: RowRef<'a>,
    /// The version that it replaced, if that is at hand: always for a key of a deleted range, where nothing else leads to it.
    pub replaced: Option<RowRef<'a>>,
}

/// Where a reading of history begins: at the changes of a revision, from one of them on. A deleted range is one change
/// there, whose keys are told one by one: it may be gone on with at a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChangePlace<'a> {
    /// The revision.
    pub revision: u64,
    /// Position among its changes.
    pub sub: u32,
    /// The first key of that change that is wanted, if the change is a deleted range.
    pub key: &'a [u8],
}

/// Half-open range of keys; `end` of `None` has no upper bound.
#[derive(Clone, Copy, Debug)]
pub struct KeyRange<'a> {
    /// First key.
    pub start: &'a [u8],
    /// First key after the range.
    pub end: Option<&'a [u8]>,
}

/// Where in the Raft log a state stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// Index of the last entry applied.
    pub index: u64,
    /// Its term.
    pub term: u64,
    /// The store's revision after it.
    pub revision: u64,
}

/// Whether a visitor wants more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visit {
    /// Go on.
    Next,
    /// Enough.
    Stop,
}

/// Storage of one group.
pub trait Engine: Send + Sync {
    /// The newest version of `key`, a tombstone too unless it is compacted. For the writer, which sees its own unpublished
    /// writes. Returns whether there was one.
    fn latest(&self, key: &[u8], visit: &mut dyn FnMut(RowRef<'_>)) -> Result<bool, StoreError>;

    /// The same of a key that is about to be deleted.
    fn latest_of_doomed(&self, key: &[u8], visit: &mut dyn FnMut(RowRef<'_>)) -> Result<bool, StoreError> {
        self.latest(key, visit)
    }

    /// The writer is about to look at these keys, in this order. Changes nothing; an engine may get ready what it has of them.
    fn expect(&self, _keys: &[&[u8]]) {}

    /// Calls `read` with the value of a row that `latest`, `get` or a scan shows, while it is shown. Only there may it lie apart, so that
    /// whoever does not need it is spared the reading. `COMPACTED` if the row went meanwhile: then so did what it was read for.
    fn value(&self, key: &[u8], row: &RowRef<'_>, read: &mut dyn FnMut(&[u8])) -> Result<(), StoreError>;

    /// The newest version of `key` at or below revision `at`, if it is not a tombstone. Returns whether there was one.
    /// `at` must not be below the compacted revision.
    fn get(&self, key: &[u8], at: u64, visit: &mut dyn FnMut(RowRef<'_>)) -> Result<bool, StoreError>;

    /// The version that `key`'s change at revision `modified` replaced, which was of revision `previous`, if it was not a
    /// tombstone. Returns whether there was one. `COMPACTED` if `modified` is below the compacted revision.
    fn replaced(
        &self,
        key: &[u8],
        modified: u64,
        previous: u64,
        visit: &mut dyn FnMut(RowRef<'_>),
    ) -> Result<bool, StoreError>;

    /// Every live key of the range as of revision `at`, ascending, or descending if `reverse`.
    fn scan(
        &self,
        range: KeyRange<'_>,
        at: u64,
        reverse: bool,
        visit: &mut dyn FnMut(&[u8], RowRef<'_>) -> Visit,
    ) -> Result<(), StoreError>;

    /// As `scan`, but stops once it has looked at `steps` rows, live or not; counts them down. Returns the key it came to if
    /// that is why it stopped: what is left begins after it.
    fn scan_some(
        &self,
        range: KeyRange<'_>,
        at: u64,
        reverse: bool,
        steps: &mut usize,
        visit: &mut dyn FnMut(&[u8], RowRef<'_>) -> Visit,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let mut came_to = None;
        self.scan(range, at, reverse, &mut |key, row| {
            if visit(key, row) == Visit::Stop {
                return Visit::Stop;
            }
            *steps = steps.saturating_sub(1);
            if *steps > 0 {
                return Visit::Next;
            }
            came_to = Some(key.to_vec());
            Visit::Stop
        })?;
        Ok(came_to)
    }

    /// The changes with from ≤ revision ≤ to, in order. `COMPACTED` if `from` is below the compacted revision.
    fn changes(&self, from: u64, to: u64, visit: &mut dyn FnMut(Change<'_>) -> Visit) -> Result<(), StoreError> {
        let from = ChangePlace {
            revision: from,
            ..ChangePlace::default()
        };
        self.changes_from(from, to, visit)
    }

    /// The same, from a place within a revision on. Keys of a deleted range have its `sub`, and come in order.
    fn changes_from(
        &self,
        from: ChangePlace<'_>,
        to: u64,
        visit: &mut dyn FnMut(Change<'_>) -> Visit,
    ) -> Result<(), StoreError>;

    /// Adds a change: the row becomes the key's latest, and history has it. `row.previous` must be the version it replaces.
    /// Called in order of (revision, sub) by the one writer; a key changes at most once in a revision.
    fn write(&self, key: &[u8], sub: u32, row: RowRef<'_>) -> Result<(), StoreError>;

    /// Adds one change that deletes every key of `range` that is live below `revision`, and for which there is no change of
    /// that revision yet. Costs the same whatever their number. Called in order with `write`.
    fn delete_range(&self, range: KeyRange<'_>, revision: u64, sub: u32) -> Result<(), StoreError>;

    /// How many changes of that kind above `revision`, which must not be below the compacted one, are kept, and the bytes
    /// of their keys.
    fn deleted_ranges(&self, revision: u64) -> (usize, usize);

    /// The revision to which a compaction lets half of them go; 0 if there are none.
    fn deleted_ranges_half(&self, _revision: u64) -> u64 {
        0
    }

    /// Keeps what reads at or above the compacted revision of now need, for [`Self::scan_kept`], until it is dropped.
    fn keep(&self) -> Box<dyn Send>;

    /// As [`Self::scan`], upwards, where what is read has been kept since before it could be compacted.
    fn scan_kept(
        &self,
        range: KeyRange<'_>,
        at: u64,
        visit: &mut dyn FnMut(&[u8], RowRef<'_>) -> Visit,
    ) -> Result<(), StoreError>;

    /// Raises the compacted revision to `revision`: versions replaced at or below it may go, in the background.
    fn compact(&self, revision: u64) -> Result<(), StoreError>;

    /// The compacted revision; 0 if nothing was compacted.
    fn compacted(&self) -> u64;

    /// Called between entries. True when enough has gathered that `rotate` should be called.
    fn is_full(&self) -> bool;

    /// Seals what was written so far, together with the machine's own state, and has it flushed in the background.
    /// All of it becomes persistent at once, or none. Blocks while too much is still being flushed.
    fn rotate(&self, mark: Mark, state: Vec<u8>) -> Result<(), StoreError>;

    /// The same with a state that is made later, by whoever flushes.
    fn rotate_with(&self, mark: Mark, make_state: MakeState) -> Result<(), StoreError> {
        self.rotate(mark, make_state())
    }

    /// What the last finished flush holds: replay starts after it. Zero if nothing was flushed.
    fn persisted(&self) -> Mark;
}

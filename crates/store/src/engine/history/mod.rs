//! History: every change in revision order, in append-only segment files with a sparse index from revision to place.
//! One writer appends, readers find changes by revision; what a read at a revision needs of it is the engine's business.
//!
//! What is added waits in memory until it is written to the last segment (`writing.rs`); where that ends at a flush is part of what the flush
//! makes persistent, and `open` cuts everything after that place.

mod calls;
mod changes;
mod compaction;
mod cursor;
mod find;
mod images;
mod kept;
#[cfg(test)]
mod kept_model;
mod open;
mod segment;
mod survivors;
mod survivors_file;
mod tail;
mod writing;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use quick_cache::sync::Cache;

use super::failure::{compacted, corrupt, io_failure};
use crate::StoreError;

pub(super) use changes::Changes;
pub(super) use kept::Compaction;
pub(super) use open::{Flushed, Sizes};
pub(super) use survivors_file::Writer;

use calls::{Calls, Unsynced};
use kept::{Files, Kept};
use segment::{Opened, Sealed};
use tail::{Tail, Tails};

/// Complete segments that are kept open with their index in memory.
const SEGMENTS_OPEN_MAX: usize = 64;

/// Disk space below which a compaction waits for a flush that comes for another reason: one that frees little should not cost
/// a sync or two.
const RECLAIM_BYTES_MIN: u64 = 256 << 10;

/// A place between two records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) segment: u64,
    pub(super) offset: u64,
}

pub(super) struct History {
    directory: PathBuf,
    segment_bytes: u64,
    buffer_bytes: usize,
    state: RwLock<Files<Tails>>,
    opened: Cache<PathBuf, Arc<Opened>>,
    /// Held by who writes to the files, while he does.
    writing: Mutex<()>,
    calls: Calls,
    /// What was to be written last found no room, or no descriptor.
    short: AtomicBool,
    unsynced: Mutex<Unsynced>,
    /// Bytes written since the start.
    written: AtomicU64,
    /// Single changes looked up since the start.
    lookups: AtomicU64,
    /// Bytes of records that compactions read since the start.
    compaction_read: AtomicU64,
}

impl History {
    /// Records up to this revision may be gone.
    pub(super) fn floor(&self) -> u64 {
        self.state.read().kept.floor
    }

    /// Bytes of all files.
    pub(super) fn disk_bytes(&self) -> u64 {
        let state = self.state.read();
        let apart = state.kept.survivors.iter().chain(&state.kept.images);
        let apart: u64 = apart.map(|file| file.bytes).sum();
        let sealed: u64 = state.kept.segments.iter().map(|segment| segment.bytes).sum();
        let tails: u64 = state.tail.iter().map(Tail::end).sum();
        apart + sealed + tails
    }

    /// Bytes written since the start, survivors of compaction and images included.
    pub(super) fn written_bytes(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    fn count_written(&self, bytes: u64) {
        self.written.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Single changes looked up since the start.
    pub(super) fn lookups(&self) -> u64 {
        self.lookups.load(Ordering::Relaxed)
    }

    /// Bytes of records that compactions read since the start.
    pub(super) fn compaction_read_bytes(&self) -> u64 {
        self.compaction_read.load(Ordering::Relaxed)
    }

    /// Whether a flush now would let a compaction at `revision` give back disk space that is worth it.
    pub(super) fn is_worth_a_flush(&self, revision: u64) -> bool {
        self.droppable_bytes(revision) >= RECLAIM_BYTES_MIN.min(self.segment_bytes)
    }

    /// Bytes that a compaction at `revision` makes superfluous: those of the segments that it drops, and of the last one's part.
    fn droppable_bytes(&self, revision: u64) -> u64 {
        let state = self.state.read();
        let droppable = state
            .kept
            .segments
            .iter()
            .take_while(|segment| segment.last <= revision);
        let images = state.kept.images.iter().take_while(|file| file.last < revision);
        let files = droppable.chain(images);
        let tails = state.tail.iter().map(|tail| tail.droppable_bytes(revision));
        files.map(|file| file.bytes).chain(tails).sum()
    }

    /// Memory taken, roughly.
    pub(super) fn memory_bytes(&self) -> u64 {
        let state = self.state.read();
        let indexes = (self.opened.len() as u64 + 1) * (self.segment_bytes >> 9);
        state.tail.memory_bytes() + indexes
    }

    fn kept(&self) -> Arc<Kept> {
        Arc::clone(&self.state.read().kept)
    }

    /// The open file of a complete segment or survivors file.
    fn opened(&self, sealed: &Sealed) -> Result<Arc<Opened>, StoreError> {
        if let Some(opened) = self.opened.get(&sealed.path) {
            return Ok(opened);
        }
        let opened = match sealed.open() {
            Ok(opened) => Arc::new(opened),
            Err(error) => return Err(self.open_failure(sealed, error)),
        };
        rafterdb_fault::point("store.history.opened").map_err(|error| io_failure(&error, "opening", &sealed.path))?;
        self.opened.insert(sealed.path.clone(), Arc::clone(&opened));
        // A compaction lets go of a file when it has left the list: one that went before the insert is let go here.
        if !self.state.read().holds(&sealed.path) {
            self.opened.remove(&sealed.path);
        }
        Ok(opened)
    }

    /// A file that cannot be opened was compacted away meanwhile, or is lost.
    fn open_failure(&self, sealed: &Sealed, error: StoreError) -> StoreError {
        if sealed.path.exists() {
            return error;
        }
        let state = self.state.read();
        if state.holds(&sealed.path) {
            corrupt(&sealed.path, None, "the file is missing")
        } else {
            compacted(state.kept.floor)
        }
    }
}

fn segment_name(number: u64) -> String {
    format!("{number:016}.segment")
}

fn remove(path: &Path) -> Result<(), StoreError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io_failure(&error, "removing", path)),
        _ => Ok(()),
    }
}

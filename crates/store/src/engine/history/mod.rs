//! History: every change in revision order, in append-only segment files with a sparse index from revision to place.
//! One writer appends, readers find changes by revision; what a read at a revision needs of it is the engine's business.
//!
//! The last segment is written through a buffer; where it ends at a flush is part of what the flush makes persistent,
//! and `open` cuts everything after that place.

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

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use quick_cache::sync::Cache;
use rafterdb_codec::is_shortage;
use rafterdb_codec::store::history_file::Header;
use rafterdb_codec::store::record::{encode, Parts};

use super::failure::{compacted, corrupt, io_failure, sync_failure};
use super::files::{sync_directory, write_at, write_back};
use crate::waits::timed;
use crate::{StoreError, Wait};

pub(super) use changes::Changes;
pub(super) use kept::Compaction;
pub(super) use open::{Flushed, Sizes};
pub(super) use survivors_file::Writer;

use kept::{Files, Kept};
use segment::{locate, write_footer, write_header, Index, Opened, Sealed, RECORDS_BEGIN};

/// Complete segments that are kept open with their index in memory.
const SEGMENTS_OPEN_MAX: usize = 64;

/// Bytes of records that wait in memory while there is no room for them; beyond, the store fails. Far above what is taken after a
/// member has seen that room is short.
const SHORT_BYTES_MAX: usize = 256 << 20;
/// Disk space below which a compaction waits for a flush that comes for another reason: one that frees little should not cost
/// a sync or two.
const RECLAIM_BYTES_MIN: u64 = 256 << 10;

/// A place between two records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) segment: u64,
    pub(super) offset: u64,
}

/// The segment being written.
struct Tail {
    path: PathBuf,
    file: Arc<File>,
    /// The file holds the records up to here; the rest is in the buffer.
    written: u64,
    buffer: Vec<u8>,
    index: Index,
    /// Where the records must end for the next try, after one that failed for want of room or of descriptors; 0: none has.
    short_until: u64,
}

impl Tail {
    fn end(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// Bytes of its records of `revision` and before, but for less than a step of the index.
    fn droppable_bytes(&self, revision: u64) -> u64 {
        let end = if self.index.last <= revision {
            self.end()
        } else {
            locate(&self.index.entries, revision + 1)
        };
        end - RECORDS_BEGIN
    }

    fn write_out(&mut self) -> Result<(), StoreError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        rafterdb_fault::point("store.history.write")
            .and_then(|()| write_at(&self.file, &self.buffer, self.written))
            .map_err(|error| io_failure(&error, "writing", &self.path))?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

#[derive(Default)]
struct Unsynced {
    files: Vec<(PathBuf, Arc<File>)>,
    directory: bool,
}

pub(super) struct History {
    directory: PathBuf,
    segment_bytes: u64,
    buffer_bytes: usize,
    state: RwLock<Files<Tail>>,
    opened: Cache<PathBuf, Arc<Opened>>,
    unsynced: Mutex<Unsynced>,
    /// Bytes written since the start.
    written: AtomicU64,
    /// Single changes looked up since the start.
    lookups: AtomicU64,
    /// Bytes of records that compactions read since the start.
    compaction_read: AtomicU64,
}

impl History {
    /// Adds a change. For the one writer, in order of revision. Returns whether records wait in memory for room.
    pub(super) fn append(&self, parts: &Parts<'_>) -> Result<bool, StoreError> {
        let is_locked = self.state.try_write();
        let mut state = is_locked.unwrap_or_else(|| timed(Wait::History, || self.state.write()));
        let tail = &mut state.tail;
        let offset = tail.end();
        assert!(
            parts.revision >= tail.index.last,
            "history: revisions are written in order"
        );
        tail.index.note(parts.revision, offset);
        let bytes = encode(parts, &mut tail.buffer);
        self.written.fetch_add(bytes as u64, Ordering::Relaxed);
        if tail.end() < tail.short_until {
            return Ok(true);
        }
        let written = if tail.end() >= self.segment_bytes {
            timed(Wait::History, || self.seal(&mut state))
        } else if tail.buffer.len() >= self.buffer_bytes {
            timed(Wait::History, || tail.write_out())
        } else {
            return Ok(tail.short_until > 0);
        };
        self.put_off(&mut state, written)?;
        Ok(state.tail.short_until > 0)
    }

    /// What could not be written for want of room or of descriptors stays in memory, and is tried again when so much more has come:
    /// nothing of it has been synced, so the same bytes go to the same place. Who writes takes little more meanwhile.
    fn put_off(&self, state: &mut Files<Tail>, written: Result<(), StoreError>) -> Result<(), StoreError> {
        let tail = &mut state.tail;
        match written {
            Err(error) if is_shortage(error.code) && tail.buffer.len() < SHORT_BYTES_MAX => {
                tail.short_until = tail.end() + self.buffer_bytes as u64;
                Ok(())
            }
            other => {
                tail.short_until = 0;
                other
            }
        }
    }

    /// Whether records wait in memory for room on the disk, or for file descriptors.
    pub(super) fn is_short(&self) -> bool {
        self.state.read().tail.short_until > 0
    }

    /// Tries again to write what waits for room.
    pub(super) fn try_again(&self) -> Result<(), StoreError> {
        let mut state = self.state.write();
        if state.tail.short_until == 0 {
            return Ok(());
        }
        let written = if state.tail.end() >= self.segment_bytes {
            self.seal(&mut state)
        } else {
            state.tail.write_out()
        };
        self.put_off(&mut state, written)
    }

    /// Hands everything that was appended to the operating system. Returns where it ends. If much of the last segment may
    /// be compacted, another is begun: whole segments go, so that this one can, now or with the next compaction.
    pub(super) fn write_out(&self, compacted: u64) -> Result<Position, StoreError> {
        let mut state = self.state.write();
        timed(Wait::History, || state.tail.write_out())?;
        if state.tail.droppable_bytes(compacted) >= RECLAIM_BYTES_MIN.min(self.segment_bytes) {
            timed(Wait::History, || self.seal(&mut state))?;
        }
        state.tail.short_until = 0;
        Ok(Position {
            segment: state.number,
            offset: state.tail.end(),
        })
    }

    /// Makes durable what was handed to the operating system before.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        let (path, file) = {
            let state = self.state.read();
            (state.tail.path.clone(), Arc::clone(&state.tail.file))
        };
        // After the look at the tail: a segment that is completed in between is then among these.
        let Unsynced { mut files, directory } = std::mem::take(&mut *self.unsynced.lock());
        files.push((path, file));
        for (path, file) in files {
            write_back(&file, 0, file.metadata().map_or(0, |metadata| metadata.len()));
            rafterdb_fault::point("store.history.sync")
                .and_then(|()| file.sync_data())
                .map_err(|error| sync_failure(&error, &path))?;
        }
        if directory {
            sync_directory(&self.directory).map_err(|error| sync_failure(&error, &self.directory))?;
        }
        Ok(())
    }

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
        apart + sealed + state.tail.end()
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
        files.map(|file| file.bytes).sum::<u64>() + state.tail.droppable_bytes(revision)
    }

    /// Memory taken, roughly.
    pub(super) fn memory_bytes(&self) -> u64 {
        let state = self.state.read();
        let indexes = (self.opened.len() as u64 + 1) * (self.segment_bytes >> 9);
        state.tail.buffer.capacity() as u64 + indexes
    }

    fn kept(&self) -> Arc<Kept> {
        Arc::clone(&self.state.read().kept)
    }

    fn seal(&self, state: &mut Files<Tail>) -> Result<(), StoreError> {
        state.tail.write_out()?;
        let number = state.number;
        rafterdb_fault::point("store.history.seal")
            .map_err(|error| io_failure(&error, "completing", &state.tail.path))?;
        let sealed = write_footer(
            &state.tail.file,
            &state.tail.path,
            Header { number, floor: 0 },
            None,
            &state.tail.index,
            state.tail.end(),
        )?;
        let next = create_tail(&self.directory, number + 1, self.buffer_bytes)?;
        let previous = state.seal(sealed, next);
        let mut unsynced = self.unsynced.lock();
        unsynced.files.push((previous.path, previous.file));
        unsynced.directory = true;
        Ok(())
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

fn create_tail(directory: &Path, number: u64, buffer_bytes: usize) -> Result<Tail, StoreError> {
    let path = directory.join(segment_name(number));
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(&path)
        .map_err(|error| io_failure(&error, "creating", &path))?;
    if let Err(error) = write_header(&file, &path, Header { number, floor: 0 }) {
        // Half a file is of no use, and its space may be what is missing.
        let _ = std::fs::remove_file(&path);
        return Err(error);
    }
    Ok(Tail {
        path,
        file: Arc::new(file),
        written: RECORDS_BEGIN,
        buffer: Vec::with_capacity(buffer_bytes + (4 << 10)),
        index: Index::default(),
        short_until: 0,
    })
}

fn remove(path: &Path) -> Result<(), StoreError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io_failure(&error, "removing", path)),
        _ => Ok(()),
    }
}

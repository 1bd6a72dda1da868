//! How history gets into its files. Whoever applies entries only adds records to memory and hands full buffers over: a write to a file may wait
//! for the disk, though it need not be synced, and so may the making of a file. A thread of the engine's does both; a flush does what is left,
//! and whoever adds much more than that thread keeps up with. Knows no readers.
//!
//! ```text
//! add ▶ buffer ▶ handed over ▶ written ▶ (full, or to be compacted) footer ▶ complete
//! ```
//! What is in memory alone is in the log, and is applied again from there: a flush counts when everything before it is written and synced.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::Arc;

use rafterdb_codec::is_shortage;
use rafterdb_codec::store::history_file::Header;
use rafterdb_codec::store::record::Parts;

use super::super::failure::{io_failure, sync_failure};
use super::super::files::{sync_directory, write_at, write_back};
use super::calls::Unsynced;
use super::segment::{write_footer, write_header, Index};
use super::tail::Tails;
use super::{segment_name, History, Position, RECLAIM_BYTES_MIN};
use crate::waits::timed;
use crate::{StoreError, Wait};

/// Buffers that may wait to be written; whoever adds more writes them.
const WAITING_BUFFERS_MAX: usize = 32;

/// Bytes of records that wait in memory while there is no room for them; beyond, the store fails. Far above what is taken after a
/// member has seen that room is short.
const SHORT_BYTES_MAX: usize = 256 << 20;

/// What is to be done to a file next.
enum Step {
    /// A new segment has no file.
    Create { number: u64, path: PathBuf },
    Write {
        path: PathBuf,
        file: Arc<File>,
        at: u64,
        bytes: Arc<Vec<u8>>,
    },
    /// All records of the first segment are in its file.
    Complete {
        number: u64,
        path: PathBuf,
        file: Arc<File>,
        index: Index,
        end: u64,
    },
}

impl History {
    /// Adds a change. For the one writer, in order of revision.
    pub(in crate::engine) fn append(&self, parts: &Parts<'_>) -> Result<(), StoreError> {
        let is_locked = self.state.try_write();
        let mut state = is_locked.unwrap_or_else(|| timed(Wait::History, || self.state.write()));
        let bytes = state.tail.add(parts);
        self.count_written(bytes as u64);
        let newest = state.tail.newest();
        let (is_due, is_full) = (
            newest.buffered_bytes() >= self.buffer_bytes,
            newest.end() >= self.segment_bytes,
        );
        if !is_due && !is_full {
            return Ok(());
        }
        if is_due {
            state.tail.hand_over();
        }
        if is_full && state.tail.next.is_none() {
            let path = self.segment_path(state.number + 1);
            state.tail.begin_next(path);
        }
        let is_behind = self.is_behind(&state.tail);
        drop(state);
        self.calls.call();
        if is_behind {
            self.keep_up()?;
        }
        Ok(())
    }

    /// Whether more waits than may. A segment that has grown full while the one before it is not complete grows on until it is.
    fn is_behind(&self, tails: &Tails) -> bool {
        let is_full = tails.next.is_some() && tails.newest().end() >= self.segment_bytes;
        is_full || tails.waiting_bytes() >= WAITING_BUFFERS_MAX * self.buffer_bytes
    }

    /// Writes of what waits as much as is too much: about as many bytes as were added. What cannot be written for want of room or of
    /// descriptors stays in memory, and the thread tries again: nothing of it has been synced, so the same bytes go to the same place. Who
    /// adds adds little more meanwhile.
    fn keep_up(&self) -> Result<(), StoreError> {
        let may_wait = || self.state.read().tail.waiting_bytes() < SHORT_BYTES_MAX;
        if self.is_short() && may_wait() {
            return Ok(());
        }
        let until = self.handed_end();
        let is_behind = || self.is_behind(&self.state.read().tail);
        let written = timed(Wait::History, || loop {
            match self.write_next(until) {
                Ok(true) if is_behind() => {}
                written => break written.map(|_| ()),
            }
        });
        match written {
            Err(error) if is_shortage(error.code) && may_wait() => Ok(()),
            written => written,
        }
    }

    /// Where history ends now: what a flush says that it holds. If much of the last segment may be compacted, another is begun: whole segments
    /// go, so that this one can, now or with the next compaction.
    pub(in crate::engine) fn cut(&self, compacted: u64) -> Position {
        let mut state = timed(Wait::History, || self.state.write());
        state.tail.hand_over();
        let droppable = state.tail.newest().droppable_bytes(compacted);
        if state.tail.next.is_none() && droppable >= RECLAIM_BYTES_MIN.min(self.segment_bytes) {
            let path = self.segment_path(state.number + 1);
            state.tail.begin_next(path);
        }
        Position {
            segment: state.number + u64::from(state.tail.next.is_some()),
            offset: state.tail.newest().end(),
        }
    }

    /// Whether records wait in memory for room on the disk, or for file descriptors.
    pub(in crate::engine) fn is_short(&self) -> bool {
        self.short.load(Ordering::Relaxed)
    }

    /// Hands everything that was handed over until now to the operating system. What cannot be written for want of room is tried again
    /// by the next call.
    pub(in crate::engine) fn write_waiting(&self) -> Result<(), StoreError> {
        let until = self.handed_end();
        while self.write_next(until)? {}
        Ok(())
    }

    /// Where the files are to end when all is written that was handed over.
    fn handed_end(&self) -> Position {
        let state = self.state.read();
        Position {
            segment: state.number + u64::from(state.tail.next.is_some()),
            offset: state.tail.newest().handed_end(),
        }
    }

    /// Does the next step on the way to `until`. Whether there was one; who else writes waits for no more than that.
    fn write_next(&self, until: Position) -> Result<bool, StoreError> {
        let _alone = self.writing.lock();
        let step = self.next_step(until);
        let is_there = step.is_some();
        let written = step.map_or(Ok(()), |step| self.take_step(step));
        let is_short = written.as_ref().is_err_and(|error| is_shortage(error.code));
        self.short.store(is_short, Ordering::Relaxed);
        written.map(|()| is_there)
    }

    fn next_step(&self, until: Position) -> Option<Step> {
        let state = self.state.read();
        let Tails { first, next, .. } = &state.tail;
        let (number, path) = (state.number, first.path.clone());
        let Some(file) = first.file.clone() else {
            return Some(Step::Create { number, path });
        };
        let at = first.written;
        if (number, at) >= (until.segment, until.offset) {
            return None;
        }
        match first.next_bytes() {
            Some(bytes) => Some(Step::Write {
                path,
                file,
                at,
                bytes: Arc::clone(bytes),
            }),
            None => next.is_some().then(|| Step::Complete {
                number,
                path,
                file,
                index: first.index.clone(),
                end: at,
            }),
        }
    }

    fn take_step(&self, step: Step) -> Result<(), StoreError> {
        match step {
            Step::Create { number, path } => {
                rafterdb_fault::point("store.history.create").map_err(|error| io_failure(&error, "creating", &path))?;
                let file = create_segment(&path, number)?;
                self.unsynced.lock().directory = true;
                self.state.write().tail.first.file = Some(file);
            }
            Step::Write { path, file, at, bytes } => {
                rafterdb_fault::point("store.history.write")
                    .and_then(|()| write_at(&file, &bytes, at))
                    .map_err(|error| io_failure(&error, "writing", &path))?;
                drop(bytes);
                self.state.write().tail.advance();
            }
            Step::Complete {
                number,
                path,
                file,
                index,
                end,
            } => {
                rafterdb_fault::point("store.history.seal").map_err(|error| io_failure(&error, "completing", &path))?;
                let sealed = write_footer(&file, &path, Header { number, floor: 0 }, None, &index, end)?;
                let mut state = self.state.write();
                if let Some(next) = state.tail.without_first() {
                    state.seal(sealed, next);
                }
                self.unsynced.lock().files.push((path, file));
            }
        }
        Ok(())
    }

    /// Makes durable what was handed over before.
    pub(in crate::engine) fn sync(&self) -> Result<(), StoreError> {
        self.write_waiting()?;
        let written = {
            let state = self.state.read();
            let first = &state.tail.first;
            first.file.clone().map(|file| (first.path.clone(), file))
        };
        // After the look at the tail: a segment that is completed in between is then among these.
        let Unsynced { mut files, directory } = std::mem::take(&mut *self.unsynced.lock());
        files.extend(written);
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

    /// Waits until there is something to write; `false` when it is over.
    pub(in crate::engine) fn wait_for_call(&self) -> bool {
        self.calls.wait()
    }

    /// Nobody writes any more.
    pub(in crate::engine) fn end_calls(&self) {
        self.calls.end();
    }

    fn segment_path(&self, number: u64) -> PathBuf {
        self.directory.join(segment_name(number))
    }
}

/// Makes the file of a segment, with its header.
pub(super) fn create_segment(path: &Path, number: u64) -> Result<Arc<File>, StoreError> {
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
        .map_err(|error| io_failure(&error, "creating", path))?;
    if let Err(error) = write_header(&file, path, Header { number, floor: 0 }) {
        // Half a file is of no use, and its space may be what is missing.
        let _ = std::fs::remove_file(path);
        return Err(error);
    }
    Ok(Arc::new(file))
}

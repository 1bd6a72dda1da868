//! Files that wait to become segments: filled with zeros ahead of need by a thread of their own, or recycled.
//! Writing over a file that has its blocks already is what makes a sync cheap. Knows nothing of what segments hold.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use rafterdb_codec::{is_shortage, Code};
use rafterdb_fault as fault;
use rafterdb_pool::{Buffer, TIERS};

use crate::error::WalError;
use crate::io::{self, Access};
use crate::options::SPARES_MAX;
use crate::segment::Segment;

const SPARE_PREFIX: &str = "spare-";
/// A spare that is still being filled; worthless after a crash.
const FILLING_PREFIX: &str = "filling-";

/// The spares of a log, and the thread that may be making one.
#[derive(Debug)]
pub(crate) struct Spares {
    dir: PathBuf,
    /// Held open: to sync names must need no descriptor that may not be there.
    names: io::Names,
    /// Size of segments once the log has grown: that of the spares that are kept.
    bytes: u64,
    ready: Vec<PathBuf>,
    /// Being made, and of which size.
    filling: Option<(u64, JoinHandle<Result<PathBuf, WalError>>)>,
    next: u64,
    /// Files filled with zeros, for the owner's counters.
    pub filled: u64,
    /// The last file that was asked for could not be made for want of room or of descriptors. Nothing else was done.
    pub is_short: bool,
}

impl Spares {
    /// Takes stock of `dir`: keeps the spares of the right size, deletes the others and what was being filled.
    pub fn open(dir: &Path, bytes: u64) -> Result<Self, WalError> {
        let mut spares = Self {
            dir: dir.to_owned(),
            names: io::Names::open(dir)?,
            bytes,
            ready: Vec::new(),
            filling: None,
            next: 0,
            filled: 0,
            is_short: false,
        };
        let failed = |error: std::io::Error| WalError::io(&error, "list", dir);
        for entry in std::fs::read_dir(dir).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
                continue;
            };
            let number = name
                .strip_prefix(SPARE_PREFIX)
                .and_then(|hex| u64::from_str_radix(hex, 16).ok());
            let is_kept = number.is_some()
                && spares.ready.len() < SPARES_MAX
                && path.metadata().is_ok_and(|metadata| metadata.len() == bytes);
            if is_kept {
                spares.next = spares.next.max(number.map_or(0, |number| number + 1));
                spares.ready.push(path);
            } else if number.is_some() || name.starts_with(FILLING_PREFIX) {
                std::fs::remove_file(&path).map_err(|error| WalError::io(&error, "delete", &path))?;
            }
        }
        Ok(spares)
    }

    /// Starts to make a spare of `bytes` in the background, unless there is one or one is being made.
    pub fn prepare(&mut self, bytes: u64) {
        let is_there = bytes == self.bytes && !self.ready.is_empty();
        if !is_there && self.filling.is_none() {
            let (filling, spare) = self.next_paths();
            let fill = move || fill(&filling, spare, bytes);
            // Without a thread the spare is made when it is needed.
            self.filling = fault::point("thread.start")
                .and_then(|()| std::thread::Builder::new().name("wal-spare".to_owned()).spawn(fill))
                .ok()
                .map(|thread| (bytes, thread));
        }
    }

    /// A file of `bytes`, its blocks allocated, opened, to be made a segment. May be asked for again if `is_short` then.
    pub fn take(&mut self, bytes: u64, access: Access) -> Result<(PathBuf, File), WalError> {
        let taken = self.take_or_fill(bytes).and_then(|path| {
            io::open(&path, access, false)
                .map_err(|error| WalError::io(&error, "open", &path))
                .map(|file| (path.clone(), file))
                .inspect_err(|_| self.put_back(path, bytes))
        });
        self.is_short = taken.as_ref().is_err_and(|error| is_shortage(error.code));
        taken
    }

    fn take_or_fill(&mut self, bytes: u64) -> Result<PathBuf, WalError> {
        if bytes == self.bytes {
            if let Some(path) = self.ready.pop() {
                return Ok(path);
            }
        }
        match self
            .filling
            .take_if(|(size, _)| *size == bytes)
            .map(|(_, filling)| join(filling))
        {
            // What was short while it was made may be there by now.
            Some(Err(error)) if is_shortage(error.code) => {}
            Some(filled) => {
                self.filled += 1;
                return filled;
            }
            None => {}
        }
        let (filling, spare) = self.next_paths();
        self.filled += 1;
        fill(&filling, spare, bytes)
    }

    /// Takes over a segment that nobody needs: as a spare, or to be deleted. Returns whether it is kept.
    pub fn retire(&mut self, segment: Arc<Segment>) -> Result<bool, WalError> {
        let length = segment.length()?;
        let path = segment.path.clone();
        // A reader may be in it still: then it keeps its bytes, without a name, until the reader is done.
        let is_kept = self.ready.len() < SPARES_MAX && length == self.bytes && Arc::into_inner(segment).is_some();
        let mut retire = || {
            if is_kept {
                fault::point("wal.segment.recycle")?;
                let (_, spare) = self.next_paths();
                std::fs::rename(&path, &spare)?;
                self.ready.push(spare);
            } else {
                fault::point("wal.segment.unlink")?;
                std::fs::remove_file(&path)?;
            }
            fault::point("wal.segment.gone")
        };
        retire().map_err(|error: std::io::Error| WalError::io(&error, "retire the segment", &path))?;
        // Before the next one goes, so that a crash never leaves a gap.
        self.sync_names()?;
        Ok(is_kept)
    }

    /// Makes the names of segments and spares durable.
    pub fn sync_names(&self) -> Result<(), WalError> {
        self.names.sync(&self.dir)
    }

    /// Waits for the spare that is being made, if one is. If it cannot be made, that is told when one is needed.
    pub fn settle(&mut self) {
        let Some((bytes, filling)) = self.filling.take() else {
            return;
        };
        if let Ok(path) = join(filling) {
            self.filled += 1;
            self.put_back(path, bytes);
        }
    }

    /// Keeps a spare that nobody takes now.
    fn put_back(&mut self, path: PathBuf, bytes: u64) {
        if bytes == self.bytes {
            self.ready.push(path);
        } else {
            // Of a log that still grows; what cannot be removed now is removed by the next open.
            let _ = std::fs::remove_file(path);
        }
    }

    fn next_paths(&mut self) -> (PathBuf, PathBuf) {
        let number = self.next;
        self.next += 1;
        let path = |prefix: &str| self.dir.join(format!("{prefix}{number:016x}"));
        (path(FILLING_PREFIX), path(SPARE_PREFIX))
    }
}

impl Drop for Spares {
    fn drop(&mut self) {
        // Whoever opens the log next must not find it at work; its result is on the disk or worthless.
        self.settle();
    }
}

fn join(filling: JoinHandle<Result<PathBuf, WalError>>) -> Result<PathBuf, WalError> {
    filling.join().unwrap_or_else(|_| {
        Err(WalError::new(
            Code::Internal,
            "log: the thread that fills segments panicked",
        ))
    })
}

/// Writes a file of zeros as `filling` and names it `spare` when it is whole and durable.
fn fill(filling: &Path, spare: PathBuf, bytes: u64) -> Result<PathBuf, WalError> {
    let write = || -> std::io::Result<()> {
        fault::point("wal.segment.create")?;
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(filling)?;
        fault::point("wal.segment.fill")?;
        let zeros = Buffer::new(TIERS[TIERS.len() - 1]);
        let mut offset = 0;
        while offset < bytes {
            let length = (bytes - offset).min(zeros.len() as u64);
            io::write_at(&file, &zeros[..length as usize], offset)?;
            // Piece by piece: the log is written meanwhile, to the same disk, and would wait for all of it.
            file.sync_data()?;
            offset += length;
        }
        file.sync_all()?;
        std::fs::rename(filling, &spare)
    };
    write().map_err(|error: std::io::Error| {
        // What was written of it takes room that is short; without a whole one it is worth nothing.
        let _ = std::fs::remove_file(filling);
        WalError::io(&error, "make a new segment", filling)
    })?;
    Ok(spare)
}

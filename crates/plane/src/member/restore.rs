//! Makes the data directory of a member of a new cluster out of a backup. `member.json` is written last: without it what lies there is
//! nobody's, and no member opens it.

use std::fs::File;
use std::path::Path;

use rafterdb_codec::Code;
use rafterdb_store::{EngineOptions, Mark, Restore};
use rafterdb_wal::{Options, Writer};

use crate::config::Config;
use crate::ground::error::PlaneError;
use crate::member::data_dir::{lock, store_dir};
use crate::member::identity::Identity;
use crate::member::recovery::durability;
use crate::system::held_directory::{sync_dir, HeldDirectory};

/// The group that all keys are in.
const GROUP: u16 = 0;
const LOCK: &str = "LOCK";

/// A data directory in the making. Dropped before it is finished, it is as empty as it was.
pub struct MemberRestore {
    config: Config,
    store: Option<Restore>,
    place: HeldDirectory,
    _locks: Vec<File>,
    is_finished: bool,
}

impl MemberRestore {
    /// Begins with the pairs of a backup of `revision`.
    /// Errors: `DATA_DIR_MISMATCH` if there is something in the directory, `DATA_DIR_LOCKED`, `INVALID_ARGUMENT`, `DISK_FULL`, `IO`.
    pub fn begin(mut config: Config, revision: u64) -> Result<Self, PlaneError> {
        if config.groups != 1 {
            return Err(PlaneError::new(
                Code::InvalidArgument,
                "restore: all keys are in one group",
            ));
        }
        let shown = config.data_dir.clone();
        let io = |e: &std::io::Error| PlaneError::io(&format!("make the directory {}", shown.display()), e);
        let place = HeldDirectory::hold(&config.data_dir).map_err(|e| io(&e))?;
        place.path().clone_into(&mut config.data_dir);
        let dir = &config.data_dir;
        let locks = lock(dir)?;
        if !is_empty(dir).map_err(|e| io(&e))? {
            let text = format!(
                "{}: a backup is restored into a new directory, and there is something in this one",
                shown.display()
            );
            return Err(PlaneError::new(Code::DataDirMismatch, text));
        }
        let store = dir.join(store_dir(GROUP));
        std::fs::create_dir_all(&store).map_err(|e| io(&e))?;
        let options = EngineOptions {
            memory_bytes: config.memory,
            ..EngineOptions::default()
        };
        let restore = Restore::begin(&store, &dir.join("pairs.unfinished"), revision, options);
        let mut made = Self {
            store: None,
            place,
            _locks: locks,
            is_finished: false,
            config,
        };
        made.store = Some(restore?);
        Ok(made)
    }

    /// Adds pairs. Errors: `STORE_CORRUPT`, `DISK_FULL`, `IO`.
    pub fn pairs(&mut self, raw: &[u8]) -> Result<(), PlaneError> {
        Ok(self.store()?.pairs(raw)?)
    }

    /// Makes the changes up to revision `to` again. Errors as of `pairs`.
    pub fn changes(&mut self, raw: &[u8], to: u64) -> Result<(), PlaneError> {
        Ok(self.store()?.changes(raw, to)?)
    }

    /// Has all of it on disk, a log that begins after it, and at last whose it is. From here on a member opens it.
    pub fn finish(mut self, revision: u64, raised: u64) -> Result<Mark, PlaneError> {
        let mark = self.store()?.finish(revision, raised)?;
        self.store = None;
        let dir = self.place.path();
        let io = |e: std::io::Error| PlaneError::io(&format!("write {}", dir.display()), &e);
        let mut log = self.log()?;
        log.start(GROUP, mark.index, mark.term);
        log.hard_state(GROUP, mark.term, 0, mark.index);
        log.commit()?;
        log.sync()?;
        drop(log);
        sync_dir(&dir.join("groups")).map_err(io)?;
        sync_dir(dir).map_err(io)?;
        Identity::restored(&self.config).write(dir).map_err(io)?;
        self.is_finished = true;
        Ok(mark)
    }

    fn log(&self) -> Result<Writer, PlaneError> {
        let (writer, _, _) = rafterdb_wal::open(Options {
            segment_bytes: self.config.segment_bytes,
            durability: durability(&self.config),
            ..Options::new(self.config.data_dir.join("log"))
        })?;
        Ok(writer)
    }

    fn store(&mut self) -> Result<&mut Restore, PlaneError> {
        self.store
            .as_mut()
            .ok_or_else(|| PlaneError::new(Code::Closed, "the restore is over"))
    }
}

impl Drop for MemberRestore {
    fn drop(&mut self) {
        if self.is_finished {
            return;
        }
        self.store = None;
        let dir = self.place.path();
        // What cannot be removed is refused by the next restore and by every open.
        let _ = std::fs::remove_dir_all(dir.join("groups"));
        let _ = std::fs::remove_dir_all(dir.join("log"));
        let _ = std::fs::remove_file(dir.join("pairs.unfinished"));
        let _ = std::fs::remove_file(dir.join(LOCK));
    }
}

/// Whether there is nothing in a directory but its lock.
fn is_empty(dir: &Path) -> std::io::Result<bool> {
    for entry in std::fs::read_dir(dir)? {
        if entry?.file_name() != LOCK {
            return Ok(false);
        }
    }
    Ok(true)
}

//! Makes the data directory of a member of a new cluster out of a backup. `member.json` is written last: without it what lies there is
//! nobody's, and no member opens it. A mark that comes first and goes last says that it is of a restore: the next one begins anew.

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

use rafterdb_codec::Code;
use rafterdb_store::{EngineOptions, Mark, Restore};
use rafterdb_wal::{Options, Writer};

use crate::config::Config;
use crate::ground::error::PlaneError;
use crate::member::data_dir::{lock, store_dir};
use crate::member::identity::{self, Identity};
use crate::member::recovery::durability;
use crate::member::restore_mark::{forget, is_unfinished, mark, MARK};
use crate::system::held_directory::{sync_dir, HeldDirectory};

/// The group that all keys are in; the others are empty.
const GROUP: u16 = 0;
/// Revision of a store that nobody has written to.
const EMPTY: u64 = 1;
const LOCK: &str = "LOCK";
const PAIRS: &str = "pairs.unfinished";

/// A data directory in the making. Dropped before it is finished, it is as empty as it was.
pub struct MemberRestore {
    config: Config,
    store: Option<Restore>,
    place: HeldDirectory,
    _locks: Vec<File>,
    is_finished: bool,
}

impl MemberRestore {
    /// Begins with the pairs of a backup of `revision`. What a restore left that was killed goes.
    /// Errors: `DATA_DIR_MISMATCH` if there is something else in the directory, `DATA_DIR_LOCKED`, `DISK_FULL`, `IO`.
    pub fn begin(mut config: Config, revision: u64) -> Result<Self, PlaneError> {
        let shown = config.data_dir.clone();
        let io = |e: &std::io::Error| PlaneError::io(&format!("make the directory {}", shown.display()), e);
        let place = HeldDirectory::hold(&config.data_dir).map_err(|e| io(&e))?;
        place.path().clone_into(&mut config.data_dir);
        let dir = &config.data_dir;
        let locks = lock(dir)?;
        if is_unfinished(dir).map_err(|e| io(&e))? {
            remove_parts(dir).map_err(|e| io(&e))?;
        }
        if !is_empty(dir).map_err(|e| io(&e))? {
            let what = if dir.join(MARK).exists() {
                "it was restored already, all but for the last word: start its member, or remove the directory"
            } else {
                "a backup is restored into a new directory, and there is something in this one"
            };
            let text = format!("{}: {what}", shown.display());
            return Err(PlaneError::new(Code::DataDirMismatch, text));
        }
        let mut made = Self {
            store: None,
            place,
            _locks: locks,
            is_finished: false,
            config,
        };
        mark(made.place.path()).map_err(|e| io(&e))?;
        made.point("member.restore.begun")?;
        made.store = Some(made.begin_group(GROUP, revision)?);
        Ok(made)
    }

    fn begin_group(&self, group: u16, revision: u64) -> Result<Restore, PlaneError> {
        let dir = self.place.path();
        let store = dir.join(store_dir(group));
        let options = EngineOptions {
            memory_bytes: self.config.memory,
            ..EngineOptions::default()
        };
        std::fs::create_dir_all(&store).map_err(|e| PlaneError::io(&format!("make {}", store.display()), &e))?;
        Ok(Restore::begin(&store, &dir.join(PAIRS), revision, options)?)
    }

    /// Adds pairs. Errors: `STORE_CORRUPT`, `DISK_FULL`, `IO`.
    pub fn pairs(&mut self, raw: &[u8]) -> Result<(), PlaneError> {
        self.point("member.restore.pairs")?;
        Ok(self.store()?.pairs(raw)?)
    }

    /// Makes the changes up to revision `to` again. Errors as of `pairs`.
    pub fn changes(&mut self, raw: &[u8], to: u64) -> Result<(), PlaneError> {
        self.point("member.restore.changes")?;
        Ok(self.store()?.changes(raw, to)?)
    }

    /// Has all of it on disk, a log that begins after it, and at last whose it is. From here on a member opens it. Errors as of `pairs`.
    pub fn finish(mut self, revision: u64, raised: u64) -> Result<Mark, PlaneError> {
        let mark = self.store()?.finish(revision, raised)?;
        self.store = None;
        let mut marks = vec![mark];
        for group in GROUP + 1..self.config.groups {
            marks.push(self.begin_group(group, EMPTY)?.finish(EMPTY, EMPTY)?);
        }
        self.point("member.restore.stored")?;
        let mut log = self.log()?;
        for (group, mark) in (GROUP..).zip(&marks) {
            log.start(group, mark.index, mark.term);
            log.hard_state(group, mark.term, 0, mark.index);
        }
        log.commit()?;
        log.sync()?;
        drop(log);
        self.named().map_err(|e| self.failed(&e))?;
        self.is_finished = true;
        // It is a member's now, with the mark or without.
        self.point("member.restore.named")?;
        forget(self.place.path()).map_err(|e| self.failed(&e))?;
        Ok(mark)
    }

    /// Says durably whose it is.
    fn named(&self) -> std::io::Result<()> {
        let dir = self.place.path();
        sync_dir(&dir.join("groups"))?;
        sync_dir(dir)?;
        rafterdb_fault::point("member.restore.logged")?;
        Identity::restored(&self.config).write(dir)
    }

    fn failed(&self, error: &std::io::Error) -> PlaneError {
        PlaneError::io(&format!("write {}", self.place.path().display()), error)
    }

    fn point(&self, name: &str) -> Result<(), PlaneError> {
        rafterdb_fault::point(name).map_err(|e| self.failed(&e))
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
        // What cannot be removed no member opens, and the next restore tries again.
        if remove_parts(dir).and_then(|()| forget(dir)).is_ok() {
            let _ = std::fs::remove_file(dir.join(LOCK));
        }
    }
}

/// Removes what a restore makes but for its mark; first what would make the rest a member's.
fn remove_parts(dir: &Path) -> std::io::Result<()> {
    let is_gone = |removed: std::io::Result<()>| match removed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    };
    is_gone(std::fs::remove_file(identity::path(dir)))?;
    sync_dir(dir)?;
    for file in ["member.json.new", PAIRS] {
        is_gone(std::fs::remove_file(dir.join(file)))?;
    }
    for folder in ["groups", "log"] {
        is_gone(std::fs::remove_dir_all(dir.join(folder)))?;
    }
    Ok(())
}

/// Whether there is nothing in a directory but its lock, and the mark of a restore.
fn is_empty(dir: &Path) -> std::io::Result<bool> {
    for entry in std::fs::read_dir(dir)? {
        let name = entry?.file_name();
        if name != LOCK && name != MARK {
            return Ok(false);
        }
    }
    Ok(true)
}

//! A member's data directory: held by one process at a time, whole, and of this member; and the marks of what it may have lost.
//! The one list of what a directory must hold is here. What stands in `member.json`, and how, is identity.rs's.
//!
//! ```text
//! LOCK             locked while a process has the directory; its content means nothing
//! member.json      written first, with `founded: false`; and again, with true, once log and stores are made
//! log/             at least one segment, if founded                          crates/wal
//! groups/<nnnn>/   a store for each group, if founded                        crates/store
//! snapshots/       snapshots on their way; emptied at open
//! restore.unfinished   without member.json: a restore was begun and has not ended      restore_mark.rs
//! ```
//! Nothing is acknowledged, promised or voted before `founded` is on disk. So whatever is missing without it was never there, and
//! whatever is missing with it is lost.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Instant;

use parking_lot::Mutex;
use rafterdb_codec::Code;

use crate::config::{Config, WAY_OUT};
use crate::ground::error::PlaneError;
use crate::log::writer::Marks;
use crate::member::identity::{self, Identity};
use crate::member::restore_mark;
use crate::state::membership::Memory;
use crate::system::held_directory::{sync_dir, HeldDirectory};
use crate::system::machine_start;

/// Stands for a start of the machine that is none, in `unsynced`.
const NO_BOOT: &str = "unknown";

/// How many of a directory's missing parts a refusal names.
const NAMED_MAX: usize = 5;

/// A data directory that this process holds.
pub struct DataDir {
    place: HeldDirectory,
    identity: Mutex<Identity>,
    locks: Mutex<Vec<File>>,
    /// Longest election timeout of an earlier life, ms; 0 if there was none, or none that said so.
    pub promised_before: u64,
    /// What opening had to say.
    pub notes: Vec<String>,
    is_weak: bool,
    own_promise: u64,
    since: Instant,
}

impl DataDir {
    /// Creates or opens the directory, locks it, checks that it is this member's and whole, and has on disk what this life means
    /// for the next one. Errors: `DATA_DIR_LOCKED`, `DATA_DIR_MISMATCH`, `DATA_DIR_INCOMPLETE`, `STORE_CORRUPT`, `FORMAT_NEWER`,
    /// `MEMBER_REMOVED`, `INVALID_ARGUMENT`, `DISK_FULL`, `IO`.
    pub fn open(config: &Config) -> Result<Self, PlaneError> {
        let place = HeldDirectory::hold(&config.data_dir)
            .map_err(|e| PlaneError::io(&format!("open the directory {}", config.data_dir.display()), &e))?;
        let dir = place.path();
        let locks = lock(dir)?;
        let before = Identity::read(dir, config)?;
        match &before {
            Some(identity) if identity.founded => check_whole(dir, config)?,
            Some(_) => {}
            None => check_nothing_there(dir, config)?,
        }
        restore_mark::forget(dir).map_err(|e| PlaneError::io(&format!("write {}", dir.display()), &e))?;
        let mut identity = before.clone().map_or_else(|| Identity::new(config), Ok)?;
        let mut notes = Vec::new();
        let boot = machine_start::id();
        notes.extend(judge_last_life(&mut identity, boot.as_deref(), config));
        if config.is_weak() {
            identity.unsynced = Some(boot.unwrap_or_else(|| NO_BOOT.to_owned()));
        }
        let promised_before = identity.promised;
        identity.promised = promised_before.max(config.election_timeout);
        if before.as_ref() != Some(&identity) {
            write(&identity, dir)?;
        }
        Ok(Self {
            identity: Mutex::new(identity),
            locks: Mutex::new(locks),
            promised_before,
            notes,
            is_weak: config.is_weak(),
            own_promise: config.election_timeout,
            since: Instant::now(),
            place,
        })
    }

    /// The way to its files.
    pub fn path(&self) -> &Path {
        self.place.path()
    }

    /// The number that its member drew when it joined; `None`: it founded its cluster.
    pub fn drawn(&self) -> Option<u64> {
        self.identity.lock().drawn()
    }

    /// Whether its member has no data.
    pub fn is_witness(&self) -> bool {
        self.identity.lock().is_witness()
    }

    /// Identity of the cluster that its member joined; 0: it was not told, or founded it.
    pub fn cluster_joined(&self) -> u64 {
        self.identity.lock().cluster_joined()
    }

    /// Index, in the first group, of a configuration that is applied and has its member: 0 of a founder, `None` if there was none yet.
    pub fn joined(&self) -> Option<u64> {
        self.identity.lock().joined()
    }

    /// Who votes as long as no entry of the log says who does, by number, ascending; `config` is this member's, its own number too.
    pub fn first_voters(&self, config: &Config) -> Vec<u64> {
        self.identity.lock().first_voters(config)
    }

    /// Whether a group may lack what this member acknowledged.
    pub fn is_recovering(&self, group: u16) -> bool {
        self.identity.lock().recovering.contains(&group)
    }

    /// Log and stores are there, agree, and are on disk: from here on each must be found again.
    pub fn ready(&self) -> Result<(), PlaneError> {
        let sync = |dir: PathBuf| sync_dir(&dir).map_err(|e| PlaneError::io(&format!("sync {}", dir.display()), &e));
        if !self.identity.lock().founded {
            sync(self.path().join("groups"))?;
            sync(self.path().to_owned())?;
        }
        self.change(|identity| {
            identity.founded = true;
            if !self.is_weak {
                identity.unsynced = None;
            }
        })
    }

    /// The member has ended. `is_clean`: everything is on disk. Then this life's promises alone can still be under way, if it was
    /// long enough: twice the longest of them, whatever the clocks.
    pub fn settle(&self, is_clean: bool) -> Result<(), PlaneError> {
        if !is_clean {
            return Ok(());
        }
        let lived = self.since.elapsed().as_millis();
        self.change(|identity| {
            identity.unsynced = None;
            if lived >= 2 * u128::from(identity.promised) {
                identity.promised = self.own_promise;
            }
        })
    }

    /// Lets others open the directory.
    pub fn release(&self) {
        self.locks.lock().clear();
    }

    /// Changes `member.json`, durably.
    fn change(&self, how: impl FnOnce(&mut Identity)) -> Result<(), PlaneError> {
        let mut identity = self.identity.lock();
        let mut changed = identity.clone();
        how(&mut changed);
        if changed != *identity {
            write(&changed, self.path())?;
            *identity = changed;
        }
        Ok(())
    }
}

impl Marks for DataDir {
    /// A group is whole: everything that it must hold is on disk.
    fn recovered(&self, group: u16) -> Result<(), PlaneError> {
        self.change(|identity| identity.recovering.retain(|other| *other != group))
    }

    /// A write or a sync of the log has failed: what the system had taken may be gone though the machine goes on, so the next life
    /// takes it for lost. If this cannot be written either, nothing more can be done here.
    fn log_failed(&self, error: &PlaneError) {
        let is_of_the_disk = matches!(error.code, Code::Io | Code::DiskFull | Code::Poisoned);
        if self.is_weak && is_of_the_disk {
            let _ = self.change(|identity| identity.unsynced = Some(NO_BOOT.to_owned()));
        }
    }
}

impl Memory for DataDir {
    fn joined(&self, index: u64) -> Result<(), PlaneError> {
        self.change(|identity| identity.note_joined(index))
    }

    fn removed(&self, index: u64) -> Result<(), PlaneError> {
        self.change(|identity| identity.note_removed(index))
    }
}

fn write(identity: &Identity, dir: &Path) -> Result<(), PlaneError> {
    identity
        .write(dir)
        .map_err(|e| PlaneError::io(&format!("write {}", identity::path(dir).display()), &e))
}

/// What the last life left unsynced may be gone if the machine ended with it, and is all there if only the process did: a write to
/// the log is acknowledged when the system has all of it (`Writer::commit`), in this mode through the page cache, and what is
/// there every later open of the same file finds. Term and vote are synced in every mode (`Writer::hard_state`), so a vote is never
/// forgotten; but entries that this member acknowledged may be, and so it must not help anybody to power who lacks them too: its
/// groups recover as if its directory had been lost. They do so until all of that is done, whatever the mode is by then.
fn judge_last_life(identity: &mut Identity, boot: Option<&str>, config: &Config) -> Option<String> {
    let last = identity.unsynced.take()?;
    if boot == Some(&*last) {
        // Until the log is recovered, which makes it durable.
        identity.unsynced = Some(last);
        return Some(
            "the last process did not close the store; the machine has run on since, so nothing that was acknowledged is lost"
                .into(),
        );
    }
    let why = "the last process did not close the store, and the machine may have been started anew since, or its disk failed: what \
               was acknowledged and not yet synced (durability interval or os) may be lost";
    if !config.has_others() && !identity.follows_its_log() {
        return Some(format!("WARNING: {why}"));
    }
    identity.recovering = (0..config.groups).collect();
    Some(format!(
        "{why}; this member votes once the others have told what that was. If a majority of them ended like this at once, they \
         wait for one another: see durability in the README"
    ))
}

/// The file, and the directory itself where the system can: then a file that was deleted while it was locked lets nobody else in.
pub(super) fn lock(dir: &Path) -> Result<Vec<File>, PlaneError> {
    let path = dir.join("LOCK");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|e| PlaneError::io(&format!("open {}", path.display()), &e))?;
    let locked = || {
        PlaneError::new(
            Code::DataDirLocked,
            format!(
                "{}: open in another process or in this one; close it there, or use another dataDir",
                dir.display()
            ),
        )
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(locked()),
        Err(TryLockError::Error(e)) => return Err(PlaneError::io(&format!("lock {}", path.display()), &e)),
    }
    let mut locks = vec![file];
    if cfg!(unix) {
        let itself = File::open(dir).map_err(|e| PlaneError::io(&format!("open {}", dir.display()), &e))?;
        match itself.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(locked()),
            // Some network file systems lock nothing that is not open for writing.
            Err(TryLockError::Error(_)) => {}
            Ok(()) => locks.push(itself),
        }
    }
    Ok(locks)
}

/// A founded directory has a log with a segment, and a store for each group.
pub(super) fn check_whole(dir: &Path, config: &Config) -> Result<(), PlaneError> {
    let mut missing = Vec::new();
    let mut look = |name: PathBuf, is_there: std::io::Result<bool>| -> Result<(), PlaneError> {
        let path = dir.join(&name);
        if !is_there.map_err(|e| PlaneError::io(&format!("look for {}", path.display()), &e))? {
            missing.push(path.display().to_string());
        }
        Ok(())
    };
    look(PathBuf::from("log"), has_segment(&dir.join("log")))?;
    for group in 0..config.groups {
        let name = store_dir(group);
        let current = dir.join(&name).join("CURRENT").try_exists();
        look(name, current)?;
    }
    if missing.is_empty() {
        return Ok(());
    }
    let more = missing.len().saturating_sub(NAMED_MAX);
    missing.truncate(NAMED_MAX);
    let mut list = missing.join(", ");
    if more > 0 {
        list += &format!(" and {more} more");
    }
    Err(incomplete(
        dir,
        &format!("missing, or without content: {list}; put back what is missing"),
        config,
    ))
}

/// The identity is written before anything else: data without it is someone's, and nobody knows whose.
fn check_nothing_there(dir: &Path, config: &Config) -> Result<(), PlaneError> {
    let looked = |e: std::io::Error| PlaneError::io(&format!("look into {}", dir.display()), &e);
    if restore_mark::is_unfinished(dir).map_err(looked)? {
        let text = format!(
            "{}: a restore into it was begun (rafterdb restore) and has not ended: run it again, or remove the directory",
            dir.display()
        );
        return Err(PlaneError::new(Code::DataDirIncomplete, text));
    }
    let is_there = |name: &str| dir.join(name).try_exists();
    let any = is_there("log").and_then(|log| Ok(log || is_there("groups")?));
    if !any.map_err(looked)? {
        return Ok(());
    }
    let text = format!(
        "{} is missing, but there is data beside it; put it back",
        identity::path(dir).display()
    );
    Err(incomplete(dir, &text, config))
}

fn incomplete(dir: &Path, what: &str, config: &Config) -> PlaneError {
    let way_out = if config.has_others() {
        WAY_OUT
    } else {
        "Nothing was changed. There are no other members to restore it from: use a copy of the whole directory, made while it \
         was closed; or move the directory away and begin anew, with what was exported"
    };
    PlaneError::new(
        Code::DataDirIncomplete,
        format!("{}: the data directory is not whole: {what}. {way_out}", dir.display()),
    )
}

fn has_segment(log: &Path) -> std::io::Result<bool> {
    let entries = match std::fs::read_dir(log) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(e),
    };
    for entry in entries {
        if entry?.path().extension().is_some_and(|extension| extension == "wal") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Where a group's store lies in a data directory.
pub fn store_dir(group: u16) -> PathBuf {
    Path::new("groups").join(format!("{group:04}"))
}

//! From the disk to a running member: the log and each group's store are recovered and made to agree.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rafterdb_codec::Code;
use rafterdb_pool::Pool;
use rafterdb_store::engine::MarkedState;
use rafterdb_store::{Engine, EngineOptions, LsmEngine, Machine, Mark, SharedCache};
use rafterdb_wal::{Durability, Options, Reader, RecoveredGroup, Writer};

use crate::config::{Config, WAY_OUT};
use crate::ground::error::PlaneError;
use crate::member::data_dir::{store_dir, DataDir};
use crate::member::life::Member;
use crate::state::group::{Group, Home, StoreMachine};
use crate::watches::registry::Delivery;

/// Share of a member's memory that goes to the block cache which all groups share.
const SHARED_CACHE_SHARE: u64 = 8;

/// Where a group's log stands at open, as the core is told.
pub struct Opened {
    /// Its number.
    pub group: u16,
    /// Current term.
    pub term: u64,
    /// Vote in it; 0 for none.
    pub vote: u64,
    /// Known to be committed.
    pub commit: u64,
    /// (index, term) of the entry the log starts after.
    pub start: (u64, u64),
    /// Last index in the log.
    pub last: u64,
    /// Applied to the store.
    pub applied: u64,
    /// The data directory is new, or may have lost something, and the core has not said since that the group is whole.
    pub recovering: bool,
    /// (first index, term) of the log's term runs.
    pub runs: Vec<(u64, u64)>,
}

/// A member's data, recovered.
pub struct Recovered {
    /// Its groups.
    pub groups: Vec<Arc<Group>>,
    /// Where their logs stand.
    pub opened: Vec<Opened>,
    /// Reads the log's files.
    pub reader: Arc<Reader>,
    /// How the log writes.
    pub mode: String,
    /// What recovery did, for people.
    pub notes: Vec<String>,
}

/// Where received snapshots are kept until they are installed.
#[must_use]
pub fn snapshot_dir(config: &Config) -> PathBuf {
    config.data_dir.join("snapshots")
}

/// Recovers the log and the stores of a member; makes them, if its directory is not founded yet.
pub fn recover(config: &Config, data_dir: &DataDir, pool: &Arc<Pool>) -> Result<(Recovered, Writer), PlaneError> {
    clear_dir(&snapshot_dir(config))?;
    let (mut writer, reader, log) = rafterdb_wal::open(Options {
        segment_bytes: config.segment_bytes,
        durability: durability(config),
        ..Options::new(config.data_dir.join("log"))
    })?;
    let cache = SharedCache::new(config.memory / SHARED_CACHE_SHARE);
    let mut groups = Vec::with_capacity(usize::from(config.groups));
    let mut opened = Vec::with_capacity(usize::from(config.groups));
    for id in 0..config.groups {
        let dir = config.data_dir.join(store_dir(id));
        let delivery = Arc::new(Delivery::default());
        let machine = open_machine(config, &dir, &cache, &delivery)?;
        let mark = machine.status().mark;
        let mut state = agree(&mut writer, id, mark, log.groups.get(&id))
            .map_err(|what| PlaneError::new(Code::StoreCorrupt, format!("{}: {what}. {WAY_OUT}", dir.display())))?;
        state.recovering = data_dir.is_recovering(id);
        let home = Home {
            dir,
            cache: cache.clone(),
            delivery,
        };
        groups.push(Arc::new(Group::new(
            id,
            home,
            Arc::new(machine),
            mark.index,
            state.last,
            state.term,
            pool.clone(),
        )));
        opened.push(state);
    }
    reach("member.agree")?;
    // Starts that were moved to where a store stands must be on disk before anything is built on them.
    writer.commit()?;
    writer.sync()?;
    reach("member.agreed")?;
    data_dir.ready()?;
    let mut notes = data_dir.notes.clone();
    notes.extend(log.notes);
    if opened.iter().any(|group| group.recovering) {
        notes.push(
            "the data directory is new, or may have lost something: this member votes once the others have told what"
                .into(),
        );
    }
    Ok((
        Recovered {
            groups,
            opened,
            reader,
            mode: log.mode,
            notes,
        },
        writer,
    ))
}

/// A fault point between two steps.
pub fn reach(name: &str) -> Result<(), PlaneError> {
    rafterdb_fault::point(name).map_err(|e| PlaneError::io(name, &e))
}

fn durability(config: &Config) -> Durability {
    match config.durability.as_str() {
        "interval" => Durability::Interval(Duration::from_millis(config.durability_interval)),
        "os" => Durability::Os,
        _ => Durability::Always,
    }
}

/// Removes what an interrupted reception left behind, and makes the directory.
fn clear_dir(dir: &Path) -> Result<(), PlaneError> {
    let io = |e: std::io::Error| PlaneError::io(&format!("prepare {}", dir.display()), &e);
    match std::fs::remove_dir_all(dir) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(io(e)),
        _ => {}
    }
    std::fs::create_dir_all(dir).map_err(io)
}

fn open_machine(
    config: &Config,
    dir: &Path,
    cache: &SharedCache,
    delivery: &Arc<Delivery>,
) -> Result<StoreMachine, PlaneError> {
    let (engine, recovered) = LsmEngine::open(dir, engine_options(config, cache))?;
    Ok(Machine::new(engine, recovered, delivery.clone())?)
}

/// The machine over a store that was opened beside a group's.
pub fn machine_of(
    engine: LsmEngine,
    marked: Option<MarkedState>,
    group: &Group,
) -> Result<Arc<StoreMachine>, PlaneError> {
    Ok(Arc::new(Machine::new(engine, marked, group.home.delivery.clone())?))
}

/// How each group's store is opened.
pub fn engine_options(config: &Config, cache: &SharedCache) -> EngineOptions {
    let memory_bytes = (config.memory - config.memory / SHARED_CACHE_SHARE) / u64::from(config.groups);
    EngineOptions {
        memory_bytes,
        cache: Some(cache.clone()),
        ..EngineOptions::default()
    }
}

/// Where a group's log and store leave it. A store that a crash left ahead of the log (a snapshot was installed, and the log
/// not yet moved) is right: it holds committed entries only, so the log begins again after it. A store that stands before
/// the log's start lost what it once had on disk: `Err` says so.
fn agree(writer: &mut Writer, group: u16, mark: Mark, log: Option<&RecoveredGroup>) -> Result<Opened, String> {
    let empty = RecoveredGroup::default();
    let log = log.unwrap_or(&empty);
    let base = Opened {
        group,
        term: log.term.max(mark.term),
        vote: if log.term >= mark.term { log.vote } else { 0 },
        commit: log.commit.clamp(mark.index, log.last_index.max(mark.index)),
        start: log.start,
        last: log.last_index,
        applied: mark.index,
        recovering: false,
        runs: log.runs.clone(),
    };
    if mark.index < log.start.0 {
        return Err(format!(
            "the store holds entries up to {}, but the log begins after entry {}",
            mark.index, log.start.0
        ));
    }
    if term_at(log, mark.index) == Some(mark.term) {
        return Ok(base);
    }
    writer.start(group, mark.index, mark.term);
    if log.term < mark.term {
        writer.hard_state(group, mark.term, 0, mark.index);
    }
    Ok(Opened {
        start: (mark.index, mark.term),
        last: mark.index,
        commit: mark.index,
        runs: Vec::new(),
        ..base
    })
}

/// Term of an entry of the log, or of the entry it starts after; `None` outside.
fn term_at(log: &RecoveredGroup, index: u64) -> Option<u64> {
    if index == log.start.0 {
        return Some(log.start.1);
    }
    if index < log.start.0 || index > log.last_index {
        return None;
    }
    let after = log.runs.partition_point(|(first, _)| *first <= index);
    log.runs.get(after.checked_sub(1)?).map(|(_, term)| *term)
}

/// Connects a group's store to its member: what it flushes is told to the core, its watch events are delivered, and what
/// ends its writes ends the member, also while nobody writes.
pub fn observe(member: &Arc<Member>, group: &Arc<Group>) {
    let machine = group.machine();
    let (owner, id) = (Arc::downgrade(member), group.id);
    machine.engine().on_persisted(Box::new(move |mark| {
        if let Some(member) = owner.upgrade() {
            member.inbox.note(id, |facts| facts.persisted = Some(mark.index));
        }
    }));
    let owner = Arc::downgrade(member);
    machine.engine().on_failed(Box::new(move |error| {
        if let Some(member) = owner.upgrade() {
            member.fail(error.clone().into());
        }
    }));
    group.home.delivery.connect(member, id);
    let persisted = machine.engine().persisted().index;
    if persisted > 0 {
        member.inbox.note(id, |facts| facts.persisted = Some(persisted));
    }
}

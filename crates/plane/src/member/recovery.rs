//! From the disk to a running member: the log and each group's store are recovered and made to agree.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rafterdb_codec::{limits, Code, Configuration, ConfigurationEntry, Entries, EntryKind};
use rafterdb_store::Mark;
use rafterdb_wal::{Durability, Options, Reader, RecoveredGroup, Writer};

use crate::config::{Config, WAY_OUT};
use crate::exchange::events::Opened;
use crate::ground::error::PlaneError;
use crate::member::data_dir::{store_dir, DataDir};
use crate::member::shared::Shared;
use crate::state::group::{Group, Home};
use crate::state::membership::{note_members, Membership};
use crate::watches::delivery::Delivery;

/// A member's data, recovered.
pub struct Recovered {
    /// Its groups.
    pub groups: Vec<Arc<Group>>,
    /// Whether the member still is one.
    pub membership: Arc<Membership>,
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
pub fn recover(config: &Config, data_dir: &Arc<DataDir>, shared: &Shared) -> Result<(Recovered, Writer), PlaneError> {
    clear_dir(&snapshot_dir(config))?;
    let (mut writer, reader, log) = rafterdb_wal::open(Options {
        segment_bytes: config.segment_bytes,
        durability: durability(config),
        ..Options::new(config.data_dir.join("log"))
    })?;
    let me = (config.id(), &*config.name);
    let membership = Membership::new(me, config.groups, data_dir.joined(), data_dir.clone());
    let mut groups = Vec::with_capacity(usize::from(config.groups));
    let mut opened = Vec::with_capacity(usize::from(config.groups));
    for id in 0..config.groups {
        let home = Home {
            dir: config.data_dir.join(store_dir(id)),
            delivery: Arc::new(Delivery {
                watches: shared.watches.clone(),
                answers: shared.answers.clone(),
                group: id,
            }),
        };
        let machine = shared.stores.open(&home)?;
        let status = machine.status();
        let mark = status.mark;
        note_members(&membership, id, &machine)?;
        let mut state = agree(&mut writer, id, mark, log.groups.get(&id)).map_err(|what| {
            PlaneError::new(Code::StoreCorrupt, format!("{}: {what}. {WAY_OUT}", home.dir.display()))
        })?;
        state.recovering = data_dir.is_recovering(id);
        state.configurations = status
            .configuration
            .map(|stored| (*stored).clone())
            .into_iter()
            .collect();
        read_configurations(&reader, &mut state)?;
        shared.roster.open(id, state.configurations.clone())?;
        groups.push(Arc::new(Group::new(
            id,
            home,
            Arc::new(machine),
            mark.index,
            state.last,
            state.term,
            shared.pool.clone(),
        )));
        opened.push(state);
    }
    reach("member.agree")?;
    // Starts that were moved to where a store stands must be on disk before anything is built on them.
    writer.commit()?;
    writer.sync()?;
    reach("member.agreed")?;
    data_dir.ready()?;
    let notes = notes_of(data_dir, log.notes, note_of_former(&groups[0]), &opened);
    Ok((
        Recovered {
            groups,
            membership: Arc::new(membership),
            opened,
            reader,
            mode: log.mode,
            notes,
        },
        writer,
    ))
}

/// What opening had to say, for people.
fn notes_of(data_dir: &DataDir, of_log: Vec<String>, of_former: Option<String>, opened: &[Opened]) -> Vec<String> {
    let mut notes = data_dir.notes.clone();
    notes.extend(of_log);
    notes.extend(of_former);
    if opened.iter().any(|group| group.recovering) {
        notes.push(
            "the data directory is new, or may have lost something: this member votes once the others have told what"
                .into(),
        );
    }
    notes
}

/// That the cluster has begun anew, once.
fn note_of_former(group: &Group) -> Option<String> {
    let status = group.machine().status();
    let last = status.former.last()?;
    Some(format!(
        "this cluster ({:x}) began anew at entry {} with one member, as the majority of cluster {:x} was lost",
        status.cluster, last.index, last.cluster
    ))
}

/// A fault point between two steps.
pub(super) fn reach(name: &str) -> Result<(), PlaneError> {
    rafterdb_fault::point(name).map_err(|e| PlaneError::io(name, &e))
}

pub(super) fn durability(config: &Config) -> Durability {
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

/// Where a group's log and store leave it. A store that a crash left ahead of the log (a snapshot was installed, and the log
/// not yet moved) is right: it holds committed entries only, so the log begins again after it. A store that stands before
/// the log's start lost what it once had on disk: `Err` says so.
pub(super) fn agree(
    writer: &mut Writer,
    group: u16,
    mark: Mark,
    log: Option<&RecoveredGroup>,
) -> Result<Opened, String> {
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
        configurations: Vec::new(),
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

/// Adds the configurations among the entries that the store does not hold.
pub(super) fn read_configurations(reader: &Reader, state: &mut Opened) -> Result<(), PlaneError> {
    let (mut next, mut bytes) = (state.applied + 1, Vec::new());
    while next <= state.last {
        bytes.clear();
        let read = reader.read(state.group, next, state.last + 1, limits::APPEND_BYTES_MAX, &mut bytes)?;
        for (index, entry) in (next..).zip(Entries::new(&bytes).flatten()) {
            if entry.kind != EntryKind::Configuration as u8 {
                continue;
            }
            let configuration = Configuration::parse(entry.body).map_err(|malformed| {
                let text = format!(
                    "entry {index} of the log: {}: a newer version wrote it; upgrade",
                    malformed.0
                );
                PlaneError::new(Code::FormatNewer, text)
            })?;
            let run = state.runs.iter().rfind(|(first, _)| *first <= index);
            state.configurations.push(ConfigurationEntry {
                index,
                term: run.map_or(0, |(_, term)| *term),
                configuration,
            });
        }
        next += u64::from(read.count);
    }
    Ok(())
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

//! Has a cluster begin anew with one of its members, as the majority of its voters is lost for good. Works on a closed directory: what is
//! there is committed from then on, what only others had is lost. Whether that may be done is for people to say.
//!
//! ```text
//! 1 member.json   says that it was begun, under which identity: from here on nobody opens the directory, and there is no way back
//! 2 groups/       what the log has is applied, then the store is closed with another state: identity, members, term, revision
//! 3 log/          begins after that
//! 4 member.json   says that it is done
//! ```
//! Run again after a crash, it goes on where it ended: under the same identity, and not for a store that is done.

use std::path::Path;

use rafterdb_codec::{limits, Code, Configuration, ConfiguredMember, Entries, PART_INCOMING};
use rafterdb_store::{open_unwatched, Anew, Engine, EngineOptions, LsmEngine, Machine, Mark};
use rafterdb_wal::{Options, Reader, Recovered, Writer};
use serde_json::json;

use crate::config::{id_of, Config};
use crate::exchange::events::Opened;
use crate::ground::error::PlaneError;
use crate::ground::unique_ids::random_name;
use crate::member::data_dir::{check_whole, lock, store_dir};
use crate::member::identity::Identity;
use crate::member::recovery::{agree, durability, reach, read_configurations};
use crate::state::groups::IDENTITY_GROUP;
use crate::state::membership::removed_text;
use crate::system::held_directory::HeldDirectory;
use crate::system::machine_start;

/// What the lost members may have given out above the revision that is known here.
const RAISE: u64 = 1_000_000_000;

/// What a directory holds, and what became of it. `ForcedCluster` of `src/recover/force-new-cluster.ts`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BegunAnew {
    /// The member's name.
    pub name: String,
    /// The identity under which the cluster has begun anew, in hex; empty if it was only looked at.
    pub cluster: String,
    /// The one that it had; empty if the member does not know it.
    pub former_cluster: String,
    /// Names of the other members.
    pub others: Vec<String>,
    /// Index of the first group's last entry.
    pub last_index: u64,
    /// Its term.
    pub last_term: u64,
    /// How many entries of all groups this member did not know to be committed.
    pub uncommitted: u64,
    /// It may lack what it had acknowledged: its directory was new, or its machine went down.
    pub may_lack: bool,
    /// The store's revision: the next write gets a higher one.
    pub revision: u64,
}

impl BegunAnew {
    /// For programs.
    #[must_use]
    pub fn json(&self) -> String {
        json!({
            "name": self.name,
            "cluster": self.cluster,
            "formerCluster": self.former_cluster,
            "others": self.others,
            "lastIndex": self.last_index,
            "lastTerm": self.last_term,
            "uncommitted": self.uncommitted,
            "mayLack": self.may_lack,
            "revision": self.revision,
        })
        .to_string()
    }
}

/// One group of the closed member.
struct GroupAt {
    id: u16,
    machine: Machine<LsmEngine>,
    opened: Opened,
}

impl GroupAt {
    /// Whether an attempt that did not end has given it its new state, and nothing follows that.
    fn is_done(&self) -> bool {
        let status = self.machine.status();
        let last = status.former.last();
        last.is_some_and(|last| last.index == status.mark.index && self.opened.last == last.index)
    }
}

impl Drop for GroupAt {
    fn drop(&mut self) {
        // What was given up was not flushed on purpose; who has ended well is closed already.
        let _ = self.machine.engine().close(None);
    }
}

/// Looks at the directory of `config`, whose other settings say how much memory may be used. Unless `only_look`, the cluster begins anew
/// with its member as the only voter. `raise_to`: the revision is at least this one; 0: far above what is known here.
/// Errors: `DATA_DIR_MISMATCH`, it is no member's, or nothing is in it; `MEMBER_REMOVED`; `INVALID_ARGUMENT`, it votes alone already;
/// `DATA_DIR_LOCKED`, `DATA_DIR_INCOMPLETE`, `STORE_CORRUPT`, `LOG_CORRUPT`, `FORMAT_NEWER`, `DISK_FULL`, `IO`.
pub fn begin_anew(mut config: Config, raise_to: u64, only_look: bool) -> Result<BegunAnew, PlaneError> {
    // Before it is held, which would make it.
    Identity::find(&config.data_dir)?;
    let shown = config.data_dir.clone();
    let place = HeldDirectory::hold(&shown)
        .map_err(|e| PlaneError::io(&format!("open the directory {}", shown.display()), &e))?;
    place.path().clone_into(&mut config.data_dir);
    let dir = place.path();
    let _locks = lock(dir)?;
    let mut identity = Identity::find(dir)?;
    let (name, groups) = identity.of();
    config.be_alone(name, groups);
    if identity.is_witness() {
        let text = format!(
            "{}: {name} is a witness, which has no data: take the directory of a member that has, the one with the highest term and index",
            shown.display()
        );
        return Err(PlaneError::new(Code::MemberIsWitness, text));
    }
    if !identity.founded {
        return Err(nothing_in(&shown));
    }
    check_whole(dir, &config)?;
    let (mut writer, reader, log) = rafterdb_wal::open(Options {
        segment_bytes: config.segment_bytes,
        durability: durability(&config),
        ..Options::new(dir.join("log"))
    })?;
    let groups = open_groups(&config, &mut writer, &reader, &log)?;
    let me = member_of(&identity, &groups[0], &shown)?;
    let report = look(&identity, &groups, &me);
    if only_look {
        writer.close()?;
        return Ok(report);
    }
    let (cluster, former, mark) = force(&mut identity, dir, &groups, (&mut writer, &reader), &me, raise_to)?;
    Ok(BegunAnew {
        cluster: hex(cluster),
        former_cluster: hex(former),
        revision: mark.revision,
        ..report
    })
}

/// Does it. Returns the identity from now on, the one before, and where the first group stands.
fn force(
    identity: &mut Identity,
    dir: &Path,
    groups: &[GroupAt],
    (writer, reader): (&mut Writer, &Reader),
    me: &ConfiguredMember,
    raise_to: u64,
) -> Result<(u64, u64, Mark), PlaneError> {
    let was_begun = identity.anew().is_some();
    let cluster = identity.anew().map_or_else(random_name, Ok)?;
    identity.begin_anew(cluster);
    write(identity, dir)?;
    reach("member.anew.begun")?;
    let (mut marks, mut former) = (Vec::new(), 0);
    for group in groups {
        let is_done = was_begun && group.is_done();
        if !is_done {
            apply_all(group, reader)?;
            reach("member.anew.applied")?;
        }
        let status = group.machine.status();
        let is_first = group.id == IDENTITY_GROUP;
        if is_first {
            let noted = status.former.last().filter(|_| is_done);
            former = noted.map_or(status.cluster, |last| last.cluster);
        }
        let revision = status.mark.revision;
        let raised = if raise_to == 0 { revision + RAISE } else { raise_to };
        let anew = Anew {
            cluster: if is_first { cluster } else { 0 },
            former,
            term: group.opened.term + 1,
            raised: raised.min(limits::REVISION_RAISED_MAX as u64),
            configuration: Configuration {
                members: vec![me.clone()],
            },
        };
        let mark = if is_done {
            status.mark
        } else {
            store_anew(group, &anew)?
        };
        marks.push((group.id, mark));
    }
    begin_log(writer, &marks)?;
    reach("member.anew.logged")?;
    let (_, first) = marks[0];
    identity.begun_anew(first.index);
    write(identity, dir)?;
    Ok((cluster, former, first))
}

fn open_groups(
    config: &Config,
    writer: &mut Writer,
    reader: &Reader,
    log: &Recovered,
) -> Result<Vec<GroupAt>, PlaneError> {
    let open = |id: u16| -> Result<GroupAt, PlaneError> {
        let dir = config.data_dir.join(store_dir(id));
        let options = EngineOptions {
            memory_bytes: config.memory / u64::from(config.groups),
            ..EngineOptions::default()
        };
        let machine = open_unwatched(&dir, options)?;
        let status = machine.status();
        let mut opened = agree(writer, id, status.mark, log.groups.get(&id))
            .map_err(|what| PlaneError::new(Code::StoreCorrupt, format!("{}: {what}", dir.display())))?;
        opened
            .configurations
            .extend(status.configuration.map(|stored| (*stored).clone()));
        read_configurations(reader, &mut opened)?;
        Ok(GroupAt { id, machine, opened })
    };
    (0..config.groups).map(open).collect()
}

/// The member as it is to vote alone, by what is in force. Errors: `MEMBER_REMOVED`, `INVALID_ARGUMENT`, `DATA_DIR_MISMATCH`.
fn member_of(identity: &Identity, first: &GroupAt, shown: &Path) -> Result<ConfiguredMember, PlaneError> {
    let (name, _) = identity.of();
    let id = identity.drawn().unwrap_or_else(|| id_of(name));
    if first.machine.status().cluster == 0 && first.opened.last == 0 {
        return Err(nothing_in(shown));
    }
    let me = |endpoint: &str| ConfiguredMember {
        id,
        part: PART_INCOMING,
        priority: 0,
        name: name.to_owned(),
        endpoint: endpoint.to_owned(),
    };
    let Some(last) = first.opened.configurations.last() else {
        let is_alone = identity.founders().iter().all(|founder| founder == name);
        // Where it listens the founder is told at each start.
        return if is_alone { Err(alone(shown, name)) } else { Ok(me("")) };
    };
    let Some(found) = last.configuration.find(id) else {
        let text = format!("{}: {}", shown.display(), removed_text(name, last.index));
        return Err(PlaneError::new(Code::MemberRemoved, text));
    };
    let mut voters = last.configuration.members.iter().filter(|member| member.votes());
    if identity.anew().is_none() && voters.all(|voter| voter.id == id) {
        return Err(alone(shown, name));
    }
    Ok(me(&found.endpoint))
}

fn look(identity: &Identity, groups: &[GroupAt], me: &ConfiguredMember) -> BegunAnew {
    let first = &groups[0];
    let status = first.machine.status();
    let others = match first.opened.configurations.last() {
        None => identity.founders().to_vec(),
        Some(last) => last
            .configuration
            .members
            .iter()
            .map(|member| member.name.clone())
            .collect(),
    };
    let is_of_another_start = || machine_start::id() != identity.unsynced;
    BegunAnew {
        name: me.name.clone(),
        cluster: String::new(),
        former_cluster: hex(status.cluster),
        others: others.into_iter().filter(|name| *name != me.name).collect(),
        last_index: first.opened.last,
        last_term: first.opened.runs.last().map_or(first.opened.start.1, |(_, term)| *term),
        uncommitted: groups.iter().map(|group| group.opened.last - group.opened.commit).sum(),
        may_lack: !identity.recovering.is_empty() || (identity.unsynced.is_some() && is_of_another_start()),
        revision: status.mark.revision,
    }
}

/// Applies what the store does not hold, whether it was known to be committed or not.
fn apply_all(group: &GroupAt, reader: &Reader) -> Result<(), PlaneError> {
    let (mut bytes, mut results) = (Vec::new(), Vec::new());
    let mut next = group.opened.applied + 1;
    while next <= group.opened.last {
        bytes.clear();
        let end = group.opened.last + 1;
        let read = reader.read(group.id, next, end, limits::APPEND_BYTES_MAX, &mut bytes)?;
        let terms = read
            .runs
            .iter()
            .flat_map(|(term, count)| std::iter::repeat_n(*term, *count as usize));
        for (entry, term) in Entries::new(&bytes).zip(terms) {
            let entry = entry.map_err(|malformed| PlaneError::new(Code::LogCorrupt, malformed.0))?;
            results.clear();
            group.machine.apply(next, term, &entry, &mut results)?;
            next += 1;
        }
        group.machine.publish()?;
    }
    Ok(())
}

/// Closes a store with the state of a cluster that begins anew. Whole, or not at all.
fn store_anew(group: &GroupAt, anew: &Anew) -> Result<Mark, PlaneError> {
    let (mark, state) = group.machine.begun_anew(anew);
    group.machine.engine().close(Some((mark, state)))?;
    if group.machine.engine().persisted() != mark {
        let text = "there is no room for it; make some and run it again";
        return Err(PlaneError::new(Code::DiskFull, text));
    }
    reach("member.anew.stored")?;
    Ok(mark)
}

/// The log has nothing but where the stores stand.
fn begin_log(writer: &mut Writer, marks: &[(u16, Mark)]) -> Result<(), PlaneError> {
    for (group, mark) in marks {
        writer.start(*group, mark.index, mark.term);
        writer.hard_state(*group, mark.term, 0, mark.index);
    }
    writer.commit()?;
    Ok(writer.close()?)
}

fn write(identity: &Identity, dir: &Path) -> Result<(), PlaneError> {
    identity
        .write(dir)
        .map_err(|e| PlaneError::io(&format!("write into {}", dir.display()), &e))
}

fn hex(cluster: u64) -> String {
    if cluster == 0 {
        return String::new();
    }
    format!("{cluster:x}")
}

fn nothing_in(dir: &Path) -> PlaneError {
    let text = format!(
        "{}: its member has never heard of its cluster, so there is nothing to begin anew with",
        dir.display()
    );
    PlaneError::new(Code::DataDirMismatch, text)
}

fn alone(dir: &Path, name: &str) -> PlaneError {
    let text = format!(
        "{}: {name} is the only voter of its cluster already: start it",
        dir.display()
    );
    PlaneError::new(Code::InvalidArgument, text)
}

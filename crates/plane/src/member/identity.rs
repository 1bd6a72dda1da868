//! `member.json`: whose a data directory is, and what its member must not forget from one life to the next. Owns the file's formats;
//! knows nothing of what else is in the directory.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use rafterdb_codec::Code;
use serde::{Deserialize, Serialize};

use crate::config::{id_of, Config, WAY_OUT};
use crate::ground::error::PlaneError;
use crate::ground::unique_ids::random_name;
use crate::state::membership::removed_text;
use crate::system::held_directory::sync_dir;

/// Newest version of the file; a newer one is refused.
const FORMAT: u32 = 5;
/// The version without what only a witness has.
const FORMAT_OF_ANEW: u32 = 4;
/// The version without what only a member has with which its cluster is about to begin anew.
const FORMAT_OF_JOINED: u32 = 3;
/// The version without what only a member that joined has: who founded a cluster writes this one, which older releases read.
const FORMAT_OF_FOUNDERS: u32 = 2;

/// Where format 1 marked groups that recover: an empty file each.
const MARKS_OF_FORMAT_1: &str = "recovering";

/// The file's content. Every change of it is durable before anything rests on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Identity {
    format: u32,
    /// The member's name.
    name: String,
    /// Names of the founders, sorted; empty if it joined. Not their addresses: those may change.
    members: Vec<String>,
    /// Raft groups.
    groups: u16,
    /// Whether log and stores were all made; from then on each must be there.
    pub founded: bool,
    /// Groups that may lack what this member acknowledged, ascending: see src/raft/recovery.ts.
    pub recovering: Vec<u16>,
    /// The start of the machine in which the member writes what it does not sync at once; `None`: all of it is on disk.
    pub unsynced: Option<String>,
    /// Longest election timeout of any life whose promises may still be kept, ms; 0: unknown.
    pub promised: u64,
    /// The number that the member drew when it joined. A founder's is that of its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    /// Identity of the cluster that it joined; 0: it was not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cluster: Option<u64>,
    /// Index of the first configuration of the first group that was applied and has the member: from then on the log says who the
    /// members are, and not whoever opens the directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    joined: Option<u64>,
    /// Index of the configuration of the first group by which the member is none any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    removed: Option<u64>,
    /// Identity of the cluster that begins anew with this member, from when that was begun until it is done. Meanwhile nobody opens it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    anew: Option<u64>,
    /// Its member has no data, from its first start on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    witness: bool,
    /// CRC-32C, in hex, of the rest as JSON without spaces. A file that a person has changed goes without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    checksum: Option<String>,
}

/// What format 1 said; the id was over the members' names and addresses.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Format1 {
    #[serde(rename = "format")]
    _format: u32,
    cluster_id: u64,
    name: String,
    groups: u16,
}

impl Identity {
    /// That of a new directory. What an earlier one under this name held is lost, so all groups of a founder recover, if there is
    /// anybody to ask; there is not for a single member. Nobody ever had the number that a member draws which joins, so nobody can
    /// have voted or promised with it. Errors: `INVALID_ARGUMENT`, it joins nobody; `IO`, no random number.
    pub fn new(config: &Config) -> Result<Self, PlaneError> {
        let founder = Self::of_founder(config);
        if !config.joining && config.witness {
            let text = "a witness joins a cluster that runs: give join";
            return Err(PlaneError::new(Code::InvalidArgument, text));
        }
        if !config.joining {
            return Ok(founder);
        }
        if !config.has_others() {
            let text = format!("{} joins a cluster of which no member was given", config.name);
            return Err(PlaneError::new(Code::InvalidArgument, text));
        }
        Ok(Self {
            format: if config.witness { FORMAT } else { FORMAT_OF_JOINED },
            witness: config.witness,
            members: Vec::new(),
            recovering: Vec::new(),
            id: Some(random_name()?),
            cluster: Some(config.cluster),
            ..founder
        })
    }

    fn of_founder(config: &Config) -> Self {
        let recovering = if config.has_others() { config.groups } else { 0 };
        Self {
            format: FORMAT_OF_FOUNDERS,
            name: config.name.clone(),
            members: config.names(),
            groups: config.groups,
            founded: false,
            recovering: (0..recovering).collect(),
            unsynced: None,
            promised: 0,
            id: None,
            cluster: None,
            joined: None,
            removed: None,
            anew: None,
            witness: false,
            checksum: None,
        }
    }

    /// The number that its member drew when it joined; `None`: it founded its cluster.
    pub const fn drawn(&self) -> Option<u64> {
        self.id
    }

    /// Identity of the cluster that its member joined; 0: it was not told, or founded it.
    pub fn cluster_joined(&self) -> u64 {
        self.cluster.unwrap_or_default()
    }

    /// Index, in the first group, of a configuration that is applied and has the member: 0 of a founder, `None` if there was none yet.
    pub const fn joined(&self) -> Option<u64> {
        if self.id.is_none() {
            return Some(0);
        }
        self.joined
    }

    /// An applied configuration has the member. Older releases could not follow it.
    pub fn note_joined(&mut self, index: u64) {
        self.joined.get_or_insert(index);
        self.format = self.format_of_joined();
    }

    /// A release that knows no witnesses must not take one for a member with data.
    const fn format_of_joined(&self) -> u32 {
        if self.witness {
            FORMAT
        } else {
            FORMAT_OF_JOINED
        }
    }

    /// Whether its member has no data.
    pub const fn is_witness(&self) -> bool {
        self.witness
    }

    /// Whether there may be other members, whatever is given: the log says who they are.
    pub const fn follows_its_log(&self) -> bool {
        self.joined.is_some()
    }

    /// The member is none any more, and never again. No older release may open its directory either.
    pub const fn note_removed(&mut self, index: u64) {
        self.removed = Some(index);
        self.format = self.format_of_joined();
    }

    /// Its cluster is made to begin anew with it, under this identity. From here on there is no way back: entries that may never have been
    /// committed are applied. No release opens it before that is done.
    pub const fn begin_anew(&mut self, cluster: u64) {
        self.anew = Some(cluster);
        self.format = FORMAT_OF_ANEW;
    }

    /// The identity under which its cluster was about to begin anew.
    pub const fn anew(&self) -> Option<u64> {
        self.anew
    }

    /// That is done, with the configuration at `index`: whatever was lost before is, and all that there is is on disk.
    pub fn begun_anew(&mut self, index: u64) {
        if let (Some(cluster), true) = (self.anew.take(), self.id.is_some()) {
            self.cluster = Some(cluster);
        }
        self.recovering.clear();
        self.unsynced = None;
        self.note_joined(index);
    }

    /// The member's name, and how many groups it has.
    pub fn of(&self) -> (&str, u16) {
        (&self.name, self.groups)
    }

    /// Names of the founders; of who joined, none.
    pub fn founders(&self) -> &[String] {
        &self.members
    }

    /// Who votes as long as no entry of the log says who does, by number, ascending: the founders, or whom a member joins that is
    /// none. Whatever a founder is told later: with others it would elect somebody whom the other founders do not know.
    pub fn first_voters(&self, config: &Config) -> Vec<u64> {
        let mut voters: Vec<u64> = match self.id {
            None => self.members.iter().map(|name| id_of(name)).collect(),
            // Its log says so already.
            Some(id) if config.members.is_empty() => vec![id],
            Some(_) => config.members.iter().map(|member| member.id).collect(),
        };
        voters.sort_unstable();
        voters
    }

    /// That of a directory that was made out of a backup: all of it is there, and nobody of its members has promised anything.
    pub fn restored(config: &Config) -> Self {
        Self {
            recovering: Vec::new(),
            founded: true,
            ..Self::of_founder(config)
        }
    }

    /// Reads the file of `dir` and checks that it is this member's; `None` if there is none.
    /// Errors: `STORE_CORRUPT`, `FORMAT_NEWER`, `DATA_DIR_MISMATCH`, `IO`.
    pub fn read(dir: &Path, config: &Config) -> Result<Option<Self>, PlaneError> {
        let identity = match load(dir)? {
            None => return Ok(None),
            Some(Parsed::Current(identity)) => identity,
            Some(Parsed::Format1(old)) => old.upgraded(dir, config)?,
        };
        identity.check(dir, config)?;
        Ok(Some(identity))
    }

    /// The same of a directory of whatever member; it must be one, and not one that was removed. Errors: those, without those of a `config`.
    pub fn find(dir: &Path) -> Result<Self, PlaneError> {
        let identity = match load(dir)? {
            None => {
                let missing = path(dir);
                return Err(mismatch(
                    dir,
                    &format!("is of no member: there is no {}", missing.display()),
                ));
            }
            Some(Parsed::Current(identity)) => identity,
            Some(Parsed::Format1(_)) => {
                let what = "was made by an older version; start the member with this one first, for a moment";
                return Err(mismatch(dir, what));
            }
        };
        identity.check_not_removed(dir)?;
        Ok(identity)
    }

    /// Writes the file, whole or not at all; durable when it returns.
    pub fn write(&self, dir: &Path) -> std::io::Result<()> {
        let sealed = Self {
            checksum: Some(self.sum()?),
            ..self.clone()
        };
        let text = serde_json::to_vec_pretty(&sealed)?;
        let new = dir.join("member.json.new");
        let mut file = File::create(&new)?;
        file.write_all(&text)?;
        file.sync_all()?;
        rafterdb_fault::point("member.identity")?;
        std::fs::rename(&new, path(dir))?;
        rafterdb_fault::point("member.identified")?;
        sync_dir(dir)?;
        // What format 1 kept there is in the file now.
        match std::fs::remove_dir_all(dir.join(MARKS_OF_FORMAT_1)) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e),
            _ => Ok(()),
        }
    }

    fn sum(&self) -> std::io::Result<String> {
        let unsealed = Self {
            checksum: None,
            ..self.clone()
        };
        let text = serde_json::to_vec(&unsealed)?;
        Ok(format!("{:08x}", rafterdb_hash::crc32c(&text)))
    }

    fn check(&self, dir: &Path, config: &Config) -> Result<(), PlaneError> {
        check_name(dir, &self.name, config)?;
        check_groups(dir, self.groups, config)?;
        self.check_not_removed(dir)?;
        if config.witness && !self.witness {
            let what = "is of a member with data; for a witness use another dataDir, or leave witness out";
            return Err(mismatch(dir, what));
        }
        if self.anew.is_some() {
            let text = format!(
                "{}: its cluster was about to begin anew with {} (rafterdb recover --force-new-cluster), and that has not ended: run it again",
                dir.display(),
                self.name
            );
            return Err(PlaneError::new(Code::DataDirIncomplete, text));
        }
        if self.id.is_some() {
            return self.check_joined(dir, config);
        }
        let given = config.names();
        // Those whom somebody finds who asks to join are not those that it was founded with.
        let is_told = config.joining || self.follows_its_log();
        if !is_told && self.members != given {
            let only = |these: &[String], others: &[String]| -> Vec<String> {
                these.iter().filter(|name| !others.contains(name)).cloned().collect()
            };
            let (missing, strange) = (only(&self.members, &given), only(&given, &self.members));
            let mut what = format!("is of a cluster of {}", self.members.join(", "));
            if !strange.is_empty() {
                what += &format!("; not of it: {}", strange.join(", "));
            }
            if !missing.is_empty() {
                what += &format!("; not given: {}", missing.join(", "));
            }
            what += ". Give the members it was founded with (their addresses may change), or use another dataDir";
            return Err(mismatch(dir, &what));
        }
        Ok(())
    }

    fn check_not_removed(&self, dir: &Path) -> Result<(), PlaneError> {
        let Some(index) = self.removed else { return Ok(()) };
        let text = format!("{}: {}", dir.display(), removed_text(&self.name, index));
        Err(PlaneError::new(Code::MemberRemoved, text))
    }

    /// Who the members are changes, and the cluster says it; which cluster it is does not.
    fn check_joined(&self, dir: &Path, config: &Config) -> Result<(), PlaneError> {
        let (joined, given) = (self.cluster_joined(), config.cluster);
        if joined != 0 && given != 0 && joined != given {
            let what = format!("has joined cluster {joined:x}, not {given:x}; to join that one, use another dataDir");
            return Err(mismatch(dir, &what));
        }
        if config.has_others() || self.follows_its_log() {
            return Ok(());
        }
        let text = format!("{}: is of a member that joined others; give the members", dir.display());
        Err(PlaneError::new(Code::InvalidArgument, text))
    }
}

impl Format1 {
    /// As format 2 says it. Whose the directory is can only be told if the addresses are still those it was founded with.
    fn upgraded(self, dir: &Path, config: &Config) -> Result<Identity, PlaneError> {
        check_name(dir, &self.name, config)?;
        check_groups(dir, self.groups, config)?;
        let hash = |endpoint: &dyn Fn(usize) -> String| {
            let members = config.members.iter().enumerate();
            let mut parts: Vec<String> = members.map(|(at, m)| format!("{}={}", m.name, endpoint(at))).collect();
            parts.sort();
            id_of(&parts.join(","))
        };
        let is_ours = self.cluster_id == hash(&|at| config.members[at].endpoint.clone())
            || (config.members.len() == 1 && self.cluster_id == hash(&|_| String::new()));
        if !is_ours {
            return Err(mismatch(
                dir,
                "belongs to a cluster with other members, or at other addresses, which the version that made it did not \
                 tell apart. Open it once with the members and addresses it was founded with; from then on they may move",
            ));
        }
        let recovering = marks_of_format_1(dir)
            .map_err(|e| PlaneError::io(&format!("list {}", dir.join(MARKS_OF_FORMAT_1).display()), &e))?;
        Ok(Identity {
            founded: true,
            recovering,
            ..Identity::of_founder(config)
        })
    }
}

/// The file of a data directory.
pub fn path(dir: &Path) -> PathBuf {
    dir.join("member.json")
}

enum Parsed {
    Current(Identity),
    Format1(Format1),
}

/// What stands in the file of `dir`; `None` if there is none.
fn load(dir: &Path) -> Result<Option<Parsed>, PlaneError> {
    let path = path(dir);
    match std::fs::read(&path) {
        Ok(bytes) => parse(&path, &bytes).map(Some),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(PlaneError::io(&format!("read {}", path.display()), &e)),
    }
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Parsed, PlaneError> {
    #[derive(Deserialize)]
    struct Version {
        format: u32,
    }
    let damaged = |what: &dyn std::fmt::Display| {
        PlaneError::new(Code::StoreCorrupt, format!("{}: {what}. {WAY_OUT}", path.display()))
    };
    let version: Version = serde_json::from_slice(bytes).map_err(|e| damaged(&e))?;
    if version.format > FORMAT {
        let text = format!(
            "{}: format {}, this version reads up to {FORMAT}; use a newer rafterdb",
            path.display(),
            version.format
        );
        return Err(PlaneError::new(Code::FormatNewer, text));
    }
    if version.format < FORMAT_OF_FOUNDERS {
        return serde_json::from_slice(bytes)
            .map(Parsed::Format1)
            .map_err(|e| damaged(&e));
    }
    let identity: Identity = serde_json::from_slice(bytes).map_err(|e| damaged(&e))?;
    let sum = identity.sum().map_err(|e| damaged(&e))?;
    if identity.checksum.as_ref().is_some_and(|checksum| *checksum != sum) {
        let what = "its checksum does not fit. Whoever changes it by hand takes the line with the checksum out";
        return Err(damaged(&what));
    }
    Ok(Parsed::Current(identity))
}

fn mismatch(dir: &Path, what: &str) -> PlaneError {
    PlaneError::new(Code::DataDirMismatch, format!("{}: {what}", dir.display()))
}

fn check_name(dir: &Path, name: &str, config: &Config) -> Result<(), PlaneError> {
    if *name == config.name {
        return Ok(());
    }
    let what = format!(
        "is of member {name:?}, not {:?}; to open it, give the name {name:?} (--name {name}), and its members if it has \
         others. Each member has a dataDir of its own",
        config.name
    );
    Err(mismatch(dir, &what))
}

fn check_groups(dir: &Path, groups: u16, config: &Config) -> Result<(), PlaneError> {
    if groups == config.groups {
        return Ok(());
    }
    Err(mismatch(
        dir,
        &format!("has {groups} groups, not {}; give groups: {groups}", config.groups),
    ))
}

fn marks_of_format_1(dir: &Path) -> std::io::Result<Vec<u16>> {
    let entries = match std::fs::read_dir(dir.join(MARKS_OF_FORMAT_1)) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e),
    };
    let mut groups = Vec::new();
    for entry in entries {
        groups.extend(entry?.file_name().to_str().and_then(|name| name.parse::<u16>().ok()));
    }
    groups.sort_unstable();
    Ok(groups)
}

#[cfg(test)]
mod tests;

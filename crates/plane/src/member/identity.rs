//! `member.json`: whose a data directory is, and what its member must not forget from one life to the next. Owns the file's formats;
//! knows nothing of what else is in the directory.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use rafterdb_codec::Code;
use serde::{Deserialize, Serialize};

use crate::config::{id_of, Config, WAY_OUT};
use crate::ground::error::PlaneError;
use crate::system::held_directory::sync_dir;

/// Version of the data directory's layout; a newer one is refused.
const FORMAT: u32 = 2;

/// Where format 1 marked groups that recover: an empty file each.
const MARKS_OF_FORMAT_1: &str = "recovering";

/// The file's content. Every change of it is durable before anything rests on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Identity {
    format: u32,
    /// The member's name.
    name: String,
    /// Names of all members, sorted. Not their addresses: those may change.
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
    /// That of a new directory. What an earlier one under this name held is lost, so all groups recover, if there is anybody to
    /// ask; there is not for a single member.
    pub fn new(config: &Config) -> Self {
        let members = config.names();
        let recovering = if members.len() > 1 {
            (0..config.groups).collect()
        } else {
            Vec::new()
        };
        Self {
            format: FORMAT,
            name: config.name.clone(),
            members,
            groups: config.groups,
            founded: false,
            recovering,
            unsynced: None,
            promised: 0,
            checksum: None,
        }
    }

    /// Reads the file of `dir` and checks that it is this member's; `None` if there is none.
    /// Errors: `STORE_CORRUPT`, `FORMAT_NEWER`, `DATA_DIR_MISMATCH`, `IO`.
    pub fn read(dir: &Path, config: &Config) -> Result<Option<Self>, PlaneError> {
        let path = path(dir);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(PlaneError::io(&format!("read {}", path.display()), &e)),
        };
        let identity = match parse(&path, &bytes)? {
            Parsed::Current(identity) => identity,
            Parsed::Format1(old) => old.upgraded(dir, config)?,
        };
        identity.check(dir, config)?;
        Ok(Some(identity))
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
        let given = config.names();
        if self.members != given {
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
        check_groups(dir, self.groups, config)
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
            ..Identity::new(config)
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
    if version.format < FORMAT {
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
mod tests {
    use std::path::Path;

    use rafterdb_codec::Code;

    use super::{id_of, path, Identity};
    use crate::config::Config;

    fn config(name: &str, members: &[(&str, &str)]) -> Config {
        let members: Vec<_> = members
            .iter()
            .map(|(name, endpoint)| serde_json::json!({ "name": name, "endpoint": endpoint }))
            .collect();
        let json = serde_json::json!({
            "name": name, "dataDir": "unused", "members": members, "listen": [], "durability": "always",
            "durabilityInterval": 10, "electionTimeout": 500, "memory": 1 << 25, "valueBytesMax": 1 << 20, "groups": 3,
            "segmentBytes": 1 << 20, "cpuAffinity": null,
        });
        Config::parse(&json.to_string()).expect("a configuration")
    }

    /// As the version before wrote it, for members at addresses.
    fn write_format_1(dir: &Path, name: &str, members: &str) {
        let text = format!(
            "{{\"format\":1,\"clusterId\":{},\"name\":\"{name}\",\"groups\":3}}",
            id_of(members)
        );
        std::fs::write(path(dir), text).expect("written");
    }

    const THREE: [(&str, &str); 3] = [("a", "h:1"), ("b", "h:2"), ("c", "h:3")];

    #[test]
    fn format_1_is_read_with_its_marks_and_written_anew() {
        let dir = tempfile::tempdir().expect("a directory");
        let dir = dir.path();
        write_format_1(dir, "a", "a=h:1,b=h:2,c=h:3");
        std::fs::create_dir(dir.join("recovering")).expect("made");
        for group in ["0002", "0000"] {
            std::fs::write(dir.join("recovering").join(group), "").expect("marked");
        }
        let moved = config("a", &[("a", "h:1"), ("b", "h:2"), ("c", "elsewhere:3")]);
        let refused = Identity::read(dir, &moved).expect_err("whose it is cannot be told");
        assert_eq!(refused.code, Code::DataDirMismatch, "{refused}");
        let identity = Identity::read(dir, &config("a", &THREE)).expect("read").expect("there");
        assert!(identity.founded);
        assert_eq!(identity.recovering, [0, 2]);
        identity.write(dir).expect("written");
        assert!(!dir.join("recovering").exists());
        let again = Identity::read(dir, &moved).expect("now they may move").expect("there");
        assert_eq!((again.founded, again.recovering), (true, vec![0, 2]));
    }

    #[test]
    fn a_single_member_of_format_1_may_begin_to_listen() {
        let dir = tempfile::tempdir().expect("a directory");
        let dir = dir.path();
        write_format_1(dir, "solo", "solo=");
        for endpoint in ["", "127.0.0.1:7101"] {
            let identity = Identity::read(dir, &config("solo", &[("solo", endpoint)])).expect("read");
            assert_eq!(identity.expect("there").recovering, Vec::<u16>::new());
        }
        // The same name, but of a cluster.
        write_format_1(dir, "a", "a=h:1,b=h:2,c=h:3");
        let refused = Identity::read(dir, &config("a", &[("a", "h:1")])).expect_err("others would be forgotten");
        assert_eq!(refused.code, Code::DataDirMismatch, "{refused}");
    }

    #[test]
    fn a_changed_character_is_damage() {
        let dir = tempfile::tempdir().expect("a directory");
        let dir = dir.path();
        let config = config("a", &THREE);
        Identity::new(&config).write(dir).expect("written");
        let text = std::fs::read_to_string(path(dir)).expect("read");
        let whole = Identity::read(dir, &config).expect("read");
        for (at, found) in text.char_indices().filter(|(_, found)| !found.is_whitespace()) {
            let other = if found == '1' { '2' } else { '1' };
            let damaged = format!("{}{other}{}", &text[..at], &text[at + found.len_utf8()..]);
            std::fs::write(path(dir), &damaged).expect("written");
            let read = Identity::read(dir, &config);
            assert!(
                read.is_err() || read.is_ok_and(|read| read == whole),
                "byte {at}: {damaged}"
            );
        }
    }
}

//! What a member is told when it opens, and the data directory's identity: whose it is, and that only one process has it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use rafterdb_codec::Code;
use rafterdb_net::Token;
use serde::{Deserialize, Serialize};

use crate::affinity::CpuAffinity;
use crate::error::PlaneError;
use crate::mark;

/// What a person can do about a data directory that lost something.
pub const WAY_OUT: &str =
    "Nothing was changed. If the other members are well, restore this one from them: move its data \
    directory away and start it again. Do so with fewer than half of the members at a time";

/// Version of the data directory's layout; a newer one is refused.
const FORMAT: u32 = 1;

/// One member of the cluster.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Peer {
    /// Number derived from the name; computed, not given.
    #[serde(default)]
    pub id: u64,
    /// Its name, unique in the cluster.
    pub name: String,
    /// Where the others reach it, `host:port`; empty for a store of one member that does not listen.
    pub endpoint: String,
}

/// The secret of a cluster's members, as hexadecimal digits. Never printed.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct ClusterToken(pub Token);

impl TryFrom<String> for ClusterToken {
    type Error = &'static str;

    fn try_from(digits: String) -> Result<Self, Self::Error> {
        let byte = |pair: &[u8]| {
            std::str::from_utf8(pair)
                .ok()
                .and_then(|pair| u8::from_str_radix(pair, 16).ok())
        };
        let bytes: Option<Vec<u8>> = digits.as_bytes().chunks(2).map(byte).collect();
        let bytes = bytes.ok_or("clusterToken: not hexadecimal digits")?;
        Ok(Self(Token::new(&bytes)))
    }
}

impl std::fmt::Debug for ClusterToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClusterToken(…)")
    }
}

/// What `open` is given, checked by TypeScript.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Config {
    /// This member's name.
    pub name: String,
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// All members, this one too.
    pub members: Vec<Peer>,
    /// Address to listen on; `None`: no port is opened.
    pub listen: Option<String>,
    /// `always`, `interval` or `os`.
    pub durability: String,
    /// Milliseconds between syncs with `interval`.
    pub durability_interval: u64,
    /// Bytes of memory for the stores of all groups.
    pub memory: u64,
    /// Largest value, bytes.
    pub value_bytes_max: usize,
    /// Raft groups.
    pub groups: u16,
    /// Bytes of a log segment.
    pub segment_bytes: u64,
    /// Where the member's threads run; `None`: anywhere.
    pub cpu_affinity: Option<CpuAffinity>,
    /// What the members prove to each other that they know; `None`: nothing.
    #[serde(default)]
    pub cluster_token: Option<ClusterToken>,
}

/// A 53-bit number for a name: the same on every machine, exact as a JavaScript number, never 0.
#[must_use]
pub fn id_of(text: &str) -> u64 {
    (rafterdb_hash::xxh3_64(text.as_bytes(), 0) & ((1 << 53) - 1)).max(1)
}

impl Config {
    /// Parses the JSON that TypeScript hands over and derives the ids.
    pub fn parse(json: &str) -> Result<Self, PlaneError> {
        let mut config: Self =
            serde_json::from_str(json).map_err(|e| PlaneError::new(Code::InvalidArgument, format!("open: {e}")))?;
        for peer in &mut config.members {
            peer.id = id_of(&peer.name);
        }
        config.members.sort_by_key(|peer| peer.id);
        Ok(config)
    }

    /// This member's id.
    #[must_use]
    pub fn id(&self) -> u64 {
        id_of(&self.name)
    }

    /// The cluster's id as it is founded: over every member's name and endpoint. Kept in the data directory from then on.
    #[must_use]
    pub fn founding_cluster_id(&self) -> u64 {
        let mut parts: Vec<String> = self
            .members
            .iter()
            .map(|m| format!("{}={}", m.name, m.endpoint))
            .collect();
        parts.sort();
        id_of(&parts.join(","))
    }
}

/// Who a data directory belongs to; in `member.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    format: u32,
    cluster_id: u64,
    name: String,
    groups: u16,
}

/// A locked data directory. The lock goes with the value.
pub struct DataDir {
    /// Cluster the data belongs to.
    pub cluster_id: u64,
    _lock: File,
}

impl DataDir {
    /// Creates or opens the directory, locks it, and checks that it is this member's.
    pub fn open(config: &Config) -> Result<Self, PlaneError> {
        let dir = &config.data_dir;
        std::fs::create_dir_all(dir).map_err(|e| PlaneError::io(&format!("create {}", dir.display()), &e))?;
        let lock = lock(dir)?;
        let path = dir.join("member.json");
        let cluster_id = match std::fs::read(&path) {
            Ok(bytes) => check(config, &path, &bytes)?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                check_nothing_there(dir, &path)?;
                // There is nobody to ask what a single member may have lost.
                if config.members.len() > 1 {
                    mark::make(dir, config.groups)
                        .and_then(|()| rafterdb_fault::point("member.recovery.marked"))
                        .map_err(|e| PlaneError::io(&format!("mark {} as new", dir.display()), &e))?;
                }
                found(config, dir, &path)?
            }
            Err(e) => return Err(PlaneError::io(&format!("read {}", path.display()), &e)),
        };
        Ok(Self {
            cluster_id,
            _lock: lock,
        })
    }
}

fn lock(dir: &Path) -> Result<File, PlaneError> {
    let path = dir.join("LOCK");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|e| PlaneError::io(&format!("open {}", path.display()), &e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(PlaneError::new(
            Code::DataDirLocked,
            format!(
                "{}: open in another process or in this one; close it there, or use another dataDir",
                dir.display()
            ),
        )),
        Err(TryLockError::Error(e)) => Err(PlaneError::io(&format!("lock {}", path.display()), &e)),
    }
}

fn check(config: &Config, path: &Path, bytes: &[u8]) -> Result<u64, PlaneError> {
    #[derive(Deserialize)]
    struct Version {
        format: u32,
    }
    let damaged =
        |e: serde_json::Error| PlaneError::new(Code::StoreCorrupt, format!("{}: {e}. {WAY_OUT}", path.display()));
    let version: Version = serde_json::from_slice(bytes).map_err(damaged)?;
    if version.format > FORMAT {
        let text = format!(
            "{}: format {}, this version reads up to {FORMAT}; use a newer rafterdb",
            path.display(),
            version.format
        );
        return Err(PlaneError::new(Code::FormatNewer, text));
    }
    let identity: Identity = serde_json::from_slice(bytes).map_err(damaged)?;
    let mismatch =
        |what: String| PlaneError::new(Code::DataDirMismatch, format!("{}: {what}", config.data_dir.display()));
    if identity.name != config.name {
        return Err(mismatch(format!(
            "is of member {:?}, not {:?}; give each member its own dataDir",
            identity.name, config.name
        )));
    }
    if identity.cluster_id != config.founding_cluster_id() {
        return Err(mismatch(
            "belongs to a cluster with other members; use its members, or another dataDir".to_owned(),
        ));
    }
    if identity.groups != config.groups {
        return Err(mismatch(format!(
            "has {} groups, not {}",
            identity.groups, config.groups
        )));
    }
    Ok(identity.cluster_id)
}

/// The identity is written before anything else: data without it is someone's, and nobody knows whose.
fn check_nothing_there(dir: &Path, path: &Path) -> Result<(), PlaneError> {
    if !["log", "groups"].iter().any(|name| dir.join(name).exists()) {
        return Ok(());
    }
    let text = format!(
        "{}: the file is missing, but there is data beside it; put it back. {WAY_OUT}",
        path.display()
    );
    Err(PlaneError::new(Code::StoreCorrupt, text))
}

/// First start: writes the identity, whole or not at all.
fn found(config: &Config, dir: &Path, path: &Path) -> Result<u64, PlaneError> {
    let cluster_id = config.founding_cluster_id();
    let identity = Identity {
        format: FORMAT,
        cluster_id,
        name: config.name.clone(),
        groups: config.groups,
    };
    let text = serde_json::to_vec_pretty(&identity).map_err(|e| PlaneError::new(Code::Internal, e.to_string()))?;
    let new = dir.join("member.json.new");
    let write = || -> std::io::Result<()> {
        let mut file = File::create(&new)?;
        file.write_all(&text)?;
        file.sync_all()?;
        rafterdb_fault::point("member.identity")?;
        std::fs::rename(&new, path)?;
        rafterdb_fault::point("member.identified")?;
        sync_dir(dir)
    };
    write().map_err(|e| PlaneError::io(&format!("write {}", path.display()), &e))?;
    Ok(cluster_id)
}

/// Makes a directory's entries durable, where the system can.
pub fn sync_dir(dir: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    File::open(dir)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = dir;
    Ok(())
}

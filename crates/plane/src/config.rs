//! What a member is told when it opens. Whether its data directory agrees with that is asked in member/identity.rs.

use std::path::PathBuf;

use rafterdb_codec::Code;
use rafterdb_net::Token;
use serde::{Deserialize, Serialize};

use crate::ground::error::PlaneError;
use crate::system::affinity::CpuAffinity;

/// What a person can do about a data directory that lost something.
pub const WAY_OUT: &str =
    "Nothing was changed. If the other members are well, restore this one from them: move its data \
    directory away and start it again. Do so with fewer than half of the members at a time";

/// One member of the cluster.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Peer {
    /// Its number, below 2^53. Given as 0, or not at all, it is that of the name: who founds a cluster has that one.
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
    /// All members at the start, this one too unless it joins. Who is one later is in network/roster.rs.
    pub members: Vec<Peer>,
    /// Whether a directory that is new is that of a member which joins the cluster of `members`, and not of one that founds it.
    #[serde(default)]
    pub joining: bool,
    /// Identity of the cluster that it joins; 0: it was not told.
    #[serde(default)]
    pub cluster: u64,
    /// Whether it joins as a witness, without data. Of a directory that is there, that says it.
    #[serde(default)]
    pub witness: bool,
    /// This member's number: that of its name, until `be` says another one.
    #[serde(skip)]
    pub(crate) id: u64,
    /// Addresses to listen on, `host:port` or `unix:/path`; empty: nothing is opened.
    pub listen: Vec<String>,
    /// `always`, `interval` or `os`.
    pub durability: String,
    /// Milliseconds between syncs with `interval`.
    pub durability_interval: u64,
    /// Milliseconds without a leader before an election: as long as this member promises a leader not to vote. 0: it is not said.
    #[serde(default)]
    pub election_timeout: u64,
    /// Bytes of memory for the stores of all groups.
    pub memory: u64,
    /// Largest value, bytes.
    pub value_bytes_max: usize,
    /// Bytes that all clients' connections may hold together.
    #[serde(default = "connection_memory")]
    pub connection_memory: usize,
    /// Bytes of snapshots that go to other members in a second, all together; 0: as many as there are.
    #[serde(default)]
    pub snapshot_bytes_per_second: u64,
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

const fn connection_memory() -> usize {
    256 << 20
}

/// A 53-bit number for a name: the same on every machine, exact as a JavaScript number, never 0.
#[must_use]
pub fn id_of(text: &str) -> u64 {
    (rafterdb_hash::xxh3_64(text.as_bytes(), 0) & ((1 << 53) - 1)).max(1)
}

/// A number over the names of members, in whatever order.
#[must_use]
pub fn hash_of_names(mut names: Vec<String>) -> u64 {
    names.sort();
    id_of(&names.join("\0"))
}

impl Config {
    /// Parses the JSON that TypeScript hands over and derives the ids.
    pub fn parse(json: &str) -> Result<Self, PlaneError> {
        let mut config: Self =
            serde_json::from_str(json).map_err(|e| PlaneError::new(Code::InvalidArgument, format!("open: {e}")))?;
        for peer in config.members.iter_mut().filter(|peer| peer.id == 0) {
            peer.id = id_of(&peer.name);
        }
        config.members.sort_by_key(|peer| peer.id);
        config.id = id_of(&config.name);
        Ok(config)
    }

    /// This member's id.
    #[must_use]
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// Nobody's but a member of that name, of so many groups: whoever else is a member is not asked.
    pub fn be_alone(&mut self, name: &str, groups: u16) {
        name.clone_into(&mut self.name);
        self.groups = groups;
        self.members.clear();
        self.id = id_of(name);
    }

    /// This member has drawn that number. Whoever else has its name or its number among the members is none of the others.
    pub fn be(&mut self, id: u64) {
        self.id = id;
        self.members
            .retain(|member| member.name != self.name && member.id != id);
    }

    /// Whether there are members beside this one.
    #[must_use]
    pub fn has_others(&self) -> bool {
        self.members.iter().any(|member| member.name != self.name)
    }

    /// Names of all members at the start, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.members.iter().map(|member| member.name.clone()).collect();
        names.sort();
        names
    }

    /// A number over the names of all members at the start, not over their addresses, which may change.
    #[must_use]
    pub fn roster(&self) -> u64 {
        hash_of_names(self.names())
    }

    /// Whether a write is acknowledged before it is on disk, so that the end of the machine may take it away.
    #[must_use]
    pub fn is_weak(&self) -> bool {
        self.durability != "always"
    }
}

//! What a member says of its groups: their status. JSON for people and programs. Changes nothing.

use std::sync::atomic::Ordering;
use std::sync::Arc;

use rafterdb_codec::store::machine_state::FormerCluster;
use rafterdb_codec::Role;
use serde_json::json;

use crate::ground::member_log::MemberLog;
use crate::ground::rate_limit::RateLimited;
use crate::log::reader::LogReader;
use crate::network::roster::Roster;
use crate::network::{Network, Wire};
use crate::state::group::Group;
use crate::state::groups::{Groups, IDENTITY_GROUP};

/// Flat JSON of texts.
#[must_use]
pub fn json(fields: &[(&str, &str)]) -> String {
    let map: serde_json::Map<String, serde_json::Value> = fields
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).into()))
        .collect();
    serde_json::Value::Object(map).to_string()
}

/// What a member knows to say.
pub struct Status {
    /// Its name.
    pub name: String,
    /// Its number.
    pub id: u64,
    /// Whether it has no data.
    pub is_witness: bool,
    /// The members.
    pub roster: Arc<Roster>,
    /// How the log writes.
    pub log_mode: String,
    /// The log's files.
    pub log: Arc<LogReader>,
    /// The groups.
    pub groups: Arc<Groups>,
    /// The way to other members.
    pub network: Arc<Network>,
    /// What people are told.
    pub member_log: Arc<MemberLog>,
    /// Changes of leaders, of many groups.
    pub leaders: RateLimited,
}

impl Status {
    /// `MemberStatus` of src/client/api.ts.
    #[must_use]
    pub fn group_json(&self, group: &Group) -> String {
        let leader = group.leader.load(Ordering::Acquire);
        let machine = group.machine();
        let figures = machine.status();
        let engine = machine.engine().stats();
        let disk_bytes = engine.tables_disk_bytes + engine.history_disk_bytes + self.log.files.held_bytes(group.id);
        let members = self.roster.now();
        let me = members.find(self.id);
        let cluster = self.groups.cluster();
        let one = |former: &FormerCluster| json!({"cluster": format!("{:x}", former.cluster), "index": former.index});
        let former: Vec<_> = self
            .groups
            .get(IDENTITY_GROUP)
            .machine()
            .status()
            .former
            .iter()
            .map(one)
            .collect();
        // In this order, so that what is committed is in the log, whatever happens in between.
        let committed = group.commit.load(Ordering::Acquire);
        let last = group.last.load(Ordering::Acquire);
        json!({
            "name": self.name,
            "id": self.id,
            "endpoint": me.map_or("", |me| &me.peer.endpoint),
            "listen": self.network.get().map_or(&[][..], Wire::listening),
            "role": if self.is_witness { "witness" } else { role_name(group.role()) },
            "leader": members.find(leader).map(|member| &member.peer.name),
            "term": group.term.load(Ordering::Acquire),
            "lastIndex": last,
            "committed": committed,
            "applied": figures.mark.index,
            "revision": figures.mark.revision,
            "compactedRevision": figures.compacted,
            "crowdedRevision": machine.crowded_revision(),
            "stateHash": format!("{:016x}", figures.state_hash),
            "sessions": figures.sessions,
            "diskBytes": disk_bytes,
            "logMode": self.log_mode,
            "version": env!("CARGO_PKG_VERSION"),
            "peers": self.peers_json(&self.peer_stats()),
            "cluster": if cluster == 0 { String::new() } else { format!("{cluster:x}") },
            "formerClusters": former,
        })
        .to_string()
    }
}

/// Name of a role as `status` prints it.
const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Leader => "leader",
        Role::Candidate => "candidate",
        Role::Learner => "learner",
        Role::Follower => "follower",
    }
}

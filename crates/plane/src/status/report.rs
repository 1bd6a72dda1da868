//! What a member says of itself: status, members, counters. JSON for people and programs.

use std::sync::atomic::Ordering;

use rafterdb_net::{Level, Net};
use serde_json::json;

use crate::ground::log_line::line;
use crate::member::life::Member;
use crate::state::group::Group;

/// Flat JSON of texts.
#[must_use]
pub fn json(fields: &[(&str, &str)]) -> String {
    let map: serde_json::Map<String, serde_json::Value> = fields
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).into()))
        .collect();
    serde_json::Value::Object(map).to_string()
}

impl Member {
    /// `MemberStatus` of src/client/api.ts.
    #[must_use]
    pub fn status(&self, group: &Group) -> String {
        let leader = group.leader.load(Ordering::Acquire);
        let machine = group.machine();
        let figures = machine.status();
        let engine = machine.engine().stats();
        let disk_bytes = engine.tables_disk_bytes + engine.history_disk_bytes + self.log_reader.held_bytes(group.id);
        let me = self.config.members.iter().find(|m| m.id == self.config.id());
        let cluster = self.cluster();
        // In this order, so that what is committed is in the log, whatever happens in between.
        let committed = group.commit.load(Ordering::Acquire);
        let last = group.last.load(Ordering::Acquire);
        json!({
            "name": self.config.name,
            "id": self.config.id(),
            "endpoint": me.map_or("", |m| &m.endpoint),
            "listen": self.net().map_or(&[][..], Net::listening),
            "role": Self::role_name(group.role.load(Ordering::Acquire)),
            "leader": self.config.members.iter().find(|m| m.id == leader).map(|m| &m.name),
            "term": group.term.load(Ordering::Acquire),
            "lastIndex": last,
            "committed": committed,
            "applied": figures.mark.index,
            "revision": figures.mark.revision,
            "compactedRevision": figures.compacted,
            "crowdedRevision": machine.crowded_revision(),
            "stateHash": format!("{:016x}", figures.state_hash),
            "diskBytes": disk_bytes,
            "logMode": self.log_mode,
            "version": env!("CARGO_PKG_VERSION"),
            "peers": self.peers_json(&self.peer_stats()),
            "cluster": if cluster == 0 { String::new() } else { format!("{cluster:x}") },
        })
        .to_string()
    }

    /// The members and the leader, as FORMATS.md MEMBERS.
    #[must_use]
    pub fn members(&self, group: &Group) -> String {
        json!({
            "members": self.config.members,
            "leader": group.leader.load(Ordering::Acquire),
            "cluster": self.cluster(),
            "self": self.config.id(),
        })
        .to_string()
    }

    /// `MemberInfo` of src/native/binding.ts.
    #[must_use]
    pub fn info(&self, number: u32) -> String {
        json!({
            "member": number,
            "id": self.config.id(),
            "members": self.config.members,
            "promisedBefore": self.data_dir.promised_before,
            "logMode": self.log_mode,
            "notes": self.notes.iter().map(|note| line(Level::Info, note)).collect::<Vec<_>>(),
        })
        .to_string()
    }

    /// Counters since open, for benches and tools.
    #[must_use]
    pub fn counters_json(&self) -> String {
        let of = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        let tiers = self.pool.stats().tiers;
        let longest_apply = self
            .groups
            .iter()
            .map(|group| group.machine().longest_apply_micros())
            .max();
        json!({
            "exchanges": of(&self.counters.exchanges),
            "submissions": of(&self.counters.submissions),
            "drains": of(&self.counters.drains),
            "logBytes": of(&self.counters.log_bytes),
            "logWrites": of(&self.counters.log_writes),
            "longestApplyMicros": longest_apply.unwrap_or(0),
            "readSlices": of(&self.counters.read_slices),
            "poolHits": tiers.iter().map(|tier| tier.hits).sum::<u64>(),
            "poolMisses": tiers.iter().map(|tier| tier.misses).sum::<u64>(),
        })
        .to_string()
    }
}

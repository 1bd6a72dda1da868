//! What a member says of itself when it is opened, and what it counts. JSON for programs. Changes nothing.

use std::sync::atomic::Ordering;

use rafterdb_net::Level;
use serde_json::json;

use crate::ground::log_line::line;
use crate::member::life::Member;

impl Member {
    /// `MemberInfo` of src/native/binding.ts.
    #[must_use]
    pub fn info(&self, number: u32) -> String {
        json!({
            "member": number,
            "id": self.config.id(),
            "members": self.config.members,
            "promisedBefore": self.data_dir.promised_before,
            "logMode": self.exchange_parts.status.log_mode,
            "notes": self.opening_notes.iter().map(|note| line(Level::Info, note)).collect::<Vec<_>>(),
        })
        .to_string()
    }

    /// Counters since open, for benches and tools.
    #[must_use]
    pub fn counters_json(&self) -> String {
        let of = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        let tiers = self.shared.pool.stats().tiers;
        let longest_apply = self
            .groups
            .iter()
            .map(|group| group.machine().longest_apply_micros())
            .max();
        json!({
            "exchanges": of(&self.shared.counters.exchanges),
            "submissions": of(&self.shared.counters.submissions),
            "drains": of(&self.shared.counters.drains),
            "logBytes": of(&self.shared.counters.log_bytes),
            "logWrites": of(&self.shared.counters.log_writes),
            "longestApplyMicros": longest_apply.unwrap_or(0),
            "readSlices": of(&self.shared.counters.read_slices),
            "poolHits": tiers.iter().map(|tier| tier.hits).sum::<u64>(),
            "poolMisses": tiers.iter().map(|tier| tier.misses).sum::<u64>(),
        })
        .to_string()
    }
}

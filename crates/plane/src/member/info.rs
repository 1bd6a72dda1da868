//! What a member says of itself when it is opened, and what it counts. JSON for programs. Changes nothing.

use std::time::Duration;

use rafterdb_metrics::Samples;
use rafterdb_net::Level;
use rafterdb_store::LongestApply;
use serde_json::json;

use crate::ground::log_line::line;
use crate::member::life::Member;

impl Member {
    /// `MemberInfo` of src/native/binding.ts.
    #[must_use]
    pub fn info(&self, number: u32) -> String {
        let joins = self.data_dir.drawn().is_some();
        let voters = self.data_dir.first_voters(&self.config);
        let learners = Some(self.config.id()).filter(|id| !voters.contains(id));
        json!({
            "member": number,
            "id": self.config.id(),
            "cluster": match self.groups.cluster() {
                0 => self.data_dir.cluster_joined(),
                known => known,
            },
            "joining": joins,
            "witness": self.config.witness,
            "voters": voters,
            "learners": learners.into_iter().collect::<Vec<_>>(),
            "members": self.shared.roster.now().peers(),
            "promisedBefore": self.data_dir.promised_before,
            "logMode": self.exchange_parts.status.log_mode,
            "notes": self.opening_notes.iter().map(|note| line(Level::Info, note)).collect::<Vec<_>>(),
        })
        .to_string()
    }

    /// All metrics by name, and some of them by the short names that benches and tools read; see `counters` in src/client/api.ts.
    #[must_use]
    pub fn counters_json(&self) -> String {
        let counters = &self.shared.counters;
        let tiers = self.shared.pool.stats().tiers;
        let applies = || self.groups.iter().map(|group| group.machine().longest_apply());
        let longest = |time: fn(LongestApply) -> Duration| applies().map(time).max().unwrap_or_default().as_micros();
        let micros = |time| u64::try_from(longest(time)).unwrap_or(u64::MAX);
        let short = [
            ("exchanges", counters.exchanges.get()),
            ("submissions", counters.submissions.get()),
            ("drains", counters.drains.get()),
            ("logBytes", self.log_metrics.written_bytes.get()),
            ("logWrites", self.log_metrics.batches.get()),
            ("longestApplyMicros", micros(|longest| longest.wall)),
            ("longestApplyProcessorMicros", micros(|longest| longest.processor)),
            ("readSlices", counters.read_slices.get()),
            ("poolHits", tiers.iter().map(|tier| tier.hits).sum()),
            ("poolMisses", tiers.iter().map(|tier| tier.misses).sum()),
        ];
        let short = short.into_iter().map(|(name, value)| (name.to_owned(), json!(value)));
        let all = Samples::of(self).numbers().into_iter();
        let all = all.map(|(name, value)| (name, json!(value)));
        serde_json::Value::Object(short.chain(all).collect()).to_string()
    }
}

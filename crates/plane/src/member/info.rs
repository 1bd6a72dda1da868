//! What a member says of itself when it is opened, and what it counts. JSON for programs. Changes nothing.

use rafterdb_metrics::Samples;
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

    /// All metrics by name, and some of them by the short names that benches and tools read; see `counters` in src/client/api.ts.
    #[must_use]
    pub fn counters_json(&self) -> String {
        let counters = &self.shared.counters;
        let tiers = self.shared.pool.stats().tiers;
        let longest_apply = self
            .groups
            .iter()
            .map(|group| group.machine().longest_apply_micros())
            .max();
        let short = [
            ("exchanges", counters.exchanges.get()),
            ("submissions", counters.submissions.get()),
            ("drains", counters.drains.get()),
            ("logBytes", self.log_metrics.written_bytes.get()),
            ("logWrites", self.log_metrics.batches.get()),
            ("longestApplyMicros", longest_apply.unwrap_or(0)),
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

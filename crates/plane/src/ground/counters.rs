//! What the benches and `status` print of a member's work. Counts; knows nothing of what.

use rafterdb_metrics::{Counter, Histogram, Samples, Source};

/// Counters since open.
#[derive(Debug, Default)]
pub struct Counters {
    /// Calls of `exchange`.
    pub exchanges: Counter,
    /// Calls of `submit` by apps in this process.
    pub submissions: Counter,
    /// Calls of `drain` by apps in this process.
    pub drains: Counter,
    /// Slices of reads that were served.
    pub read_slices: Counter,
    /// Times that writes were held up in front of the log, as the store could not keep up.
    pub writes_held_up: Histogram,
}

impl Source for Counters {
    fn collect(&self, into: &mut Samples) {
        into.counter("rafterdb_exchanges_total", self.exchanges.get());
        into.counter("rafterdb_submissions_total", self.submissions.get());
        into.counter("rafterdb_drains_total", self.drains.get());
        into.counter("rafterdb_read_slices_total", self.read_slices.get());
        into.histogram("rafterdb_writes_held_up_duration_seconds", self.writes_held_up.values());
    }
}

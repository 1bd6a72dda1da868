//! What is counted and measured: counters, gauges and histograms, and the samples that are read of them. To count is one relaxed atomic
//! operation (a histogram: two), without a lock or an allocation; only reading allocates. Knows nothing of what is counted.
//!
//! Names are those of Prometheus: `rafterdb_wal_fsync_duration_seconds`, base units, counters end in `_total`.

#![forbid(unsafe_code)]

mod counter;
mod histogram;
mod samples;

pub use counter::{Counter, Gauge};
pub use histogram::{Histogram, HistogramValues, BUCKETS};
pub use samples::{is_name, Sample, Samples, Source, Value};

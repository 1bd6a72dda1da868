//! What a writer of the log counts, as metrics that others read while it writes. Knows nothing of how it is done.

use rafterdb_metrics::{Counter, Gauge, Histogram, Samples, Source};

/// What is measured of the log, since it was opened.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Batches written.
    pub batches: Counter,
    /// Bytes of those batches, padding included.
    pub written_bytes: Counter,
    /// Time of a write of a batch; where the log writes with O_DIRECT it is durable then.
    pub write_duration: Histogram,
    /// Time for which the writer waited until the disk had everything, where it has to ask for that.
    pub sync_duration: Histogram,
    /// Segments of the log now.
    pub segments: Gauge,
    /// Segment files that had to be made and filled with zeros.
    pub segments_filled: Gauge,
    /// Segment files kept to be written over when their entries were no longer needed.
    pub segments_recycled: Counter,
}

impl Source for Metrics {
    fn collect(&self, into: &mut Samples) {
        into.counter("rafterdb_wal_batches_total", self.batches.get());
        into.counter("rafterdb_wal_written_bytes_total", self.written_bytes.get());
        into.histogram("rafterdb_wal_write_duration_seconds", self.write_duration.values());
        into.histogram("rafterdb_wal_fsync_duration_seconds", self.sync_duration.values());
        into.gauge("rafterdb_wal_segments", self.segments.get().unsigned_abs());
        into.counter(
            "rafterdb_wal_segments_filled_total",
            self.segments_filled.get().unsigned_abs(),
        );
        into.counter("rafterdb_wal_segments_recycled_total", self.segments_recycled.get());
    }
}

impl Metrics {
    pub(crate) fn count_batch(&self, bytes: u64) {
        self.batches.increment();
        self.written_bytes.add(bytes);
    }

    pub(crate) fn count_segments(&self, segments: usize, filled: u64) {
        self.segments.set(i64::try_from(segments).unwrap_or(i64::MAX));
        self.segments_filled.set(i64::try_from(filled).unwrap_or(i64::MAX));
    }
}

//! What a writer of the log counts, for benches and `status`. Knows nothing of how it is done.

/// What the writer has done since the log was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Batches written.
    pub batches: u64,
    /// Bytes of those batches, padding included.
    pub bytes: u64,
    /// Times that the writer waited for the disk to have everything.
    pub syncs: u64,
    /// Segments of the log now.
    pub segments: u64,
    /// Segment files that had to be made and filled with zeros.
    pub segments_filled: u64,
    /// Segment files kept to be written over when their entries were no longer needed.
    pub segments_recycled: u64,
}

//! What the benches and `status` print of a member's work. Counts; knows nothing of what.

use std::sync::atomic::AtomicU64;

/// Counters since open.
#[derive(Debug, Default)]
pub struct Counters {
    /// Calls of `exchange`.
    pub exchanges: AtomicU64,
    /// Calls of `submit` by apps in this process.
    pub submissions: AtomicU64,
    /// Calls of `drain` by apps in this process.
    pub drains: AtomicU64,
    /// Slices of reads that were served.
    pub read_slices: AtomicU64,
    /// Bytes written to the log.
    pub log_bytes: AtomicU64,
    /// Durable writes of the log.
    pub log_writes: AtomicU64,
}

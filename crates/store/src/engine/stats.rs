//! What an engine tells about itself: sizes in bytes, counts since it was opened.

use std::sync::atomic::Ordering;

use super::row_cache::CacheCounts;
use super::shared::Shared;

/// Figures of one engine.
#[derive(Clone, Copy, Debug, Default)]
pub struct EngineStats {
    /// Memory of memtables: the one being written, the one being flushed or kept for reading, and spare chunks.
    pub memtable_bytes: u64,
    /// Memory of the row cache.
    pub row_cache_bytes: u64,
    /// Memory of the block cache, which engines may share.
    pub block_cache_bytes: u64,
    /// Memory of history's buffer and indexes.
    pub history_memory_bytes: u64,
    /// Memory that tables hold beside the block cache.
    pub pinned_bytes: u64,
    /// Tables on disk.
    pub tables_disk_bytes: u64,
    /// Number of tables.
    pub tables: u64,
    /// History on disk, with what is still in its buffer.
    pub history_disk_bytes: u64,
    /// Bytes of tables written, by flushes and compactions.
    pub tables_written_bytes: u64,
    /// Bytes of history written, by changes and compactions.
    pub history_written_bytes: u64,
    /// Single changes looked up in history: steps from a version to an earlier one.
    pub history_lookups: u64,
    /// Look-ups in the row cache.
    pub row_cache: CacheCounts,
    /// Bytes of records that compactions of history read.
    pub history_compaction_read_bytes: u64,
    /// Flushes finished.
    pub flushes: u64,
    /// Whether a flush is under way.
    pub flushing: bool,
    /// Whether tables or history are being compacted, or wait for it.
    pub compacting: bool,
    /// History on disk is compacted up to here.
    pub history_floor: u64,
}

impl EngineStats {
    pub(super) fn of(shared: &Shared) -> Self {
        let view = shared.view.load();
        let sealed = view.sealed.as_ref().map_or(0, |sealed| sealed.memtable.bytes());
        let mut stats = Self {
            memtable_bytes: (view.active.bytes() + sealed + shared.pool.bytes()) as u64,
            row_cache_bytes: shared.cache.bytes(),
            block_cache_bytes: shared.tables.block_cache_bytes(),
            history_memory_bytes: shared.history.memory_bytes(),
            pinned_bytes: shared.tables.pinned_bytes(),
            tables_disk_bytes: shared.tables.disk_bytes(),
            tables: shared.tables.table_count() as u64,
            history_disk_bytes: shared.history.disk_bytes(),
            tables_written_bytes: shared.tables.written_bytes(),
            history_written_bytes: shared.history.written_bytes(),
            history_lookups: shared.history.lookups(),
            history_compaction_read_bytes: shared.history.compaction_read_bytes(),
            row_cache: shared.cache.counts(),
            history_floor: shared.history.floor(),
            ..Self::default()
        };
        let work = shared.work.lock();
        stats.flushes = work.flushes;
        stats.flushing = work.flushing;
        stats.compacting =
            (work.compact_tables || work.compact_history || work.compacting_tables || work.compacting_history)
                && !shared.limits.stopping.load(Ordering::Relaxed);
        stats
    }
}

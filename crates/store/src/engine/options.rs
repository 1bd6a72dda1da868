//! How much memory an engine may take, and what it makes of it: the one place where sizes are derived.

use std::sync::Arc;

use lsm_tree::{Cache, DescriptorTable};

const MIB: u64 = 1 << 20;

/// Rows that are overwritten fill no memtable, but the log is to be replayed from the last flush, and history to be synced: so a
/// flush comes at the latest after so many memtables' bytes of rows, and after so many bytes if a memtable is smaller.
const UNFLUSHED_MEMTABLES: u64 = 4;
const UNFLUSHED_BYTES_MAX: u64 = 256 * MIB;

/// While a memtable is flushed, the next one may grow to so many times its size before the writer waits.
pub(super) const MEMTABLE_GROWTH: f64 = 1.25;

/// Smallest budget of an engine: below it a memtable would not hold a full batch.
pub const MEMORY_BYTES_MIN: u64 = 16 * MIB;

/// Open table files, of all engines that share a cache.
const TABLE_FILES_OPEN_MAX: usize = 256;

/// Blocks of tables, and their open files, that several engines of one node share.
#[derive(Clone)]
pub struct SharedCache {
    pub(super) blocks: Arc<Cache>,
    pub(super) files: Arc<DescriptorTable>,
}

impl SharedCache {
    /// A cache of `bytes` bytes of table blocks: data, indexes and bloom filters.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        Self {
            blocks: Arc::new(Cache::with_capacity_bytes(bytes)),
            files: Arc::new(DescriptorTable::new(TABLE_FILES_OPEN_MAX)),
        }
    }
}

impl std::fmt::Debug for SharedCache {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("SharedCache")
            .field("bytes", &self.blocks.capacity())
            .finish()
    }
}

/// How an engine is opened.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Bytes of memory for everything: memtables, caches, buffers. At least [`MEMORY_BYTES_MIN`] is taken.
    pub memory_bytes: u64,
    /// The block cache to share; without one the engine makes its own, out of `memory_bytes`.
    pub cache: Option<SharedCache>,
    /// Bytes after which a new history segment is begun; derived from the memory if `None`.
    pub history_segment_bytes: Option<u64>,
    /// Bytes of a memtable; derived from the memory if `None`.
    pub memtable_bytes: Option<u64>,
    /// Dead rows in a row that a scan passes one by one before it notes where they lie; at least one, and
    /// [`usize::MAX`] never. For tests.
    pub dead_rows: usize,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            memory_bytes: 256 * MIB,
            cache: None,
            history_segment_bytes: None,
            memtable_bytes: None,
            dead_rows: 24,
        }
    }
}

/// What the memory goes to. Two memtables exist at a time, one filling and one being flushed or kept for reading: two fifths. A quarter is
/// left for what is not counted: the flush's and the compaction's buffers, the allocator's slack, and a memtable that grows beyond its
/// size, which it seldom does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    /// Of a memtable that is to be flushed.
    pub(super) memtable_bytes: u64,
    /// Bytes of rows that may be written between two flushes.
    pub(super) unflushed_bytes: u64,
    pub(super) row_cache_bytes: u64,
    pub(super) block_cache_bytes: u64,
    pub(super) table_bytes: u64,
    pub(super) history_segment_bytes: u64,
    pub(super) history_buffer_bytes: usize,
}

impl Budget {
    pub(super) fn of(options: &EngineOptions) -> Self {
        let memory = options.memory_bytes.max(MEMORY_BYTES_MIN);
        let memtable_bytes = options.memtable_bytes.unwrap_or((memory / 5).max(3 * MIB));
        Self {
            memtable_bytes,
            unflushed_bytes: (memtable_bytes * UNFLUSHED_MEMTABLES)
                .min(UNFLUSHED_BYTES_MAX)
                .max(memtable_bytes),
            row_cache_bytes: memory / 4,
            block_cache_bytes: memory / 10,
            table_bytes: memtable_bytes.clamp(4 * MIB, 64 * MIB),
            history_segment_bytes: options
                .history_segment_bytes
                .unwrap_or((memory / 8).clamp(4 * MIB, 64 * MIB)),
            history_buffer_bytes: (memory / 512).clamp(16 << 10, 128 << 10) as usize,
        }
    }
}

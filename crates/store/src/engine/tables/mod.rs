//! The sorted tables on disk: crate `lsm-tree` behind an interface of ours, which is all that the engine sees of it.
//! Rows come in by bulk ingestion, one flush at a time; the library's own memtable and sequence numbers are not used.
//!
//! ```text
//! 00 [name]           of the last flush: see persisted_state.rs
//! 01 [key]            the key's latest row, packed; keys at the library's limit lie in bundles
//! 02                  a gap: zeros that fill the last block of rows
//! 02 [key]            the value of that row, if it lies apart: see values.rs
//! ```
//! A flush is durable when `ingest` returns: the library syncs each table and its directory as it finishes it, then
//! writes the new manifest, syncs it and the directory, and renames `current` over, with a sync before and after
//! (read in version 3.1.10: table/writer finish, version/persist).

mod bundle;
mod errors;
mod ingestion;
mod leftovers;
mod limits;
mod manifest;
mod range;
mod tombstones;
mod values;
mod version;

use std::fs::File;
use std::ops::{Bound, RangeBounds};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use lsm_tree::compaction::Leveled;
use lsm_tree::config::{CompressionPolicy, PinningPolicy};
use lsm_tree::{AbstractTree, AnyTree, CompressionType, SequenceNumberCounter, Slice};
use parking_lot::Mutex;
use rafterdb_codec::store::stored_keys::{find_in_bundle, prefixed, split_stem, with_prefix, LATEST, META, VALUES};

use super::failure::corrupt;
use super::files::write_back;
use super::options::{Budget, SharedCache};
use super::range_tombstones::RangeTombstone;
use crate::StoreError;

use errors::{failure, is_damage, is_interruption};
use leftovers::Leftovers;
use manifest::verify_manifest;
use tombstones::TombstoneFilters;
use version::Versions;

pub(super) use ingestion::{Added, Ingestion};
pub(super) use limits::Limits;
pub(super) use range::{TableRange, TableRow};
pub(super) use values::{lies_apart, RowsAndValues, StoredValue};

/// L0 runs above which a flush waits for compaction: reads look into each, and the manifest counts them in a byte.
pub(super) const L0_RUNS_MAX: usize = 12;

pub(super) struct Tables {
    tree: AnyTree,
    /// What readers look at.
    versions: Versions,
    path: PathBuf,
    sequence: SequenceNumberCounter,
    strategy: Arc<Leveled>,
    table_bytes: u64,
    /// Held while rows come in, and while whole tables are dropped.
    changing: Mutex<()>,
    limits: Arc<Limits>,
    /// Bytes of tables written since the start; the next table to be counted.
    written: AtomicU64,
    counted_below: AtomicU64,
    leftovers: Leftovers,
}

impl Tables {
    /// Makes the directory `path`, without tables.
    pub(super) fn create(path: &Path, budget: &Budget, cache: &SharedCache) -> Result<Self, StoreError> {
        Self::open_unverified(path, budget, cache, Arc::new(Limits::default()))
    }

    /// Opens the tables in `path`.
    pub(super) fn open(
        path: &Path,
        budget: &Budget,
        cache: &SharedCache,
        limits: Arc<Limits>,
    ) -> Result<Self, StoreError> {
        verify_manifest(path)?;
        Self::open_unverified(path, budget, cache, limits)
    }

    fn open_unverified(
        path: &Path,
        budget: &Budget,
        cache: &SharedCache,
        limits: Arc<Limits>,
    ) -> Result<Self, StoreError> {
        let sequence = SequenceNumberCounter::default();
        let tree = lsm_tree::Config::new(path, sequence.clone(), SequenceNumberCounter::default())
            .use_cache(Arc::clone(&cache.blocks))
            .use_descriptor_table(Some(Arc::clone(&cache.files)))
            .data_block_compression_policy(CompressionPolicy::all(CompressionType::Lz4))
            // Indexes and filters live in the block cache like data, so that the budget covers them, and in small pieces,
            // so that one that is missing costs what a block costs: whole ones made a get of a million keys 8 µs.
            .index_block_partitioning_policy(PinningPolicy::all(true))
            .filter_block_partitioning_policy(PinningPolicy::all(true))
            .index_block_pinning_policy(PinningPolicy::all(false))
            .filter_block_pinning_policy(PinningPolicy::all(false))
            .with_compaction_filter_factory(Some(Arc::new(TombstoneFilters(Arc::clone(&limits)))))
            .open()
            .map_err(|error| failure(&error, "opening", path))?;
        sequence.set(tree.get_highest_persisted_seqno().map_or(0, |highest| highest + 1));
        let tables = Self {
            path: path.to_path_buf(),
            sequence,
            strategy: Arc::new(Leveled::default().with_table_target_size(budget.table_bytes)),
            table_bytes: budget.table_bytes,
            changing: Mutex::new(()),
            limits,
            written: AtomicU64::new(0),
            counted_below: AtomicU64::new(tree.next_table_id()),
            leftovers: Leftovers::default(),
            versions: Versions::of(&tree),
            tree,
        };
        Ok(tables)
    }

    /// The packed row of `key`.
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Slice>, StoreError> {
        if let Some((stem, rest)) = split_stem(key) {
            let bundle = self.get_stored(stem)?;
            return Ok(bundle.and_then(|bundle| find_in_bundle(&bundle, rest).map(Slice::from)));
        }
        self.get_stored(key)
    }

    fn get_stored(&self, key: &[u8]) -> Result<Option<Slice>, StoreError> {
        with_prefix(LATEST, key, |prefixed| {
            self.limits.patiently(|| {
                let found = self.versions.now().get(prefixed);
                found.map_err(|error| self.read_failure(&error))
            })
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The value of a meta row.
    pub(super) fn meta(&self, name: &[u8]) -> Result<Option<Slice>, StoreError> {
        let found = self.versions.now().get(&prefixed(META, name));
        found.map_err(|error| self.read_failure(&error))
    }

    /// Sends what the library has written of its newest table on its way to the disk, in small pieces. `sent`: that table's
    /// number and how many of its bytes have been sent.
    fn write_back_newest(&self, sent: &mut (u64, u64)) {
        let tables = std::fs::read_dir(self.path.join("tables")).into_iter().flatten();
        let number = |name: std::ffi::OsString| name.to_str().and_then(|name| name.parse::<u64>().ok());
        let Some(newest) = tables.flatten().filter_map(|table| number(table.file_name())).max() else {
            return;
        };
        let file = File::open(self.path.join("tables").join(newest.to_string()));
        let Ok((file, end)) = file.and_then(|file| file.metadata().map(|metadata| (file, metadata.len()))) else {
            return;
        };
        let from = if sent.0 == newest { sent.1 } else { 0 };
        write_back(&file, from, end);
        *sent = (newest, end);
    }

    /// Does one step of compaction. Whether there was something to do.
    pub(super) fn compact(&self) -> Result<bool, StoreError> {
        // Readers hold the version they look at, so everything but the newest row of a key may go.
        let compacted = self.leftovers.attempt(&self.tree, &self.path, || {
            self.tree.compact(self.strategy.clone(), self.sequence.get())
        });
        let has_changed = self.take_over();
        if self.limits.stopping.load(Ordering::Relaxed) {
            return Ok(false);
        }
        compacted.map_err(|error| self.read_failure(&error))?;
        Ok(has_changed)
    }

    /// Drops the tables that hold nothing but rows which a deleted range killed, and which no reader needs.
    pub(super) fn drop_stretches(&self, deleted: &RangeTombstone) -> Result<(), StoreError> {
        // Until it is released no rows come in: whatever is in the tables was noted as written before.
        let _nothing_comes = self.changing.lock();
        for (start, end) in self.limits.ranges.load_full().dead_stretches(deleted) {
            let is_bundled = |key: &[u8]| split_stem(key).is_some();
            if is_bundled(&start) || end.as_deref().is_some_and(is_bundled) {
                continue;
            }
            for family in [LATEST, VALUES] {
                self.drop_stretch(family, &start, end.as_deref())?;
            }
        }
        Ok(())
    }

    /// Drops the tables that hold nothing but what a family has of a stretch of keys.
    fn drop_stretch(&self, family: u8, start: &[u8], end: Option<&[u8]>) -> Result<(), StoreError> {
        let low = Bound::Included(prefixed(family, start));
        let high = Bound::Excluded(end.map_or_else(|| vec![family + 1], |end| prefixed(family, end)));
        // The library writes a manifest even when it drops nothing.
        let holds = |table: &lsm_tree::Table| {
            let range = &table.metadata.key_range;
            let stretch = (low.as_ref(), high.as_ref());
            stretch.contains(&range.min().to_vec()) && stretch.contains(&range.max().to_vec())
        };
        if self.limits.stopping.load(Ordering::Relaxed) || !self.versions.now().tables().any(holds) {
            return Ok(());
        }
        let dropped = self.tree.drop_range::<Vec<u8>, _>((low, high));
        self.take_over();
        dropped.map_err(|error| self.read_failure(&error))
    }

    /// Writes all tables anew, without what the filter lets go. `false` if that was given up, as the engine stops or a flush waits.
    pub(super) fn rewrite(&self) -> Result<bool, StoreError> {
        self.limits.rewriting.store(true, Ordering::Relaxed);
        let rewritten = self.leftovers.attempt(&self.tree, &self.path, || {
            self.tree.major_compact(self.table_bytes, self.sequence.get())
        });
        self.limits.rewriting.store(false, Ordering::Relaxed);
        self.take_over();
        match rewritten {
            Err(error) if is_interruption(&error) => Ok(false),
            rewritten => rewritten.map(|()| true).map_err(|error| self.read_failure(&error)),
        }
    }

    /// Removes the files that only readers needed, and they no longer. Whether there are such that are still read.
    pub(super) fn let_go(&self) -> bool {
        self.versions.let_go()
    }

    /// Whether flushes should wait for compaction.
    pub(super) fn is_behind(&self) -> bool {
        self.level_0_runs() > L0_RUNS_MAX
    }

    /// Runs that flushes have made and no compaction has taken yet.
    pub(super) fn level_0_runs(&self) -> usize {
        self.versions.now().level_0_runs()
    }

    pub(super) fn disk_bytes(&self) -> u64 {
        let version = self.versions.now();
        version.tables().map(|table| table.metadata.file_size).sum()
    }

    pub(super) fn block_cache_bytes(&self) -> u64 {
        self.tree.tree_config().cache.size()
    }

    pub(super) fn table_count(&self) -> usize {
        self.versions.now().tables().count()
    }

    /// Memory held for tables beside the block cache.
    pub(super) fn pinned_bytes(&self) -> u64 {
        let version = self.versions.now();
        let pinned = |table: &lsm_tree::Table| table.pinned_filter_size() + table.pinned_block_index_size();
        version.tables().map(pinned).sum::<usize>() as u64
    }

    pub(super) fn written_bytes(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Has readers look at the tables as they are now; whether they have changed. After every attempt to change them: one that failed
    /// may have come so far.
    fn take_over(&self) -> bool {
        let has_changed = self.versions.take_over(&self.tree);
        let counted_below = self.counted_below.load(Ordering::Relaxed);
        let mut next = counted_below;
        for table in self.versions.now().tables().filter(|table| table.id() >= counted_below) {
            self.written.fetch_add(table.metadata.file_size, Ordering::Relaxed);
            next = next.max(table.id() + 1);
        }
        self.counted_below.fetch_max(next, Ordering::Relaxed);
        has_changed
    }

    /// A failed read: if it is damage, the tables are searched for it, so that the error can name the file.
    fn read_failure(&self, error: &lsm_tree::Error) -> StoreError {
        if !is_damage(error) {
            return failure(error, "reading tables in", &self.path);
        }
        let version = self.versions.hold();
        let damaged = version.tables().find(|table| {
            table
                .scan()
                .and_then(|mut rows| rows.try_for_each(|row| row.map(drop)))
                .is_err()
        });
        let path = damaged.map_or(&*self.path, |table| table.path.as_path());
        corrupt(path, None, &format!("a table is damaged ({error})"))
    }
}

//! What the engine's writer, readers and threads share, and the two questions that all of them ask: what is the newest
//! row of a key, and what was it at a revision.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicU8, AtomicUsize, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use parking_lot::{Condvar, Mutex};
use rafterdb_codec::store::record::Record;
use rafterdb_codec::store::row::unpack;
use rafterdb_codec::Code;

use super::arena::ChunkPool;
use super::dead_stretches::DeadStretches;
use super::deletions::Deletions;
use super::failure::{corrupt, poisoned};
use super::history::{Compaction, History, Position};
use super::last_row::LastRow;
use super::late_state::LateState;
use super::memtable::{Memtable, Reading};
use super::options::Budget;
use super::range_tombstones::RangeTombstones;
use super::row_cache::RowCache;
use super::skips::towards;
use super::tables::{Limits, RowsAndValues, Tables};
use super::{Mark, RowRef};
use crate::waits::timed;
use crate::{StoreError, Wait};

/// A memtable that takes no more writes.
#[derive(Clone)]
pub(super) struct Sealed {
    pub(super) memtable: Arc<Memtable>,
    /// The tables have its rows too; it is kept because memory answers faster.
    pub(super) flushed: bool,
}

/// The memtables that readers look at before the tables.
#[derive(Clone)]
pub(super) struct View {
    pub(super) active: Arc<Memtable>,
    pub(super) sealed: Option<Sealed>,
}

impl View {
    /// The memtable that is being flushed, or waits for that.
    pub(super) fn being_flushed(&self) -> Option<&Memtable> {
        let sealed = self.sealed.as_ref().filter(|sealed| !sealed.flushed)?;
        Some(&sealed.memtable)
    }

    /// How full the active memtable is, of what it may have when it is to be flushed: its memory, or all rows that it ever had.
    pub(super) fn fill(&self, budget: &Budget) -> f64 {
        let memory = self.active.bytes() as f64 / budget.memtable_bytes as f64;
        memory.max(self.active.written() as f64 / budget.unflushed_bytes as f64)
    }

    /// Newest first.
    pub(super) fn memtables(&self) -> impl Iterator<Item = &Arc<Memtable>> {
        std::iter::once(&self.active).chain(self.sealed.as_ref().map(|sealed| &sealed.memtable))
    }
}

/// What a flush makes persistent beside rows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Persisted {
    pub(super) mark: Mark,
    pub(super) compacted: u64,
    /// Where history ends at the mark.
    pub(super) end: Position,
}

/// A memtable on its way into the tables.
pub(super) struct Flush {
    pub(super) memtable: Arc<Memtable>,
    pub(super) persists: Persisted,
    /// The deleted ranges at the mark.
    pub(super) ranges: Arc<RangeTombstones>,
    pub(super) state: LateState,
    /// A snapshot that waits for the tables as this flush leaves them.
    pub(super) snapshot: Option<SyncSender<RowsAndValues>>,
    /// What readers looked at until then, to be let go: the memory of a memtable takes its time.
    pub(super) before: Option<Arc<View>>,
}

/// What the threads have to do.
#[derive(Default)]
pub(super) struct Work {
    pub(super) flush: Option<Flush>,
    pub(super) flushing: bool,
    pub(super) persisted: Persisted,
    pub(super) flushes: u64,
    /// The active memtable has long runs of keys to be merged.
    pub(super) merge_keys: bool,
    /// Keys were deleted one by one: dead stretches are to be found there.
    pub(super) find_dead: bool,
    pub(super) compact_tables: bool,
    pub(super) compacting_tables: bool,
    pub(super) compact_history: bool,
    pub(super) compacting_history: bool,
}

/// Called with the mark of each flush that has finished.
pub(super) type OnPersisted = Arc<dyn Fn(Mark) + Send + Sync>;
/// Called with the failure that ends all writes.
pub(super) type OnFailed = Box<dyn Fn(&StoreError) + Send + Sync>;

pub(super) struct Shared {
    pub(super) directory: PathBuf,
    /// Another store is in place of this one.
    pub(super) retired: AtomicBool,
    pub(super) budget: Budget,
    pub(super) pool: Arc<ChunkPool>,
    pub(super) view: ArcSwap<View>,
    pub(super) cache: RowCache,
    /// Taken by the writer, for whom alone it is.
    pub(super) last_row: Mutex<LastRow>,
    pub(super) tables: Tables,
    pub(super) history: History,
    pub(super) limits: Arc<Limits>,
    pub(super) dead_stretches: DeadStretches,
    pub(super) deletions: Deletions,
    /// Dead rows that a scan passes one by one before it looks for a way around the next ones: a seek costs about as much as they do.
    /// Before the first row as many dead stretches are passed, which costs less than one row in each.
    pub(super) dead_rows: usize,
    /// The compacted revision that callers see. History on disk follows when a flush has made it persistent: so the
    /// engine always opens with just what was compacted at its mark, and the log's replay meets the same answers.
    pub(super) compacted: AtomicU64,
    /// There may be values that lie apart, or are to.
    pub(super) has_values: AtomicBool,
    /// A flush would let a compaction free much.
    pub(super) flush_wanted: AtomicBool,
    /// Rows of the memtable that is being flushed which are on their way to disk.
    pub(super) flushed_rows: AtomicUsize,
    pub(super) work: Mutex<Work>,
    /// Notified when anything in `work` changes.
    pub(super) changed: Condvar,
    pub(super) on_persisted: Mutex<Option<OnPersisted>>,
    pub(super) on_failed: Mutex<Option<OnFailed>>,
    /// Compacted revisions of the snapshots that are being read, with their number.
    pub(super) pins: Mutex<BTreeMap<u64, usize>>,
    pub(super) failed: OnceLock<StoreError>,
    /// What waits for room on the disk, or for file descriptors, a bit each; see [`Wanting`].
    pub(super) wanting: AtomicU8,
    pub(super) seed: u64,
}

/// What may wait for room on the disk, or for file descriptors, and go on by itself when there is some: nothing is lost meanwhile,
/// as memory has it, and the log.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wanting {
    History = 1,
    Flush = 2,
    Tables = 4,
    Compaction = 8,
}

/// What becomes of a key that the writer looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It lives on: the cache takes its row, and has the one that takes its place once that is in the tables.
    Lives,
    /// It is deleted: nobody looks for a row of it soon, and the cache has better ones to keep.
    Dies,
}

impl Drop for Shared {
    fn drop(&mut self) {
        if *self.retired.get_mut() {
            // What cannot be removed now, as where open files stay, is removed by the next open.
            let _ = std::fs::remove_dir_all(&self.directory);
        }
    }
}

impl Shared {
    pub(super) fn hash(&self, key: &[u8]) -> u64 {
        rafterdb_hash::xxh3_64(key, self.seed)
    }

    /// Whether writes may go on.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        match self.failed.get() {
            None => Ok(()),
            Some(cause) if cause.code == Code::Closed => Err(cause.clone()),
            Some(cause) => Err(poisoned(cause)),
        }
    }

    /// Ends all writes. Returns the error for the one that met it.
    pub(super) fn poison(&self, cause: StoreError) -> StoreError {
        {
            // Told before it shows: a writer that meets it reports that there was a failure, not which.
            let on_failed = self.on_failed.lock();
            if let Some(callback) = on_failed.as_ref().filter(|_| self.failed.get().is_none()) {
                callback(&cause);
            }
            let _ = self.failed.set(cause.clone());
        }
        // Under the lock, so that nobody goes to sleep between looking and the notice.
        drop(self.work.lock());
        self.changed.notify_all();
        cause
    }

    /// Notes that something waits for room, or no longer does.
    pub(super) fn set_wanting(&self, what: Wanting, is_wanting: bool) {
        let bit = what as u8;
        if is_wanting {
            self.wanting.fetch_or(bit, Ordering::Relaxed);
        } else if self.wanting.load(Ordering::Relaxed) & bit != 0 {
            self.wanting.fetch_and(!bit, Ordering::Relaxed);
        }
    }

    /// Whether `what` waits for room.
    pub(super) fn is_wanting(&self, what: Wanting) -> bool {
        self.wanting.load(Ordering::Relaxed) & what as u8 != 0
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.limits.stopping.load(Ordering::Relaxed)
    }

    /// Calls `look` with the newest row of `key`, packed.
    pub(super) fn newest<T>(&self, key: &[u8], look: impl FnOnce(&[u8]) -> T) -> Result<Option<T>, StoreError> {
        let hash = self.hash(key);
        let view = self.view.load();
        for memtable in view.memtables() {
            if let Some(row) = Reading::new(&**memtable).get(hash, key) {
                return Ok(Some(look(row)));
            }
        }
        self.newest_in_tables(key, look)
    }

    /// The same for the one writer, for whom no memtable changes meanwhile.
    pub(super) fn newest_of_writer<T>(
        &self,
        key: &[u8],
        next: Next,
        look: impl FnOnce(&[u8]) -> T,
    ) -> Result<Option<T>, StoreError> {
        let hash = self.hash(key);
        let view = self.view.load();
        for memtable in view.memtables() {
            if let Some(row) = memtable.write().get(hash, key) {
                return Ok(Some(look(row)));
            }
        }
        // Not held while somebody looks.
        let mut last = std::mem::take(&mut *self.last_row.lock());
        if last.of(key).is_none() && !self.look_up(key, next, &mut last)? {
            return Ok(None);
        }
        let seen = last.of(key).map(look);
        *self.last_row.lock() = last;
        Ok(seen)
    }

    /// Looks the row of `key` up in the tables, or in the cache. Whether there is one.
    fn look_up(&self, key: &[u8], next: Next, into: &mut LastRow) -> Result<bool, StoreError> {
        if let Some(row) = self.cache.get(key) {
            into.set(key, &row);
            return Ok(true);
        }
        let read_at = self.cache.generation();
        let Some(row) = timed(Wait::Tables, || self.tables.get(key))? else {
            return Ok(false);
        };
        into.set(key, &row);
        if next == Next::Lives {
            self.cache.add(key, &row, read_at);
        }
        Ok(true)
    }

    /// Calls `look` with the row of `key` of the tables, packed, or the same one of the cache.
    fn newest_in_tables<T>(&self, key: &[u8], look: impl FnOnce(&[u8]) -> T) -> Result<Option<T>, StoreError> {
        if let Some(row) = self.cache.get(key) {
            return Ok(Some(look(&row)));
        }
        let read_at = self.cache.generation();
        let Some(row) = timed(Wait::Tables, || self.tables.get(key))? else {
            return Ok(None);
        };
        self.cache.add(key, &row, read_at);
        Ok(Some(look(&row)))
    }

    /// The row that `key` had at revision `at`, given its newest row; `None` if it had none. A tombstone is a row. One of an earlier
    /// version is put into `earlier`.
    pub(super) fn row_at<'a>(
        &self,
        key: &[u8],
        newest: &'a [u8],
        at: u64,
        earlier: &'a mut Vec<u8>,
    ) -> Result<Option<RowRef<'a>>, StoreError> {
        self.row_of(key, self.parse(newest)?, at, earlier)
    }

    /// The same, given the newest row as it is read.
    pub(super) fn row_of<'a>(
        &self,
        key: &[u8],
        newest: RowRef<'a>,
        at: u64,
        earlier: &'a mut Vec<u8>,
    ) -> Result<Option<RowRef<'a>>, StoreError> {
        if newest.modified <= at {
            return Ok(Some(newest));
        }
        let Some(found) = self.follow(key, &newest, at)? else {
            return Ok(None);
        };
        *earlier = found;
        self.parse(earlier).map(Some)
    }

    /// Goes back through history from the version `newest`, which is above `at`, to the newest one that is not.
    fn follow(&self, key: &[u8], newest: &RowRef<'_>, at: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let (mut modified, mut next) = (newest.modified, towards(newest, at));
        while next != 0 {
            let packed = self.earlier_row(key, modified, next, at)?;
            let row = self.parse(&packed)?;
            if row.modified <= at {
                return Ok(Some(packed));
            }
            (modified, next) = (row.modified, towards(&row, at));
        }
        Ok(None)
    }

    /// The row at revision `previous` that the change of `key` at `modified` replaced, a tombstone too. Empty if the change is of the
    /// floor and was compacted before such changes were kept.
    pub(super) fn replaced(&self, key: &[u8], modified: u64, previous: u64) -> Result<Vec<u8>, StoreError> {
        loop {
            if self.history.floor() == modified {
                let found = self.history.find_at_floor(modified, key)?;
                let Some(found) = found.filter(|found| !found.before.is_empty()) else {
                    return Ok(Vec::new());
                };
                if let Some(whole) = self.with_value(key, modified, found.before)? {
                    return Ok(whole);
                }
                if self.history.floor() == modified {
                    return Err(corrupt(&self.directory, None, "an image that history names is missing"));
                }
                continue;
            }
            match self.earlier_row(key, modified, previous, modified - 1) {
                // Compacted to just there meanwhile.
                Err(error) if error.code == Code::Compacted && self.history.floor() == modified => {}
                found => return found,
            }
        }
    }

    /// The row of `key` at revision `earlier`, for a reader at revision `at`: one that is above `at`, or the one that the change at
    /// `modified` replaced.
    pub(super) fn earlier_row(&self, key: &[u8], modified: u64, earlier: u64, at: u64) -> Result<Vec<u8>, StoreError> {
        loop {
            let floor = self.history.floor();
            if at < floor {
                return Err(super::failure::compacted(floor));
            }
            let found = match self.look_up_earlier(key, modified, earlier, floor) {
                Err(error) if error.code == Code::Compacted => None,
                found => found?,
            };
            let Some(packed) = found else {
                let now = self.history.floor();
                if at < now {
                    return Err(super::failure::compacted(now));
                }
                if floor != now {
                    // Compacted meanwhile: what was in history is now among the survivors.
                    continue;
                }
                let what = format!("history lacks the version at revision {earlier} that revision {modified} names");
                return Err(corrupt(&self.directory, None, &what));
            };
            let found = self.parse(&packed)?.modified;
            if found != earlier {
                let what = format!("revision {modified} names revision {earlier}, but history has {found}");
                return Err(corrupt(&self.directory, None, &what));
            }
            return Ok(packed);
        }
    }

    /// The row at revision `earlier`: from its own record if that is kept; else it is the one that the change at `modified`
    /// replaced, and comes from the before-image in that record, or from the survivors.
    fn look_up_earlier(
        &self,
        key: &[u8],
        modified: u64,
        earlier: u64,
        floor: u64,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        if earlier > floor {
            return Ok(self.history.find(earlier, key)?.map(|found| found.row));
        }
        match self.history.find(modified, key)? {
            None => Ok(None),
            Some(found) if !found.before.is_empty() => self.with_value(key, modified, found.before),
            Some(_) => Ok(self
                .history
                .find_survivor(modified, earlier, key)?
                .map(|found| found.row)),
        }
    }

    /// Whether a change above the revision that history is compacted to names the version that `record` made, the key's last one
    /// up to there, and does not carry it. The newest change tells, unless it names none that is there: then it may have come after
    /// a deletion that was compacted since, or be one and gone.
    pub(super) fn is_named(&self, record: &Record<'_>, compaction: &Compaction) -> Result<bool, StoreError> {
        let revisions = |packed: &[u8]| self.parse(packed).map(|row| (row.modified, row.previous));
        let Some((modified, previous)) = self.look_at_newest(record.key, revisions)?.transpose()? else {
            return Ok(self.limits.tombstones_below.load(Ordering::Acquire) > compaction.to);
        };
        if modified <= compaction.to {
            return Ok(false);
        }
        let is_first_above = 0 < previous && previous <= compaction.to;
        Ok(!is_first_above || previous == record.revision && modified <= compaction.until)
    }

    /// Calls `look` with the newest row of `key`, packed, as `newest` does. It does not count as used.
    fn look_at_newest<T>(&self, key: &[u8], look: impl FnOnce(&[u8]) -> T) -> Result<Option<T>, StoreError> {
        let hash = self.hash(key);
        let view = self.view.load();
        for memtable in view.memtables() {
            if let Some(row) = Reading::new(&**memtable).get(hash, key) {
                return Ok(Some(look(row)));
            }
        }
        Ok(self.tables.get(key)?.map(|row| look(&row)))
    }

    pub(super) fn parse<'a>(&self, packed: &'a [u8]) -> Result<RowRef<'a>, StoreError> {
        unpack(packed).ok_or_else(|| corrupt(&self.directory, None, "a row cannot be read"))
    }

    /// Fails if revision `at` is compacted. Checked before a read, and after it: what the read saw may have been
    /// compacted meanwhile.
    pub(super) fn check_not_compacted(&self, at: u64) -> Result<(), StoreError> {
        let compacted = self.compacted.load(Ordering::Acquire);
        if at < compacted {
            return Err(super::failure::compacted(compacted));
        }
        Ok(())
    }

    /// How far history on disk and tombstones may be compacted now.
    pub(super) fn compactable(&self, persisted: &Persisted) -> u64 {
        let pinned = self.pins.lock().keys().next().copied();
        persisted.compacted.min(pinned.unwrap_or(u64::MAX))
    }
}

//! The engine: memtables, tables and history put together behind the trait. Owns the order in which they are written
//! and the life of the threads; knows no operations, sessions or results.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicU8, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use arc_swap::ArcSwap;
use parking_lot::{Condvar, Mutex};
use rafterdb_codec::{is_shortage, Code};

use super::arena::ChunkPool;
use super::directory::open_current;
use super::failure::short;
use super::history::{Changes, History, Parts, Sizes};
use super::install::build_empty;
use super::memtable::Memtable;
use super::meta::read_meta;
use super::options::{Budget, EngineOptions, SharedCache};
use super::range_tombstones::{after, encode_bounds, RangeTombstone};
use super::row::Header;
use super::row_cache::RowCache;
use super::scan::Sight;
use super::shared::{Flush, Persisted, Sealed, Shared, View, Wanting, Work};
use super::snapshot::{Pin, Snapshot};
use super::stats::EngineStats;
use super::tables::{Limits, TableRange, Tables};
use super::threads;
use super::{Change, ChangePlace, Engine, KeyRange, Mark, RowRef, Visit};
use crate::StoreError;

/// Where a state of the machine stands in the Raft log, and the state.
pub type MarkedState = (Mark, Vec<u8>);

/// Storage of one group: an LSM tree of latest rows, and history in segment files.
pub struct LsmEngine {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl std::fmt::Debug for LsmEngine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("LsmEngine")
            .field("directory", &self.shared.directory)
            .finish_non_exhaustive()
    }
}

impl LsmEngine {
    /// Opens the engine in `directory`, which is made if it is not there. Returns with it where the last finished flush
    /// stands in the Raft log, and the machine's state at that point; the log's entries after it are to be applied again,
    /// all of them if nothing was flushed yet.
    ///
    /// # Errors
    /// `STORE_CORRUPT` naming the file, `FORMAT_NEWER`, `IO`, `DISK_FULL`.
    pub fn open(directory: &Path, options: EngineOptions) -> Result<(Self, Option<MarkedState>), StoreError> {
        Self::open_generation(open_current(directory, build_empty)?, options)
    }

    /// Opens the engine whose files are in `generation`.
    pub(super) fn open_generation(
        generation: PathBuf,
        options: EngineOptions,
    ) -> Result<(Self, Option<MarkedState>), StoreError> {
        let budget = Budget::of(&options);
        let cache = options
            .cache
            .unwrap_or_else(|| SharedCache::new(budget.block_cache_bytes));
        let limits = Arc::new(Limits::default());
        let tables = Tables::open(&generation.join("tables"), &budget, &cache, Arc::clone(&limits))?;
        let (persisted, ranges, state) = read_meta(&tables)?;
        limits.ranges.store(Arc::new(ranges));
        let history = History::open(
            &generation.join("history"),
            persisted.end,
            persisted.compacted,
            Sizes::of(&budget),
        )?;
        let pool = ChunkPool::new(budget.memtable_bytes as usize);
        let shared = Arc::new(Shared {
            directory: generation,
            retired: AtomicBool::new(false),
            budget,
            view: ArcSwap::from_pointee(View {
                active: Arc::new(Memtable::new(Arc::clone(&pool))),
                sealed: None,
            }),
            pool,
            cache: RowCache::new(budget.row_cache_bytes),
            tables,
            history,
            limits,
            compacted: AtomicU64::new(persisted.compacted),
            flush_wanted: AtomicBool::new(false),
            work: Mutex::new(Work {
                persisted,
                // What the last run left undone.
                compact_tables: true,
                compact_history: true,
                ..Work::default()
            }),
            changed: Condvar::new(),
            on_persisted: Mutex::new(None),
            on_failed: Mutex::new(None),
            pins: Mutex::new(BTreeMap::new()),
            failed: OnceLock::new(),
            wanting: AtomicU8::new(0),
            seed: RandomState::new().hash_one(0u64),
        });
        shared
            .limits
            .tombstones_below
            .store(persisted.compacted, Ordering::Release);
        // Before its threads: what is started ends with it, also if not all can be.
        let engine = Self {
            shared,
            threads: Mutex::default(),
        };
        threads::start(&engine.shared, &mut engine.threads.lock())?;
        let last = (persisted.mark != Mark::default()).then_some((persisted.mark, state));
        Ok((engine, last))
    }

    /// Has `callback` called, by the flush thread, with the mark of every flush that finishes from now on. It must not
    /// wait for another flush.
    pub fn on_persisted(&self, callback: Box<dyn Fn(Mark) + Send + Sync>) {
        *self.shared.on_persisted.lock() = Some(callback.into());
    }

    /// Has `callback` called with the failure that ends all writes, by whichever thread meets it; at once if it is over already.
    /// It must not call the engine.
    pub fn on_failed(&self, callback: Box<dyn Fn(&StoreError) + Send + Sync>) {
        let mut on_failed = self.shared.on_failed.lock();
        if let Some(cause) = self.shared.failed.get() {
            callback(cause);
        }
        *on_failed = Some(callback);
    }

    /// A consistent view at `mark`, which must be what was applied last, with the machine's `state` there. It is also a
    /// flush: to be called by the writer between entries; written out by any thread while writes go on.
    ///
    /// # Errors
    /// `POISONED`, `IO`, `DISK_FULL` as of [`Engine::rotate`].
    pub fn snapshot(&self, mark: Mark, state: Vec<u8>) -> Result<Snapshot, StoreError> {
        let pin = Pin::new(&self.shared);
        let (sender, tables) = std::sync::mpsc::sync_channel(1);
        let ranges = self.shared.limits.ranges.load_full();
        self.seal(mark, state.clone(), Some(sender))?;
        Ok(Snapshot::new(pin, tables, ranges, mark, state))
    }

    /// Sizes, counts and what is under way.
    #[must_use]
    pub fn stats(&self) -> EngineStats {
        EngineStats::of(&self.shared)
    }

    /// Whether something waits for room on the disk, or for file descriptors: it goes on by itself, and memory holds it meanwhile, so
    /// that little more should be written.
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.shared.wanting.load(Ordering::Relaxed) != 0 || self.shared.limits.waiting.load(Ordering::Relaxed) != 0
    }

    /// Tries again to write what waits for room; the threads see to the rest themselves. To be called now and then while the engine is
    /// short, as nobody else comes by when nothing is written.
    pub fn try_again(&self) {
        if self.shared.is_wanting(Wanting::History) {
            match self.shared.history.try_again() {
                Ok(()) => self
                    .shared
                    .set_wanting(Wanting::History, self.shared.history.is_short()),
                Err(error) => drop(self.shared.poison(error)),
            }
        }
    }

    /// Whether a flush is under way or wanted: then what is written next may have to wait for it.
    #[must_use]
    pub fn is_flushing(&self) -> bool {
        self.shared.flush_wanted.load(Ordering::Relaxed) || self.shared.work.lock().flushing
    }

    /// Ends writing: flushes up to `last` if it is given, waits for the flush and joins the threads. Afterwards reads
    /// still work, writes fail with `CLOSED`. With a last flush the next start has nothing to replay.
    ///
    /// # Errors
    /// What failed the flush, or `POISONED` by an earlier failure.
    pub fn close(&self, last: Option<MarkedState>) -> Result<(), StoreError> {
        let flushed = match last {
            Some((mark, state)) => self.rotate(mark, state),
            None => Ok(()),
        };
        let flushed = flushed.and_then(|()| self.wait_for_flush());
        // Without room for it the next start replays the log: nothing is lost.
        let flushed = flushed.or_else(|error| if is_shortage(error.code) { Ok(()) } else { Err(error) });
        let closed = StoreError::new(Code::Closed, "the store is closed");
        let _ = self.shared.failed.set(closed);
        self.stop();
        flushed
    }

    /// Another store has taken the place of this one, which is closed: its files go with the last that reads them.
    pub fn retire(&self) {
        self.shared.retired.store(true, Ordering::Release);
    }

    /// Waits until no flush is under way; `DISK_FULL` if one waits for room.
    fn wait_for_flush(&self) -> Result<(), StoreError> {
        let mut work = self.shared.work.lock();
        while work.flushing && self.shared.failed.get().is_none() {
            if self.shared.is_wanting(Wanting::Flush) {
                return Err(short());
            }
            self.shared.changed.wait(&mut work);
        }
        drop(work);
        self.shared.check()
    }

    /// Tells the threads to give up what they do, and waits for them.
    fn stop(&self) {
        {
            let mut work = self.shared.work.lock();
            // A snapshot that waits for a flush that will not come must hear of it.
            work.flush = None;
            self.shared.limits.stopping.store(true, Ordering::Relaxed);
        }
        self.shared.changed.notify_all();
        let threads = std::mem::take(&mut *self.threads.lock());
        let this_thread = std::thread::current().id();
        // A callback may hold the last reference to the engine: its thread then ends by itself.
        for thread in threads.into_iter().filter(|thread| thread.thread().id() != this_thread) {
            // Its panics were caught and poisoned the engine.
            let _ = thread.join();
        }
    }

    /// Has what was written so far flushed, with a new memtable in its place.
    fn seal(&self, mark: Mark, state: Vec<u8>, snapshot: Option<SyncSender<TableRange>>) -> Result<(), StoreError> {
        self.wait_for_flush()?;
        let end = self
            .shared
            .history
            .write_out(self.shared.compacted.load(Ordering::Relaxed))
            .map_err(|error| self.history_failed(error))?;
        self.shared
            .set_wanting(Wanting::History, self.shared.history.is_short());
        self.shared.flush_wanted.store(false, Ordering::Relaxed);
        let sealed = Arc::clone(&self.shared.view.load().active);
        self.shared.view.store(Arc::new(View {
            active: Arc::new(Memtable::new(Arc::clone(&self.shared.pool))),
            sealed: Some(Sealed {
                memtable: Arc::clone(&sealed),
                flushed: false,
            }),
        }));
        let mut work = self.shared.work.lock();
        work.flush = Some(Flush {
            memtable: sealed,
            persists: Persisted {
                mark,
                compacted: self.shared.compacted.load(Ordering::Relaxed),
                end,
            },
            ranges: self.shared.limits.ranges.load_full(),
            state,
            snapshot,
        });
        work.flushing = true;
        drop(work);
        self.shared.changed.notify_all();
        Ok(())
    }

    /// History that could not be written for want of room stays in memory.
    fn history_failed(&self, error: StoreError) -> StoreError {
        if !is_shortage(error.code) {
            return self.shared.poison(error);
        }
        self.shared.set_wanting(Wanting::History, true);
        error
    }

    /// The row that a change replaces, if history must carry it: when its own record may be compacted away.
    fn before_image(&self, key: &[u8], row: &RowRef<'_>) -> Result<Vec<u8>, StoreError> {
        if row.previous == 0 || row.previous > self.shared.compacted.load(Ordering::Relaxed) {
            return Ok(Vec::new());
        }
        let before = self.shared.newest(key, <[u8]>::to_vec)?.unwrap_or_default();
        let replaced = self.shared.parse(&before)?.modified;
        assert!(
            replaced == row.previous,
            "previous version: revision {} says it replaces {}, but {replaced} is the latest",
            row.modified,
            row.previous
        );
        Ok(before)
    }
}

impl Drop for LsmEngine {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Engine for LsmEngine {
    fn latest(&self, key: &[u8], visit: &mut dyn FnMut(RowRef<'_>)) -> Result<bool, StoreError> {
        let compacted = self.shared.compacted.load(Ordering::Relaxed);
        let ranges = self.shared.limits.ranges.load();
        let seen = self.shared.newest(key, |packed| {
            let row = self.shared.parse(packed)?;
            // Such tombstones go away at some time, at another one on each member: to the machine they are gone at once.
            if row.is_tombstone() && row.modified <= compacted {
                return Ok(false);
            }
            let killer = (!row.is_tombstone())
                .then(|| ranges.killer(key, row.modified))
                .flatten();
            let Some(killer) = killer else {
                visit(row);
                return Ok(true);
            };
            // So do killed rows. Before that it is a tombstone that stands for the row: what is written next leads back to it.
            if killer.revision() < compacted {
                return Ok(false);
            }
            visit(RowRef {
                create: 0,
                version: 0,
                lease: 0,
                value: &[],
                ..row
            });
            Ok(true)
        })?;
        seen.unwrap_or(Ok(false))
    }

    fn get(&self, key: &[u8], at: u64, visit: &mut dyn FnMut(RowRef<'_>)) -> Result<bool, StoreError> {
        self.shared.check_not_compacted(at)?;
        // Before the row: what one of these has killed may be gone, and it forgotten, while this looks.
        let ranges = self.shared.limits.ranges.load();
        let seen = self.shared.newest(key, |packed| {
            let Some(packed) = self.shared.row_at(key, packed, at)? else {
                return Ok(false);
            };
            let row = self.shared.parse(&packed)?;
            if row.is_tombstone() || ranges.hides(key, row.modified, after(at)) {
                return Ok(false);
            }
            self.shared.check_not_compacted(at)?;
            visit(row);
            Ok(true)
        })?;
        match seen {
            Some(seen) if !matches!(seen, Ok(false)) => seen,
            // Nothing there: it may have been compacted away while this looked for it.
            _ => self.shared.check_not_compacted(at).map(|()| false),
        }
    }

    fn replaced(
        &self,
        key: &[u8],
        modified: u64,
        previous: u64,
        visit: &mut dyn FnMut(RowRef<'_>),
    ) -> Result<bool, StoreError> {
        self.shared.check_not_compacted(modified)?;
        if previous == 0 {
            return Ok(false);
        }
        let packed = self.shared.replaced(key, modified, previous)?;
        self.shared.check_not_compacted(modified)?;
        if packed.is_empty() {
            return Ok(false);
        }
        let row = self.shared.parse(&packed)?;
        if row.is_tombstone() {
            return Ok(false);
        }
        visit(row);
        Ok(true)
    }

    fn scan(
        &self,
        range: KeyRange<'_>,
        at: u64,
        reverse: bool,
        visit: &mut dyn FnMut(&[u8], RowRef<'_>) -> Visit,
    ) -> Result<(), StoreError> {
        let mut steps = usize::MAX;
        self.scan_some(range, at, reverse, &mut steps, visit).map(|_| ())
    }

    fn scan_some(
        &self,
        range: KeyRange<'_>,
        at: u64,
        reverse: bool,
        steps: &mut usize,
        visit: &mut dyn FnMut(&[u8], RowRef<'_>) -> Visit,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.shared.scan(range, Sight::at(at), reverse, steps, visit)
    }

    fn changes_from(
        &self,
        from: ChangePlace<'_>,
        to: u64,
        visit: &mut dyn FnMut(Change<'_>) -> Visit,
    ) -> Result<(), StoreError> {
        self.shared.check_not_compacted(from.revision)?;
        let mut cursor = Changes::from(&self.shared.history, from.revision)?;
        // Again: from here on a segment that goes away is missed, before it would only have been passed over.
        self.shared.check_not_compacted(from.revision)?;
        while cursor.advance()? {
            let record = cursor.record();
            if record.revision > to {
                break;
            }
            if (record.revision, record.sub) < (from.revision, from.sub) {
                continue;
            }
            if record.is_range() {
                if self.shared.expand(&record, from, visit)? == Visit::Stop {
                    break;
                }
                continue;
            }
            let change = Change {
                sub: record.sub,
                key: record.key,
                row: self.shared.parse(record.row)?,
                replaced: None,
            };
            if visit(change) == Visit::Stop {
                break;
            }
        }
        Ok(())
    }

    fn write(&self, key: &[u8], sub: u32, row: RowRef<'_>) -> Result<(), StoreError> {
        self.shared.check()?;
        assert!(
            row.previous < row.modified && row.create <= row.modified,
            "revisions grow: a key changes at most once in a revision"
        );
        let before = self.before_image(key, &row)?;
        let header = Header::of(&row);
        let parts = Parts {
            revision: row.modified,
            sub,
            key,
            row: [header.as_bytes(), row.value],
            before: &before,
        };
        // History first: whoever sees the row must be able to follow it back.
        self.shared
            .history
            .append(&parts)
            .map_err(|error| self.shared.poison(error))?;
        self.shared
            .set_wanting(Wanting::History, self.shared.history.is_short());
        let ranges = self.shared.limits.ranges.load();
        if !ranges.is_empty() {
            ranges.note(key, row.previous, row.modified);
        }
        let view = self.shared.view.load();
        view.active
            .insert(self.shared.hash(key), key, header.as_bytes(), row.value);
        Ok(())
    }

    fn delete_range(&self, range: KeyRange<'_>, revision: u64, sub: u32) -> Result<(), StoreError> {
        self.shared.check()?;
        let parts = Parts {
            revision,
            sub,
            key: range.start,
            row: [&[], &[]],
            before: &encode_bounds(range.end),
        };
        self.shared
            .history
            .append(&parts)
            .map_err(|error| self.shared.poison(error))?;
        let added = Arc::new(RangeTombstone::new((revision, sub), range));
        self.shared.change_ranges(|ranges| ranges.with(Arc::clone(&added)));
        Ok(())
    }

    fn deleted_ranges(&self, revision: u64) -> (usize, usize) {
        let ranges = self.shared.limits.ranges.load();
        let kept = ranges.all().iter().rev().take_while(|one| one.revision() > revision);
        kept.fold((0, 0), |(count, bytes), one| {
            let KeyRange { start, end } = one.range();
            (count + 1, bytes + start.len() + end.map_or(0, <[u8]>::len))
        })
    }

    fn keep(&self) -> Box<dyn Send> {
        Box::new(Pin::new(&self.shared))
    }

    fn scan_kept(
        &self,
        range: KeyRange<'_>,
        at: u64,
        visit: &mut dyn FnMut(&[u8], RowRef<'_>) -> Visit,
    ) -> Result<(), StoreError> {
        let mut steps = usize::MAX;
        self.shared
            .scan(range, Sight::kept_at(at), false, &mut steps, visit)
            .map(|_| ())
    }

    fn compact(&self, revision: u64) -> Result<(), StoreError> {
        self.shared.check()?;
        let before = self.shared.compacted.fetch_max(revision, Ordering::AcqRel);
        let frees_much = || {
            let ranges = self.shared.limits.ranges.load();
            let frees_a_range =
                |revisions: std::ops::Range<u64>| ranges.all().iter().any(|one| revisions.contains(&one.revision()));
            frees_a_range(before..revision) || self.shared.history.is_worth_a_flush(revision)
        };
        if revision > before && frees_much() {
            self.shared.flush_wanted.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    fn compacted(&self) -> u64 {
        self.shared.compacted.load(Ordering::Acquire)
    }

    fn is_full(&self) -> bool {
        if self.shared.is_wanting(Wanting::Flush) {
            // Another flush would wait for the one that waits for room; memory takes what still comes.
            return false;
        }
        let view = self.shared.view.load();
        let Budget {
            memtable_bytes,
            unflushed_bytes,
            ..
        } = self.shared.budget;
        view.active.bytes() as u64 >= memtable_bytes
            || view.active.written() as u64 >= unflushed_bytes
            || self.shared.flush_wanted.load(Ordering::Relaxed)
    }

    fn rotate(&self, mark: Mark, state: Vec<u8>) -> Result<(), StoreError> {
        self.seal(mark, state, None)
    }

    fn persisted(&self) -> Mark {
        self.shared.work.lock().persisted.mark
    }
}

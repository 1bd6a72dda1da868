//! The engine: memtables, tables and history put together. Owns its opening and closing, what becomes persistent together, and the
//! life of the threads. What is done with an open one is in lsm_operations.rs; knows no operations, sessions or results.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicU8, AtomicUsize, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use arc_swap::ArcSwap;
use parking_lot::{Condvar, Mutex};
use rafterdb_codec::{is_shortage, Code};

use super::arena::ChunkPool;
use super::dead_stretches::DeadStretches;
use super::deletions::Deletions;
use super::directory::open_current;
use super::failure::{io_failure, short};
use super::generation::build_empty;
use super::history::{Flushed, History, Sizes};
use super::late_state::LateState;
use super::memtable::Memtable;
use super::options::{Budget, EngineOptions, SharedCache};
use super::persisted_state::read_persisted_state;
use super::pressure;
use super::row_cache::RowCache;
use super::shared::{Flush, Persisted, Sealed, Shared, View, Wanting, Work};
use super::snapshot::{Pin, Snapshot};
use super::stats::EngineStats;
use super::tables::{Limits, RowsAndValues, Tables};
use super::threads;
use super::{Engine, Mark};
use crate::waits::timed;
use crate::{StoreError, Wait};

/// Where a state of the machine stands in the Raft log, and the state.
pub type MarkedState = (Mark, Vec<u8>);

/// Storage of one group: an LSM tree of latest rows, and history in segment files.
pub struct LsmEngine {
    pub(super) shared: Arc<Shared>,
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
        let (persisted, ranges, state) = read_persisted_state(&tables)?;
        limits.ranges.begin(ranges);
        let flushed = Flushed {
            end: persisted.end,
            revision: persisted.mark.revision,
            compacted: persisted.compacted,
        };
        let history = History::open(&generation.join("history"), flushed, Sizes::of(&budget))?;
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
            last_row: Mutex::default(),
            has_values: AtomicBool::new(tables.has_values()),
            tables,
            history,
            limits,
            dead_stretches: DeadStretches::new(options.dead_rows / 2),
            dead_rows: options.dead_rows,
            deletions: Deletions::default(),
            compacted: AtomicU64::new(persisted.compacted),
            flush_wanted: AtomicBool::new(false),
            flushed_rows: AtomicUsize::new(0),
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
        self.seal(mark, state.clone().into(), Some(sender))?;
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
            match self.shared.history.write_waiting() {
                Ok(()) => self.shared.set_wanting(Wanting::History, false),
                Err(error) if is_shortage(error.code) => {}
                Err(error) => drop(self.shared.poison(error)),
            }
        }
    }

    /// Nanoseconds that each byte which is written should take at least, so that flushes and compactions keep up and the writer waits
    /// for none of them; 0 while they do. Cheap, for any thread.
    #[must_use]
    pub fn nanos_per_byte(&self) -> u64 {
        pressure::nanos_per_byte(&self.shared)
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
        timed(Wait::Flush, || self.wait_while_flushing())
    }

    fn wait_while_flushing(&self) -> Result<(), StoreError> {
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
        self.shared.history.end_calls();
        let threads = std::mem::take(&mut *self.threads.lock());
        let this_thread = std::thread::current().id();
        // A callback may hold the last reference to the engine: its thread then ends by itself.
        for thread in threads.into_iter().filter(|thread| thread.thread().id() != this_thread) {
            // Its panics were caught and poisoned the engine.
            let _ = thread.join();
        }
    }

    /// Has what was written so far flushed, with a new memtable in its place.
    pub(super) fn seal(
        &self,
        mark: Mark,
        state: LateState,
        snapshot: Option<SyncSender<RowsAndValues>>,
    ) -> Result<(), StoreError> {
        self.wait_for_flush()?;
        rafterdb_fault::point("store.seal").map_err(|error| {
            self.shared
                .poison(io_failure(&error, "sealing", &self.shared.directory))
        })?;
        if self.shared.history.is_short() {
            // It would be waited for again by the flush: memory takes what still comes.
            self.shared
                .history
                .write_waiting()
                .map_err(|error| self.history_failed(error))?;
            self.shared.set_wanting(Wanting::History, false);
        }
        let end = self.shared.history.cut(self.shared.compacted.load(Ordering::Relaxed));
        self.shared.last_row.lock().clear();
        self.shared.flush_wanted.store(false, Ordering::Relaxed);
        self.shared.flushed_rows.store(0, Ordering::Relaxed);
        let sealed = Arc::clone(&self.shared.view.load().active);
        let before = self.shared.view.swap(Arc::new(View {
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
            before: Some(before),
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
}

impl Drop for LsmEngine {
    fn drop(&mut self) {
        self.stop();
    }
}

//! The engine's three threads: one flushes memtables, one compacts tables, one compacts history. Each failure ends all
//! writes: a failed write or sync is not tried again.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::MutexGuard;
use rafterdb_codec::Code;

use super::failure::io_failure;
use super::history::Compaction;
use super::meta::encode_meta;
use super::reclaim::reclaim;
use super::shared::{Flush, Sealed, Shared, View, Work};
use crate::StoreError;

/// How often a flush that waits for compaction looks again by itself.
const BEHIND_WAIT: Duration = Duration::from_millis(20);

/// Starts the threads.
pub(super) fn start(shared: &Arc<Shared>) -> Result<Vec<JoinHandle<()>>, StoreError> {
    let start = |name: &str, body: fn(&Shared)| {
        let shared = Arc::clone(shared);
        let thread = std::thread::Builder::new().name(name.into()).spawn(move || {
            give_way();
            body(&shared);
        });
        thread.map_err(|error| StoreError::new(Code::Io, format!("starting a thread: {error}")))
    };
    Ok(vec![
        start("rafterdb-flush", flush_until_stopped)?,
        start("rafterdb-tables", compact_tables_until_stopped)?,
        start("rafterdb-history", compact_history_until_stopped)?,
    ])
}

/// How far these threads stand behind those that somebody waits for, in steps of `nice`. Far enough to keep long writes short,
/// near enough that a flush keeps up on a machine that is always busy.
#[cfg(target_os = "linux")]
const NICE: i32 = 5;

/// Lets the threads that somebody waits for go first, where a thread can be asked to.
fn give_way() {
    #[cfg(target_os = "linux")]
    // SAFETY: no memory is passed; 0 is the calling thread. A refusal changes nothing.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, NICE);
    }
}

/// Waits until `ready` finds something to do; `None` when the engine stops.
fn wait_for<'s, T>(shared: &'s Shared, mut ready: impl FnMut(&mut MutexGuard<'s, Work>) -> Option<T>) -> Option<T> {
    let mut work = shared.work.lock();
    loop {
        if shared.is_stopping() {
            return None;
        }
        if shared.failed.get().is_none() {
            if let Some(found) = ready(&mut work) {
                return Some(found);
            }
        }
        shared.changed.wait(&mut work);
    }
}

/// Runs a piece of work; a failure or a panic in it poisons the engine.
fn run(shared: &Shared, what: &str, body: impl FnOnce() -> Result<(), StoreError>) {
    let result = catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| {
        Err(StoreError::new(
            Code::Internal,
            format!("{what} ended by a broken invariant; its message is in the process's error output"),
        ))
    });
    if let Err(cause) = result {
        shared.poison(cause);
    }
}

fn flush_until_stopped(shared: &Shared) {
    while let Some(flush) = wait_for(shared, |work| work.flush.take()) {
        run(shared, "a flush", || run_flush(shared, flush));
        shared.work.lock().flushing = false;
        shared.changed.notify_all();
    }
}

fn run_flush(shared: &Shared, flush: Flush) -> Result<(), StoreError> {
    let reach = |point: &str| {
        rafterdb_fault::point(point).map_err(|error| io_failure(&error, "flushing to", &shared.directory))
    };
    reach("store.flush.start")?;
    wait_for_table_compaction(shared);
    shared.history.sync()?;
    reach("store.flush.tables")?;
    let meta = encode_meta(&flush.persists, &flush.ranges, &flush.state);
    let run = flush.memtable.single_run();
    let rows = || run.iter().map(|entry| (entry.slot.key(), entry.slot.row()));
    if !shared.tables.ingest(&meta, rows())? {
        return Ok(());
    }
    if let Some(snapshot) = flush.snapshot {
        // Before the next flush, so that it sees this one's rows and none later. Nobody may want it any more.
        let _ = snapshot.send(shared.tables.range(&[], None));
    }
    reach("store.flush.installed")?;
    // While the memtable is still looked at first: see `RowCache::refresh`.
    shared.cache.refresh(rows());
    shared.view.rcu(|view| View {
        active: Arc::clone(&view.active),
        sealed: view.sealed.as_ref().map(|sealed| Sealed {
            memtable: Arc::clone(&sealed.memtable),
            flushed: true,
        }),
    });
    let compactable = shared.compactable(&flush.persists);
    shared.limits.tombstones_below.store(compactable, Ordering::Release);
    {
        let mut work = shared.work.lock();
        work.persisted = flush.persists;
        work.flushes += 1;
        work.compact_tables = true;
        work.compact_history = true;
    }
    let callback = shared.on_persisted.lock().clone();
    if let Some(callback) = callback {
        callback(flush.persists.mark);
    }
    Ok(())
}

fn wait_for_table_compaction(shared: &Shared) {
    while shared.tables.is_behind() && !shared.is_stopping() && shared.failed.get().is_none() {
        let mut work = shared.work.lock();
        if !work.compacting_tables {
            work.compact_tables = true;
            shared.changed.notify_all();
        }
        shared.changed.wait_for(&mut work, BEHIND_WAIT);
    }
}

fn compact_tables_until_stopped(shared: &Shared) {
    let wanted = |work: &mut MutexGuard<'_, Work>| {
        work.compacting_tables = std::mem::take(&mut work.compact_tables);
        work.compacting_tables.then_some(())
    };
    while wait_for(shared, wanted).is_some() {
        run(shared, "a compaction of tables", || {
            while !shared.is_stopping() && shared.tables.compact()? {
                shared.changed.notify_all();
            }
            reclaim(shared)
        });
        shared.work.lock().compacting_tables = false;
        shared.changed.notify_all();
    }
}

fn compact_history_until_stopped(shared: &Shared) {
    let wanted = |work: &mut MutexGuard<'_, Work>| {
        work.compacting_history = std::mem::take(&mut work.compact_history);
        work.compacting_history.then_some(work.persisted)
    };
    while let Some(persisted) = wait_for(shared, wanted) {
        run(shared, "a compaction of history", || {
            let compaction = Compaction {
                to: shared.compactable(&persisted),
                until: persisted.mark.revision,
                keep_segment: persisted.end.segment,
            };
            shared.history.compact(compaction, &shared.limits.stopping)
        });
        shared.work.lock().compacting_history = false;
        shared.changed.notify_all();
    }
}

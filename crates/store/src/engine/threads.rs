//! The engine's four threads: one flushes memtables, one compacts tables, one compacts history and finds dead stretches; whichever of the
//! first and the last is free merges the keys of the memtable that is written. The fourth writes history to its files. Each failure ends all
//! writes: a failed write or sync is not tried again.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::MutexGuard;
use rafterdb_codec::store::record::Record;
use rafterdb_codec::{is_shortage, Code};

use super::failure::io_failure;
use super::history::Compaction;
use super::memtable::Rows;
use super::persisted_state::encode_persisted_state;
use super::reclaim::{gives_way, reclaim, Round};
use super::shared::{Flush, Sealed, Shared, View, Wanting, Work};
use super::tables::Added;
use crate::StoreError;

/// How often a flush that waits for compaction looks again by itself.
const BEHIND_WAIT: Duration = Duration::from_millis(20);

/// What a thread does until the engine stops.
type Body = fn(&Shared);

/// Starts the threads one by one, and adds them to `threads`: those that were started before one cannot be are the owner's to end.
pub(super) fn start(shared: &Arc<Shared>, threads: &mut Vec<JoinHandle<()>>) -> Result<(), StoreError> {
    let bodies: [(&str, Body, bool); 4] = [
        ("rafterdb-flush", flush_until_stopped, true),
        ("rafterdb-tables", compact_tables_until_stopped, true),
        ("rafterdb-history", compact_history_until_stopped, true),
        // Who applies entries waits for it once much is to be written.
        ("rafterdb-record", write_history_until_stopped, false),
    ];
    for (name, body, gives_way) in bodies {
        let shared = Arc::clone(shared);
        let thread = rafterdb_fault::point("thread.start").and_then(|()| {
            std::thread::Builder::new().name(name.into()).spawn(move || {
                if gives_way {
                    give_way();
                }
                body(&shared);
            })
        });
        threads.push(thread.map_err(|error| {
            let text = format!("cannot start a thread (is a limit of threads or of memory reached?): {error}");
            StoreError::new(Code::Io, text)
        })?);
    }
    Ok(())
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

/// How often work that waits for room on the disk, or for file descriptors, is tried again.
const SHORT_RETRY_EVERY: Duration = Duration::from_millis(250);

/// Runs a piece of work, again while room or descriptors are short: what it makes are files that count for nothing before they are
/// whole, so that it begins anew. Any other failure, or a panic in it, poisons the engine.
fn run(shared: &Shared, of: Wanting, what: &str, mut body: impl FnMut() -> Result<(), StoreError>) {
    while let Err(cause) = run_once(what, &mut body) {
        if !is_shortage(cause.code) {
            shared.poison(cause);
            break;
        }
        shared.set_wanting(of, true);
        let mut work = shared.work.lock();
        // Whoever waits for a flush hears that there is none for now.
        shared.changed.notify_all();
        let until = Instant::now() + SHORT_RETRY_EVERY;
        while !shared.is_stopping() && !shared.changed.wait_until(&mut work, until).timed_out() {}
        if shared.is_stopping() {
            break;
        }
    }
    shared.set_wanting(of, false);
}

fn run_once(what: &str, body: &mut impl FnMut() -> Result<(), StoreError>) -> Result<(), StoreError> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| {
        Err(StoreError::new(
            Code::Internal,
            format!("{what} ended by a broken invariant; its message is in the process's error output"),
        ))
    })
}

/// What a thread has to do that also does what either may.
enum Job<T> {
    Own(T),
    Merge,
    FindDead,
}

/// Its own work first.
fn or_merge<T>(own: Option<T>, work: &mut Work) -> Option<Job<T>> {
    own.map(Job::Own)
        .or_else(|| std::mem::take(&mut work.merge_keys).then_some(Job::Merge))
}

/// Does what is not the thread's own work, which is returned.
fn own_of<T>(shared: &Shared, job: Job<T>) -> Option<T> {
    let done = match job {
        Job::Own(own) => return Some(own),
        Job::Merge => {
            let memtable = Arc::clone(&shared.view.load().active);
            run_once("a merge of keys", &mut || {
                memtable.merge_long_runs();
                Ok(())
            })
        }
        Job::FindDead => run_once("a search for dead stretches", &mut || shared.find_dead_stretches()),
    };
    if let Err(cause) = done {
        shared.poison(cause);
    }
    None
}

fn flush_until_stopped(shared: &Shared) {
    let wanted = |work: &mut MutexGuard<'_, Work>| {
        let flush = work.flush.take();
        or_merge(flush, work)
    };
    while let Some(job) = wait_for(shared, wanted) {
        let Some(mut flush) = own_of(shared, job) else {
            continue;
        };
        run(shared, Wanting::Flush, "a flush", || run_flush(shared, &mut flush));
        shared.work.lock().flushing = false;
        shared.changed.notify_all();
    }
}

fn write_history_until_stopped(shared: &Shared) {
    while shared.history.wait_for_call() {
        run(shared, Wanting::History, "a write of history", || {
            shared.history.write_waiting()
        });
    }
}

fn run_flush(shared: &Shared, flush: &mut Flush) -> Result<(), StoreError> {
    flush.before = None;
    let reach = |point: &str| {
        rafterdb_fault::point(point).map_err(|error| io_failure(&error, "flushing to", &shared.directory))
    };
    reach("store.flush.start")?;
    wait_for_table_compaction(shared);
    shared.history.sync()?;
    reach("store.flush.tables")?;
    let memtable = &*flush.memtable;
    let sorted = memtable.single_run().map(|run| Rows::new(memtable, run));
    shared.flushed_rows.store(0, Ordering::Relaxed);
    if !shared.keep_images(flush)? {
        return Ok(());
    }
    let meta = encode_persisted_state(&flush.persists, &flush.ranges, flush.state.get());
    let is_added = memtable.displaced.look(|displaced| {
        let mut displaced: Vec<&[u8]> = displaced.iter().map(|row| &*row.key).collect();
        displaced.sort_unstable();
        shared.tables.ingest(&Added {
            meta: &meta,
            rows: sorted.as_ref(),
            rows_done: &shared.flushed_rows,
            has_values: memtable.displaced.concerns_values(),
            displaced: &displaced,
        })
    })?;
    if !is_added {
        return Ok(());
    }
    if let Some(snapshot) = flush.snapshot.take() {
        // Before the next flush, so that it sees this one's rows and none later. Nobody may want it any more.
        let _ = snapshot.send(shared.tables.rows_and_values());
    }
    reach("store.flush.installed")?;
    // While the memtable is still looked at first: see `RowCache::refresh`.
    shared.cache.refresh(sorted.iter().flat_map(Rows::iter));
    shared.view.rcu(|view| View {
        active: Arc::clone(&view.active),
        sealed: view.sealed.as_ref().map(|sealed| Sealed {
            memtable: Arc::clone(&sealed.memtable),
            flushed: true,
        }),
    });
    let compactable = shared.compactable(&flush.persists);
    // Never back, though a snapshot may hold history one revision below: what could go may be gone.
    shared.limits.tombstones_below.fetch_max(compactable, Ordering::AcqRel);
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
    if !shared.tables.is_behind() {
        return;
    }
    shared.limits.waited_for.store(true, Ordering::Relaxed);
    while shared.tables.is_behind() && !shared.is_stopping() && shared.failed.get().is_none() {
        let mut work = shared.work.lock();
        if !work.compacting_tables {
            work.compact_tables = true;
            shared.changed.notify_all();
        }
        shared.changed.wait_for(&mut work, BEHIND_WAIT);
    }
    shared.limits.waited_for.store(false, Ordering::Relaxed);
}

/// How often it is looked whether files are still read.
const UNREAD_LOOK_EVERY: Duration = Duration::from_millis(100);

/// Whether there are tables to compact, or the engine stops, before so much time has passed.
fn is_called_within(shared: &Shared, time: Duration) -> bool {
    let mut work = shared.work.lock();
    let until = Instant::now() + time;
    let is_called = |work: &Work| work.compact_tables || shared.is_stopping();
    while !is_called(&work) && !shared.changed.wait_until(&mut work, until).timed_out() {}
    is_called(&work)
}

fn compact_tables_until_stopped(shared: &Shared) {
    let wanted = |work: &mut MutexGuard<'_, Work>| {
        work.compacting_tables = std::mem::take(&mut work.compact_tables);
        work.compacting_tables.then_some(())
    };
    let mut round = Round::default();
    loop {
        // Files that were still read go when they are not, and nobody tells when that is.
        while shared.tables.let_go() && !is_called_within(shared, UNREAD_LOOK_EVERY) {}
        if wait_for(shared, wanted).is_none() {
            break;
        }
        run(shared, Wanting::Tables, "a compaction of tables", || {
            while !shared.is_stopping() && shared.tables.compact()? {
                shared.changed.notify_all();
            }
            reclaim(shared, &mut round, &|| gives_way(shared))
        });
        shared.work.lock().compacting_tables = false;
        shared.changed.notify_all();
    }
}

fn compact_history_until_stopped(shared: &Shared) {
    let wanted = |work: &mut MutexGuard<'_, Work>| {
        work.compacting_history = std::mem::take(&mut work.compact_history);
        let own = work.compacting_history.then_some(work.persisted);
        // Not for the thread that flushes: a search takes long where millions of rows are dead, and the writer may wait for a flush.
        or_merge(own, work).or_else(|| std::mem::take(&mut work.find_dead).then_some(Job::FindDead))
    };
    while let Some(job) = wait_for(shared, wanted) {
        let Some(persisted) = own_of(shared, job) else {
            continue;
        };
        run(shared, Wanting::Compaction, "a compaction of history", || {
            let compaction = Compaction {
                to: shared.compactable(&persisted),
                until: persisted.mark.revision,
                keep_segment: persisted.end.segment,
            };
            let is_named = |record: &Record<'_>| shared.is_named(record, &compaction);
            shared.history.compact(compaction, &is_named, &shared.limits.stopping)
        });
        shared.work.lock().compacting_history = false;
        shared.changed.notify_all();
    }
}

//! Has what range tombstones killed go from disk, and forgets those that are not needed any more (see `range_tombstones`
//! for when that is). Runs on the thread that compacts tables. Knows no history.

use std::sync::atomic::Ordering;
use std::sync::Arc;

use rafterdb_codec::store::row::unpack;

use super::memtable::Rows;
use super::range_tombstones::{Place, RangeTombstone};
use super::shared::Shared;
use super::KeyRange;
use crate::StoreError;

/// All tables are rewritten for what dropping whole tables leaves, if so many range tombstones wait for it, or if the tables
/// have at most so many bytes, or if their dead rows are so large a part of them.
const WAITING_MAX: usize = 256;
const REWRITTEN_BYTES_MAX: u64 = 16 << 20;
const DEAD_SHARE: u64 = 4;

/// Rows that are walked over before it is looked whether somebody waits for the thread.
const ROWS_AT_ONCE: u32 = 4096;

/// A round that is under way: what one that gave way has found, so that the next goes on from there.
#[derive(Default)]
pub(super) struct Round {
    /// The last range tombstone that was looked at.
    came_to: Option<Place>,
    /// Of those, which have dead rows left, and bytes of these.
    left: Vec<Arc<RangeTombstone>>,
    dead: u64,
}

/// One round, after a flush or a compaction of tables, or a part of it: it gives way while a flush waits for the thread, and the writer
/// for that.
pub(super) fn reclaim(shared: &Shared, round: &mut Round, gives_way: &dyn Fn() -> bool) -> Result<(), StoreError> {
    let below = shared.limits.tombstones_below.load(Ordering::Acquire);
    let newest = shared.work.lock().persisted.mark.revision;
    for one in waiting(shared, below, round.came_to) {
        if gives_way() {
            return Ok(());
        }
        if dead_bytes(shared, &one, 1, gives_way)? > 0 {
            shared.tables.drop_stretches(&one)?;
        }
        let dead = dead_bytes(shared, &one, shared.tables.disk_bytes() / DEAD_SHARE + 1, gives_way)?;
        if gives_way() {
            return Ok(());
        }
        round.came_to = Some(one.place());
        match dead {
            0 => one.clear(newest),
            bytes => {
                round.dead += bytes;
                round.left.push(one);
            }
        }
    }
    if gives_way() {
        return Ok(());
    }
    let Round { left, dead, .. } = std::mem::take(round);
    let disk = shared.tables.disk_bytes();
    let rewrites = left.len() >= WAITING_MAX || disk <= REWRITTEN_BYTES_MAX || dead > disk / DEAD_SHARE;
    // Once for each: what is left then, is left for good.
    if rewrites && left.iter().any(|one| !one.is_rewritten()) && shared.tables.rewrite()? {
        for one in left {
            one.note_rewrite();
            if dead_bytes(shared, &one, 1, gives_way)? == 0 {
                one.clear(newest);
            }
        }
    }
    forget(shared, below);
    Ok(())
}

/// Range tombstones behind a place whose rows may go.
fn waiting(shared: &Shared, below: u64, behind: Option<Place>) -> Vec<Arc<RangeTombstone>> {
    let ranges = shared.limits.ranges.load_full();
    let is_waiting = |one: &&Arc<RangeTombstone>| one.revision() < below && one.cleared_at().is_none();
    let waiting = ranges.all().filter(is_waiting);
    waiting
        .filter(|one| behind.is_none_or(|behind| one.place() > behind))
        .cloned()
        .collect()
}

/// Whether somebody waits for the thread.
pub(super) fn gives_way(shared: &Shared) -> bool {
    shared.is_stopping() || shared.tables.is_behind() || shared.limits.waited_for.load(Ordering::Relaxed)
}

/// Bytes in the tables of rows that it killed, and of values, up to about `enough`; some if that was not found out, as the thread gives way. Once there
/// are none it stays so: what is flushed later is newer.
fn dead_bytes(
    shared: &Shared,
    one: &RangeTombstone,
    enough: u64,
    gives_way: &dyn Fn() -> bool,
) -> Result<u64, StoreError> {
    let KeyRange { start, end } = one.range();
    let mut rows = shared.tables.range(start, end);
    let (mut dead, mut walked) = (0, 0);
    while let Some(row) = rows.next(false, &shared.tables)? {
        walked += 1;
        if walked % ROWS_AT_ONCE == 0 && gives_way() {
            return Ok(1);
        }
        if shared.parse(row.row())?.modified < one.revision() {
            dead += (row.key().len() + row.row().len()) as u64;
        }
        if dead >= enough {
            return Ok(dead);
        }
    }
    let mut values = shared.tables.values(start, end);
    while let Some((key, value)) = values.next(&shared.tables)? {
        walked += 1;
        if walked % ROWS_AT_ONCE == 0 && gives_way() {
            return Ok(1);
        }
        if value.modified() < one.revision() {
            dead += (key.len() + value.bytes().len()) as u64;
        }
        if dead >= enough {
            break;
        }
    }
    Ok(dead)
}

/// Forgets those that are cleared, whose clearing lies below every kept revision, and whose rows are in no memory either.
fn forget(shared: &Shared, below: u64) {
    let ranges = shared.limits.ranges.load_full();
    let is_due =
        |one: &RangeTombstone| one.cleared_at().is_some_and(|newest| newest < below) && one.is_out_of_memory(shared);
    if !ranges.all().any(|one| is_due(one)) {
        return;
    }
    // Rows in the cache were read from tables that still had them.
    shared.cache.clear();
    shared.limits.ranges.forget(is_due);
    for one in ranges.all().filter(|one| is_due(one)) {
        shared.dead_stretches.is_gone(one.range(), one.revision());
    }
}

impl RangeTombstone {
    /// Whether no memtable that is looked at has a row that it killed.
    fn is_out_of_memory(&self, shared: &Shared) -> bool {
        let view = shared.view.load();
        let Some(sealed) = &view.sealed else {
            return true;
        };
        let KeyRange { start, end } = self.range();
        let has = |run| {
            let rows = Rows::new(&*sealed.memtable, run);
            let from = rows.lower_bound(start);
            let to = end.map_or(rows.len(), |end| rows.lower_bound(end));
            (from..to).any(|at| unpack(rows.row(at)).is_none_or(|row| row.modified < self.revision()))
        };
        !sealed.memtable.runs().into_iter().any(has)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::super::{Engine, EngineOptions, LsmEngine, Mark, RowRef};
    use super::*;

    const RANGES: u64 = 100;
    const KEYS: u64 = 4;

    fn key(number: u64) -> Vec<u8> {
        format!("key/{number:06}").into_bytes()
    }

    /// An engine whose rows were all deleted, by many ranges, and flushed, while somebody waits for the thread that would reclaim them.
    fn deleted() -> (tempfile::TempDir, LsmEngine) {
        let directory = tempfile::tempdir().unwrap();
        let (engine, _) = LsmEngine::open(directory.path(), EngineOptions::default()).unwrap();
        engine.shared.limits.waited_for.store(true, Ordering::Relaxed);
        let mark = |revision| Mark {
            index: revision,
            term: 1,
            revision,
        };
        for number in 0..RANGES * KEYS {
            let row = RowRef {
                create: number + 1,
                modified: number + 1,
                version: 1,
                lease: 0,
                previous: 0,
                skips: &[],
                value: b"value".into(),
            };
            engine.write(&key(number), 0, row).unwrap();
        }
        let mut revision = RANGES * KEYS;
        engine.rotate(mark(revision), Vec::new()).unwrap();
        for range in 0..RANGES {
            revision += 1;
            let (start, end) = (key(range * KEYS), key((range + 1) * KEYS));
            let range = KeyRange {
                start: &start,
                end: Some(&end),
            };
            engine.delete_range(range, revision, 0).unwrap();
        }
        revision += 1;
        engine.compact(revision).unwrap();
        engine.close(Some((mark(revision), Vec::new()))).unwrap();
        (directory, engine)
    }

    fn cleared(shared: &Shared) -> u64 {
        let ranges = shared.limits.ranges.load_full();
        ranges.all().filter(|one| one.cleared_at().is_some()).count() as u64
    }

    #[test]
    fn a_round_that_gave_way_goes_on_where_it_was() {
        let (_directory, engine) = deleted();
        let shared = &engine.shared;
        shared.limits.stopping.store(false, Ordering::Relaxed);
        shared.limits.waited_for.store(false, Ordering::Relaxed);
        let (mut round, asked) = (Round::default(), Cell::new(0));
        let gives_way = |from: u64| {
            asked.set(asked.get() + 1);
            asked.get() > from
        };
        reclaim(shared, &mut round, &|| gives_way(0)).unwrap();
        assert_eq!((cleared(shared), asked.take()), (0, 1), "somebody waits");
        reclaim(shared, &mut round, &|| gives_way(RANGES)).unwrap();
        let looked_at = cleared(shared) + round.left.len() as u64;
        assert_eq!((looked_at, asked.take()), (RANGES / 2, RANGES + 1), "somebody came");
        reclaim(shared, &mut round, &|| gives_way(u64::MAX)).unwrap();
        assert_eq!(asked.get(), RANGES + 1, "only the others were looked at");
        assert!(round.came_to.is_none() && round.left.is_empty(), "the round is over");
    }

    #[test]
    fn a_rewrite_gives_way_to_a_flush_that_waits_and_is_done_later() {
        let (_directory, engine) = deleted();
        let shared = &engine.shared;
        shared.limits.stopping.store(false, Ordering::Relaxed);
        reclaim(shared, &mut Round::default(), &|| false).unwrap();
        assert_eq!(cleared(shared), 0, "the rewrite was given up");
        shared.limits.waited_for.store(false, Ordering::Relaxed);
        reclaim(shared, &mut Round::default(), &|| false).unwrap();
        assert_eq!(cleared(shared), RANGES);
    }
}

//! Has what range tombstones killed go from disk, and forgets those that are not needed any more (see `range_tombstones`
//! for when that is). Runs on the thread that compacts tables. Knows no history.

use std::sync::atomic::Ordering;
use std::sync::Arc;

use super::memtable::Rows;
use super::range_tombstones::RangeTombstone;
use super::row::unpack;
use super::shared::Shared;
use super::KeyRange;
use crate::StoreError;

/// All tables are rewritten for what dropping whole tables leaves, if so many range tombstones wait for it, or if the tables
/// have at most so many bytes, or if their dead rows are so large a part of them.
const WAITING_MAX: usize = 256;
const REWRITTEN_BYTES_MAX: u64 = 16 << 20;
const DEAD_SHARE: u64 = 4;

/// One round, after a flush or a compaction of tables.
pub(super) fn reclaim(shared: &Shared) -> Result<(), StoreError> {
    let below = shared.limits.tombstones_below.load(Ordering::Acquire);
    let ranges = shared.limits.ranges.load_full();
    let newest = shared.work.lock().persisted.mark.revision;
    let waiting: Vec<&Arc<RangeTombstone>> = ranges
        .all()
        .filter(|one| one.revision() < below && one.cleared_at().is_none())
        .collect();
    if !waiting.is_empty() {
        let mut left = Vec::new();
        let mut dead = 0;
        for one in waiting {
            if dead_bytes(shared, one, 1)? > 0 {
                shared.tables.drop_stretches(one)?;
            }
            match dead_bytes(shared, one, shared.tables.disk_bytes() / DEAD_SHARE + 1)? {
                0 => one.clear(newest),
                bytes => {
                    dead += bytes;
                    left.push(one);
                }
            }
        }
        let disk = shared.tables.disk_bytes();
        let rewrites = left.len() >= WAITING_MAX || disk <= REWRITTEN_BYTES_MAX || dead > disk / DEAD_SHARE;
        // Once for each: what is left then, is left for good.
        let is_new = |left: &[&Arc<RangeTombstone>]| left.iter().filter(|one| !one.take_rewrite()).count() > 0;
        if rewrites && is_new(&left) && !shared.is_stopping() {
            shared.tables.rewrite()?;
            for one in left {
                if dead_bytes(shared, one, 1)? == 0 {
                    one.clear(newest);
                }
            }
        }
    }
    forget(shared, below);
    Ok(())
}

/// Bytes in the tables of rows that it killed, up to about `enough`. Once there are none it stays so: what is flushed later is
/// newer.
fn dead_bytes(shared: &Shared, one: &RangeTombstone, enough: u64) -> Result<u64, StoreError> {
    let KeyRange { start, end } = one.range();
    let mut rows = shared.tables.range(start, end);
    let mut dead = 0;
    while let Some(row) = rows.next(false, &shared.tables)? {
        if shared.is_stopping() {
            return Ok(1);
        }
        if shared.parse(row.row())?.modified < one.revision() {
            dead += (row.key().len() + row.row().len()) as u64;
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

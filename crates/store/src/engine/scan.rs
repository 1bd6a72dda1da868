//! Reading many rows in key order as of a revision: what is live then, and what a deleted range deleted. Stretches that
//! hold only what range tombstones killed are passed at once. Knows no operations.

use std::borrow::Cow;

use rafterdb_codec::store::range_tombstone::decode_bounds;
use rafterdb_codec::store::record::Record;

use super::dead_run::{cut, DeadRun};
use super::dead_stretches::{next_key, NOW};
use super::failure::{corrupt, io_failure};
use super::merge::Merge;
use super::range_tombstones::{after, Place, RangeTombstones};
use super::shared::Shared;
use super::{Change, ChangePlace, KeyRange, RowRef, Value, Visit};
use crate::StoreError;

/// Rows near one that was deleted that the writer looks at in each direction, once for many deletions: what was deleted between two looks,
/// and some more.
const STEPS_NEAR: usize = 256;

/// Rows that a search for dead stretches looks at before it sees whether the engine stops.
const STEPS_AT_ONCE: usize = 1 << 16;

/// What a reader sees.
#[derive(Clone, Copy)]
pub(super) struct Sight {
    /// Rows up to this revision.
    at: u64,
    /// Range tombstones before this place.
    horizon: Place,
    /// The revision that must not be compacted before the reading ends; `None` if what it needs is kept for it.
    needs: Option<u64>,
    /// What does not live at this revision and later is not seen.
    dead_at: u64,
}

impl Sight {
    /// Everything as of a revision.
    pub(super) const fn at(revision: u64) -> Self {
        Self {
            at: revision,
            horizon: after(revision),
            needs: Some(revision),
            dead_at: revision,
        }
    }

    /// The same, where what is read is kept.
    pub(super) const fn kept_at(revision: u64) -> Self {
        Self {
            needs: None,
            ..Self::at(revision)
        }
    }

    /// The newest row of each key.
    const fn now() -> Self {
        Self {
            needs: None,
            ..Self::at(NOW)
        }
    }

    /// What the change at `place` finds.
    const fn before(place: Place) -> Self {
        Self {
            at: place.0,
            horizon: place,
            // Rows that a range tombstone killed are kept until a later revision is compacted.
            needs: Some(place.0),
            dead_at: place.0 - 1,
        }
    }
}

impl Shared {
    fn check_needs(&self, sight: Sight) -> Result<(), StoreError> {
        sight.needs.map_or(Ok(()), |at| self.check_not_compacted(at))
    }

    /// Visits every live key of the range, until it has looked at `steps` rows, live or not, which it counts down. Returns the key it
    /// came to if that is why it stopped.
    pub(super) fn scan(
        &self,
        range: KeyRange<'_>,
        sight: Sight,
        reverse: bool,
        steps: &mut usize,
        visit: &mut dyn FnMut(&[u8], RowRef<'_>) -> Visit,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.check_needs(sight)?;
        if range.end.is_some_and(|end| end <= range.start) {
            return Ok(None);
        }
        // Before the rows: what one of these has killed is passed over, or gone, whatever is forgotten meanwhile.
        let ranges = self.limits.ranges.load_full();
        let mut start = Cow::Borrowed(range.start);
        if !reverse {
            for _ in 0..self.dead_rows {
                let Some(bound) = self.pass(&ranges, &start, sight, false) else {
                    break;
                };
                start = Cow::Owned(bound);
            }
            if range.end.is_some_and(|end| *end <= *start) {
                return self.check_needs(sight).map(|()| None);
            }
        }
        let range = KeyRange { start: &start, ..range };
        let mut merge = Merge::new(self, range, reverse)?;
        let mut run = DeadRun::new(&self.dead_stretches, sight.at, reverse);
        let mut earlier = Vec::new();
        while merge.advance()? {
            let (key, packed) = merge.current();
            let newest = self.parse(packed)?;
            if let Some(row) = self.row_of(key, newest, sight.at, &mut earlier)? {
                if row.is_tombstone() || ranges.hides(key, row.modified, sight.horizon) {
                    run.add(key, newest.modified);
                } else {
                    run.end(key);
                    self.check_needs(sight)?;
                    if visit(key, row) == Visit::Stop {
                        return Ok(None);
                    }
                }
            } else {
                run.leave(key);
            }
            *steps = steps.saturating_sub(1);
            if *steps == 0 {
                run.cut(key);
                self.check_needs(sight)?;
                return Ok(Some(key.to_vec()));
            }
            if run.is_long(self.dead_rows) {
                if let Some(bound) = self.pass(&ranges, key, sight, reverse) {
                    run.pass(key, &bound);
                    merge.seek(&bound)?;
                } else if let Some(bound) = run.begin_walk() {
                    merge = Merge::new(self, cut(range, bound, reverse), reverse)?;
                }
            }
        }
        run.finish(range);
        self.check_needs(sight).map(|()| None)
    }

    /// Where to go on from `key` on, if it is known to lie in a dead stretch.
    fn pass(&self, ranges: &RangeTombstones, key: &[u8], sight: Sight, reverse: bool) -> Option<Vec<u8>> {
        let known = self.dead_stretches.pass(key, sight.dead_at, reverse);
        known.or_else(|| ranges.pass(key, sight.horizon, reverse))
    }

    /// Notes what lies dead near a key that was deleted, and has a thread look how far that goes on.
    pub(super) fn look_around(&self, key: &[u8]) -> Result<(), StoreError> {
        if self.dead_rows == usize::MAX {
            return Ok(());
        }
        for reverse in [false, true] {
            let (bound, mut steps) = (near(key, reverse), STEPS_NEAR);
            self.walk_from(&bound, reverse, &mut steps)?;
        }
        if self.deletions.note(key) {
            self.work.lock().find_dead = true;
            self.changed.notify_all();
        }
        Ok(())
    }

    /// Finds dead stretches where keys were deleted one by one.
    pub(super) fn find_dead_stretches(&self) -> Result<(), StoreError> {
        rafterdb_fault::point("store.search.start")
            .map_err(|error| io_failure(&error, "searching for dead rows in", &self.directory))?;
        for key in self.deletions.take() {
            if self.dead_stretches.pass(&key, NOW, false).is_none() {
                self.walk_over_dead(&key, false)?;
                self.walk_over_dead(&key, true)?;
            }
        }
        Ok(())
    }

    /// Scans from `key` to the first one that lives, or until the engine stops.
    fn walk_over_dead(&self, key: &[u8], reverse: bool) -> Result<(), StoreError> {
        let mut bound = near(key, reverse);
        loop {
            let mut steps = STEPS_AT_ONCE;
            match self.walk_from(&bound, reverse, &mut steps)? {
                Some(found) if !self.is_stopping() => bound = found,
                _ => return Ok(()),
            }
        }
    }

    /// Scans from `bound` on to the first key that lives, as far as there are steps; then returns the key it came to.
    fn walk_from(&self, bound: &[u8], reverse: bool, steps: &mut usize) -> Result<Option<Vec<u8>>, StoreError> {
        let range = cut(KeyRange { start: &[], end: None }, bound, reverse);
        self.scan(range, Sight::now(), reverse, steps, &mut |_, _| Visit::Stop)
    }

    /// Visits what a deleted range deleted, as changes in key order, from `from` on if that is within it.
    pub(super) fn expand(
        &self,
        record: &Record<'_>,
        from: ChangePlace<'_>,
        visit: &mut dyn FnMut(Change<'_>) -> Visit,
    ) -> Result<Visit, StoreError> {
        let place = (record.revision, record.sub);
        let Some(end) = decode_bounds(record.before) else {
            return Err(corrupt(
                &self.directory,
                None,
                "a deleted range in history cannot be read",
            ));
        };
        let start = if place == (from.revision, from.sub) {
            record.key.max(from.key)
        } else {
            record.key
        };
        let mut outcome = Visit::Next;
        let mut steps = usize::MAX;
        self.scan(
            KeyRange { start, end },
            Sight::before(place),
            false,
            &mut steps,
            &mut |key, row| {
                // Written by the same transaction, which deletes no key that it writes.
                if row.modified == record.revision {
                    return Visit::Next;
                }
                let tombstone = RowRef {
                    create: 0,
                    modified: record.revision,
                    version: 0,
                    lease: 0,
                    previous: row.modified,
                    skips: &[],
                    value: Value::none(),
                };
                outcome = visit(Change {
                    sub: record.sub,
                    key,
                    row: tombstone,
                    replaced: Some(row),
                });
                outcome
            },
        )?;
        Ok(outcome)
    }
}

/// Where a walk begins at `key`: upwards with it, downwards with it too.
fn near(key: &[u8], reverse: bool) -> Vec<u8> {
    if reverse {
        next_key(key)
    } else {
        key.to_vec()
    }
}

//! Reading many rows in key order as of a revision: what is live then, and what a deleted range deleted. Stretches that
//! hold only what range tombstones killed are passed at once. Knows no operations.

use std::borrow::Cow;

use super::failure::corrupt;
use super::history::Record;
use super::merge::Merge;
use super::range_tombstones::{after, decode_bounds, Place};
use super::shared::Shared;
use super::{Change, ChangePlace, KeyRange, RowRef, Visit};
use crate::StoreError;

/// Dead rows passed one by one before a seek: it costs about as much as they do. Before the first row as many dead stretches are
/// passed, which costs less than one row in each.
const DEAD_STEPS: usize = 24;

/// What a reader sees.
#[derive(Clone, Copy)]
pub(super) struct Sight {
    /// Rows up to this revision.
    at: u64,
    /// Range tombstones before this place.
    horizon: Place,
    /// The revision that must not be compacted before the reading ends; `None` if what it needs is kept for it.
    needs: Option<u64>,
}

impl Sight {
    /// Everything as of a revision.
    pub(super) const fn at(revision: u64) -> Self {
        Self {
            at: revision,
            horizon: after(revision),
            needs: Some(revision),
        }
    }

    /// The same, where what is read is kept.
    pub(super) const fn kept_at(revision: u64) -> Self {
        Self {
            needs: None,
            ..Self::at(revision)
        }
    }

    /// What the change at `place` finds.
    const fn before(place: Place) -> Self {
        Self {
            at: place.0,
            horizon: place,
            // Rows that a range tombstone killed are kept until a later revision is compacted.
            needs: Some(place.0),
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
        if !reverse && !ranges.is_empty() {
            for _ in 0..DEAD_STEPS {
                let Some(bound) = ranges.pass(&start, sight.horizon, false) else {
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
        let mut dead = 0;
        let mut earlier = Vec::new();
        while merge.advance()? {
            let (key, newest) = merge.current();
            if let Some(row) = self.row_at(key, newest, sight.at, &mut earlier)? {
                if row.is_tombstone() || ranges.hides(key, row.modified, sight.horizon) {
                    dead += 1;
                } else {
                    dead = 0;
                    self.check_needs(sight)?;
                    if visit(key, row) == Visit::Stop {
                        return Ok(None);
                    }
                }
            }
            *steps = steps.saturating_sub(1);
            if *steps == 0 {
                self.check_needs(sight)?;
                return Ok(Some(key.to_vec()));
            }
            if dead >= DEAD_STEPS {
                dead = 0;
                if let Some(bound) = ranges.pass(key, sight.horizon, reverse) {
                    merge.seek(&bound)?;
                }
            }
        }
        self.check_needs(sight).map(|()| None)
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
                    value: &[],
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

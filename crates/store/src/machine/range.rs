//! Results of ranges, for readers and for transactions alike. Knows the engine and a revision, nothing of who asks.

use rafterdb_codec::{operation, OpenResult, Pair, Range, Selection};
use rafterdb_codec::{RANGE_COUNT_ONLY, RANGE_KEYS_ONLY, RANGE_NO_COUNT, RANGE_REVERSE, RESULT_RANGE_MORE};

use super::counts::UNCOUNTED;
use crate::{Engine, KeyRange, RowRef, StoreError, Visit};

/// What goes into the result of one range.
struct Collector<'a> {
    range: Range<'a>,
    limit: u64,
    /// Length of `out` at which the reply is full.
    full_at: usize,
    out: &'a mut Vec<u8>,
    count: u64,
    pairs: u32,
    more: bool,
    /// Keys that may still be counted beyond the pairs.
    counts: &'a mut u64,
    is_uncounted: bool,
}

/// Appends the result of `range` as of revision `at`. Once `out` is `full_at` long it stops, with MORE set; a reply
/// that is full already gets no pairs and MORE, whatever the range. Counts up to `counts` keys beyond the pairs, which it
/// lowers; with more than that the count is [`UNCOUNTED`]. Returns whether it is.
pub(super) fn write_range<E: Engine>(
    engine: &E,
    range: Range<'_>,
    at: u64,
    full_at: usize,
    counts: &mut u64,
    out: &mut Vec<u8>,
) -> Result<bool, StoreError> {
    let is_full = out.len() >= full_at;
    let result = OpenResult::begin(out, operation::RANGE);
    out.extend_from_slice(&[0; 12]);
    let limit = if range.limit == 0 { u64::MAX } else { range.limit };
    let mut collector = Collector {
        range,
        limit,
        full_at,
        out,
        count: 0,
        pairs: 0,
        more: is_full,
        counts,
        is_uncounted: false,
    };
    if !is_full {
        collector.collect(engine, at)?;
    }
    let Collector {
        out,
        mut count,
        pairs,
        more,
        is_uncounted,
        ..
    } = collector;
    if is_uncounted {
        count = UNCOUNTED;
    }
    if range.has(RANGE_NO_COUNT) && !range.has(RANGE_COUNT_ONLY) {
        count = u64::from(pairs);
    }
    let body = result.body_at();
    out[body..body + 8].copy_from_slice(&count.to_le_bytes());
    out[body + 8..body + 12].copy_from_slice(&pairs.to_le_bytes());
    result.finish(out, if more { RESULT_RANGE_MORE } else { 0 }, at);
    Ok(is_uncounted)
}

impl Collector<'_> {
    fn collect<E: Engine>(&mut self, engine: &E, at: u64) -> Result<(), StoreError> {
        match self.range.selection() {
            Selection::One(key) => {
                engine.get(key, at, &mut |row| {
                    self.add(key, &row);
                })?;
                // One key costs nothing to count.
                self.is_uncounted = false;
            }
            Selection::Span { start, end: Some(end) } if end <= start => {}
            Selection::Span { start, end } => {
                let reverse = self.range.has(RANGE_REVERSE);
                engine.scan(KeyRange { start, end }, at, reverse, &mut |key, row| {
                    self.add(key, &row)
                })?;
            }
        }
        Ok(())
    }

    fn add(&mut self, key: &[u8], row: &RowRef<'_>) -> Visit {
        self.count += 1;
        if self.range.has(RANGE_COUNT_ONLY) {
            return self.count_on();
        }
        if !self.more && u64::from(self.pairs) < self.limit && self.out.len() < self.full_at {
            pair_of(key, row, self.range.has(RANGE_KEYS_ONLY)).encode(self.out);
            self.pairs += 1;
            return Visit::Next;
        }
        self.more = true;
        if self.range.has(RANGE_NO_COUNT) {
            Visit::Stop
        } else {
            self.count_on()
        }
    }

    fn count_on(&mut self) -> Visit {
        if *self.counts == 0 {
            self.is_uncounted = true;
            return Visit::Stop;
        }
        *self.counts -= 1;
        Visit::Next
    }
}

/// A row as clients see it.
pub(super) fn pair_of<'a>(key: &'a [u8], row: &RowRef<'a>, keys_only: bool) -> Pair<'a> {
    Pair {
        create: row.create,
        modified: row.modified,
        version: row.version,
        lease: row.lease,
        key,
        value: if keys_only { &[] } else { row.value },
    }
}

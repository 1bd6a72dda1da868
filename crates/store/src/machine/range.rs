//! Results of ranges, for readers and for transactions alike. Knows the engine and a revision, nothing of who asks.

use rafterdb_codec::{operation, OpenResult, Pair, Range, Selection};
use rafterdb_codec::{RANGE_COUNT_ONLY, RANGE_KEYS_ONLY, RANGE_NO_COUNT, RANGE_REVERSE, RESULT_RANGE_MORE};

use crate::{Engine, KeyRange, RowRef, StoreError, Visit};

/// The result of a range that is read in slices: what it is so far, and where it goes on.
#[derive(Debug)]
pub(super) struct OpenRange {
    result: OpenResult,
    count: u64,
    pairs: u32,
    more: bool,
    /// The last key looked at; `None`: nothing was yet.
    came_to: Option<Vec<u8>>,
}

impl OpenRange {
    /// Begins a result at the end of `out`. A reply that is full already gets no pairs and MORE, whatever the range.
    fn begin(out: &mut Vec<u8>, full_at: usize) -> Self {
        let more = out.len() >= full_at;
        let result = OpenResult::begin(out, operation::RANGE);
        out.extend_from_slice(&[0; 12]);
        Self {
            result,
            count: 0,
            pairs: 0,
            more,
            came_to: None,
        }
    }
}

/// What goes into the result of one range.
struct Collector<'a> {
    range: Range<'a>,
    limit: u64,
    /// Length of `out` at which the reply is full.
    full_at: usize,
    out: &'a mut Vec<u8>,
    open: &'a mut OpenRange,
}

/// Appends the result of `range` as of revision `at`. Once `out` is `full_at` long it stops, with MORE set; a reply
/// that is full already gets no pairs and MORE, whatever the range.
pub(super) fn write_range<E: Engine>(
    engine: &E,
    range: Range<'_>,
    at: u64,
    full_at: usize,
    out: &mut Vec<u8>,
) -> Result<(), StoreError> {
    let mut steps = usize::MAX;
    write_slice(engine, range, at, full_at, out, &mut None, &mut steps).map(|_| ())
}

/// As [`write_range`], until `steps` rows were looked at, which it counts down. False: the result is not finished, and `open`
/// is where it goes on.
pub(super) fn write_slice<E: Engine>(
    engine: &E,
    range: Range<'_>,
    at: u64,
    full_at: usize,
    out: &mut Vec<u8>,
    open: &mut Option<OpenRange>,
    steps: &mut usize,
) -> Result<bool, StoreError> {
    let mut now = open.take().unwrap_or_else(|| OpenRange::begin(out, full_at));
    let is_begun = now.came_to.is_some();
    if is_begun || !now.more {
        let mut collector = Collector {
            range,
            limit: if range.limit == 0 { u64::MAX } else { range.limit },
            full_at,
            out,
            open: &mut now,
        };
        if !collector.collect(engine, at, steps)? {
            *open = Some(now);
            return Ok(false);
        }
    }
    let OpenRange {
        result,
        mut count,
        pairs,
        more,
        ..
    } = now;
    if range.has(RANGE_NO_COUNT) && !range.has(RANGE_COUNT_ONLY) {
        count = u64::from(pairs);
    }
    let body = result.body_at();
    out[body..body + 8].copy_from_slice(&count.to_le_bytes());
    out[body + 8..body + 12].copy_from_slice(&pairs.to_le_bytes());
    result.finish(out, if more { RESULT_RANGE_MORE } else { 0 }, at);
    Ok(true)
}

impl Collector<'_> {
    /// Whether all of the range has been looked at.
    fn collect<E: Engine>(&mut self, engine: &E, at: u64, steps: &mut usize) -> Result<bool, StoreError> {
        let came_to = self.open.came_to.take();
        match self.range.selection() {
            Selection::One(key) => {
                *steps = steps.saturating_sub(1);
                engine.get(key, at, &mut |row| {
                    self.add(key, &row);
                })?;
                Ok(true)
            }
            Selection::Span { start, end: Some(end) } if end <= start => Ok(true),
            Selection::Span { start, end } => {
                let reverse = self.range.has(RANGE_REVERSE);
                let after = came_to.as_ref().map(|key| [key, &[0][..]].concat());
                let rest = match (&came_to, &after) {
                    (Some(key), _) if reverse => KeyRange { start, end: Some(key) },
                    (_, Some(after)) => KeyRange { start: after, end },
                    _ => KeyRange { start, end },
                };
                let visit = &mut |key: &[u8], row: RowRef<'_>| self.add(key, &row);
                self.open.came_to = engine.scan_some(rest, at, reverse, steps, visit)?;
                Ok(self.open.came_to.is_none())
            }
        }
    }

    fn add(&mut self, key: &[u8], row: &RowRef<'_>) -> Visit {
        self.open.count += 1;
        if self.range.has(RANGE_COUNT_ONLY) {
            return Visit::Next;
        }
        if !self.open.more && u64::from(self.open.pairs) < self.limit && self.out.len() < self.full_at {
            pair_of(key, row, self.range.has(RANGE_KEYS_ONLY)).encode(self.out);
            self.open.pairs += 1;
            return Visit::Next;
        }
        self.open.more = true;
        if self.range.has(RANGE_NO_COUNT) {
            Visit::Stop
        } else {
            Visit::Next
        }
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

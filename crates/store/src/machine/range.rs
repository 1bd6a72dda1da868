//! Results of ranges, for readers and for transactions alike. Knows the engine and a revision, nothing of who asks.

use rafterdb_codec::{OpenResult, OperationKind, Pair, Range, Selection};
use rafterdb_codec::{RANGE_COUNT_ONLY, RANGE_KEYS_ONLY, RANGE_NO_COUNT, RANGE_REVERSE, RESULT_RANGE_MORE};

use super::bounds::{take, Bounds};
use super::uncounted::UNCOUNTED;
use crate::{Engine, KeyRange, RowRef, StoreError, Visit};

/// The result of a range that is read in slices: what it is so far, and where it goes on.
#[derive(Debug)]
pub(super) struct OpenRange {
    result: OpenResult,
    count: u64,
    pairs: u32,
    more: bool,
    /// Steps for pairs and counts, and of those for keys that are counted beyond the pairs.
    steps: u64,
    counts: u64,
    /// How those are counted.
    bounds: Bounds,
    /// There were more of them: the count is [`UNCOUNTED`].
    is_uncounted: bool,
    /// The last key looked at; `None`: nothing was yet.
    came_to: Option<Vec<u8>>,
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
/// that is full already gets no pairs and MORE, whatever the range. `left` is the steps that may be taken, and those of them beyond
/// the pairs, to count; it lowers both. Pairs beyond that are left out like those for which a reply has no room, and without a whole
/// count it is [`UNCOUNTED`]. Returns whether it is.
pub(super) fn write_range<E: Engine>(
    engine: &E,
    range: Range<'_>,
    at: u64,
    full_at: usize,
    left: (&mut u64, &mut u64),
    bounds: &Bounds,
    out: &mut Vec<u8>,
) -> Result<bool, StoreError> {
    if range.end.is_empty() {
        // One key costs nothing to count.
        return write_one(engine, range, at, full_at, out).map(|()| false);
    }
    let mut open = OpenRange::begin(out, full_at, (*left.0, *left.1), *bounds);
    let mut steps = usize::MAX;
    open.go_on(engine, range, at, full_at, out, &mut steps)?;
    (*left.0, *left.1) = (open.steps, open.counts);
    let is_uncounted = open.is_uncounted;
    open.finish(range, at, out);
    Ok(is_uncounted)
}

/// As [`write_range`] with everything counted, until `steps` rows were looked at, which it counts down. False: the result is not
/// finished, and `open` is where it goes on.
pub(super) fn write_slice<E: Engine>(
    engine: &E,
    range: Range<'_>,
    at: u64,
    full_at: usize,
    out: &mut Vec<u8>,
    open: &mut Option<OpenRange>,
    steps: &mut usize,
) -> Result<bool, StoreError> {
    if range.end.is_empty() {
        *steps = steps.saturating_sub(1);
        return write_one(engine, range, at, full_at, out).map(|()| true);
    }
    let mut now = open
        .take()
        .unwrap_or_else(|| OpenRange::begin(out, full_at, (u64::MAX, u64::MAX), Bounds::default()));
    if !now.go_on(engine, range, at, full_at, out, steps)? {
        *open = Some(now);
        return Ok(false);
    }
    now.finish(range, at, out);
    Ok(true)
}

/// Appends the result of the single key of `range`: what most reads are.
fn write_one<E: Engine>(
    engine: &E,
    range: Range<'_>,
    at: u64,
    full_at: usize,
    out: &mut Vec<u8>,
) -> Result<(), StoreError> {
    let is_full = out.len() >= full_at;
    let result = begin_result(out);
    let (mut count, mut pairs) = (0, 0);
    if !is_full {
        let mut read = Ok(());
        engine.get(range.key, at, &mut |row| {
            count = 1;
            if !range.has(RANGE_COUNT_ONLY) {
                pairs = 1;
                read = write_pair(engine, range, range.key, &row, out);
            }
        })?;
        read?;
    }
    finish_result(result, count, pairs, is_full, at, out);
    Ok(())
}

/// Begins a result, with room for its numbers.
fn begin_result(out: &mut Vec<u8>) -> OpenResult {
    OpenResult::begin_counted(out, OperationKind::Range)
}

fn finish_result(result: OpenResult, count: u64, pairs: u32, more: bool, at: u64, out: &mut [u8]) {
    result.set_counts(out, count, pairs);
    result.finish(out, if more { RESULT_RANGE_MORE } else { 0 }, at);
}

impl OpenRange {
    /// Begins a result at the end of `out`. A reply that is full already gets no pairs and MORE, whatever the range.
    fn begin(out: &mut Vec<u8>, full_at: usize, (steps, counts): (u64, u64), bounds: Bounds) -> Self {
        let more = out.len() >= full_at;
        Self {
            result: begin_result(out),
            count: 0,
            pairs: 0,
            more,
            steps,
            counts,
            bounds,
            is_uncounted: false,
            came_to: None,
        }
    }

    /// Looks at up to `steps` rows. Whether that was all of the range.
    fn go_on<E: Engine>(
        &mut self,
        engine: &E,
        range: Range<'_>,
        at: u64,
        full_at: usize,
        out: &mut Vec<u8>,
        steps: &mut usize,
    ) -> Result<bool, StoreError> {
        let is_begun = self.came_to.is_some();
        if !is_begun && self.more {
            return Ok(true);
        }
        let mut collector = Collector {
            range,
            limit: if range.limit == 0 { u64::MAX } else { range.limit },
            full_at,
            out,
            open: self,
        };
        collector.collect(engine, at, steps)
    }

    fn finish(self, range: Range<'_>, at: u64, out: &mut [u8]) {
        let Self {
            result,
            mut count,
            pairs,
            more,
            is_uncounted,
            ..
        } = self;
        if is_uncounted {
            count = UNCOUNTED;
        }
        if range.has(RANGE_NO_COUNT) && !range.has(RANGE_COUNT_ONLY) {
            count = u64::from(pairs);
        }
        finish_result(result, count, pairs, more, at, out);
    }
}

impl Collector<'_> {
    /// Whether all of the range has been looked at.
    fn collect<E: Engine>(&mut self, engine: &E, at: u64, steps: &mut usize) -> Result<bool, StoreError> {
        let came_to = self.open.came_to.take();
        match self.range.selection() {
            Selection::One(_) => unreachable!("a single key is written at once"),
            Selection::Span { start, end: Some(end) } if end <= start => Ok(true),
            Selection::Span { start, end } => {
                let reverse = self.range.has(RANGE_REVERSE);
                let after = came_to.as_ref().map(|key| [key, &[0][..]].concat());
                let rest = match (&came_to, &after) {
                    (Some(key), _) if reverse => KeyRange { start, end: Some(key) },
                    (_, Some(after)) => KeyRange { start: after, end },
                    _ => KeyRange { start, end },
                };
                let mut read = Ok(());
                let visit = &mut |key: &[u8], row: RowRef<'_>| {
                    let added = self.add(engine, key, &row);
                    added.unwrap_or_else(|error| {
                        read = Err(error);
                        Visit::Stop
                    })
                };
                let came_to = engine.scan_some(rest, at, reverse, steps, visit)?;
                read?;
                self.open.came_to = came_to;
                Ok(self.open.came_to.is_none())
            }
        }
    }

    fn add<E: Engine>(&mut self, engine: &E, key: &[u8], row: &RowRef<'_>) -> Result<Visit, StoreError> {
        self.open.count += 1;
        let steps = self.open.bounds.steps_of(key, row.value);
        if self.range.has(RANGE_COUNT_ONLY) {
            return Ok(self.count_on(steps));
        }
        let is_room = !self.open.more && u64::from(self.open.pairs) < self.limit && self.out.len() < self.full_at;
        if is_room && take(&mut self.open.steps, steps) {
            write_pair(engine, self.range, key, row, self.out)?;
            self.open.pairs += 1;
            return Ok(Visit::Next);
        }
        self.open.more = true;
        Ok(if self.range.has(RANGE_NO_COUNT) {
            Visit::Stop
        } else {
            self.count_on(steps)
        })
    }

    fn count_on(&mut self, steps: u64) -> Visit {
        if take(&mut self.open.counts, steps) && take(&mut self.open.steps, steps) {
            return Visit::Next;
        }
        self.open.is_uncounted = true;
        Visit::Stop
    }
}

/// Appends a row as the range wants it.
fn write_pair<E: Engine>(
    engine: &E,
    range: Range<'_>,
    key: &[u8],
    row: &RowRef<'_>,
    out: &mut Vec<u8>,
) -> Result<(), StoreError> {
    if range.has(RANGE_KEYS_ONLY) {
        pair_of(key, row, &[]).encode(out);
        return Ok(());
    }
    engine.value(key, row, &mut |value| pair_of(key, row, value).encode(out))
}

/// A row as clients see it.
pub(super) fn pair_of<'a>(key: &'a [u8], row: &RowRef<'_>, value: &'a [u8]) -> Pair<'a> {
    Pair {
        create: row.create,
        modified: row.modified,
        version: row.version,
        lease: row.lease,
        key,
        value,
    }
}

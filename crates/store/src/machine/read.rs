//! Reads by any thread at the published revision: transactions are seen whole, ranges are consistent.
//! A compaction may overtake a read: what it returned is then thrown away and read again, or refused.

use std::sync::atomic::Ordering;

use rafterdb_codec::limits::READ_REPLY_BYTES_MAX;
use rafterdb_codec::{validate_selection, Code, OpenResult, OperationKind, Range, RangePlace, ReadRequest};

use super::range::{write_slice, OpenRange};
use super::refusal::{compacted_text, future_text};
use super::Machine;
use crate::{Engine, StoreError};

/// Times that a read is overtaken by compactions before it gives up.
const OVERTAKEN_MAX: usize = 100;

impl<E: Engine> Machine<E> {
    /// Answers the body of a READ request: appends one result a range, all of them as of one published revision, which
    /// is returned. A range that is wrong in itself gets an error result.
    ///
    /// # Errors
    /// `PROTOCOL_ERROR`, or what the engine reports; `out` is then as it was.
    pub fn read(&self, body: &[u8], out: &mut Vec<u8>) -> Result<u64, StoreError> {
        let mut read = SlicedRead::default();
        while !self.read_some(body, &mut read, usize::MAX)? {}
        out.extend_from_slice(read.results());
        Ok(read.at.unwrap_or_default())
    }

    /// Goes on with the answer to the body of a READ request, until about `steps` rows were looked at; all of it is of the
    /// revision that was published when it began, or when a compaction had it begin anew. True: the results are whole.
    ///
    /// # Errors
    /// As of [`Self::read`].
    pub fn read_some(&self, body: &[u8], read: &mut SlicedRead, steps: usize) -> Result<bool, StoreError> {
        let mut left = steps;
        while read.overtaken < OVERTAKEN_MAX {
            let at = *read.at.get_or_insert_with(|| self.published.load(Ordering::Acquire));
            match read.go_on(&self.engine, body, at, &mut left) {
                Err(error) if error.code == Code::Compacted => {}
                Ok(true) if self.engine.compacted() > at => {}
                outcome => return outcome,
            }
            // What it has may be of rows that were compacted away meanwhile.
            let overtaken = read.overtaken + 1;
            read.clear();
            read.overtaken = overtaken;
        }
        Err(overtaken())
    }

    /// Appends the value of `key` to `out`, for the synchronous read of one key. Returns whether there is such a key.
    ///
    /// # Errors
    /// What the engine reports; `out` is then as it was.
    pub fn get_into(&self, key: &[u8], out: &mut Vec<u8>) -> Result<bool, StoreError> {
        let start = out.len();
        let outcome = self.at_published(|at| {
            out.truncate(start);
            let mut read = Ok(());
            let found = self.engine.get(key, at, &mut |row| {
                read = self.engine.value(key, &row, &mut |value| out.extend_from_slice(value));
            })?;
            read.map(|()| found)
        });
        if outcome.is_err() {
            out.truncate(start);
        }
        outcome
    }

    /// Runs a read at the published revision, again if a compaction above that revision came between.
    fn at_published<T>(&self, mut read: impl FnMut(u64) -> Result<T, StoreError>) -> Result<T, StoreError> {
        for _ in 0..OVERTAKEN_MAX {
            let at = self.published.load(Ordering::Acquire);
            let outcome = read(at);
            match outcome {
                Err(error) if error.code == Code::Compacted => {}
                outcome if outcome.is_err() || self.engine.compacted() <= at => return outcome,
                _ => {}
            }
        }
        Err(overtaken())
    }
}

/// The answer to a READ request that is made a slice at a time, so that a long one holds nobody up.
#[derive(Debug, Default)]
pub struct SlicedRead {
    /// The revision that all of it is read at; `None`: it has not begun.
    at: Option<u64>,
    /// The first range whose result is not finished; `None`: the first of all.
    place: Option<RangePlace>,
    /// The next one's, if that was begun.
    open: Option<OpenRange>,
    /// Where that result begins.
    begins: usize,
    results: Vec<u8>,
    /// Times that a compaction had it begin anew.
    overtaken: usize,
}

impl SlicedRead {
    /// What there is; the body of a response once it is whole.
    #[must_use]
    pub fn results(&self) -> &[u8] {
        &self.results
    }

    /// Forgets what there is, and keeps the memory: for another request, or to begin anew.
    pub fn clear(&mut self) {
        self.results.clear();
        (self.at, self.open, self.place, self.overtaken) = (None, None, None, 0);
    }

    /// Goes on with the answer, as of revision `at`. Whether it is whole.
    fn go_on<E: Engine>(&mut self, engine: &E, body: &[u8], at: u64, left: &mut usize) -> Result<bool, StoreError> {
        let request = ReadRequest::parse(body).map_err(malformed)?;
        let mut ranges = match self.place {
            Some(place) => request.ranges_from(place),
            None => request.ranges(),
        };
        loop {
            self.place = Some(ranges.place());
            let Some(range) = ranges.next() else {
                return Ok(true);
            };
            if *left == 0 || !self.read_range(engine, range.map_err(malformed)?, at, left)? {
                return Ok(false);
            }
        }
    }

    /// Goes on with one range. Whether its result is finished.
    fn read_range<E: Engine>(
        &mut self,
        engine: &E,
        range: Range<'_>,
        at: u64,
        left: &mut usize,
    ) -> Result<bool, StoreError> {
        let Self {
            open, results, begins, ..
        } = self;
        if open.is_none() {
            *begins = results.len();
        }
        let refuse = |out: &mut Vec<u8>, code, detail, text: &str| {
            OpenResult::begin(out, OperationKind::Range).fail(out, code, at, detail, text);
            Ok(true)
        };
        if let Err((code, text)) = validate_selection(&range.selection()) {
            return refuse(results, code, 0, &text);
        }
        if range.revision > at {
            return refuse(results, Code::FutureRevision, at, &future_text(range.revision, at));
        }
        let revision = if range.revision == 0 { at } else { range.revision };
        let mut slice = || write_slice(engine, range, revision, READ_REPLY_BYTES_MAX, results, open, left);
        if range.revision == 0 {
            return slice();
        }
        let is_compacted = || range.revision < engine.compacted();
        if !is_compacted() {
            match slice() {
                Err(error) if error.code == Code::Compacted => {}
                Err(error) => return Err(error),
                Ok(true) if is_compacted() => {}
                Ok(is_finished) => return Ok(is_finished),
            }
        }
        *open = None;
        results.truncate(*begins);
        let compacted = engine.compacted();
        let text = compacted_text(range.revision, compacted);
        refuse(results, Code::Compacted, compacted, &text)
    }
}

fn overtaken() -> StoreError {
    StoreError::new(Code::Busy, "compactions overtook the read again and again: try again")
}

fn malformed(malformed: rafterdb_codec::Malformed) -> StoreError {
    StoreError::new(malformed.code(), malformed.0)
}

//! Reads by any thread at the published revision: transactions are seen whole, ranges are consistent.
//! A compaction may overtake a read: what it returned is then thrown away and read again, or refused.

use std::sync::atomic::Ordering;

use rafterdb_codec::limits::READ_REPLY_BYTES_MAX;
use rafterdb_codec::{operation, validate_selection, Code, OpenResult, Range, ReadRequest};

use super::range::write_range;
use super::txn::{compacted_text, future_text};
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
        let start = out.len();
        let outcome = self.at_published(|at| {
            out.truncate(start);
            let request = ReadRequest::parse(body).map_err(malformed)?;
            for range in request.ranges() {
                self.read_range(range.map_err(malformed)?, at, start + READ_REPLY_BYTES_MAX, out)?;
            }
            Ok(at)
        });
        if outcome.is_err() {
            out.truncate(start);
        }
        outcome
    }

    /// Appends the value of `key` to `out`, for the synchronous read of one key. Returns whether there is such a key.
    ///
    /// # Errors
    /// What the engine reports; `out` is then as it was.
    pub fn get_into(&self, key: &[u8], out: &mut Vec<u8>) -> Result<bool, StoreError> {
        let start = out.len();
        let outcome = self.at_published(|at| {
            out.truncate(start);
            self.engine.get(key, at, &mut |row| out.extend_from_slice(row.value))
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
        Err(StoreError::new(
            Code::Busy,
            "compactions overtook the read again and again: try again",
        ))
    }

    fn read_range(&self, range: Range<'_>, at: u64, full_at: usize, out: &mut Vec<u8>) -> Result<(), StoreError> {
        let refuse = |out: &mut Vec<u8>, code, detail, text: &str| {
            OpenResult::begin(out, operation::RANGE).fail(out, code, at, detail, text);
        };
        if let Err((code, text)) = validate_selection(&range.selection()) {
            refuse(out, code, 0, &text);
            return Ok(());
        }
        if range.revision > at {
            refuse(out, Code::FutureRevision, at, &future_text(range.revision, at));
            return Ok(());
        }
        let mut counts = u64::MAX;
        if range.revision == 0 {
            return write_range(&self.engine, range, at, full_at, &mut counts, out).map(|_| ());
        }
        let start = out.len();
        let is_compacted = || range.revision < self.engine.compacted();
        if !is_compacted() {
            match write_range(&self.engine, range, range.revision, full_at, &mut counts, out).map(|_| ()) {
                Err(error) if error.code == Code::Compacted => {}
                Err(error) => return Err(error),
                Ok(()) if is_compacted() => {}
                Ok(()) => return Ok(()),
            }
        }
        out.truncate(start);
        let compacted = self.engine.compacted();
        refuse(
            out,
            Code::Compacted,
            compacted,
            &compacted_text(range.revision, compacted),
        );
        Ok(())
    }
}

fn malformed(malformed: rafterdb_codec::Malformed) -> StoreError {
    StoreError::new(malformed.code(), malformed.0)
}

//! Transactions, as etcd runs them: first every compare, nested ones too, against the state before the transaction;
//! then a check that the chosen operations can succeed; then the writes, all at one revision.

use rafterdb_codec::{Code, Malformed, OpenResult, Operation, OperationKind, Put, Range, Selection, Txn};
use rafterdb_codec::{DeleteRange, PUT_IGNORE_LEASE, PUT_IGNORE_VALUE, RESULT_TXN_SUCCEEDED};

use super::compares::Compares;
use super::range::write_range;
use super::refusal::{compacted_text, future_text, Failure};
use super::writer::{span_bytes, Place, Writer};
use crate::{Engine, KeyRange, StoreError};

/// A transaction under way.
struct Execution<'a, E> {
    writer: &'a mut Writer,
    engine: &'a E,
    /// Which branch each transaction takes: the outermost first, then those nested in taken branches, in order.
    path: std::vec::IntoIter<bool>,
    /// Where the next change goes: one revision for all of them.
    place: Place,
    full_at: usize,
}

impl Writer {
    /// Runs a transaction that validation has passed, and appends its result. Takes a revision if it changed something.
    pub(super) fn txn<E: Engine>(
        &mut self,
        engine: &E,
        txn: &Txn<'_>,
        full_at: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        let mut path = Vec::new();
        let most = self.allowance.next_compares();
        let mut compares = Compares {
            engine,
            revision: self.state.mark.revision,
            bounds: self.bounds,
            left: most,
        };
        let decided = compares.decide(txn, &mut path);
        self.allowance.compared(most - compares.left);
        decided?;
        let mut deletes = Vec::new();
        self.check(engine, txn, &mut path.iter().copied(), &mut deletes)?;
        self.check_deletes(engine, &deletes)?;
        let place = Place {
            revision: self.state.mark.revision + 1,
            sub: 0,
        };
        let mut execution = Execution {
            writer: self,
            engine,
            path: path.into_iter(),
            place,
            full_at,
        };
        execution.run(txn, out)?;
        self.state.mark.revision = execution.revision();
        Ok(())
    }

    /// Whether every operation that will run can succeed, so that none fails after others have written. Gathers the ranges that
    /// they delete.
    fn check<'a, E: Engine>(
        &mut self,
        engine: &E,
        txn: &Txn<'a>,
        path: &mut impl Iterator<Item = bool>,
        deletes: &mut Vec<KeyRange<'a>>,
    ) -> Result<(), Failure> {
        let succeeded = next_decision(path)?;
        for operation in txn.branch(succeeded) {
            match operation? {
                Operation::Put(put) => self.check_put(engine, &put)?,
                Operation::Range(range) => self.check_revision(range.revision)?,
                Operation::Txn(nested) => self.check(engine, &nested, path, deletes)?,
                Operation::DeleteRange(delete) => {
                    if let Selection::Span { start, end } = delete.selection() {
                        deletes.push(KeyRange { start, end });
                    }
                }
                Operation::Compact { .. } | Operation::RaiseRevision { .. } => {}
            }
        }
        Ok(())
    }

    /// Whether all of the ranges can be deleted: when not so many range tombstones may be added, each must be small.
    fn check_deletes<E: Engine>(&self, engine: &E, deletes: &[KeyRange<'_>]) -> Result<(), Failure> {
        let bytes = deletes.iter().map(|range| span_bytes(*range)).sum();
        let fits = self.check_range_tombstones(engine, deletes.len(), bytes);
        if fits.is_err() {
            for range in deletes {
                if !self.is_small(engine, *range)? {
                    return fits;
                }
            }
        }
        Ok(())
    }

    /// A put that keeps value or lease needs a key that has them. A value that is kept is written once more, and the request does not
    /// show how long it is.
    pub(super) fn check_put<E: Engine>(&mut self, engine: &E, put: &Put<'_>) -> Result<(), Failure> {
        if put.flags & (PUT_IGNORE_VALUE | PUT_IGNORE_LEASE) == 0 {
            return Ok(());
        }
        let Some(bytes) = self.live_value_bytes(engine, put.key)? else {
            let text = "key not found: IGNORE_VALUE and IGNORE_LEASE need a key that exists";
            return Err(Failure::refuse(Code::KeyNotFound, 0, text));
        };
        if put.flags & PUT_IGNORE_VALUE != 0 && !self.allowance.keeps(&self.bounds, bytes) {
            let text = "the values that the puts of a batch keep are too long together: split it";
            return Err(Failure::refuse(Code::TooManyOperations, 0, text));
        }
        Ok(())
    }

    /// Whether a range may be read at `revision`; 0 is the current one.
    fn check_revision(&self, revision: u64) -> Result<(), Failure> {
        let (current, compacted) = (self.state.mark.revision, self.state.compacted);
        if revision > current {
            return Err(Failure::refuse(
                Code::FutureRevision,
                current,
                future_text(revision, current),
            ));
        }
        if revision != 0 && revision < compacted {
            return Err(Failure::refuse(
                Code::Compacted,
                compacted,
                compacted_text(revision, compacted),
            ));
        }
        Ok(())
    }
}

impl<E: Engine> Execution<'_, E> {
    /// The revision that readers of this transaction see: its own once it has changed something.
    fn revision(&self) -> u64 {
        if self.place.sub == 0 {
            self.place.revision - 1
        } else {
            self.place.revision
        }
    }

    fn run(&mut self, txn: &Txn<'_>, out: &mut Vec<u8>) -> Result<(), Failure> {
        let succeeded = next_decision(&mut self.path)?;
        let operations = txn.branch(succeeded);
        let result = OpenResult::begin_nested(out, operations.left());
        for operation in operations {
            match operation? {
                Operation::Put(put) => self.put(&put, out)?,
                Operation::DeleteRange(delete) => self.delete(&delete, out)?,
                Operation::Range(range) => self.range(range, out)?,
                Operation::Txn(nested) => self.run(&nested, out)?,
                Operation::Compact { .. } => return Err(Malformed("a transaction cannot compact").into()),
                Operation::RaiseRevision { .. } => {
                    return Err(Malformed("a transaction cannot raise the revision").into())
                }
            }
        }
        result.finish(out, if succeeded { RESULT_TXN_SUCCEEDED } else { 0 }, self.revision());
        Ok(())
    }

    fn put(&mut self, put: &Put<'_>, out: &mut Vec<u8>) -> Result<(), StoreError> {
        self.writer
            .put_result(self.engine, put, self.place, self.full_at, out)?;
        self.place.sub += 1;
        Ok(())
    }

    fn delete(&mut self, delete: &DeleteRange<'_>, out: &mut Vec<u8>) -> Result<(), Failure> {
        self.place.sub = self
            .writer
            .delete_result(self.engine, delete, self.place, self.full_at, out)?;
        Ok(())
    }

    fn range(&mut self, range: Range<'_>, out: &mut Vec<u8>) -> Result<(), StoreError> {
        let at = if range.revision == 0 {
            self.revision()
        } else {
            range.revision
        };
        let start = out.len();
        let is_old = at < self.revision();
        let bounds = self.writer.bounds;
        let allowance = &mut self.writer.allowance;
        let mut counts = allowance.counts;
        let written = write_range(
            self.engine,
            range,
            at,
            self.full_at,
            (allowance.reads(is_old), &mut counts),
            &bounds,
            out,
        );
        allowance.counts = counts;
        match written {
            // While entries are applied again after a restart, the engine may have compacted further than they had.
            Err(error) if error.code == Code::Compacted => {
                out.truncate(start);
                let (result, compacted) = (OpenResult::begin(out, OperationKind::Range), self.engine.compacted());
                result.fail(out, Code::Compacted, at, compacted, &compacted_text(at, compacted));
                Ok(())
            }
            Ok(is_uncounted) => {
                self.writer.allowance.is_uncounted |= is_uncounted;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

/// # Errors
/// Malformed if the decisions do not belong to the transaction, which `Txn::check` has excluded.
fn next_decision(path: &mut impl Iterator<Item = bool>) -> Result<bool, Malformed> {
    path.next().ok_or(Malformed("a transaction changed while it ran"))
}

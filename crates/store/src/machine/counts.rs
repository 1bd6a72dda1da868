//! Counts that applying an entry left out, since they take longer than an entry may: filled into its results afterwards, by any
//! other thread, from the rows as they were. Knows results and the operations that they are of.

use rafterdb_codec::{patch_count, RESULT_TXN_SUCCEEDED};
use rafterdb_codec::{
    Batch, Code, Malformed, Operation, OperationResult, OperationResults, Operations, Parsed, Selection,
};

use super::uncounted::UNCOUNTED;
use super::Machine;
use crate::{Engine, KeyRange, StoreError, Visit};

/// Keeps what filling in counts reads, while it lives. Taken by the apply thread before it publishes the entry, or later by
/// anybody: then it may be too late.
pub struct KeptForCounts {
    _kept: Box<dyn Send>,
    /// Revisions from here on are kept.
    from: u64,
}

impl std::fmt::Debug for KeptForCounts {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("KeptForCounts")
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}

/// What operations before it in the same transaction have changed.
#[derive(Default)]
struct Before<'a> {
    deleted: Covered,
    put: Vec<&'a [u8]>,
}

/// Parts of the key space, in order, none touching another: start, and first key after.
#[derive(Default)]
struct Covered(Vec<(Vec<u8>, Option<Vec<u8>>)>);

impl Covered {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn add(&mut self, selection: &Selection<'_>) {
        let (mut start, mut end) = match *selection {
            Selection::One(key) => (key.to_vec(), Some([key, &[0]].concat())),
            Selection::Span { start, end } => (start.to_vec(), end.map(<[u8]>::to_vec)),
        };
        if end.as_ref().is_some_and(|end| *end <= start) {
            return;
        }
        let from = self
            .0
            .partition_point(|(_, end)| end.as_ref().is_some_and(|end| *end < start));
        let begun = |(first, _): &(Vec<u8>, Option<Vec<u8>>)| end.as_ref().is_none_or(|end| first <= end);
        let to = from + self.0[from..].partition_point(begun);
        for (first, last) in self.0.drain(from..to) {
            start = start.min(first);
            end = end.zip(last).map(|(end, last)| end.max(last));
        }
        self.0.insert(from, (start, end));
    }

    /// What of a range is not covered.
    fn rest_of(&self, start: &[u8], end: Option<&[u8]>) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
        let mut rest = Vec::new();
        let mut from = start.to_vec();
        let begin = self
            .0
            .partition_point(|(_, end)| end.as_ref().is_some_and(|end| **end <= *start));
        for (first, last) in &self.0[begin..] {
            if end.is_some_and(|end| **first >= *end) {
                break;
            }
            if from < *first {
                rest.push((from, Some(first.clone())));
            }
            match last {
                Some(last) => from = last.clone(),
                None => return rest,
            }
        }
        if end.is_none_or(|end| *from < *end) {
            rest.push((from, end.map(<[u8]>::to_vec)));
        }
        rest
    }
}

impl Before<'_> {
    /// The revision that an operation began from, given the one that it ended with.
    fn base(&self, revision: u64, changes: bool) -> u64 {
        let has_changed = changes || !self.deleted.is_empty() || !self.put.is_empty();
        revision - u64::from(has_changed)
    }
}

/// Where a count belongs, and the count.
type Counted = Vec<(usize, u64)>;

impl<E: Engine> Machine<E> {
    /// Keeps what [`Self::fill_in`] will read.
    pub fn keep_for_counts(&self) -> KeptForCounts {
        let kept = self.engine.keep();
        KeptForCounts {
            _kept: kept,
            from: self.engine.compacted(),
        }
    }

    /// Counts what applying the batch `body` left uncounted in `results`; takes as long as it takes. Not on the apply thread.
    ///
    /// # Errors
    /// `RESULT_FORGOTTEN` if what is to be counted had been compacted before it was kept; what the engine reports.
    pub fn fill_in(&self, kept: &KeptForCounts, body: &[u8], results: &mut [u8]) -> Result<(), StoreError> {
        let mut counted = Counted::new();
        {
            let mut walk = Walk {
                engine: &self.engine,
                from: kept.from,
                results_at: results.as_ptr() as usize,
                counted: &mut counted,
            };
            let batch = Batch::parse(body).map_err(wrong)?;
            for (operation, result) in batch.operations().zip(OperationResults::new(results)) {
                walk.one(
                    &operation.map_err(wrong)?,
                    &result.map_err(wrong)?,
                    &mut Before::default(),
                )?;
            }
        }
        for (at, count) in counted {
            patch_count(results, at, count);
        }
        Ok(())
    }
}

struct Walk<'m, E> {
    engine: &'m E,
    from: u64,
    results_at: usize,
    counted: &'m mut Counted,
}

impl<E: Engine> Walk<'_, E> {
    fn one<'a>(
        &mut self,
        operation: &Operation<'a>,
        result: &OperationResult<'_>,
        before: &mut Before<'a>,
    ) -> Result<(), StoreError> {
        if result.code != Code::Ok {
            return Ok(());
        }
        match operation {
            Operation::Put(put) => before.put.push(put.key),
            Operation::DeleteRange(delete) => {
                let count = result.counted_pairs().map_err(wrong)?.count;
                let selection = delete.selection();
                if count == UNCOUNTED {
                    self.count(result, &selection, before.base(result.revision, true), before)?;
                }
                if count > 0 {
                    before.deleted.add(&selection);
                }
            }
            Operation::Range(range) if result.counted_pairs().map_err(wrong)?.count == UNCOUNTED => {
                let selection = range.selection();
                if range.revision == 0 {
                    self.count(result, &selection, before.base(result.revision, false), before)?;
                } else {
                    self.count(result, &selection, range.revision, &Before::default())?;
                }
            }
            Operation::Txn(txn) => {
                let operations = txn.branch(result.flags & RESULT_TXN_SUCCEEDED != 0);
                self.all(operations, result.nested(), before)?;
            }
            Operation::Range(_) | Operation::Compact { .. } | Operation::RaiseRevision { .. } => {}
        }
        Ok(())
    }

    fn all<'a>(
        &mut self,
        operations: Operations<'a>,
        results: Parsed<OperationResults<'_>>,
        before: &mut Before<'a>,
    ) -> Result<(), StoreError> {
        for (operation, result) in operations.zip(results.map_err(wrong)?) {
            self.one(&operation.map_err(wrong)?, &result.map_err(wrong)?, before)?;
        }
        Ok(())
    }

    /// Counts the keys of a selection that are live at `base`, with what was changed since.
    fn count(
        &mut self,
        result: &OperationResult<'_>,
        selection: &Selection<'_>,
        base: u64,
        before: &Before<'_>,
    ) -> Result<(), StoreError> {
        if base < self.from {
            let text =
                "the batch was applied, but how many keys it concerned is not known any more: they were compacted";
            return Err(StoreError::new(Code::ResultForgotten, text));
        }
        let Selection::Span { start, end } = *selection else {
            return Err(wrong(Malformed("one key is always counted")));
        };
        let mut count = 0;
        // Many deletes over the same keys look at each of them once.
        for (start, end) in before.deleted.rest_of(start, end) {
            let part = KeyRange {
                start: &start,
                end: end.as_deref(),
            };
            self.engine.scan_kept(part, base, &mut |_, _| {
                count += 1;
                Visit::Next
            })?;
        }
        for key in before.put.iter().filter(|key| selection.contains(key)) {
            count += u64::from(!self.is_live(key, base)?);
        }
        self.counted
            .push((result.body.as_ptr() as usize - self.results_at, count));
        Ok(())
    }

    fn is_live(&self, key: &[u8], at: u64) -> Result<bool, StoreError> {
        let end = [key, &[0]].concat();
        let only = KeyRange {
            start: key,
            end: Some(&end),
        };
        let mut is_live = false;
        self.engine.scan_kept(only, at, &mut |_, _| {
            is_live = true;
            Visit::Stop
        })?;
        Ok(is_live)
    }
}

/// The results are not of this batch: the caller has mixed them up.
fn wrong(malformed: Malformed) -> StoreError {
    StoreError::new(Code::Internal, malformed.0)
}

//! One batch applied: exactly once if it has a session, its results in the form of a WRITE response's body.
//! Knows the order of things; the writes themselves are `writer`'s and `txn`'s.

use rafterdb_codec::limits::{BATCH_OPERATIONS_MAX, FRAME_BYTES_MAX};
use rafterdb_codec::{
    encode_error, encode_plain, validate_put, validate_raise, validate_selection, validate_txn, OperationKind, Weight,
};
use rafterdb_codec::{Batch, Code, DeleteRange, Limits, OpenResult, Operation, Operations, Put, RESPONSE_PLAIN};
use rafterdb_codec::{
    DELETE_PREV_KV, MESSAGE_HEADER_BYTES, PAIR_BYTES_MAX, RESULT_BYTES_MAX, RESULT_PREVIOUS_LEFT_OUT,
    RESULT_PUT_PREVIOUS,
};

use super::bounds::Allowance;
use super::refusal::{compacted_text, future_text, Failure, Refused};
use super::reply::{Previous, Reply};
use super::sessions::{Admission, Kept};
use super::uncounted::has_uncounted;
use super::writer::{Place, Writer};
use super::Applied;
use crate::{Engine, StoreError};

/// Bytes of results of one batch after which ranges stop and previous pairs are left out.
pub const BATCH_REPLY_BYTES_MAX: usize = 7 << 18;

const _: () = assert!(
    BATCH_REPLY_BYTES_MAX + PAIR_BYTES_MAX + BATCH_OPERATIONS_MAX * RESULT_BYTES_MAX + 2 * MESSAGE_HEADER_BYTES
        <= FRAME_BYTES_MAX,
    "with one more pair, and what the other operations are answered without any, it fits a frame"
);

/// Puts whose keys the engine is told of before the first of them is applied.
const KEYS_AHEAD: usize = 16;

/// What every member checks again, so that a batch that should not have been proposed does the same on all of them.
/// The limits that a member may be configured with are not among it.
const UNCONFIGURED: Limits = Limits {
    value_bytes_max: usize::MAX,
    txn_operations_max: u16::MAX as usize,
};

impl Writer {
    /// Applies the batch body of the entry at `index`, and appends what it is answered.
    pub(super) fn apply_batch<E: Engine>(
        &mut self,
        engine: &E,
        index: u64,
        body: &[u8],
        results: &mut Vec<u8>,
    ) -> Result<Applied, StoreError> {
        // A batch is malformed as a whole or not at all: nothing of it is applied before all of it has been parsed.
        let parsed = Batch::parse(body).and_then(|batch| Ok((batch, walk(&batch)?)));
        let (batch, (is_plain, weight)) = match parsed {
            Ok(parsed) => parsed,
            Err(malformed) => return Ok(refuse(results, malformed.code(), 0, malformed.0)),
        };
        let header = batch.header;
        if header.session != 0 {
            match self.state.sessions.admit(&header, index, self.bounds.session_start) {
                Admission::Apply => {}
                Admission::Started(session) => {
                    encode_plain(results, session, 0);
                    return Ok(Applied {
                        flags: RESPONSE_PLAIN,
                        ..Applied::default()
                    });
                }
                Admission::Answer(kept) => return Ok(answer(results, kept)),
                Admission::Refuse(code, text) => return Ok(refuse(results, code, 0, text)),
            }
        }
        self.allowance = Allowance::of(&self.bounds, weight);
        let start = results.len();
        let plain = if is_plain {
            let first = self.state.mark.revision + 1;
            self.apply_plain(engine, &batch)?;
            encode_plain(results, first, header.count);
            Some((first, header.count))
        } else {
            self.apply_operations(engine, &batch, results)?;
            None
        };
        if header.session != 0 {
            self.state.sessions.keep(&header, plain, &results[start..]);
        }
        Ok(Applied {
            flags: if is_plain { RESPONSE_PLAIN } else { 0 },
            is_uncounted: self.allowance.is_uncounted,
            ..Applied::default()
        })
    }

    fn apply_plain<E: Engine>(&mut self, engine: &E, batch: &Batch<'_>) -> Result<(), StoreError> {
        let mut unused = Vec::new();
        let mut ahead = batch.operations();
        for (at, operation) in batch.operations().enumerate() {
            if at % KEYS_AHEAD == 0 {
                expect_next(engine, &mut ahead);
            }
            if let Ok(Operation::Put(put)) = operation {
                let revision = self.state.mark.revision + 1;
                let mut reply = Reply {
                    out: &mut unused,
                    full_at: 0,
                };
                self.put(engine, &put, Place { revision, sub: 0 }, &mut reply)?;
                self.state.mark.revision = revision;
            }
        }
        Ok(())
    }

    fn apply_operations<E: Engine>(
        &mut self,
        engine: &E,
        batch: &Batch<'_>,
        results: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        let full_at = results.len() + BATCH_REPLY_BYTES_MAX;
        for operation in batch.operations().flatten() {
            let at = results.len();
            let applied = self.apply_operation(engine, &operation, full_at, results);
            self.settle_digest();
            match applied {
                Ok(()) => {}
                Err(Failure::Fatal(error)) => return Err(error),
                Err(Failure::Refused(Refused { code, detail, text })) => {
                    results.truncate(at);
                    let result = OpenResult::begin(results, operation.kind());
                    result.fail(results, code, self.state.mark.revision, detail, &text);
                }
            }
        }
        Ok(())
    }

    fn apply_operation<E: Engine>(
        &mut self,
        engine: &E,
        operation: &Operation<'_>,
        full_at: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        let place = Place {
            revision: self.state.mark.revision + 1,
            sub: 0,
        };
        match operation {
            Operation::Put(put) => {
                validate_put(put, &UNCONFIGURED)?;
                self.check_put(engine, put)?;
                self.put_result(engine, put, place, full_at, out)?;
                self.state.mark.revision = place.revision;
                Ok(())
            }
            Operation::DeleteRange(delete) => {
                validate_selection(&delete.selection())?;
                if self.delete_result(engine, delete, place, full_at, out)? > 0 {
                    self.state.mark.revision = place.revision;
                }
                Ok(())
            }
            Operation::Txn(txn) => {
                validate_txn(txn, &UNCONFIGURED)?;
                self.txn(engine, txn, full_at, out)
            }
            Operation::Compact { revision } => self.compact(*revision, out),
            Operation::RaiseRevision { revision } => self.raise_revision(*revision, out),
            Operation::Range(_) => Err(Failure::refuse(Code::InvalidArgument, 0, "a batch does not read")),
        }
    }

    /// Writes the key at `place` and appends the put's result.
    pub(super) fn put_result<E: Engine>(
        &mut self,
        engine: &E,
        put: &Put<'_>,
        place: Place,
        full_at: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        let result = OpenResult::begin(out, OperationKind::Put);
        let flags = match self.put(engine, put, place, &mut Reply { out, full_at })? {
            Previous::None => 0,
            Previous::Appended => RESULT_PUT_PREVIOUS,
            Previous::LeftOut => RESULT_PREVIOUS_LEFT_OUT,
        };
        result.finish(out, flags, place.revision);
        Ok(())
    }

    /// Deletes from `place` on and appends the deleteRange's result. Returns the sub-revision after the last one used.
    pub(super) fn delete_result<E: Engine>(
        &mut self,
        engine: &E,
        delete: &DeleteRange<'_>,
        place: Place,
        full_at: usize,
        out: &mut Vec<u8>,
    ) -> Result<u32, Failure> {
        let result = OpenResult::begin_counted(out, OperationKind::DeleteRange);
        let reply = (delete.flags & DELETE_PREV_KV != 0).then_some(Reply { out, full_at });
        let deleted = self.delete(engine, &delete.selection(), place, reply)?;
        result.set_counts(out, deleted.keys, deleted.pairs);
        let revision = if deleted.next_sub == 0 {
            place.revision - 1
        } else {
            place.revision
        };
        result.finish(
            out,
            if deleted.left_out { RESULT_PREVIOUS_LEFT_OUT } else { 0 },
            revision,
        );
        Ok(deleted.next_sub)
    }

    fn compact(&mut self, revision: u64, out: &mut Vec<u8>) -> Result<(), Failure> {
        let (current, compacted) = (self.state.mark.revision, self.state.compacted);
        if revision <= compacted {
            return Err(Failure::refuse(
                Code::Compacted,
                compacted,
                compacted_text(revision, compacted),
            ));
        }
        if revision > current {
            return Err(Failure::refuse(
                Code::FutureRevision,
                current,
                future_text(revision, current),
            ));
        }
        self.state.compacted = revision;
        if self.state.digest_from != 0 && self.state.digest_from < revision {
            self.state.begin_digest();
        }
        self.compaction = Some(revision);
        OpenResult::begin(out, OperationKind::Compact).finish(out, 0, current);
        Ok(())
    }

    /// Leaves out the revisions up to the given one: they become ones at which nothing changed.
    fn raise_revision(&mut self, revision: u64, out: &mut Vec<u8>) -> Result<(), Failure> {
        validate_raise(revision)?;
        self.state.mark.revision = self.state.mark.revision.max(revision);
        OpenResult::begin(out, OperationKind::RaiseRevision).finish(out, 0, self.state.mark.revision);
        Ok(())
    }
}

/// Tells the engine which keys the next operations put.
fn expect_next<E: Engine>(engine: &E, ahead: &mut Operations<'_>) {
    let mut keys = [&[][..]; KEYS_AHEAD];
    let mut count = 0;
    for (key, operation) in keys.iter_mut().zip(ahead) {
        if let Ok(Operation::Put(put)) = operation {
            *key = put.key;
            count += 1;
        }
    }
    if count > 1 {
        engine.expect(&keys[..count]);
    }
}

/// Walks the batch to its end. Whether all of it is puts without options that cannot fail; and how much it is.
fn walk(batch: &Batch<'_>) -> Result<(bool, Weight), rafterdb_codec::Malformed> {
    let (mut is_plain, mut weight) = (true, Weight::default());
    for operation in batch.operations() {
        let operation = operation?;
        is_plain &= match &operation {
            Operation::Put(put) => put.flags == 0 && validate_put(put, &UNCONFIGURED).is_ok(),
            _ => false,
        };
        weight = weight.and(Weight::of(&operation));
    }
    Ok((is_plain, weight))
}

fn refuse(results: &mut Vec<u8>, code: Code, detail: u64, text: &str) -> Applied {
    encode_error(results, detail, text);
    Applied {
        code,
        ..Applied::default()
    }
}

fn answer(results: &mut Vec<u8>, kept: &Kept) -> Applied {
    let applied = Applied {
        is_duplicate: true,
        ..Applied::default()
    };
    match kept {
        Kept::Plain { first, count } => {
            encode_plain(results, *first, *count);
            Applied {
                flags: RESPONSE_PLAIN,
                ..applied
            }
        }
        Kept::Results(bytes) => {
            results.extend_from_slice(bytes);
            Applied {
                is_uncounted: has_uncounted(bytes),
                ..applied
            }
        }
        Kept::Forgotten | Kept::Absent => {
            let text = "the batch was applied, but its results were too large to keep";
            Applied {
                is_duplicate: true,
                ..refuse(results, Code::ResultForgotten, 0, text)
            }
        }
    }
}

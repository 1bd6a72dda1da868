//! A consistent view of an engine at one revision, written out as a stream while writes go on. Reading the stream gives
//! a store that answers every read at every kept revision as this one does. For who has all up to some revision, what came after it
//! is enough.
//! What its chunks hold is the codec's (`rafterdb_codec::store::snapshot`).

use std::io::Write;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::sync::Arc;

use rafterdb_codec::store::pair::push_pair_of;
use rafterdb_codec::store::record::{encode, Parts, Record};
use rafterdb_codec::store::row::Header as RowHeader;
use rafterdb_codec::store::snapshot::{End, Header, END, HEADER, HISTORY, RANGES, ROWS, STATE};
use rafterdb_codec::store::{RowRef, Value};
use rafterdb_codec::Code;

use super::chunks::{ChunkWriter, CHUNK_BYTES};
use super::content_hash::ContentHash;
use super::history::Changes;
use super::range_tombstones::{encode_set, RangeTombstones};
use super::shared::Shared;
use super::tables::RowsAndValues;
use super::values::is_whole;
use super::Mark;
use crate::StoreError;

/// Largest state of a machine. What comes in a stream is held in memory until it is whole.
pub const STATE_BYTES_MAX: u64 = 64 << 20;

/// A pinned view: a flush's tables as it left them, and history above the compacted revision of that moment. Until it is
/// dropped, neither goes from disk. Takes no memory worth counting.
pub struct Snapshot {
    pin: Pin,
    /// The tables arrive when the flush is done.
    tables: Receiver<RowsAndValues>,
    ranges: Arc<RangeTombstones>,
    mark: Mark,
    state: Vec<u8>,
    /// Neither rows nor history are written.
    is_bare: bool,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Snapshot")
            .field("mark", &self.mark)
            .finish_non_exhaustive()
    }
}

/// Keeps history from the compacted revision of now on where it is on disk.
pub(super) struct Pin {
    shared: Arc<Shared>,
    compacted: u64,
    /// How far history may be compacted meanwhile: the changes of the compacted revision itself are part of the view.
    held: u64,
}

impl Pin {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        let mut pins = shared.pins.lock();
        let compacted = shared.compacted.load(Ordering::Acquire);
        let held = compacted.saturating_sub(1);
        *pins.entry(held).or_insert(0) += 1;
        Self {
            shared: Arc::clone(shared),
            compacted,
            held,
        }
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut pins = self.shared.pins.lock();
        if let Some(count) = pins.get_mut(&self.held) {
            *count -= 1;
            if *count == 0 {
                pins.remove(&self.held);
            }
        }
        drop(pins);
        self.shared.work.lock().compact_history = true;
        self.shared.changed.notify_all();
    }
}

impl Snapshot {
    pub(super) fn new(
        pin: Pin,
        tables: Receiver<RowsAndValues>,
        ranges: Arc<RangeTombstones>,
        mark: Mark,
        state: Vec<u8>,
    ) -> Self {
        Self {
            pin,
            tables,
            ranges,
            mark,
            state,
            is_bare: false,
        }
    }

    /// The same of a store that has nothing but this state: for a witness.
    #[must_use]
    pub fn bare(mut self, state: Vec<u8>) -> Self {
        self.state = state;
        self.ranges = Arc::default();
        self.is_bare = true;
        self
    }

    /// Where in the Raft log it stands.
    #[must_use]
    pub const fn mark(&self) -> Mark {
        self.mark
    }

    /// Whether what came after revision `base` is enough for who has all up to it: all that the view has of before is there then.
    #[must_use]
    pub fn goes_on_from(&self, base: u64) -> bool {
        !self.is_bare && base > 0 && (self.pin.compacted..=self.mark.revision).contains(&base)
    }

    /// Writes the stream, as soon as the flush that it began with is done. Memory: a few MiB, whatever the size of the
    /// store.
    ///
    /// # Errors
    /// `IO` if `out` fails or a file cannot be read; `STORE_CORRUPT`.
    pub fn write(self, out: &mut dyn Write) -> Result<(), StoreError> {
        self.write_parts(None, out)
    }

    /// Writes what came after revision `base` alone, [from which it goes on](Self::goes_on_from), and a hash of all. While it passes
    /// over what is not written it flushes `out` now and then, which need not write anything.
    ///
    /// # Errors
    /// As of [`Self::write`].
    pub fn write_above(self, base: u64, out: &mut dyn Write) -> Result<(), StoreError> {
        assert!(
            self.goes_on_from(base),
            "an increment begins between what is compacted and its end"
        );
        self.write_parts(Some(base), out)
    }

    fn write_parts(self, base: Option<u64>, out: &mut dyn Write) -> Result<(), StoreError> {
        let mut parts = PartsWriter {
            chunks: ChunkWriter::new(out),
            raw: Vec::with_capacity(CHUNK_BYTES + (64 << 10)),
            above: base.unwrap_or(0),
            passed_bytes: 0,
            hash: base.map(|_| ContentHash::default()),
        };
        self.write_header(base, &mut parts)?;
        let (records, rows) = if self.is_bare {
            (0, 0)
        } else {
            (self.write_history(&mut parts)?, self.write_rows(&mut parts)?)
        };
        let hash = parts.hash.map(|hash| hash.value());
        End { records, rows, hash }.encode(&mut parts.raw);
        parts.chunks.write(END, &mut parts.raw)
    }

    fn write_header(&self, base: Option<u64>, parts: &mut PartsWriter<'_>) -> Result<(), StoreError> {
        let Mark { index, term, revision } = self.mark;
        let header = Header {
            index,
            term,
            revision,
            compacted: self.pin.compacted,
            state_bytes: self.state.len() as u64,
            has_ranges: !self.ranges.is_empty(),
            base,
        };
        let PartsWriter { chunks, raw, .. } = parts;
        header.encode(raw);
        chunks.write(HEADER, raw)?;
        for piece in self.state.chunks(CHUNK_BYTES) {
            raw.extend_from_slice(piece);
            chunks.write(STATE, raw)?;
        }
        for piece in encode_set(&self.ranges).chunks(CHUNK_BYTES) {
            raw.extend_from_slice(piece);
            chunks.write(RANGES, raw)?;
        }
        Ok(())
    }

    fn write_history(&self, parts: &mut PartsWriter<'_>) -> Result<u64, StoreError> {
        let mut records = 0;
        self.each_record(self.pin.compacted, self.mark.revision, &mut |revision, record| {
            records += 1;
            if let Some(hash) = &mut parts.hash {
                hash.record(record);
            }
            if revision <= parts.above {
                return parts.pass(record.len());
            }
            parts.raw.extend_from_slice(record);
            parts.end_chunk(HISTORY, CHUNK_BYTES)
        })?;
        parts.end_chunk(HISTORY, 1)?;
        Ok(records)
    }

    /// Calls `visit` with the revision of each record of history with `compacted` ≤ revision ≤ `to`, and with the record as the stream of a
    /// store that is compacted so far has it. `compacted` is this store's or above.
    pub(super) fn each_record(&self, compacted: u64, to: u64, visit: VisitRecord<'_>) -> Result<(), StoreError> {
        let mut with_before = Vec::new();
        let mut cursor = Changes::from(&self.pin.shared.history, compacted)?;
        while cursor.advance()? {
            let record = cursor.record();
            if record.revision > to {
                break;
            }
            if !self.needs_before_image(&record, compacted)? {
                visit(record.revision, cursor.record_bytes())?;
                continue;
            }
            let previous = self.pin.shared.parse(record.row)?.previous;
            let before = self.pin.shared.replaced(record.key, record.revision, previous)?;
            let parts = Parts {
                revision: record.revision,
                sub: record.sub,
                key: record.key,
                row: [record.row, &[]],
                before: &before,
            };
            with_before.clear();
            encode(&parts, &mut with_before);
            visit(record.revision, &with_before)?;
        }
        Ok(())
    }

    /// Whether what a change replaced is to be added to its record, or the value of that.
    fn needs_before_image(&self, record: &Record<'_>, compacted: u64) -> Result<bool, StoreError> {
        if record.is_range() {
            return Ok(false);
        }
        if !record.before.is_empty() {
            return Ok(!is_whole(record.before));
        }
        let previous = self.pin.shared.parse(record.row)?.previous;
        Ok(previous != 0 && previous <= compacted)
    }

    fn write_rows(&self, parts: &mut PartsWriter<'_>) -> Result<u64, StoreError> {
        let shared = &self.pin.shared;
        let mut tables = self.tables()?;
        let mut rows = 0;
        while let Some(found) = tables.rows.next(false, &shared.tables)? {
            let (key, packed) = (found.key(), found.row());
            let row = shared.parse(packed)?;
            if self.is_gone(key, &row, self.pin.compacted) {
                continue;
            }
            rows += 1;
            if let Some(hash) = &mut parts.hash {
                hash.row(key, &row);
            }
            if row.modified <= parts.above {
                parts.pass(key.len() + packed.len())?;
                continue;
            }
            // As every version reads it: with its value.
            match row.value {
                Value::Apart { .. } => {
                    let value = if parts.hash.is_some() {
                        // Most are passed over, and need not be read.
                        tables.values.get(key, row.modified, &shared.tables)?
                    } else {
                        tables.values.find(key, row.modified, &shared.tables)?
                    };
                    push_pair_of(&mut parts.raw, key, [RowHeader::of(&row).as_bytes(), value.bytes()]);
                }
                Value::Here(_) | Value::Hashed(..) => push_pair_of(&mut parts.raw, key, [packed, &[]]),
            }
            parts.end_chunk(ROWS, CHUNK_BYTES)?;
        }
        parts.end_chunk(ROWS, 1)?;
        Ok(rows)
    }

    /// The tables as the flush left them; to be asked for once.
    pub(super) fn tables(&self) -> Result<RowsAndValues, StoreError> {
        self.tables.recv().map_err(|_| {
            let cause = self.shared().check().err();
            cause.unwrap_or_else(|| StoreError::new(Code::Closed, "the store is closed"))
        })
    }

    /// Whether a row that the tables may still have is none of a store that is compacted so far.
    pub(super) fn is_gone(&self, key: &[u8], row: &RowRef<'_>, compacted: u64) -> bool {
        self.ranges.hides(key, row.modified, (compacted, 0)) || (row.is_tombstone() && row.modified <= compacted)
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.pin.shared
    }

    /// The revision up to which it is compacted.
    pub(super) const fn compacted(&self) -> u64 {
        self.pin.compacted
    }
}

/// Called with a record's revision and the record.
pub(super) type VisitRecord<'a> = &'a mut dyn FnMut(u64, &[u8]) -> Result<(), StoreError>;

/// History and rows on their way into chunks.
struct PartsWriter<'a> {
    chunks: ChunkWriter<&'a mut dyn Write>,
    raw: Vec<u8>,
    /// What is of a revision above this is written.
    above: u64,
    /// Bytes that were passed over since `out` was last flushed.
    passed_bytes: usize,
    /// Of an increment.
    hash: Option<ContentHash>,
}

impl PartsWriter<'_> {
    /// Ends a chunk that has so many bytes.
    fn end_chunk(&mut self, kind: u32, bytes_min: usize) -> Result<(), StoreError> {
        if self.raw.len() >= bytes_min {
            self.chunks.write(kind, &mut self.raw)?;
        }
        Ok(())
    }

    /// So many bytes are not written.
    fn pass(&mut self, bytes: usize) -> Result<(), StoreError> {
        self.passed_bytes += bytes;
        if self.passed_bytes >= CHUNK_BYTES {
            self.passed_bytes = 0;
            self.chunks.flush()?;
        }
        Ok(())
    }
}

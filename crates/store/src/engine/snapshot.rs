//! A consistent view of an engine at one revision, written out as a stream while writes go on. Reading the stream gives
//! a store that answers every read at every kept revision as this one does.
//! What its chunks hold is the codec's (`rafterdb_codec::store::snapshot`).

use std::io::Write;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::sync::Arc;

use rafterdb_codec::store::pair::push_pair_of;
use rafterdb_codec::store::record::{encode, Parts, Record};
use rafterdb_codec::store::row::Header as RowHeader;
use rafterdb_codec::store::snapshot::{End, Header, END, HEADER, HISTORY, RANGES, ROWS, STATE};
use rafterdb_codec::store::Value;
use rafterdb_codec::Code;

use super::chunks::{ChunkWriter, CHUNK_BYTES};
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

    /// Writes the stream, as soon as the flush that it began with is done. Memory: a few MiB, whatever the size of the
    /// store.
    ///
    /// # Errors
    /// `IO` if `out` fails or a file cannot be read; `STORE_CORRUPT`.
    pub fn write(self, out: &mut dyn Write) -> Result<(), StoreError> {
        let mut writer = ChunkWriter::new(out);
        let mut raw = Vec::with_capacity(CHUNK_BYTES + (64 << 10));
        self.write_header(&mut writer, &mut raw)?;
        let (records, rows) = if self.is_bare {
            (0, 0)
        } else {
            (
                self.write_history(&mut writer, &mut raw)?,
                self.write_rows(&mut writer, &mut raw)?,
            )
        };
        End { records, rows }.encode(&mut raw);
        writer.write(END, &mut raw)
    }

    fn write_header(&self, writer: &mut ChunkWriter<&mut dyn Write>, raw: &mut Vec<u8>) -> Result<(), StoreError> {
        let Mark { index, term, revision } = self.mark;
        let header = Header {
            index,
            term,
            revision,
            compacted: self.pin.compacted,
            state_bytes: self.state.len() as u64,
            has_ranges: !self.ranges.is_empty(),
        };
        header.encode(raw);
        writer.write(HEADER, raw)?;
        for piece in self.state.chunks(CHUNK_BYTES) {
            raw.extend_from_slice(piece);
            writer.write(STATE, raw)?;
        }
        for piece in encode_set(&self.ranges).chunks(CHUNK_BYTES) {
            raw.extend_from_slice(piece);
            writer.write(RANGES, raw)?;
        }
        Ok(())
    }

    fn write_history(&self, writer: &mut ChunkWriter<&mut dyn Write>, raw: &mut Vec<u8>) -> Result<u64, StoreError> {
        let mut records = 0;
        let mut cursor = Changes::from(&self.pin.shared.history, self.pin.compacted)?;
        while cursor.advance()? {
            let record = cursor.record();
            if record.revision > self.mark.revision {
                break;
            }
            if self.needs_before_image(&record)? {
                let previous = self.pin.shared.parse(record.row)?.previous;
                let before = self.pin.shared.replaced(record.key, record.revision, previous)?;
                let parts = Parts {
                    revision: record.revision,
                    sub: record.sub,
                    key: record.key,
                    row: [record.row, &[]],
                    before: &before,
                };
                encode(&parts, raw);
            } else {
                raw.extend_from_slice(cursor.record_bytes());
            }
            records += 1;
            if raw.len() >= CHUNK_BYTES {
                writer.write(HISTORY, raw)?;
            }
        }
        if !raw.is_empty() {
            writer.write(HISTORY, raw)?;
        }
        Ok(records)
    }

    /// Whether what a change replaced is to be added to its record, or the value of that.
    fn needs_before_image(&self, record: &Record<'_>) -> Result<bool, StoreError> {
        if record.is_range() {
            return Ok(false);
        }
        if !record.before.is_empty() {
            return Ok(!is_whole(record.before));
        }
        let previous = self.pin.shared.parse(record.row)?.previous;
        Ok(previous != 0 && previous <= self.pin.compacted)
    }

    fn write_rows(&self, writer: &mut ChunkWriter<&mut dyn Write>, raw: &mut Vec<u8>) -> Result<u64, StoreError> {
        let shared = &self.pin.shared;
        let Ok(mut tables) = self.tables.recv() else {
            let cause = shared.check().err();
            return Err(cause.unwrap_or_else(|| StoreError::new(Code::Closed, "the store is closed")));
        };
        let mut rows = 0;
        while let Some(found) = tables.rows.next(false, &shared.tables)? {
            let (key, packed) = (found.key(), found.row());
            let row = shared.parse(packed)?;
            let is_dead = self.ranges.hides(key, row.modified, (self.pin.compacted, 0));
            if is_dead || (row.is_tombstone() && row.modified <= self.pin.compacted) {
                continue;
            }
            // As every version reads it: with its value.
            match row.value {
                Value::Apart { .. } => {
                    let value = tables.values.find(key, row.modified, &shared.tables)?;
                    push_pair_of(raw, key, [RowHeader::of(&row).as_bytes(), value.bytes()]);
                }
                Value::Here(_) | Value::Hashed(..) => push_pair_of(raw, key, [packed, &[]]),
            }
            rows += 1;
            if raw.len() >= CHUNK_BYTES {
                writer.write(ROWS, raw)?;
            }
        }
        if !raw.is_empty() {
            writer.write(ROWS, raw)?;
        }
        Ok(rows)
    }
}

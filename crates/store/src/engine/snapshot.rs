//! A consistent view of an engine at one revision, written out as a stream while writes go on. Reading the stream gives
//! a store that answers every read at every kept revision as this one does.
//!
//! ```text
//! 1 HEADER    ["RDBSNAP1", or 2 if there are RANGES][u64 index][u64 term][u64 revision][u64 compacted][u64 bytes of state]
//! 2 STATE     the machine's state, in as many chunks as it takes
//! 6 RANGES    the deleted ranges, as in range_tombstones/stored.rs, in as many chunks as it takes
//! 3 HISTORY   history records with compacted ≤ revision ≤ the snapshot's, in order; one that replaced a version of the
//!             compacted revision or before carries it as its before-image
//! 4 ROWS      [u32 keyLen][u32 rowLen][key][packed row] … the rows at the snapshot's revision, in key order, with
//!             those tombstones that are not compacted, and without rows of ranges whose deletion is
//! 5 END       [u64 records][u64 rows]
//! ```

use std::io::Write;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::sync::Arc;

use rafterdb_codec::Code;

use super::chunks::{ChunkWriter, CHUNK_BYTES};
use super::history::{encode, Changes, Parts};
use super::range_tombstones::{encode_set, RangeTombstones};
use super::shared::Shared;
use super::tables::TableRange;
use super::Mark;
use crate::StoreError;

pub(super) const HEADER: u32 = 1;
pub(super) const STATE: u32 = 2;
pub(super) const HISTORY: u32 = 3;
pub(super) const ROWS: u32 = 4;
pub(super) const END: u32 = 5;
pub(super) const RANGES: u32 = 6;

pub(super) const MAGIC: &[u8; 8] = b"RDBSNAP1";
/// Of one with deleted ranges, which older versions do not know.
pub(super) const MAGIC_RANGES: &[u8; 8] = b"RDBSNAP2";

/// Largest index, term or revision: JavaScript sees them as doubles.
pub(super) const NUMBER_MAX: u64 = (1 << 53) - 1;

/// Largest state of a machine. What comes in a stream is held in memory until it is whole.
pub const STATE_BYTES_MAX: u64 = 64 << 20;

/// A pinned view: a flush's tables as it left them, and history above the compacted revision of that moment. Until it is
/// dropped, neither goes from disk. Takes no memory worth counting.
pub struct Snapshot {
    pin: Pin,
    /// The tables arrive when the flush is done.
    tables: Receiver<TableRange>,
    ranges: Arc<RangeTombstones>,
    mark: Mark,
    state: Vec<u8>,
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
        tables: Receiver<TableRange>,
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
        }
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
        let records = self.write_history(&mut writer, &mut raw)?;
        let rows = self.write_rows(&mut writer, &mut raw)?;
        raw.extend_from_slice(&records.to_le_bytes());
        raw.extend_from_slice(&rows.to_le_bytes());
        writer.write(END, &mut raw)
    }

    fn write_header(&self, writer: &mut ChunkWriter<'_>, raw: &mut Vec<u8>) -> Result<(), StoreError> {
        raw.extend_from_slice(if self.ranges.is_empty() { MAGIC } else { MAGIC_RANGES });
        for field in [
            self.mark.index,
            self.mark.term,
            self.mark.revision,
            self.pin.compacted,
            self.state.len() as u64,
        ] {
            raw.extend_from_slice(&field.to_le_bytes());
        }
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

    fn write_history(&self, writer: &mut ChunkWriter<'_>, raw: &mut Vec<u8>) -> Result<u64, StoreError> {
        let mut records = 0;
        let mut cursor = Changes::from(&self.pin.shared.history, self.pin.compacted)?;
        while cursor.advance()? {
            let record = cursor.record();
            if record.revision > self.mark.revision {
                break;
            }
            let previous = if record.is_range() {
                0
            } else {
                self.pin.shared.parse(record.row)?.previous
            };
            if record.before.is_empty() && previous != 0 && previous <= self.pin.compacted {
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

    fn write_rows(&self, writer: &mut ChunkWriter<'_>, raw: &mut Vec<u8>) -> Result<u64, StoreError> {
        let shared = &self.pin.shared;
        let Ok(mut tables) = self.tables.recv() else {
            let cause = shared.check().err();
            return Err(cause.unwrap_or_else(|| StoreError::new(Code::Closed, "the store is closed")));
        };
        let mut rows = 0;
        while let Some(found) = tables.next(false, &shared.tables)? {
            let (key, packed) = (found.key(), found.row());
            let row = shared.parse(packed)?;
            let is_dead = self.ranges.hides(key, row.modified, (self.pin.compacted, 0));
            if is_dead || (row.is_tombstone() && row.modified <= self.pin.compacted) {
                continue;
            }
            raw.extend_from_slice(&(key.len() as u32).to_le_bytes());
            raw.extend_from_slice(&(packed.len() as u32).to_le_bytes());
            raw.extend_from_slice(key);
            raw.extend_from_slice(packed);
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

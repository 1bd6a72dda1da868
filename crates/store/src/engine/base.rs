//! The store that an increment goes on from: what of it is in the store that the increment's sender has. Knows no stream.

use rafterdb_codec::store::Value;
use rafterdb_codec::Code;

use super::adding::Adding;
use super::chunks::CHUNK_BYTES;
use super::snapshot::Snapshot;
use super::tables::{RowsAndValues, TableRow};
use crate::StoreError;

/// Who lends the store that a stream may go on from.
pub trait BaseStore {
    /// A view of it, which the stream says has all up to revision `base`. Asked for once, if at all.
    ///
    /// # Errors
    /// Whatever ends the building.
    fn view(&mut self, base: u64) -> Result<Snapshot, StoreError>;

    /// Called after every MiB or so that is taken from it, as the stream is not read meanwhile.
    ///
    /// # Errors
    /// Whatever ends the building.
    fn look_after(&mut self) -> Result<(), StoreError>;
}

/// There is none.
pub(super) struct NoBase;

impl BaseStore for NoBase {
    fn view(&mut self, base: u64) -> Result<Snapshot, StoreError> {
        let text =
            format!("the snapshot goes on from revision {base} of a store that is not here; have all of it sent");
        Err(StoreError::new(Code::StoreCorrupt, text))
    }

    fn look_after(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Lets the lender look when so many bytes are a MiB.
pub(super) fn look_after(base: &mut dyn BaseStore, bytes: &mut usize) -> Result<(), StoreError> {
    if *bytes < CHUNK_BYTES {
        return Ok(());
    }
    *bytes = 0;
    base.look_after()
}

/// Its rows in key order, without those that the sender's compaction has taken.
pub(super) struct OwnRows<'a> {
    view: &'a Snapshot,
    /// What is above this revision comes from the sender.
    base: u64,
    /// Up to where the sender is compacted.
    compacted: u64,
    tables: RowsAndValues,
    next: Option<TableRow>,
    bytes: usize,
}

impl<'a> OwnRows<'a> {
    /// Waits for the flush that the view began with.
    pub(super) fn new(view: &'a Snapshot, base: u64, compacted: u64) -> Result<Self, StoreError> {
        rafterdb_fault::point("store.install.base").map_err(|error| {
            StoreError::new(
                Code::Io,
                format!("reading the store that a snapshot goes on from: {error}"),
            )
        })?;
        let tables = view.tables()?;
        let mut rows = Self {
            view,
            base,
            compacted,
            tables,
            next: None,
            bytes: 0,
        };
        rows.advance()?;
        Ok(rows)
    }

    fn advance(&mut self) -> Result<(), StoreError> {
        self.next = self.tables.rows.next(false, &self.view.shared().tables)?;
        Ok(())
    }

    /// Adds the rows before `key`, or all, and passes over the one of that key: what comes in its place is newer.
    pub(super) fn add_before(
        &mut self,
        key: Option<&[u8]>,
        adding: &mut Adding<'_>,
        lender: &mut dyn BaseStore,
    ) -> Result<(), StoreError> {
        while let Some(found) = self.next.take_if(|found| key.is_none_or(|key| found.key() <= key)) {
            self.bytes += found.key().len() + found.row().len();
            if key != Some(found.key()) {
                self.add(&found, adding)?;
            }
            look_after(lender, &mut self.bytes)?;
            self.advance()?;
        }
        Ok(())
    }

    fn add(&mut self, found: &TableRow, adding: &mut Adding<'_>) -> Result<(), StoreError> {
        let shared = self.view.shared();
        let (key, packed) = (found.key(), found.row());
        let row = shared.parse(packed)?;
        // By the ranges that this store knows: what the sender has compacted is at or below the base, so all of it was deleted here
        // too, and no range is forgotten that has rows. The sender may have forgotten it.
        if self.view.is_gone(key, &row, self.compacted) {
            return Ok(());
        }
        if row.modified > self.base {
            let text = "a snapshot lacks a row that this store has of a later revision than it goes on from";
            return Err(StoreError::new(Code::StoreCorrupt, text));
        }
        match row.value {
            Value::Apart { length, .. } => {
                let value = self.tables.values.find(key, row.modified, &shared.tables)?;
                self.bytes += length;
                adding.add(key, packed, &row, value.bytes())
            }
            Value::Here(value) | Value::Hashed(value, _) => adding.add(key, packed, &row, value),
        }
    }
}

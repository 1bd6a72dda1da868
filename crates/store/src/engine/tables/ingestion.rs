//! Rows and values on their way into tables: one sorted run, which becomes part of the tables at once and durably, or not at all.

use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering};

use rafterdb_codec::store::apart;
use rafterdb_codec::store::row::{unpack, Header};
use rafterdb_codec::store::stored_keys::{push_prefixed, split_stem, LATEST, META, VALUES};
use rafterdb_codec::store::{RowRef, Value};

use super::super::failure::corrupt;
use super::super::memtable::{Memtable, Rows};
use super::bundle::Bundle;
use super::errors::failure;
use super::Tables;
use crate::StoreError;

/// What a flush adds to the tables.
pub(in crate::engine) struct Added<'a> {
    pub(in crate::engine) meta: &'a [(Vec<u8>, Cow<'a, [u8]>)],
    /// Rows in key order, with their values.
    pub(in crate::engine) rows: Option<&'a Rows<&'a Memtable>>,
    /// Counts those that were put.
    pub(in crate::engine) rows_done: &'a AtomicUsize,
    /// Some of them have values that are to lie apart, or are of keys that had.
    pub(in crate::engine) has_values: bool,
    /// Keys of rows that are replaced and whose values may lie apart, in order.
    pub(in crate::engine) displaced: &'a [&'a [u8]],
}

impl Tables {
    /// Adds meta rows and rows, all at once and durably. `false` if the engine went down meanwhile, and nothing was added.
    pub(in crate::engine) fn ingest(&self, added: &Added<'_>) -> Result<bool, StoreError> {
        self.leftovers
            .attempt(&self.tree, &self.path, || self.ingest_once(added))
    }

    fn ingest_once(&self, added: &Added<'_>) -> Result<bool, StoreError> {
        let rows = || added.rows.into_iter().flat_map(Rows::iter);
        let mut ingestion = self.begin_ingestion()?;
        for (name, value) in added.meta {
            ingestion.meta(name, value)?;
        }
        for (key, row) in rows() {
            if self.limits.stopping.load(Ordering::Relaxed) {
                return Ok(false);
            }
            ingestion.row(key, row)?;
            added.rows_done.fetch_add(1, Ordering::Relaxed);
        }
        let mut displaced = added.displaced.iter().peekable();
        for (key, packed) in rows().filter(|_| added.has_values) {
            if self.limits.stopping.load(Ordering::Relaxed) {
                return Ok(false);
            }
            let is_displaced = displaced.next_if(|displaced| **displaced == key).is_some();
            let row = self.parse(packed)?;
            match row.value {
                Value::Hashed(value, _) => ingestion.value(key, row.modified, value)?,
                _ if is_displaced => ingestion.no_value(key)?,
                _ => {}
            }
        }
        ingestion.finish()?;
        Ok(true)
    }

    fn parse<'a>(&self, packed: &'a [u8]) -> Result<RowRef<'a>, StoreError> {
        unpack(packed).ok_or_else(|| corrupt(&self.path, None, "a row cannot be read"))
    }

    /// Begins to add rows: meta rows first, then rows in key order, then values in key order.
    pub(in crate::engine) fn begin_ingestion(&self) -> Result<Ingestion<'_>, StoreError> {
        Ingestion::new(self)
    }
}

/// Rows on their way into tables; dropped without `finish`, none of them arrives.
pub(in crate::engine) struct Ingestion<'a> {
    tables: &'a Tables,
    _changing: parking_lot::MutexGuard<'a, ()>,
    inner: lsm_tree::AnyIngestion<'a>,
    prefixed: Vec<u8>,
    stored: Vec<u8>,
    bundle: Bundle,
    /// Values have begun: the gap before them is there.
    in_values: bool,
    /// Bytes put since what the library has written was last sent on its way to the disk.
    behind: usize,
    /// The table that was sent so, by number, and how many of its bytes.
    sent: (u64, u64),
}

/// Bytes of a block of rows, when it is full.
const BLOCK_BYTES: usize = 4096;

/// Bytes after which what has been written is sent on its way to the disk.
const WRITE_BACK_AFTER: usize = 1 << 20;

impl<'a> Ingestion<'a> {
    fn new(tables: &'a Tables) -> Result<Self, StoreError> {
        let changing = tables.changing.lock();
        let inner = tables.tree.ingestion();
        Ok(Self {
            tables,
            _changing: changing,
            inner: inner.map_err(|error| failure(&error, "writing tables to", &tables.path))?,
            prefixed: Vec::new(),
            stored: Vec::new(),
            bundle: Bundle::default(),
            in_values: false,
            behind: 0,
            sent: (0, 0),
        })
    }

    pub(in crate::engine) fn meta(&mut self, name: &[u8], value: &[u8]) -> Result<(), StoreError> {
        self.put(META, name, value)
    }

    /// Adds a row; of one with the hash of its value the value is to be added later.
    pub(in crate::engine) fn row(&mut self, key: &[u8], packed: &[u8]) -> Result<(), StoreError> {
        let Some((stem, rest)) = split_stem(key) else {
            self.put_bundle()?;
            let row = self.tables.parse(packed)?;
            return match row.value {
                Value::Hashed(..) => self.put(LATEST, key, Header::with_hash(&row).as_bytes()),
                _ => self.put(LATEST, key, packed),
            };
        };
        if self.bundle.stem() != Some(stem) {
            self.put_bundle()?;
            self.bundle = Bundle::begin(stem, self.tables.get_stored(stem)?.as_deref());
        }
        self.bundle.set(rest, packed);
        Ok(())
    }

    /// Adds the value of the row of `key` and revision `modified`.
    pub(in crate::engine) fn value(&mut self, key: &[u8], modified: u64, value: &[u8]) -> Result<(), StoreError> {
        self.begin_values()?;
        let mut stored = std::mem::take(&mut self.stored);
        stored.clear();
        apart::encode(modified, value, &mut stored);
        let put = self.put(VALUES, key, &stored);
        self.stored = stored;
        put
    }

    /// Has the value of the row that was replaced go.
    pub(in crate::engine) fn no_value(&mut self, key: &[u8]) -> Result<(), StoreError> {
        self.begin_values()?;
        self.prefix(VALUES, key);
        self.inner
            .write_tombstone(self.prefixed.as_slice())
            .map_err(|error| failure(&error, "writing tables to", &self.tables.path))
    }

    /// Ends the block that rows lie in: the library ends one that is full, and who looks up the last rows would read the first value.
    fn begin_values(&mut self) -> Result<(), StoreError> {
        self.put_bundle()?;
        if !std::mem::replace(&mut self.in_values, true) {
            self.put(VALUES, &[], &[0; BLOCK_BYTES])?;
        }
        Ok(())
    }

    fn put_bundle(&mut self) -> Result<(), StoreError> {
        let bundle = std::mem::take(&mut self.bundle);
        match bundle.stem() {
            Some(stem) => self.put(LATEST, stem, &bundle.encode()),
            None => Ok(()),
        }
    }

    pub(super) fn put(&mut self, family: u8, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        self.prefix(family, key);
        self.behind += key.len() + value.len();
        if self.behind > WRITE_BACK_AFTER {
            self.behind = 0;
            self.tables.write_back_newest(&mut self.sent);
        }
        self.inner
            .write(self.prefixed.as_slice(), value)
            .map_err(|error| failure(&error, "writing tables to", &self.tables.path))
    }

    fn prefix(&mut self, family: u8, key: &[u8]) {
        self.prefixed.clear();
        push_prefixed(family, key, &mut self.prefixed);
    }

    /// Makes all of it part of the tables, durably.
    pub(in crate::engine) fn finish(mut self) -> Result<(), StoreError> {
        self.put_bundle()?;
        self.tables.write_back_newest(&mut self.sent);
        self.inner
            .finish()
            .map_err(|error| failure(&error, "writing tables to", &self.tables.path))?;
        self.tables.take_over();
        Ok(())
    }
}

//! Rows on their way into tables: one sorted run, which becomes part of the tables at once and durably, or not at all.

use super::bundle::{self, Bundle};
use super::{failure, Tables, LATEST, META};
use crate::StoreError;

/// Rows on their way into tables; dropped without `finish`, none of them arrives.
pub(in crate::engine) struct Ingestion<'a> {
    tables: &'a Tables,
    _changing: parking_lot::MutexGuard<'a, ()>,
    inner: lsm_tree::AnyIngestion<'a>,
    prefixed: Vec<u8>,
    bundle: Bundle,
    /// Bytes put since what the library has written was last sent on its way to the disk.
    behind: usize,
    /// The table that was sent so, by number, and how many of its bytes.
    sent: (u64, u64),
}

/// Bytes after which what has been written is sent on its way to the disk.
const WRITE_BACK_AFTER: usize = 1 << 20;

impl<'a> Ingestion<'a> {
    pub(super) fn new(tables: &'a Tables) -> Result<Self, StoreError> {
        let changing = tables.changing.lock();
        let inner = tables.tree.ingestion();
        Ok(Self {
            tables,
            _changing: changing,
            inner: inner.map_err(|error| failure(&error, "writing tables to", &tables.path))?,
            prefixed: Vec::new(),
            bundle: Bundle::default(),
            behind: 0,
            sent: (0, 0),
        })
    }

    pub(in crate::engine) fn meta(&mut self, name: &[u8], value: &[u8]) -> Result<(), StoreError> {
        self.put(META, name, value)
    }

    pub(in crate::engine) fn row(&mut self, key: &[u8], row: &[u8]) -> Result<(), StoreError> {
        let Some((stem, rest)) = bundle::split(key) else {
            self.put_bundle()?;
            return self.put(LATEST, key, row);
        };
        if self.bundle.stem() != Some(stem) {
            self.put_bundle()?;
            self.bundle = Bundle::begin(stem, self.tables.get_stored(stem)?.as_deref());
        }
        self.bundle.set(rest, row);
        Ok(())
    }

    fn put_bundle(&mut self) -> Result<(), StoreError> {
        let bundle = std::mem::take(&mut self.bundle);
        match bundle.stem() {
            Some(stem) => self.put(LATEST, stem, &bundle.encode()),
            None => Ok(()),
        }
    }

    fn put(&mut self, family: u8, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        self.prefixed.clear();
        self.prefixed.push(family);
        self.prefixed.extend_from_slice(key);
        self.behind += key.len() + value.len();
        if self.behind > WRITE_BACK_AFTER {
            self.behind = 0;
            self.tables.write_back_newest(&mut self.sent);
        }
        self.inner
            .write(self.prefixed.as_slice(), value)
            .map_err(|error| failure(&error, "writing tables to", &self.tables.path))
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

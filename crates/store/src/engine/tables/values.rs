//! Values that lie apart from their rows: a family of its own behind the rows, under the same keys. A row and its value come in and
//! go out by the same ingestion, so in one list of tables they belong together. Knows no rows.

use std::ops::Bound;
use std::sync::Arc;

use lsm_tree::{BoxedIterator, Slice};
use rafterdb_codec::store::stored_keys::{prefixed, split_stem, with_prefix, STEM_BYTES, VALUES};
use rafterdb_codec::store::{apart, value::APART_BYTES_MIN};

use super::range::TableRange;
use super::version::Version;
use super::Tables;
use crate::engine::failure::corrupt;
use crate::StoreError;

/// Whether a value of so many bytes lies apart from the row of `key`. Those in bundles do not.
#[inline]
pub(in crate::engine) fn lies_apart(key: &[u8], length: usize) -> bool {
    length >= APART_BYTES_MIN && split_stem(key).is_none()
}

/// A value as the tables give it.
pub(in crate::engine) struct StoredValue {
    stored: Slice,
}

impl StoredValue {
    fn new(stored: Slice, tables: &Tables) -> Result<Self, StoreError> {
        match apart::decode(&stored) {
            Some(_) => Ok(Self { stored }),
            None => Err(corrupt(&tables.path, None, "a value is shorter than it can be")),
        }
    }

    /// The revision of the row that it belongs to.
    pub(in crate::engine) fn modified(&self) -> u64 {
        apart::decode(&self.stored).map_or(0, |(modified, _)| modified)
    }

    pub(in crate::engine) fn bytes(&self) -> &[u8] {
        apart::decode(&self.stored).map_or(&[], |(_, value)| value)
    }
}

/// All rows in key order, and all values that lie apart, of the same tables.
pub(in crate::engine) struct RowsAndValues {
    pub(in crate::engine) rows: TableRange,
    pub(in crate::engine) values: ValueRange,
}

/// Values of a range of keys, in their order.
pub(in crate::engine) struct ValueRange {
    iterator: BoxedIterator<'static>,
    /// Goes after the iterator, which reads its files.
    version: Arc<Version>,
}

impl ValueRange {
    fn new(version: Arc<Version>, start: &[u8], end: Option<&[u8]>) -> Self {
        // Keys of values are shorter than a bundle's, so that the cut changes nothing.
        let stored = |key: &[u8]| Slice::from(prefixed(VALUES, &key[..key.len().min(STEM_BYTES)]));
        let low = Bound::Included(stored(start));
        let high = Bound::Excluded(end.map_or_else(|| Slice::from([VALUES + 1]), stored));
        Self {
            iterator: version.range(&(low, high)),
            version,
        }
    }

    /// The next one, behind its key's family.
    pub(in crate::engine) fn next(&mut self, tables: &Tables) -> Result<Option<(Slice, StoredValue)>, StoreError> {
        for found in &mut self.iterator {
            let found = found.map_err(|error| tables.read_failure(&error))?;
            // Not the gap before the first.
            if found.key.user_key.len() > 1 {
                return Ok(Some((found.key.user_key, StoredValue::new(found.value, tables)?)));
            }
        }
        Ok(None)
    }

    /// The value of the row of `key` and revision `modified`, wherever the others are.
    pub(in crate::engine) fn get(&self, key: &[u8], modified: u64, tables: &Tables) -> Result<StoredValue, StoreError> {
        let found = with_prefix(VALUES, key, |prefixed| {
            let found = self.version.get(prefixed);
            found.map_err(|error| tables.read_failure(&error))
        })?;
        let found = found.map(|found| StoredValue::new(found, tables)).transpose()?;
        found
            .filter(|found| found.modified() == modified)
            .ok_or_else(|| corrupt(&tables.path, None, "the value of a row is missing"))
    }

    /// The value of the row of `key` and revision `modified`, which comes after those that were asked for before.
    pub(in crate::engine) fn find(
        &mut self,
        key: &[u8],
        modified: u64,
        tables: &Tables,
    ) -> Result<StoredValue, StoreError> {
        while let Some((found, value)) = self.next(tables)? {
            if found[1..] == *key && value.modified() == modified {
                return Ok(value);
            }
            if found[1..] > *key {
                break;
            }
        }
        Err(corrupt(&tables.path, None, "the value of a row is missing"))
    }
}

impl Tables {
    /// The value that lies apart under `key`, whatever revision it is of.
    pub(in crate::engine) fn value(&self, key: &[u8]) -> Result<Option<StoredValue>, StoreError> {
        let found = with_prefix(VALUES, key, |prefixed| {
            self.limits.patiently(|| {
                let found = self.versions.now().get(prefixed);
                found.map_err(|error| self.read_failure(&error))
            })
        })?;
        found.map(|found| StoredValue::new(found, self)).transpose()
    }

    /// All values that lie apart under keys of a range.
    pub(in crate::engine) fn values(&self, start: &[u8], end: Option<&[u8]>) -> ValueRange {
        ValueRange::new(self.versions.hold(), start, end)
    }

    /// All rows, and all values that lie apart, of the tables of now.
    pub(in crate::engine) fn rows_and_values(&self) -> RowsAndValues {
        let version = self.versions.hold();
        RowsAndValues {
            values: ValueRange::new(Arc::clone(&version), &[], None),
            rows: TableRange::new(version, &[], None),
        }
    }

    /// Whether there are values that lie apart.
    pub(in crate::engine) fn has_values(&self) -> bool {
        let version = self.versions.now();
        let mut last = version.tables().map(|table| table.metadata.key_range.max());
        last.any(|key| key.first().is_some_and(|family| *family >= VALUES))
    }
}

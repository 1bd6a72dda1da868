//! A range of the tables as they were when it was begun, from either side.

use std::collections::VecDeque;
use std::ops::Bound;
use std::sync::Arc;

use lsm_tree::{BoxedIterator, Slice};
use rafterdb_codec::store::pair::pairs;
use rafterdb_codec::store::stored_keys::{prefixed, split_stem, LATEST};

use super::version::Version;
use super::Tables;
use crate::StoreError;

impl Tables {
    /// The rows with start ≤ key < end as they are now, both ways; later changes are not seen.
    pub(in crate::engine) fn range(&self, start: &[u8], end: Option<&[u8]>) -> TableRange {
        TableRange::new(self.versions.hold(), start, end)
    }
}

/// A range of the tables.
pub(in crate::engine) struct TableRange {
    iterator: BoxedIterator<'static>,
    /// The tables whose rows these are. Goes after the iterator, which reads their files.
    _version: Arc<Version>,
    /// Rows of the bundle that was come to last, in key order.
    unbundled: VecDeque<TableRow>,
    start: Vec<u8>,
    end: Option<Vec<u8>>,
}

/// A row as the tables give it.
pub(in crate::engine) struct TableRow {
    key: Slice,
    /// Where the key begins in `key`: stored keys have their family before them.
    key_at: usize,
    row: Slice,
}

impl TableRow {
    pub(in crate::engine) fn key(&self) -> &[u8] {
        &self.key[self.key_at..]
    }

    pub(in crate::engine) fn row(&self) -> &[u8] {
        &self.row
    }
}

impl TableRange {
    /// The rows with start ≤ key < end.
    pub(super) fn new(version: Arc<Version>, start: &[u8], end: Option<&[u8]>) -> Self {
        let stored = |key: &[u8]| Slice::from(prefixed(LATEST, key));
        let low = Bound::Included(stored(split_stem(start).map_or(start, |(stem, _)| stem)));
        let high = match end.map(|end| (end, split_stem(end))) {
            None => Bound::Excluded(Slice::from([LATEST + 1])),
            // The bundle may have keys on both sides of the end.
            Some((_, Some((stem, _)))) => Bound::Included(stored(stem)),
            Some((end, None)) => Bound::Excluded(stored(end)),
        };
        Self {
            iterator: version.range(&(low, high)),
            _version: version,
            unbundled: VecDeque::new(),
            start: start.to_vec(),
            end: end.map(<[u8]>::to_vec),
        }
    }

    /// The next row from the front, or from the back if `reverse`; always from the same side.
    pub(in crate::engine) fn next(&mut self, reverse: bool, tables: &Tables) -> Result<Option<TableRow>, StoreError> {
        loop {
            let unbundled = if reverse {
                self.unbundled.pop_back()
            } else {
                self.unbundled.pop_front()
            };
            if unbundled.is_some() {
                return Ok(unbundled);
            }
            let found = if reverse {
                self.iterator.next_back()
            } else {
                self.iterator.next()
            };
            let Some(found) = found else {
                return Ok(None);
            };
            let found = found.map_err(|error| tables.read_failure(&error))?;
            let (key, row) = (found.key.user_key, found.value);
            if split_stem(&key[1..]).is_none() {
                return Ok(Some(TableRow { key, key_at: 1, row }));
            }
            self.unbundle(&key[1..], &row);
        }
    }

    fn unbundle(&mut self, stem: &[u8], bundle: &[u8]) {
        for (rest, row) in pairs(bundle) {
            let key = [stem, rest].concat();
            if key >= self.start && self.end.as_ref().is_none_or(|end| key < *end) {
                self.unbundled.push_back(TableRow {
                    key: key.into(),
                    key_at: 0,
                    row: row.into(),
                });
            }
        }
    }
}

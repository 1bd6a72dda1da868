//! Which rows with values apart the rows of a memtable take the place of: what a flush is to do about those values. Noted while the
//! rows are written, so that neither the writer nor the flush has to look for them. Knows keys and revisions; no values.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::range_tombstones::Place;

/// A row that is in the tables once its memtable is flushed, and that a change made later replaces.
#[derive(Debug)]
pub(super) struct DisplacedRow {
    pub(super) key: Box<[u8]>,
    /// Its revision.
    pub(super) modified: u64,
    /// The change.
    pub(super) by: Place,
    /// The change names its value as what it replaced, which is to be kept for that.
    pub(super) is_named: bool,
}

/// Those of one memtable.
#[derive(Debug, Default)]
pub(super) struct Displaced {
    noted: Mutex<Vec<DisplacedRow>>,
    bytes: AtomicUsize,
    /// The memtable has rows of its own whose values are to lie apart.
    has_values: AtomicBool,
}

impl Displaced {
    /// Notes one; by the one writer, in order of the changes.
    pub(super) fn note(&self, row: DisplacedRow) {
        let bytes = row.key.len() + std::mem::size_of::<DisplacedRow>();
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.noted.lock().push(row);
    }

    /// Notes that a row's own value is to lie apart.
    pub(super) fn note_value(&self) {
        self.has_values.store(true, Ordering::Relaxed);
    }

    /// Memory taken.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether a flush puts values apart, or hides some.
    pub(super) fn concerns_values(&self) -> bool {
        self.has_values.load(Ordering::Relaxed) || self.bytes() > 0
    }

    /// Calls `look` with all of them, in order of the changes. For a memtable that is sealed.
    pub(super) fn look<T>(&self, look: impl FnOnce(&[DisplacedRow]) -> T) -> T {
        look(&self.noted.lock())
    }
}

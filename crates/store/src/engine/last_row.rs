//! The row of the tables that the writer has looked up last: whoever replaces it asks for it twice, once to decide and once for history.
//! What the tables have of a key that is in no memtable does not change before the next memtable begins. Knows no tables.

/// A key and its row, packed. Its memory is used again.
#[derive(Debug, Default)]
pub(super) struct LastRow {
    key: Vec<u8>,
    /// Empty: there is none.
    row: Vec<u8>,
}

impl LastRow {
    pub(super) fn set(&mut self, key: &[u8], row: &[u8]) {
        self.clear();
        self.key.extend_from_slice(key);
        self.row.extend_from_slice(row);
    }

    /// The row, if it is that of `key`.
    pub(super) fn of(&self, key: &[u8]) -> Option<&[u8]> {
        (self.key == key && !self.row.is_empty()).then_some(&*self.row)
    }

    pub(super) fn clear(&mut self) {
        self.key.clear();
        self.row.clear();
    }
}

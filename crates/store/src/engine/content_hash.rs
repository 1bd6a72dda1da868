//! The hash over all that a snapshot says of history and rows, whoever says it: the whole stream, or what a member has and the increment that
//! it was sent. Two stores of the same entries have the same one. Knows no stream and no store.
//!
//! Of a value that lies apart its own hash stands for it, so that whoever does not send it need not read it.

use rafterdb_codec::store::row::Header;
use rafterdb_codec::store::RowRef;
use rafterdb_hash::xxh3_64;

use super::tables::lies_apart;

/// Records of history in their order, then rows in theirs.
#[derive(Default)]
pub(super) struct ContentHash(u64);

impl ContentHash {
    /// A record of history as a stream has it: with what it replaced, if it carries that.
    pub(super) fn record(&mut self, record: &[u8]) {
        self.add(record);
    }

    /// A row, wherever its value is.
    pub(super) fn row(&mut self, key: &[u8], row: &RowRef<'_>) {
        self.add(key);
        if lies_apart(key, row.value.len()) {
            self.add(Header::with_hash(row).as_bytes());
        } else {
            self.add(Header::of(row).as_bytes());
            self.add(row.value.bytes().unwrap_or_default());
        }
    }

    pub(super) const fn value(&self) -> u64 {
        self.0
    }

    fn add(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64(bytes, self.0);
    }
}

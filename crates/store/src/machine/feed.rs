//! The changes since the last publish, as events, for the watches that are up to date. Bounded: when it is full, or
//! was not recorded, those watches are served from history instead. Knows no watch.

use std::ops::Range;

use rafterdb_codec::{Pair, WatchEvent};

use super::range::pair_of;
use crate::RowRef;

/// Bytes of events held between two publishes.
pub(super) const FEED_BYTES_MAX: usize = 16 << 20;

/// Bytes of values read for it that lie apart: watches need few of them, and the apply thread should not read them.
const FEED_APART_BYTES_MAX: usize = 1 << 20;

/// One change: where its parts stand in the feed's bytes.
#[derive(Debug)]
pub(super) struct FeedChange {
    pub(super) revision: u64,
    pub(super) sub: u32,
    pub(super) is_delete: bool,
    key: Range<usize>,
    pair: Range<usize>,
    /// Empty if there was no pair before.
    previous: Range<usize>,
}

/// Changes in order of (revision, sub).
#[derive(Debug, Default)]
pub(super) struct Feed {
    bytes: Vec<u8>,
    changes: Vec<FeedChange>,
    /// Previous pair of the next change.
    previous: Range<usize>,
    /// Bytes of values that were read for previous pairs.
    apart: usize,
}

impl Feed {
    pub(super) fn clear(&mut self) {
        // One large group should not keep its memory for ever.
        if self.bytes.capacity() > FEED_BYTES_MAX / 4 {
            self.bytes = Vec::new();
        }
        self.bytes.clear();
        self.changes.clear();
        self.previous = 0..0;
        self.apart = 0;
    }

    pub(super) fn bytes_used(&self) -> usize {
        self.bytes.len() + self.changes.len() * std::mem::size_of::<FeedChange>()
    }

    pub(super) fn len(&self) -> usize {
        self.changes.len()
    }

    pub(super) fn change(&self, index: usize) -> &FeedChange {
        &self.changes[index]
    }

    pub(super) fn changes(&self) -> impl Iterator<Item = (&FeedChange, &[u8])> {
        self.changes
            .iter()
            .map(|change| (change, &self.bytes[change.key.clone()]))
    }

    /// Whether a value that lies apart may be read for the next change's previous pair; takes its bytes.
    pub(super) fn takes_apart(&mut self, bytes: usize) -> bool {
        self.apart += bytes;
        self.apart <= FEED_APART_BYTES_MAX
    }

    /// The pair that the next change replaces.
    pub(super) fn add_previous(&mut self, key: &[u8], row: &RowRef<'_>, value: &[u8]) {
        let at = self.bytes.len();
        pair_of(key, row, value).encode(&mut self.bytes);
        self.previous = at..self.bytes.len();
    }

    /// A change, with its value; a tombstone is a delete.
    pub(super) fn add(&mut self, sub: u32, key: &[u8], row: &RowRef<'_>, value: &[u8]) {
        let is_delete = row.is_tombstone();
        let pair = if is_delete {
            Pair {
                key,
                modified: row.modified,
                ..Pair::default()
            }
        } else {
            pair_of(key, row, value)
        };
        let at = self.bytes.len();
        pair.encode(&mut self.bytes);
        let end = self.bytes.len();
        let key_at = end - pair.value.len() - key.len();
        let previous = std::mem::take(&mut self.previous);
        let key = key_at..key_at + key.len();
        self.changes.push(FeedChange {
            revision: row.modified,
            sub,
            is_delete,
            key,
            pair: at..end,
            previous,
        });
    }

    /// Key of a change.
    pub(super) fn key(&self, index: usize) -> &[u8] {
        &self.bytes[self.changes[index].key.clone()]
    }

    /// Fills in the previous pair of a change that was added without.
    pub(super) fn set_previous(&mut self, index: usize, key: &[u8], row: &RowRef<'_>, value: &[u8]) {
        self.add_previous(key, row, value);
        self.changes[index].previous = std::mem::take(&mut self.previous);
    }

    /// Appends the event of a change.
    pub(super) fn encode_event(&self, index: usize, with_previous: bool, out: &mut Vec<u8>) {
        let change = &self.changes[index];
        let has_previous = with_previous && !change.previous.is_empty();
        WatchEvent::encode_header(change.is_delete, has_previous, out);
        out.extend_from_slice(&self.bytes[change.pair.clone()]);
        if has_previous {
            out.extend_from_slice(&self.bytes[change.previous.clone()]);
        }
    }
}

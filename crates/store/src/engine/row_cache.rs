//! Rows lately read from the tables, bounded in bytes. It lies below the memtables, so it must hold what the tables
//! hold: see [`RowCache::refresh`] for how it never gives an older row.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use parking_lot::RwLock;
use quick_cache::sync::Cache;
use quick_cache::{OptionsBuilder, Weighter};
use rafterdb_codec::store::row::{unpack, Header};
use rafterdb_codec::store::Value;

/// What an entry costs beside its key and row.
const ENTRY_OVERHEAD_BYTES: u64 = 96;

/// Bytes of a shard at most. Whoever adds a row may have to put all rows of its shard into a table anew, which takes 0.1 µs for each: eight
/// shards of 40,000 rows took an entry of 500 deletes up to 50 ms of processor time.
const SHARD_BYTES: u64 = 512 << 10;

/// Rows that the library has room for in a shard from the start: with less it makes fewer shards.
const SHARD_ROWS_MIN: usize = 32;

/// Entries above this share of a shard are not worth what they would push out.
const ENTRY_SHARE_MAX: u64 = 8;

#[derive(Clone)]
struct Bytes;

impl Weighter<Box<[u8]>, Arc<[u8]>> for Bytes {
    fn weight(&self, key: &Box<[u8]>, row: &Arc<[u8]>) -> u64 {
        (key.len() + row.len()) as u64 + ENTRY_OVERHEAD_BYTES
    }
}

/// Hits and misses since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheCounts {
    /// Look-ups answered.
    pub hits: u64,
    /// Look-ups that had to go to the tables.
    pub misses: u64,
}

/// Which state of the tables a row was read from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Generation(u64);

pub(super) struct RowCache {
    rows: Cache<Box<[u8]>, Arc<[u8]>, Bytes, KeyHashes>,
    /// Of an entry.
    bytes_max: u64,
    /// Flushes that have changed the tables. Whoever adds a row holds it for reading, so none is added that was read
    /// before a change after that change was dealt with.
    generation: RwLock<u64>,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl RowCache {
    pub(super) fn new(bytes: u64) -> Self {
        let shards = bytes.div_ceil(SHARD_BYTES).next_power_of_two() as usize;
        let options = OptionsBuilder::new()
            .shards(shards)
            .estimated_items_capacity(shards * SHARD_ROWS_MIN)
            .weight_capacity(bytes)
            .build();
        let rows = match options {
            Ok(options) => Cache::with_options(options, Bytes, KeyHashes, Default::default()),
            Err(error) => panic!("row cache: {error}"),
        };
        Self {
            bytes_max: rows.shard_capacity() / ENTRY_SHARE_MAX,
            rows,
            generation: RwLock::new(0),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    pub(super) fn get(&self, key: &[u8]) -> Option<Arc<[u8]>> {
        let found = self.rows.get(key);
        let counter = if found.is_some() { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
        found
    }

    /// To be taken before the tables are read for a row that is then added.
    pub(super) fn generation(&self) -> Generation {
        Generation(*self.generation.read())
    }

    /// Adds a row that was read from the tables, unless they have changed since `read_at`.
    pub(super) fn add(&self, key: &[u8], row: &[u8], read_at: Generation) {
        if (key.len() + row.len()) as u64 > self.bytes_max {
            return;
        }
        let generation = self.generation.read();
        if Generation(*generation) == read_at {
            self.rows.insert(key.into(), row.into());
        }
    }

    /// Replaces what is cached of a memtable's keys. Called when the tables have its rows and while the memtable is
    /// still looked at first: rows read before are then either replaced here or refused by `add`.
    pub(super) fn refresh<'a>(&self, rows: impl Iterator<Item = (&'a [u8], &'a [u8])>) {
        *self.generation.write() += 1;
        for (key, row) in rows {
            if self.rows.contains_key(key) {
                let stored = stored_form(row);
                let row = stored.as_deref().unwrap_or(row);
                // Gone in between or too heavy now: then it is just not cached.
                if (key.len() + row.len()) as u64 > self.bytes_max {
                    self.rows.remove(key);
                } else {
                    let _ = self.rows.replace(key.into(), row.into(), true);
                }
            }
        }
    }

    /// Forgets all rows, and has none added that was read before.
    pub(super) fn clear(&self) {
        *self.generation.write() += 1;
        self.rows.clear();
    }

    pub(super) fn bytes(&self) -> u64 {
        self.rows.weight()
    }

    pub(super) fn counts(&self) -> CacheCounts {
        CacheCounts {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
        }
    }
}

/// A row of a memtable as the tables have it, if that is another form.
fn stored_form(packed: &[u8]) -> Option<Vec<u8>> {
    let row = unpack(packed)?;
    matches!(row.value, Value::Hashed(..)).then(|| Header::with_hash(&row).as_bytes().to_vec())
}

/// Hashes keys with the one definition of xxh3.
#[derive(Clone, Copy)]
struct KeyHashes;

#[derive(Default)]
struct KeyHash(u64);

impl std::hash::BuildHasher for KeyHashes {
    type Hasher = KeyHash;

    fn build_hasher(&self) -> KeyHash {
        KeyHash::default()
    }
}

impl std::hash::Hasher for KeyHash {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = rafterdb_hash::xxh3_64(bytes, self.0);
    }

    fn write_usize(&mut self, _length: usize) {
        // The bytes alone tell keys apart: they are all that is hashed.
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_is_added_moves_few_others() {
        let cache = RowCache::new(16 << 20);
        for number in 0..100_000_u32 {
            cache.add(&number.to_le_bytes(), &[0; 100], cache.generation());
        }
        let rows = cache.rows.len();
        assert!(rows > 70_000, "{rows}");
        assert!(rows / cache.rows.num_shards() < 3_000, "{rows}");
    }
}

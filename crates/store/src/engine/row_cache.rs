//! Rows lately read from the tables, bounded in bytes. It lies below the memtables, so it must hold what the tables
//! hold: see [`RowCache::refresh`] for how it never gives an older row.

use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use parking_lot::RwLock;
use quick_cache::sync::Cache;
use quick_cache::Weighter;

/// What an entry costs beside its key and row: the allocation's ends, and its place in the cache.
const ENTRY_OVERHEAD_BYTES: u64 = 112;

/// Entries above this share of the cache are not worth what they would push out.
const ENTRY_SHARE_MAX: u64 = 64;

/// Key and row in one piece of memory: `[u32 keyLen][key][row]`. It is both what the cache looks up and what it gives.
#[derive(Clone)]
pub(super) struct CachedRow(Arc<[u8]>);

impl CachedRow {
    fn new(key: &[u8], row: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(4 + key.len() + row.len());
        bytes.extend_from_slice(&(key.len() as u32).to_le_bytes());
        bytes.extend_from_slice(key);
        bytes.extend_from_slice(row);
        Self(bytes.into())
    }

    fn split(&self) -> (&[u8], &[u8]) {
        let (length, rest) = self.0.split_at(4);
        rest.split_at(u32::from_le_bytes([length[0], length[1], length[2], length[3]]) as usize)
    }

    /// The row, packed.
    pub(super) fn row(&self) -> &[u8] {
        self.split().1
    }
}

// The cache compares entries by their key, as it hashes them.
impl Borrow<[u8]> for CachedRow {
    fn borrow(&self) -> &[u8] {
        self.split().0
    }
}

impl Hash for CachedRow {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.split().0.hash(hasher);
    }
}

impl PartialEq for CachedRow {
    fn eq(&self, other: &Self) -> bool {
        self.split().0 == other.split().0
    }
}

impl Eq for CachedRow {}

#[derive(Clone)]
struct Bytes;

impl Weighter<CachedRow, CachedRow> for Bytes {
    fn weight(&self, entry: &CachedRow, _: &CachedRow) -> u64 {
        entry.0.len() as u64 + ENTRY_OVERHEAD_BYTES
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
    rows: Cache<CachedRow, CachedRow, Bytes, KeyHashes>,
    capacity: u64,
    /// Flushes that have changed the tables. Whoever adds a row holds it for reading, so none is added that was read
    /// before a change after that change was dealt with.
    generation: RwLock<u64>,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl RowCache {
    pub(super) fn new(bytes: u64) -> Self {
        Self {
            rows: Cache::with(256, bytes, Bytes, KeyHashes, Default::default()),
            capacity: bytes,
            generation: RwLock::new(0),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    pub(super) fn get(&self, key: &[u8]) -> Option<CachedRow> {
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
        if self.is_too_large(key, row) {
            return;
        }
        let generation = self.generation.read();
        if Generation(*generation) == read_at {
            self.insert(key, row);
        }
    }

    /// Takes over a memtable's rows: what was written lately is read soon. Called when the tables have its rows and while
    /// the memtable is still looked at first: rows read before are then either replaced here or refused by `add`.
    pub(super) fn refresh<'a>(&self, rows: impl Iterator<Item = (&'a [u8], &'a [u8])>) {
        *self.generation.write() += 1;
        for (key, row) in rows {
            if self.is_too_large(key, row) {
                self.rows.remove(key);
            } else {
                self.insert(key, row);
            }
        }
    }

    fn insert(&self, key: &[u8], row: &[u8]) {
        let entry = CachedRow::new(key, row);
        self.rows.insert(entry.clone(), entry);
    }

    fn is_too_large(&self, key: &[u8], row: &[u8]) -> bool {
        (key.len() + row.len()) as u64 > self.capacity / ENTRY_SHARE_MAX
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

/// Hashes keys with the one definition of xxh3.
#[derive(Clone, Copy)]
struct KeyHashes;

#[derive(Default)]
struct KeyHash(u64);

impl BuildHasher for KeyHashes {
    type Hasher = KeyHash;

    fn build_hasher(&self) -> KeyHash {
        KeyHash::default()
    }
}

impl Hasher for KeyHash {
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

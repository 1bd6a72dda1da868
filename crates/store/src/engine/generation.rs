//! The beginning of a generation: tables and history in a directory that has none. Knows nothing of what comes into them.

use std::path::Path;
use std::sync::atomic::AtomicUsize;

use super::history::{History, Sizes};
use super::options::{Budget, EngineOptions, SharedCache, MEMORY_BYTES_MIN};
use super::persisted_state::encode_persisted_state;
use super::range_tombstones::RangeTombstones;
use super::shared::Persisted;
use super::tables::{Added, Tables};
use crate::StoreError;

/// Builds a store without any rows, with a flush of index 0: so that a store always has a last flush, and one without
/// is damaged.
pub(super) fn build_empty(generation: &Path) -> Result<(), StoreError> {
    let (tables, history) = begin(generation)?;
    let persists = Persisted {
        end: history.cut(0),
        ..Persisted::default()
    };
    history.sync()?;
    tables.ingest(&Added {
        meta: &encode_persisted_state(&persists, &RangeTombstones::default(), &[]),
        rows: None,
        rows_done: &AtomicUsize::new(0),
        has_values: false,
        displaced: &[],
    })?;
    Ok(())
}

/// Tables and history in a new generation's directory.
pub(super) fn begin(generation: &Path) -> Result<(Tables, History), StoreError> {
    let options = EngineOptions {
        memory_bytes: MEMORY_BYTES_MIN,
        ..EngineOptions::default()
    };
    let budget = Budget::of(&options);
    let cache = SharedCache::new(budget.block_cache_bytes);
    let tables = Tables::create(&generation.join("tables"), &budget, &cache)?;
    let history = History::create(
        &generation.join("history"),
        Sizes::of(&Budget::of(&EngineOptions::default())),
    )?;
    Ok((tables, history))
}

//! Lets tombstones go when tables are compacted, and rows of deleted ranges: those that no reader can ask about any more.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::Arc;

use lsm_tree::compaction::filter::Context;
use lsm_tree::compaction::{CompactionFilter, Factory, ItemAccessor, Verdict};

use super::super::range_tombstones::{LiveRanges, RangeTombstones};
use super::super::row;
use super::{bundle, LATEST};

/// What a compaction may do, told to the library's filter.
#[derive(Debug, Default)]
pub(in crate::engine) struct Limits {
    /// Tombstones at or below this revision are not needed by any reader, nor is what they deleted.
    pub(in crate::engine) tombstones_below: AtomicU64,
    /// The deleted ranges.
    pub(in crate::engine) ranges: LiveRanges,
    /// The engine is going down: give up what is under way.
    pub(in crate::engine) stopping: AtomicBool,
    /// Reads that wait for a file descriptor.
    pub(in crate::engine) waiting: AtomicUsize,
}

/// Makes a filter for each compaction.
pub(super) struct TombstoneFilters(pub(super) Arc<Limits>);

impl Factory for TombstoneFilters {
    fn name(&self) -> &str {
        "tombstones"
    }

    fn make_filter(&self, _: &Context) -> Box<dyn CompactionFilter> {
        Box::new(TombstoneFilter {
            below: self.0.tombstones_below.load(Ordering::Acquire),
            ranges: self.0.ranges.load_full(),
            limits: Arc::clone(&self.0),
        })
    }
}

struct TombstoneFilter {
    below: u64,
    ranges: Arc<RangeTombstones>,
    limits: Arc<Limits>,
}

impl CompactionFilter for TombstoneFilter {
    fn filter_item(&mut self, item: ItemAccessor<'_>, _: &Context) -> lsm_tree::Result<Verdict> {
        if self.limits.stopping.load(Ordering::Relaxed) {
            return Err(lsm_tree::Error::Io(std::io::ErrorKind::Interrupted.into()));
        }
        let key = &item.key()[1..];
        if self.below == 0 || item.key()[0] != LATEST || bundle::split(key).is_some() {
            return Ok(Verdict::Keep);
        }
        let value = item.value()?;
        let droppable = row::unpack(&value).is_some_and(|row| {
            row.is_tombstone() && row.modified <= self.below || self.ranges.hides(key, row.modified, (self.below, 0))
        });
        // Remove, not Destroy: the library's own tombstone goes on hiding older rows of lower levels.
        Ok(if droppable { Verdict::Remove } else { Verdict::Keep })
    }
}

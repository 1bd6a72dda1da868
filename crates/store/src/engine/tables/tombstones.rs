//! Lets tombstones go when tables are compacted, and rows and values of deleted ranges: those that no reader can ask about any more.

use std::sync::atomic::Ordering;
use std::sync::Arc;

use lsm_tree::compaction::filter::Context;
use lsm_tree::compaction::{CompactionFilter, Factory, ItemAccessor, Verdict};
use rafterdb_codec::store::stored_keys::{split_stem, LATEST, VALUES};
use rafterdb_codec::store::{apart, row};

use super::super::range_tombstones::RangeTombstones;
use super::limits::Limits;

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
        if self.limits.gives_up() {
            return Err(lsm_tree::Error::Io(std::io::ErrorKind::Interrupted.into()));
        }
        let (family, key) = (item.key()[0], &item.key()[1..]);
        if self.below == 0 || !matches!(family, LATEST | VALUES) || split_stem(key).is_some() {
            return Ok(Verdict::Keep);
        }
        let value = item.value()?;
        let is_dead = |modified| self.ranges.hides(key, modified, (self.below, 0));
        let droppable = if family == VALUES {
            // What else replaces a value hides it: see `Ingestion::no_value`. Under no key there is the gap before all values.
            !key.is_empty() && apart::decode(&value).is_some_and(|(modified, _)| is_dead(modified))
        } else {
            row::unpack(&value)
                .is_some_and(|row| row.is_tombstone() && row.modified <= self.below || is_dead(row.modified))
        };
        // Remove, not Destroy: the library's own tombstone goes on hiding older rows of lower levels.
        Ok(if droppable { Verdict::Remove } else { Verdict::Keep })
    }
}

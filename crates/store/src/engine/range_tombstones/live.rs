//! The range tombstones of a running engine: one writer adds, a thread forgets, everyone reads. Owns how readers of an
//! engine that has none find that out at the cost of a load; knows nothing of when one may be forgotten.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use super::{RangeTombstone, RangeTombstones};

/// What lies over the rows now.
#[derive(Debug, Default)]
pub(in crate::engine) struct LiveRanges {
    set: ArcSwap<RangeTombstones>,
    /// At least as many as there are: one counts before it is there, and until after it is gone.
    count: AtomicUsize,
}

impl LiveRanges {
    /// Takes those of an engine that is being opened.
    pub(in crate::engine) fn begin(&self, set: RangeTombstones) {
        self.count.store(set.count(), Ordering::Release);
        self.set.store(Arc::new(set));
    }

    /// `None` if there are none: what they have killed is gone from wherever the caller looks next.
    #[inline]
    pub(in crate::engine) fn load(&self) -> Option<Guard<Arc<RangeTombstones>>> {
        (self.count.load(Ordering::Acquire) > 0).then(|| self.set.load())
    }

    pub(in crate::engine) fn load_full(&self) -> Arc<RangeTombstones> {
        self.set.load_full()
    }

    /// Adds one that comes after all.
    pub(in crate::engine) fn add(&self, added: &Arc<RangeTombstone>) {
        self.count.fetch_add(1, Ordering::AcqRel);
        self.set.rcu(|set| set.with(Arc::clone(added)));
    }

    /// Forgets those that are due. One thread at a time may do so.
    pub(in crate::engine) fn forget(&self, is_due: impl Fn(&RangeTombstone) -> bool) {
        let before = self.set.load_full();
        let kept = before.keeping(|one| !is_due(one));
        let last = before.all().next_back().map(|one| one.place);
        // That took long: those that came meanwhile follow.
        self.set.rcu(|now| {
            let came = now
                .all()
                .rev()
                .take_while(|one| Some(one.place) > last)
                .collect::<Vec<_>>();
            let with = |kept: RangeTombstones, one: &Arc<RangeTombstone>| kept.with(Arc::clone(one));
            came.into_iter().rev().fold(kept.clone(), with)
        });
        self.count.fetch_sub(before.count() - kept.count(), Ordering::AcqRel);
    }
}

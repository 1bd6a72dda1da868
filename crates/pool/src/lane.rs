//! A lane: what one thread has to itself in a pool. The buffers it dropped last, and its counters, touched without locked
//! instructions as nobody else does. Knows nothing of chunks, nor which thread has which lane.

use crate::slot::Owned;
use crate::stats::ASKED_SIZES;
use crate::sync::{Balance, Counter, Ordering, UnsafeCell};
use crate::TIERS;

/// Threads with a lane of their own at a time; further ones share one more lane.
pub(crate) const LANES: usize = if cfg!(loom) { 2 } else { 32 };

/// Buffers of each tier that a thread keeps for itself: 1.2 MiB in all.
pub(crate) const KEPT_MAX: [usize; TIERS.len()] = [16, 8, 2, 1];

/// Where each tier's begin.
const KEPT_AT: [usize; TIERS.len()] = [0, 16, 24, 26];

const KEPT_SUM: usize = 32;
const _: () = assert!(KEPT_AT[3] + KEPT_MAX[3] < KEPT_SUM && KEPT_SUM.is_power_of_two());

/// An epoch that no pool is ever in.
const NEVER: u64 = u64::MAX - 1;

/// On cache lines of its own; two, as they are fetched in pairs.
#[repr(align(128))]
#[derive(Debug)]
pub(crate) struct Lane<T: 'static> {
    /// The pool's epoch when the lane was last emptied: older slots are wanted back.
    epoch: Counter,
    /// How many slots of each tier are kept.
    depth: [Counter; TIERS.len()],
    kept: UnsafeCell<[Option<Owned<T>>; KEPT_SUM]>,
    /// Chunk in which a slot was found last: where to look first.
    pub hints: [Counter; TIERS.len()],
    /// Slots of each tier that this thread took out of words, less those that it gave back, as far as the tier has not
    /// been told.
    pub out: [Balance; TIERS.len()],
    /// Takes by size, see `ASKED_BYTES`.
    pub asked: [Counter; ASKED_SIZES],
    /// Takes that had to allocate.
    pub misses: [Counter; TIERS.len()],
    /// Compare-and-swaps that another thread spoilt.
    pub retries: Counter,
    /// Whether several threads have it. Then it keeps nothing.
    pub is_shared: bool,
}

// SAFETY: `kept` is reached only by the thread that has the lane, as the methods that do ask for.
unsafe impl<T: Sync> Sync for Lane<T> {}

impl<T> Lane<T> {
    pub fn new(is_shared: bool) -> Self {
        Self {
            epoch: Counter::new(NEVER),
            depth: Default::default(),
            kept: UnsafeCell::new([const { None }; KEPT_SUM]),
            hints: Default::default(),
            out: Default::default(),
            asked: Default::default(),
            misses: Default::default(),
            retries: Counter::default(),
            is_shared,
        }
    }

    /// Adds one to a counter of this lane.
    #[inline]
    pub fn count(&self, counter: &Counter) {
        if self.is_shared {
            counter.fetch_add(1, Ordering::Relaxed);
        } else {
            counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
    }

    /// Whether the lane was emptied in this epoch. Never for a shared one.
    #[inline]
    pub fn is_of(&self, epoch: u64) -> bool {
        self.epoch.load(Ordering::Relaxed) == epoch
    }

    /// Notes that the lane was emptied in this epoch.
    pub fn enter(&self, epoch: u64) {
        if !self.is_shared {
            self.epoch.store(epoch, Ordering::Relaxed);
        }
    }

    /// Keeps a slot; gives it back if there is no room.
    ///
    /// # Safety
    /// The lane is the calling thread's and not a shared one.
    #[inline]
    pub unsafe fn keep(&self, tier: usize, slot: Owned<T>) -> Result<(), Owned<T>> {
        let depth = self.depth(tier);
        if depth == KEPT_MAX[tier] {
            return Err(slot);
        }
        let at = (KEPT_AT[tier] + depth) % KEPT_SUM;
        // SAFETY: as the caller promises, nobody else is here.
        self.kept.with_mut(|kept| unsafe { (*kept)[at] = Some(slot) });
        self.depth[tier].store(depth as u64 + 1, Ordering::Relaxed);
        Ok(())
    }

    /// Takes the slot that was kept last.
    ///
    /// # Safety
    /// The lane is the calling thread's. A shared one keeps nothing, and may be asked by all.
    #[inline]
    pub unsafe fn fetch(&self, tier: usize) -> Option<Owned<T>> {
        let depth = self.depth(tier).checked_sub(1)?;
        self.depth[tier].store(depth as u64, Ordering::Relaxed);
        let at = (KEPT_AT[tier] + depth) % KEPT_SUM;
        // SAFETY: as the caller promises, nobody else is here.
        self.kept.with_mut(|kept| unsafe { (*kept)[at].take() })
    }

    /// How many slots are kept, or were a moment ago.
    #[inline]
    pub fn depth(&self, tier: usize) -> usize {
        self.depth[tier].load(Ordering::Relaxed) as usize
    }
}

//! A lane: what one thread has to itself in a pool. The buffer of each tier that it dropped last, and its counters,
//! on cache lines that no other thread writes as long as there are lanes enough. Knows nothing of chunks.

use std::cell::Cell;
use std::ptr::NonNull;

use crate::slot::{give_back, Slot};
use crate::stats::ASKED_SIZES;
use crate::sync::{ordering, AtomicPtr, Balance, Counter, Ordering, Step};
use crate::TIERS;

/// Threads with a lane of their own at a time, in the whole process; further ones share one more lane.
pub(crate) const LANES: usize = if cfg!(loom) { 2 } else { 32 };

/// On cache lines of its own; two, as they are fetched in pairs.
#[repr(align(128))]
#[derive(Debug)]
pub(crate) struct Lane {
    kept: [AtomicPtr<Slot>; TIERS.len()],
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
    /// Whether several threads have it.
    pub is_shared: bool,
}

/// What a lane keeps once the pool is gone: not a slot, and not nothing, so that nobody puts a slot there.
fn closed() -> *mut Slot {
    NonNull::dangling().as_ptr()
}

impl Lane {
    pub fn new(number: usize) -> Self {
        Self {
            kept: std::array::from_fn(|_| AtomicPtr::new(std::ptr::null_mut())),
            hints: Default::default(),
            out: Default::default(),
            asked: Default::default(),
            misses: Default::default(),
            retries: Counter::default(),
            is_shared: number == LANES,
        }
    }

    /// Adds one to a counter of this lane: without a locked instruction, as only this thread writes there.
    #[inline]
    pub fn count(&self, counter: &Counter) {
        if self.is_shared {
            counter.fetch_add(1, Ordering::Relaxed);
        } else {
            counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
    }

    /// Keeps a slot for the next take. False if one is kept already, or the pool is gone. If true, the slot and with it
    /// the pool may be gone already.
    #[inline]
    pub fn keep(&self, tier: usize, slot: NonNull<Slot>) -> bool {
        let kept = &self.kept[tier];
        let nothing = std::ptr::null_mut();
        kept.load(Ordering::Relaxed).is_null()
            && kept
                .compare_exchange(nothing, slot.as_ptr(), ordering(Step::Keep), Ordering::Relaxed)
                .is_ok()
    }

    /// The slot that is kept. Any thread may fetch it.
    #[inline]
    pub fn fetch(&self, tier: usize) -> Option<NonNull<Slot>> {
        let kept = &self.kept[tier];
        if kept.load(Ordering::Relaxed).is_null() {
            return None;
        }
        NonNull::new(kept.swap(std::ptr::null_mut(), ordering(Step::Fetch)))
    }

    /// Whether a slot is kept.
    pub fn is_keeping(&self, tier: usize) -> bool {
        !self.kept[tier].load(Ordering::Relaxed).is_null()
    }

    /// Gives all slots back to their words.
    pub fn empty(&self) {
        for slot in (0..TIERS.len()).filter_map(|tier| self.fetch(tier)) {
            // SAFETY: what was fetched is owned.
            unsafe { give_back(slot) };
        }
    }

    /// Gives all slots back and keeps none from now on. Only for a pool that nobody can take from any more.
    pub fn close(&self) {
        for kept in &self.kept {
            let slot = kept.swap(closed(), Ordering::AcqRel);
            if let Some(slot) = NonNull::new(slot) {
                // SAFETY: what was fetched is owned; a lane is closed once.
                unsafe { give_back(slot) };
            }
        }
    }
}

#[cfg(not(loom))]
mod number {
    use super::{Cell, LANES};
    use std::sync::atomic::{AtomicU32, Ordering};

    /// Lanes that no thread has, a bit each.
    static FREE: AtomicU32 = AtomicU32::new(u32::MAX);
    const _: () = assert!(LANES == u32::BITS as usize, "a bit for each lane");

    const UNKNOWN: usize = usize::MAX;

    struct Own(Cell<usize>);

    thread_local! {
        static OWN: Own = const { Own(Cell::new(UNKNOWN)) };
    }

    /// Number of this thread's lane; [`LANES`] for the shared one.
    #[inline]
    pub fn current() -> usize {
        // While a thread's locals are being dropped, it shares.
        OWN.try_with(|own| match own.0.get() {
            UNKNOWN => claim(own),
            lane => lane,
        })
        .unwrap_or(LANES)
    }

    #[cold]
    fn claim(own: &Own) -> usize {
        // Acquire: what the lane's last thread counted is seen.
        let claimed = FREE.fetch_update(Ordering::Acquire, Ordering::Relaxed, |free| {
            (free != 0).then(|| free & (free - 1))
        });
        let lane = claimed.map_or(LANES, |free| free.trailing_zeros() as usize);
        own.0.set(lane);
        lane
    }

    impl Drop for Own {
        fn drop(&mut self) {
            let lane = self.0.get();
            if lane < LANES {
                FREE.fetch_or(1 << lane, Ordering::Release);
            }
        }
    }
}

#[cfg(loom)]
mod number {
    use super::{Cell, LANES};
    use std::sync::atomic::{AtomicUsize, Ordering};

    loom::lazy_static! {
        static ref NEXT: AtomicUsize = AtomicUsize::new(0);
    }

    loom::thread_local! {
        static OWN: Cell<usize> = Cell::new(NEXT.fetch_add(1, Ordering::Relaxed).min(LANES));
    }

    /// The first threads of a model that ask have lanes, the others share.
    pub fn current() -> usize {
        OWN.with(Cell::get)
    }
}

pub(crate) use number::current;

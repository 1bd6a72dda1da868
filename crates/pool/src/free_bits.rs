//! The free list of a chunk: one bit a slot, set while it is free. Knows nothing of what a slot is.

use crate::sync::{ordering, AtomicU64, Ordering, Step};

/// Slots of one chunk, at most.
pub(crate) const SLOTS_MAX: usize = u64::BITS as usize;

/// No slots to begin with.
#[derive(Debug)]
pub(crate) struct FreeBits(AtomicU64);

/// All bits of a chunk of so many slots, at least one.
pub(crate) const fn all(slots: usize) -> u64 {
    assert!(0 < slots && slots <= SLOTS_MAX, "chunk size");
    u64::MAX >> (SLOTS_MAX - slots)
}

impl FreeBits {
    pub fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Takes the lowest free slot. Counts the attempts that another thread spoilt.
    pub fn claim(&self, retries: impl Fn()) -> Option<u32> {
        let mut free = self.0.load(Ordering::Relaxed);
        while free != 0 {
            let left = free & (free - 1);
            match self
                .0
                .compare_exchange_weak(free, left, ordering(Step::Claim), Ordering::Relaxed)
            {
                Ok(_) => return Some(free.trailing_zeros()),
                Err(now) => {
                    retries();
                    free = now;
                }
            }
        }
        None
    }

    /// Takes all `slots`, if all are free.
    pub fn claim_all(&self, slots: usize) -> bool {
        self.0
            .compare_exchange(all(slots), 0, ordering(Step::Claim), Ordering::Relaxed)
            .is_ok()
    }

    /// Sets bits that their owner had cleared.
    ///
    /// # Safety
    /// The caller owns the slots of these bits, which are there, and forgets them.
    pub unsafe fn give_back(&self, bits: u64) {
        // None of the bits is set, so adding sets them: one instruction, where `fetch_or` would be two.
        let before = self.0.fetch_add(bits, ordering(Step::GiveBack));
        debug_assert_eq!(before & bits, 0, "a slot is given back once");
    }

    /// Slots that are free now, or were a moment ago.
    pub fn free(&self) -> usize {
        self.0.load(Ordering::Relaxed).count_ones() as usize
    }
}

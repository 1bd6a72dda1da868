//! A handle: who looks at a buffer's bytes has one, and the last gives the slot back, to its thread's lane.
//! Knows how a slot goes back, not where one comes from.

use std::ptr::NonNull;

use crate::inner::Inner;
use crate::slot::{Owned, Place, Slot};
use crate::sync::{ordering, Ordering, Step};
use crate::threads::lane;

/// Handles of one slot, at most: far from wrapping even if every thread adds one before it looks.
const HANDLES_MAX: u32 = u32::MAX / 2;

/// A handle: the slot is not given back before it is dropped.
#[derive(Debug)]
pub(crate) struct Handle(NonNull<Slot<Inner>>);

// SAFETY: the count of handles is atomic, and the slot may be given back by any thread.
unsafe impl Send for Handle {}
// SAFETY: a shared handle can only be cloned, which counts atomically.
unsafe impl Sync for Handle {}

impl Handle {
    /// The only handle of a slot.
    #[inline]
    pub fn of(owned: Owned<Inner>) -> Self {
        owned.slot().handles.store(1, Ordering::Relaxed);
        Self(owned.into_inner())
    }

    /// The slot, if this is its only handle.
    pub fn into_owned(self) -> Result<Owned<Inner>, Self> {
        if !self.is_alone() {
            return Err(self);
        }
        // SAFETY: the only handle, which goes, and nobody can clone it.
        let owned = unsafe { Owned::new(self.0) };
        std::mem::forget(self);
        Ok(owned)
    }

    fn slot(&self) -> &Slot<Inner> {
        // SAFETY: slots of tables are never freed, others when their last handle goes.
        unsafe { self.0.as_ref() }
    }

    /// All of the buffer.
    pub fn place(&self) -> Place {
        // SAFETY: written before the slot was free, by the owner of the whole chunk, and not while a handle is there.
        self.slot().place.with(|place| unsafe { *place })
    }

    /// Whether this is the only handle. As it cannot be cloned by others, it then stays the only one while owned.
    fn is_alone(&self) -> bool {
        self.slot().handles.load(ordering(Step::Alone)) == 1
    }

    /// Tells loom that the bytes are read now.
    #[inline]
    pub fn note_read(&self) {
        #[cfg(loom)]
        self.slot().place.with(|_| ());
    }

    /// Tells loom that the bytes are written now.
    #[inline]
    pub fn note_write(&self) {
        #[cfg(loom)]
        self.slot().place.with_mut(|_| ());
    }
}

impl Clone for Handle {
    fn clone(&self) -> Self {
        // Nothing to order: whoever clones has a handle already.
        let before = self.slot().handles.fetch_add(1, Ordering::Relaxed);
        if before > HANDLES_MAX {
            // Two thousand million handles were leaked; one more round and memory in use would be given back.
            std::process::abort();
        }
        Self(self.0)
    }
}

impl Drop for Handle {
    #[inline]
    fn drop(&mut self) {
        // The only handle need not count down: nobody else can count.
        if self.is_alone() || self.slot().handles.fetch_sub(1, ordering(Step::Drop)) == 1 {
            // SAFETY: the last handle owns the slot, and goes.
            give_back(unsafe { Owned::new(self.0) });
        }
    }
}

/// Gives a slot back, or frees it.
#[inline]
fn give_back(slot: Owned<Inner>) {
    match slot.slot().home() {
        // SAFETY: the lane is this thread's.
        Some(home) => unsafe { home.tables.take_back(lane(), home.tier.into(), slot) },
        // SAFETY: what has no home was made to measure.
        None => unsafe { slot.free() },
    }
}

//! A slot: where one buffer's bytes are, and how many handles look at them. The last handle gives the slot back.
//! Knows how a slot goes back, not where one comes from.

use std::ptr::NonNull;

use crate::free_bits::FreeBits;
use crate::inner::Inner;
use crate::memory::{alignment, Memory};
use crate::sync::{ordering, AtomicU32, Ordering, Step, UnsafeCell};

/// Handles of one slot, at most: far from wrapping even if every thread adds one before it looks.
const HANDLES_MAX: u32 = u32::MAX / 2;

/// Bytes of a whole buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub start: NonNull<u8>,
    pub bytes: usize,
}

/// Where a slot goes back to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Home {
    pub inner: &'static Inner,
    pub word: &'static FreeBits,
    pub tier: u8,
    pub bit: u8,
}

/// On a cache line of its own, so that counting the handles of one buffer slows nobody who counts another's.
#[repr(C, align(64))]
#[derive(Debug)]
pub(crate) struct Slot {
    /// Handles, once somebody owns the slot; left over from before while nobody does.
    handles: AtomicU32,
    /// `None` for a buffer made to measure: then the slot is that of a `Solo`.
    home: Option<Home>,
    /// Written by whoever owns the whole chunk. Under loom, stands for the bytes themselves too.
    pub place: UnsafeCell<Place>,
}

// SAFETY: a slot points to memory that belongs to it, and to a pool that any thread may use; who may do what with the
// bytes is decided by the handles, as told at each of them.
unsafe impl Send for Slot {}
// SAFETY: as above; `place` is written only by the owner of all of a chunk's bits.
unsafe impl Sync for Slot {}

impl Slot {
    /// A slot of a pool's tables, without memory as yet.
    pub fn of_table(home: Home, bytes: usize) -> Self {
        let start = NonNull::dangling();
        Self::new(Some(home), Place { start, bytes })
    }

    fn new(home: Option<Home>, place: Place) -> Self {
        Self {
            handles: AtomicU32::new(0),
            home,
            place: UnsafeCell::new(place),
        }
    }

    pub const fn home(&self) -> Option<&Home> {
        self.home.as_ref()
    }
}

/// A slot that no pool knows, and its memory.
#[repr(C)]
struct Solo {
    slot: Slot,
    memory: Memory,
}

/// A slot that nobody else has: its bit is cleared, and there is no handle. It is given back, or becomes a handle; dropped, it is leaked.
#[must_use]
#[derive(Debug)]
pub(crate) struct Owned(NonNull<Slot>);

// SAFETY: whoever has it owns the slot, which may be used by any thread.
unsafe impl Send for Owned {}

impl Owned {
    /// # Safety
    /// Nobody else owns the slot or has a handle of it, and it is one of tables, which are never freed, or that of a leaked `Solo`.
    #[inline]
    pub const unsafe fn new(slot: NonNull<Slot>) -> Self {
        Self(slot)
    }

    /// A new slot of `bytes` zeros, of no pool.
    pub fn made_to_measure(bytes: usize) -> Self {
        let memory = Memory::zeroed(bytes, alignment(bytes), false);
        let place = Place {
            start: memory.start,
            bytes,
        };
        let slot = Slot::new(None, place);
        let solo = Box::into_raw(Box::new(Solo { slot, memory }));
        let slot = NonNull::new(solo.cast()).expect("a box is somewhere");
        // SAFETY: nobody else has seen the slot, which was leaked with its `Solo`.
        unsafe { Self::new(slot) }
    }

    #[inline]
    pub fn slot(&self) -> &Slot {
        // SAFETY: there while it is owned, see `new`.
        unsafe { self.0.as_ref() }
    }

    /// Gives the slot back, or frees it.
    #[inline]
    fn free(self) {
        match self.slot().home {
            Some(home) => home.inner.take_back(home.tier.into(), self),
            // SAFETY: a slot without a home is the first field of a `Solo` that was leaked from a box, see `made_to_measure`.
            None => drop(unsafe { Box::from_raw(self.0.as_ptr().cast::<Solo>()) }),
        }
    }
}

/// A handle: the slot is not given back before it is dropped.
#[derive(Debug)]
pub(crate) struct Handle(NonNull<Slot>);

// SAFETY: the count of handles is atomic, and the slot may be given back by any thread.
unsafe impl Send for Handle {}
// SAFETY: a shared handle can only be cloned, which counts atomically.
unsafe impl Sync for Handle {}

impl Handle {
    /// The only handle of a slot.
    #[inline]
    pub fn of(owned: Owned) -> Self {
        owned.slot().handles.store(1, Ordering::Relaxed);
        Self(owned.0)
    }

    /// The slot, if this is its only handle.
    pub fn into_owned(self) -> Result<Owned, Self> {
        if !self.is_alone() {
            return Err(self);
        }
        // SAFETY: the only handle, which goes, and nobody can clone it.
        let owned = unsafe { Owned::new(self.0) };
        std::mem::forget(self);
        Ok(owned)
    }

    fn slot(&self) -> &Slot {
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
            unsafe { Owned::new(self.0) }.free();
        }
    }
}

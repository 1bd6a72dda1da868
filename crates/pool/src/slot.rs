//! A slot: where one buffer's bytes are, how many handles look at them, and where it goes back to.
//! Knows nothing of the tables that it is in: `T` stands for them.

use std::ptr::NonNull;

use crate::free_bits::FreeBits;
use crate::memory::{alignment, Memory};
use crate::sync::{AtomicU32, UnsafeCell};

/// Bytes of a whole buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub start: NonNull<u8>,
    pub bytes: usize,
}

/// Where a slot goes back to.
#[derive(Debug)]
pub(crate) struct Home<T: 'static> {
    pub tables: &'static T,
    pub word: &'static FreeBits,
    pub tier: u8,
    pub bit: u8,
}

/// On a cache line of its own, so that counting the handles of one buffer slows nobody who counts another's.
#[repr(C, align(64))]
#[derive(Debug)]
pub(crate) struct Slot<T: 'static> {
    /// Handles, once somebody owns the slot; left over from before while nobody does.
    pub handles: AtomicU32,
    /// `None` for a buffer made to measure: then the slot is that of a `Solo`.
    home: Option<Home<T>>,
    /// Written by whoever owns the whole chunk. Under loom, stands for the bytes themselves too.
    pub place: UnsafeCell<Place>,
}

// SAFETY: a slot points to memory that belongs to it, and to a pool that any thread may use; who may do what with the
// bytes is decided by the handles, as told at each of them.
unsafe impl<T: Sync> Send for Slot<T> {}
// SAFETY: as above; `place` is written only by the owner of all of a chunk's bits.
unsafe impl<T: Sync> Sync for Slot<T> {}

impl<T> Slot<T> {
    /// A slot of a pool's tables, without memory as yet.
    pub fn of_table(home: Home<T>, bytes: usize) -> Self {
        let start = NonNull::dangling();
        Self::new(Some(home), Place { start, bytes })
    }

    fn new(home: Option<Home<T>>, place: Place) -> Self {
        Self {
            handles: AtomicU32::new(0),
            home,
            place: UnsafeCell::new(place),
        }
    }

    pub const fn home(&self) -> Option<&Home<T>> {
        self.home.as_ref()
    }
}

/// A slot that no pool knows, and its memory.
#[repr(C)]
struct Solo<T: 'static> {
    slot: Slot<T>,
    memory: Memory,
}

/// A slot that nobody else has: its bit is cleared, and there is no handle. It is given back, or becomes a handle; dropped, it is leaked.
#[must_use]
#[derive(Debug)]
pub(crate) struct Owned<T: 'static>(NonNull<Slot<T>>);

// SAFETY: whoever has it owns the slot, which may be used by any thread.
unsafe impl<T: Sync> Send for Owned<T> {}

impl<T> Owned<T> {
    /// # Safety
    /// Nobody else owns the slot or has a handle of it, and it is one of tables, which are never freed, or that of a leaked `Solo`.
    #[inline]
    pub const unsafe fn new(slot: NonNull<Slot<T>>) -> Self {
        Self(slot)
    }

    /// A new slot of `bytes` zeros, of no pool.
    pub fn made_to_measure(bytes: usize) -> Self {
        let memory = Memory::zeroed(bytes, alignment(bytes), false);
        let place = Place {
            start: memory.start,
            bytes,
        };
        let slot = Slot::<T>::new(None, place);
        let solo = Box::into_raw(Box::new(Solo { slot, memory }));
        let slot = NonNull::new(solo.cast()).expect("a box is somewhere");
        // SAFETY: nobody else has seen the slot, which was leaked with its `Solo`.
        unsafe { Self::new(slot) }
    }

    #[inline]
    pub fn slot(&self) -> &Slot<T> {
        // SAFETY: there while it is owned, see `new`.
        unsafe { self.0.as_ref() }
    }

    /// Where the slot is; it is still owned, by whoever asked.
    #[inline]
    pub const fn into_inner(self) -> NonNull<Slot<T>> {
        self.0
    }

    /// Frees a slot of no pool.
    ///
    /// # Safety
    /// It was made to measure.
    pub unsafe fn free(self) {
        // SAFETY: such a slot is the first field of a `Solo` that was leaked from a box, see `made_to_measure`.
        drop(unsafe { Box::from_raw(self.0.as_ptr().cast::<Solo<T>>()) });
    }
}

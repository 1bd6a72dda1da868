//! A buffer: bytes that one holder may write. Knows how it becomes a slice and is made of one, not where it came from.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use crate::handle::Handle;
use crate::inner::Inner;
use crate::slice::Slice;
use crate::slot::{Owned, Place};
use crate::TIERS;

/// Bytes that nobody else can see: a whole buffer of a pool, or what [`Buffer::split_to`] has left of it. Dropping it
/// gives the buffer back to its pool, unless slices of it are still there: then the last of them does.
pub struct Buffer {
    handle: Handle,
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: the bytes are the buffer's own, wherever it is; its handle may be dropped by any thread.
unsafe impl Send for Buffer {}
// SAFETY: through a shared buffer the bytes can only be read.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// A buffer of exactly `bytes` zeros that no pool knows: made to measure, freed when dropped. Aligned as those of a
    /// pool.
    ///
    /// Panics if `bytes` is more than half of the address space.
    #[must_use]
    #[cold]
    pub fn new(bytes: usize) -> Self {
        Self::whole(Owned::made_to_measure(bytes))
    }

    /// All bytes of a slot.
    #[inline]
    pub(crate) fn whole(slot: Owned<Inner>) -> Self {
        let handle = Handle::of(slot);
        let Place { start, bytes } = handle.place();
        Self {
            handle,
            start,
            length: bytes,
        }
    }

    /// The first `length` bytes, immutable from now on and to be shared. Does not allocate.
    ///
    /// Panics if the buffer has fewer.
    #[must_use]
    #[inline]
    pub fn freeze(self, length: usize) -> Slice {
        assert!(length <= self.length, "freeze: {length} of {} bytes", self.length);
        // SAFETY: the bytes are the handle's, and with the buffer goes the only one who could write them.
        unsafe { Slice::new(self.handle, self.start, length) }
    }

    /// Cuts off the first `length` bytes as a slice; the buffer goes on behind them. So a buffer that is being filled
    /// can hand out what is complete, such as frames. Does not allocate.
    ///
    /// Panics if the buffer has fewer.
    #[must_use]
    pub fn split_to(&mut self, length: usize) -> Slice {
        assert!(length <= self.length, "split: {length} of {} bytes", self.length);
        // SAFETY: the bytes are the handle's, and from now on not the buffer's.
        let slice = unsafe { Slice::new(self.handle.clone(), self.start, length) };
        // SAFETY: at most one past the end of the buffer.
        self.start = unsafe { self.start.add(length) };
        self.length -= length;
        slice
    }
}

impl Slice {
    /// The whole buffer to write again, if no other slice of it is there; otherwise this slice. What the buffer contains
    /// is as it was.
    pub fn try_into_mut(self) -> Result<Buffer, Self> {
        self.into_owned().map(Buffer::whole)
    }
}

impl Deref for Buffer {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.handle.note_read();
        // SAFETY: initialised when the slot got its memory, nobody else's, and borrowed as long as the buffer is.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.length) }
    }
}

impl DerefMut for Buffer {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        self.handle.note_write();
        // SAFETY: as above, and the buffer is borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.length) }
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Buffer of {} bytes", self.length)
    }
}

const _: () = assert!(
    TIERS[0] < TIERS[1] && TIERS[1] < TIERS[2] && TIERS[2] < TIERS[3],
    "tiers ascend"
);

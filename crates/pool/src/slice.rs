//! A slice: bytes of a buffer that many may read and nobody writes. Knows nothing of who could write them before.

use std::fmt;
use std::ops::Deref;
use std::ptr::NonNull;
use std::slice::SliceIndex;

use bytes::Bytes;

use crate::handle::Handle;
use crate::inner::Inner;
use crate::slot::Owned;

/// Immutable bytes, counted: part of a pool's buffer, or static. 24 bytes. Cloning, slicing, splitting and dropping
/// change one counter and never allocate; the last one gives the buffer back to its pool, from whatever thread.
#[derive(Clone)]
pub struct Slice {
    /// `None` for static bytes.
    handle: Option<Handle>,
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: the bytes are not written while the handle is there, which may be dropped by any thread.
unsafe impl Send for Slice {}
// SAFETY: as above; a shared slice can be read and cloned, which counts atomically.
unsafe impl Sync for Slice {}

impl Slice {
    /// # Safety
    /// The bytes belong to the handle's slot, and nobody writes them as long as that is out.
    #[inline]
    pub(crate) unsafe fn new(handle: Handle, start: NonNull<u8>, length: usize) -> Self {
        Self {
            handle: Some(handle),
            start,
            length,
        }
    }

    /// A slice of bytes that are always there.
    #[must_use]
    pub const fn from_static(bytes: &'static [u8]) -> Self {
        Self {
            handle: None,
            start: NonNull::from_ref(bytes).cast(),
            length: bytes.len(),
        }
    }

    /// Part of this slice.
    ///
    /// Panics if the range is not within it.
    #[must_use]
    pub fn slice(&self, range: impl SliceIndex<[u8], Output = [u8]>) -> Self {
        self.slice_ref(&self[range])
    }

    /// The slice of which `part` is a view, for a reader that borrowed from this one. An empty part is an empty slice,
    /// wherever it points.
    ///
    /// Panics if `part` is not within this slice.
    #[must_use]
    pub fn slice_ref(&self, part: &[u8]) -> Self {
        if part.is_empty() {
            return Self::default();
        }
        let (all, part_of) = (self.as_ptr_range(), part.as_ptr_range());
        assert!(
            all.start <= part_of.start && part_of.end <= all.end,
            "slice: {} bytes at {:?} are not within {} bytes at {:?}",
            part.len(),
            part_of.start,
            self.length,
            all.start
        );
        // SAFETY: within this slice, as has just been checked.
        let start = unsafe { self.start.add(part_of.start as usize - all.start as usize) };
        Self {
            handle: self.handle.clone(),
            start,
            length: part.len(),
        }
    }

    /// Cuts off the first `length` bytes; this slice goes on behind them.
    ///
    /// Panics if it has fewer.
    #[must_use]
    pub fn split_to(&mut self, length: usize) -> Self {
        let front = self.slice(..length);
        // SAFETY: at most one past the end of the slice.
        self.start = unsafe { self.start.add(length) };
        self.length -= length;
        front
    }

    /// The slot, if no other slice or buffer of it is there.
    pub(crate) fn into_owned(self) -> Result<Owned<Inner>, Self> {
        let Some(handle) = self.handle else {
            return Err(self);
        };
        handle.into_owned().map_err(|handle| Self {
            handle: Some(handle),
            ..self
        })
    }
}

impl Default for Slice {
    fn default() -> Self {
        Self::from_static(&[])
    }
}

impl Deref for Slice {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        if let Some(handle) = &self.handle {
            handle.note_read();
        }
        // SAFETY: initialised, not written while the handle is there, and borrowed as long as the slice is.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.length) }
    }
}

impl AsRef<[u8]> for Slice {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

/// For what takes `Bytes`: the same bytes, not copied. Costs one allocation, which holds the slice.
impl From<Slice> for Bytes {
    fn from(slice: Slice) -> Self {
        Self::from_owner(slice)
    }
}

impl fmt::Debug for Slice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Slice of {} bytes", self.length)
    }
}

//! A typed array or DataView, as it lies in the memory of JavaScript. Knows no calls.

use std::marker::PhantomData;

use napi::sys;

use super::call::Call;

/// A typed array or DataView, as it lies in memory for as long as `'call`.
#[derive(Clone, Copy)]
pub struct View<'call> {
    pub(super) kind: i32,
    pub(super) start: *mut u8,
    pub(super) bytes: usize,
    pub(super) of: PhantomData<&'call Call>,
}

/// Kind of a view that is none of the typed arrays.
pub(super) const DATA_VIEW: i32 = -1;

impl<'call> View<'call> {
    fn elements<T>(&self) -> (*mut T, usize) {
        let start = if self.bytes == 0 {
            std::ptr::NonNull::dangling().as_ptr()
        } else {
            self.start.cast::<T>()
        };
        // V8 aligns offsets; the memory itself may be another addon's.
        assert!(
            start.is_aligned(),
            "a typed array over memory that is not aligned for its elements"
        );
        (start, self.bytes / size_of::<T>())
    }

    /// Its length in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether both lie in the same memory somewhere.
    pub fn overlaps(&self, other: &View<'_>) -> bool {
        let (a, b) = (self.start as usize, other.start as usize);
        self.bytes > 0 && other.bytes > 0 && a < b + other.bytes && b < a + self.bytes
    }

    pub fn is_float64(&self) -> bool {
        self.kind == sys::TypedarrayType::float64_array
    }

    pub fn is_big_uint64(&self) -> bool {
        self.kind == sys::TypedarrayType::biguint64_array
    }

    pub fn is_uint32(&self) -> bool {
        self.kind == sys::TypedarrayType::uint32_array
    }

    pub fn is_bytes(&self) -> bool {
        self.kind == sys::TypedarrayType::uint8_array || self.kind == sys::TypedarrayType::uint8_clamped_array
    }

    /// Its memory, to read.
    ///
    /// # Safety
    /// Nothing writes to the same memory while the slice is used: neither through [`View::slice_mut`], nor JavaScript, which does not run
    /// before the call returns unless it is called.
    pub unsafe fn slice<T: Plain>(self) -> &'call [T] {
        let (start, count) = self.elements::<T>();
        // SAFETY: the array lives as long as the call, its elements are plain numbers, and it is aligned for them, see `elements`.
        unsafe { std::slice::from_raw_parts(start, count) }
    }

    /// Its memory, to write.
    ///
    /// # Safety
    /// As for [`View::slice`], and nothing else reads that memory meanwhile.
    pub unsafe fn slice_mut<T: Plain>(self) -> &'call mut [T] {
        let (start, count) = self.elements::<T>();
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts_mut(start, count) }
    }
}

/// Numbers.
///
/// # Safety
/// Every bit pattern is one, and none has bytes that are not part of it.
pub unsafe trait Plain: Copy {}
// SAFETY: as all integers.
unsafe impl Plain for u8 {}
// SAFETY: likewise.
unsafe impl Plain for u32 {}
// SAFETY: likewise.
unsafe impl Plain for u64 {}
// SAFETY: a NaN is a number too.
unsafe impl Plain for f64 {}

/// Bytes of an element of a typed array.
pub(super) const fn element_bytes(kind: i32) -> Option<usize> {
    use sys::TypedarrayType as Kind;
    Some(match kind {
        Kind::int8_array | Kind::uint8_array | Kind::uint8_clamped_array => 1,
        Kind::int16_array | Kind::uint16_array => 2,
        Kind::int32_array | Kind::uint32_array | Kind::float32_array => 4,
        Kind::float64_array | Kind::bigint64_array | Kind::biguint64_array => 8,
        _ => return None,
    })
}

//! Keys and rows as they lie in the memory of a memtable, and how they are written there and read. Knows addresses; who keeps
//! the memory, and until when, its callers promise.
//!
//! ```text
//! slot   [u64 address of the current row][u32 length][key]     one a key, written once, its address swapped
//! row    [u32 length][packed row]                              written before its address is published, never again
//! ```

use std::ptr::NonNull;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::arena::Arena;

const ADDRESS_BYTES: usize = 8;
const LENGTH_BYTES: usize = 4;

/// A row in the memory of a memtable.
#[derive(Clone, Copy)]
pub(super) struct Row(NonNull<u8>);

impl Row {
    /// Room that a row of `length` bytes takes.
    pub(super) const fn room(length: usize) -> usize {
        LENGTH_BYTES + length
    }

    /// Writes `header` followed by `value`.
    ///
    /// # Safety
    /// At `place` is [`Row::room`] for them, and nobody else looks there.
    pub(super) unsafe fn write(place: NonNull<u8>, header: &[u8], value: &[u8]) -> Self {
        // SAFETY: the caller's.
        unsafe {
            place.cast::<u32>().write_unaligned(sized(header.len() + value.len()));
            let body = place.add(LENGTH_BYTES);
            body.copy_from_nonoverlapping(NonNull::from(header).cast(), header.len());
            body.add(header.len())
                .copy_from_nonoverlapping(NonNull::from(value).cast(), value.len());
        }
        Self(place)
    }

    pub(super) const fn place(self) -> NonNull<u8> {
        self.0
    }

    /// # Safety
    /// The row's memory is there for as long as `'a`, and not used for another meanwhile.
    pub(super) unsafe fn bytes<'a>(self) -> &'a [u8] {
        // SAFETY: `write` left a row there, which the caller keeps.
        unsafe { sized_bytes(self.0) }
    }
}

/// A key in the memory of a memtable, and where its current row is.
#[derive(Clone, Copy)]
pub(super) struct Slot(NonNull<u8>);

// SAFETY: what a slot points to is written once before it is shared, but for the row's address, which is atomic.
unsafe impl Send for Slot {}
// SAFETY: as above.
unsafe impl Sync for Slot {}

impl Slot {
    /// A slot of a new key in `arena`.
    pub(super) fn new(arena: &Arena, key: &[u8], row: Row) -> Self {
        let slot = arena.take(ADDRESS_BYTES + LENGTH_BYTES + key.len());
        // SAFETY: the piece is aligned to eight, has room for address, length and key, and nobody else knows it yet.
        unsafe {
            slot.cast::<AtomicPtr<u8>>().write(AtomicPtr::new(row.0.as_ptr()));
            slot.add(ADDRESS_BYTES).cast::<u32>().write_unaligned(sized(key.len()));
            slot.add(ADDRESS_BYTES + LENGTH_BYTES)
                .copy_from_nonoverlapping(NonNull::from(key).cast(), key.len());
        }
        Self(slot)
    }

    /// The key.
    ///
    /// # Safety
    /// The slot's arena is there for as long as `'a`.
    #[inline]
    pub(super) unsafe fn key<'a>(self) -> &'a [u8] {
        // SAFETY: `new` wrote length and key there, and nobody writes them again.
        unsafe { sized_bytes(self.0.add(ADDRESS_BYTES)) }
    }

    /// The current row.
    ///
    /// # Safety
    /// The slot's arena is there.
    #[inline]
    pub(super) unsafe fn row(self) -> Row {
        // SAFETY: the caller's; an address is that of a row, which was written before it was published with Release.
        Row(unsafe { NonNull::new_unchecked(self.address().load(Ordering::Acquire)) })
    }

    /// Makes `row` the current one: the one that it replaces.
    ///
    /// # Safety
    /// As [`Slot::row`].
    pub(super) unsafe fn replace(self, row: Row) -> Row {
        // SAFETY: as above.
        Row(unsafe { NonNull::new_unchecked(self.address().swap(row.0.as_ptr(), Ordering::AcqRel)) })
    }

    /// # Safety
    /// The slot's arena is there for as long as `'a`.
    unsafe fn address<'a>(self) -> &'a AtomicPtr<u8> {
        // SAFETY: the slot begins with an aligned AtomicPtr that `new` initialised.
        unsafe { self.0.cast::<AtomicPtr<u8>>().as_ref() }
    }
}

/// # Safety
/// At `address` lies a u32 length and as many bytes, which nobody changes for as long as `'a`.
#[inline]
unsafe fn sized_bytes<'a>(address: NonNull<u8>) -> &'a [u8] {
    // SAFETY: as promised by the caller.
    unsafe {
        let length = address.cast::<u32>().read_unaligned() as usize;
        std::slice::from_raw_parts(address.add(LENGTH_BYTES).as_ptr(), length)
    }
}

fn sized(length: usize) -> u32 {
    u32::try_from(length).unwrap_or_else(|_| panic!("memtable: a row of {length} bytes is above its limit"))
}

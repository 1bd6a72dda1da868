//! Memory of a chunk or of a buffer made to measure: zeroed, aligned, owned. Knows nothing of slots.

use std::alloc::{alloc_zeroed, dealloc, handle_alloc_error, Layout};
use std::ptr::NonNull;

use crate::{ALIGNMENT, ALIGNMENT_MIN};

/// Alignment of a buffer of `bytes`, bytes.
pub(crate) const fn alignment(bytes: usize) -> usize {
    if bytes < ALIGNMENT {
        ALIGNMENT_MIN
    } else {
        ALIGNMENT
    }
}

#[derive(Debug)]
pub(crate) struct Memory {
    base: NonNull<u8>,
    layout: Layout,
    /// The first aligned byte.
    pub start: NonNull<u8>,
}

// SAFETY: it owns its memory, and nothing of it is tied to the thread that allocated it.
unsafe impl Send for Memory {}

impl Memory {
    /// Memory of zeros; `is_there`: the system has put pages behind all of it now, instead of at the first write to each. Aligned by hand within a larger piece: asked for alignment, the system's allocator writes the
    /// zeros itself, asked for none it passes on pages that are zero and not there yet.
    ///
    /// Panics if `bytes` is more than half of the address space.
    pub fn zeroed(bytes: usize, alignment: usize, is_there: bool) -> Self {
        assert!(
            bytes > 0 && bytes <= isize::MAX as usize - 2 * ALIGNMENT,
            "buffer size: {bytes} bytes"
        );
        let layout = Layout::from_size_align(bytes + alignment, 16).expect("a checked size and a power of two");
        // SAFETY: the layout's size is not zero.
        let base = unsafe { alloc_zeroed(layout) };
        let Some(base) = NonNull::new(base) else {
            handle_alloc_error(layout)
        };
        let skip = base.as_ptr().align_offset(alignment);
        // SAFETY: `skip` is below `alignment`, of which the piece has that much more than `bytes`.
        let start = unsafe { base.add(skip) };
        if is_there {
            for at in (0..layout.size()).step_by(ALIGNMENT) {
                // SAFETY: within the piece, which nobody else has yet; volatile, as writing a zero over a zero says nothing
                // to the compiler.
                unsafe { base.add(at).write_volatile(0) };
            }
        }
        Self { base, layout, start }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: `base` was allocated with this layout and is freed once, as memory is not cloned.
        unsafe { dealloc(self.base.as_ptr(), self.layout) }
    }
}

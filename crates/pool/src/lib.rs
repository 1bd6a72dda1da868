//! Buffers that can be handed to a disk without a page cache: aligned to 4,096 bytes, kept for reuse in four sizes.
//! Knows nothing of what is put in them.

use std::alloc::{alloc_zeroed, dealloc, handle_alloc_error, Layout};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError};

/// Alignment of every buffer, bytes.
pub const ALIGNMENT: usize = 4096;

/// The sizes that are kept, bytes; a larger buffer is made to measure and freed.
pub const TIERS: [usize; 4] = [1 << 10, 8 << 10, 64 << 10, 1 << 20];

/// Buffers kept of one tier hold at most this many bytes together.
pub const KEPT_BYTES_MAX: usize = 8 << 20;

/// Memory of one buffer, owned.
#[derive(Debug)]
struct Block {
    start: NonNull<u8>,
    layout: Layout,
}

// SAFETY: a block owns its memory, and nothing of it is tied to the thread that allocated it.
unsafe impl Send for Block {}
// SAFETY: a shared block only gives out its address; the bytes are reached through `Buffer`'s borrow rules.
unsafe impl Sync for Block {}

impl Block {
    fn new(bytes: usize) -> Self {
        assert!(bytes > 0 && bytes <= isize::MAX as usize - ALIGNMENT, "buffer size");
        let layout = Layout::from_size_align(bytes, ALIGNMENT).expect("a checked size and a power of two");
        // SAFETY: the layout's size is not zero.
        let start = unsafe { alloc_zeroed(layout) };
        let Some(start) = NonNull::new(start) else {
            handle_alloc_error(layout)
        };
        Self { start, layout }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: `start` was allocated with this layout and is freed once, as a block is not cloned.
        unsafe { dealloc(self.start.as_ptr(), self.layout) }
    }
}

/// Where buffers come from and go back to. Any thread may use it.
#[derive(Debug, Default)]
pub struct Pool {
    kept: [Mutex<Vec<Block>>; TIERS.len()],
}

impl Pool {
    /// An empty pool.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// A buffer of at least `bytes`: of the smallest tier that holds them, or of `bytes` rounded up to [`ALIGNMENT`].
    /// What it contains is left over from its last use: bytes written, never uninitialised memory.
    #[must_use]
    pub fn take(self: &Arc<Self>, bytes: usize) -> Buffer {
        let tier = TIERS.iter().position(|tier| bytes <= *tier);
        let block = match tier {
            Some(tier) => self.shelf(tier).pop().unwrap_or_else(|| Block::new(TIERS[tier])),
            None => Block::new(bytes.next_multiple_of(ALIGNMENT)),
        };
        Buffer {
            block: Some(block),
            tier,
            pool: Arc::clone(self),
        }
    }

    /// Buffers kept of the tier that would serve `bytes`; 0 for a size that is not kept.
    #[must_use]
    pub fn kept(&self, bytes: usize) -> usize {
        TIERS
            .iter()
            .position(|tier| bytes <= *tier)
            .map_or(0, |tier| self.shelf(tier).len())
    }

    fn shelf(&self, tier: usize) -> std::sync::MutexGuard<'_, Vec<Block>> {
        // A shelf is whole whatever a panicking holder did: it only pushes and pops.
        self.kept[tier].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A buffer; dropping it gives it back to its pool.
pub struct Buffer {
    /// `None` only while being dropped.
    block: Option<Block>,
    tier: Option<usize>,
    pool: Arc<Pool>,
}

impl Buffer {
    fn block(&self) -> &Block {
        self.block.as_ref().expect("a buffer has its block until it is dropped")
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let block = self.block();
        // SAFETY: the block's bytes were zeroed when allocated, and are borrowed as long as the buffer is.
        unsafe { std::slice::from_raw_parts(block.start.as_ptr(), block.layout.size()) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        let (start, size) = (self.block().start, self.block().layout.size());
        // SAFETY: as above, and the buffer is borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(start.as_ptr(), size) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let (Some(block), Some(tier)) = (self.block.take(), self.tier) else {
            return;
        };
        let mut shelf = self.pool.shelf(tier);
        if (shelf.len() + 1) * TIERS[tier] <= KEPT_BYTES_MAX {
            shelf.push(block);
        }
    }
}

impl std::fmt::Debug for Buffer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Buffer of {} bytes", self.len())
    }
}

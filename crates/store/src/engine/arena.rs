//! Append-only memory of one memtable, in chunks that never move and are used again by the next memtable.
//! Hands out addresses; what lies there is the memtable's business.

use std::alloc::{alloc, dealloc, handle_alloc_error, Layout};
use std::ptr::NonNull;
use std::sync::Arc;

use parking_lot::Mutex;

/// Size of a chunk; a larger piece gets a chunk of its own.
pub(super) const CHUNK_BYTES: usize = 1 << 20;

/// Every piece begins on this boundary.
const ALIGNMENT: usize = 8;

struct Chunk {
    address: NonNull<u8>,
    layout: Layout,
}

// SAFETY: a chunk is plain memory that it alone owns; nothing in it belongs to a thread.
unsafe impl Send for Chunk {}

impl Chunk {
    fn new(bytes: usize) -> Self {
        let Ok(layout) = Layout::from_size_align(bytes, ALIGNMENT) else {
            panic!("arena: a piece of {bytes} bytes is larger than the address space");
        };
        // SAFETY: the layout's size is not zero: the only callers ask for CHUNK_BYTES or more.
        let address = unsafe { alloc(layout) };
        let Some(address) = NonNull::new(address) else {
            handle_alloc_error(layout)
        };
        Self { address, layout }
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        // SAFETY: the address came from `alloc` with this layout and is given back once.
        unsafe { dealloc(self.address.as_ptr(), self.layout) };
    }
}

/// Chunks between two uses, so that memory in use stays level and pages are touched once.
pub(super) struct ChunkPool {
    free: Mutex<Vec<Chunk>>,
    keep: usize,
}

impl ChunkPool {
    /// A pool that keeps at most `bytes` of unused chunks.
    pub(super) fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            free: Mutex::new(Vec::new()),
            keep: bytes / CHUNK_BYTES,
        })
    }

    /// Bytes that wait to be used again.
    pub(super) fn bytes(&self) -> usize {
        self.free.lock().len() * CHUNK_BYTES
    }
}

struct Filling {
    chunks: Vec<Chunk>,
    /// Where the next piece goes, and how much room there is.
    next: NonNull<u8>,
    room: usize,
    used: usize,
}

/// The memory of one memtable.
pub(super) struct Arena {
    pool: Arc<ChunkPool>,
    filling: Mutex<Filling>,
}

// SAFETY: `next` points into a chunk that `chunks` owns, and is only used under the lock.
unsafe impl Send for Filling {}

impl Arena {
    pub(super) fn new(pool: Arc<ChunkPool>) -> Self {
        Self {
            pool,
            filling: Mutex::new(Filling {
                chunks: Vec::new(),
                next: NonNull::dangling(),
                room: 0,
                used: 0,
            }),
        }
    }

    /// Room for `bytes` bytes, aligned to eight, not initialised. It stays where it is until the arena is dropped, and
    /// belongs to the caller alone until he publishes the address.
    pub(super) fn take(&self, bytes: usize) -> NonNull<u8> {
        let bytes = bytes.next_multiple_of(ALIGNMENT);
        let mut filling = self.filling.lock();
        filling.used += bytes;
        if bytes > filling.room {
            return self.take_in_new_chunk(&mut filling, bytes);
        }
        let piece = filling.next;
        // SAFETY: `room` bytes of the current chunk follow `next`, and bytes ≤ room.
        filling.next = unsafe { piece.add(bytes) };
        filling.room -= bytes;
        piece
    }

    fn take_in_new_chunk(&self, filling: &mut Filling, bytes: usize) -> NonNull<u8> {
        if bytes > CHUNK_BYTES {
            let chunk = Chunk::new(bytes);
            let piece = chunk.address;
            filling.chunks.push(chunk);
            return piece;
        }
        let recycled = self.pool.free.lock().pop();
        let chunk = recycled.unwrap_or_else(|| Chunk::new(CHUNK_BYTES));
        let piece = chunk.address;
        // SAFETY: the chunk has CHUNK_BYTES bytes, and bytes ≤ CHUNK_BYTES.
        filling.next = unsafe { piece.add(bytes) };
        filling.room = CHUNK_BYTES - bytes;
        filling.chunks.push(chunk);
        piece
    }

    /// Bytes handed out.
    pub(super) fn used(&self) -> usize {
        self.filling.lock().used
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        let chunks = std::mem::take(&mut self.filling.get_mut().chunks);
        let is_kept = |chunk: &Chunk| chunk.layout.size() == CHUNK_BYTES;
        let (mut kept, _others): (Vec<_>, Vec<_>) = chunks.into_iter().partition(is_kept);
        let mut free = self.pool.free.lock();
        let room = self.pool.keep.saturating_sub(free.len());
        free.extend(kept.drain(..room.min(kept.len())));
        // Before the rest goes back to the system, which takes its time: the writer may want a chunk.
        drop(free);
    }
}

//! Bytes that are gathered here and then shared: one large buffer after another, cut into pieces without copying. A piece keeps
//! the buffer that it is a part of. Knows nothing of what the bytes are.

use bytes::{Bytes, BytesMut};

/// Bytes of the first buffer; each next one has twice as many, so that who gathers little holds little.
const FIRST_BYTES: usize = 4 << 10;

/// Bytes of a buffer at most, unless what is gathered at a time needs more.
const BUFFER_BYTES_MAX: usize = 1 << 20;

/// A place to gather bytes.
#[derive(Debug, Default)]
pub struct Arena {
    /// What has been gathered and not been taken, then room.
    buffer: BytesMut,
    /// Bytes of the newest buffer.
    size: usize,
}

impl Arena {
    /// Bytes gathered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.buffer.len()
    }

    /// Makes room for so many bytes more, in one piece with those that are there.
    pub fn reserve(&mut self, bytes: usize) {
        if self.buffer.capacity() - self.buffer.len() >= bytes || self.buffer.try_reclaim(bytes) {
            return;
        }
        let needed = self.buffer.len() + bytes;
        self.size = (2 * self.size)
            .clamp(FIRST_BYTES, BUFFER_BYTES_MAX)
            .max(needed.next_power_of_two());
        let mut next = BytesMut::with_capacity(self.size);
        next.extend_from_slice(&self.buffer);
        self.buffer = next;
    }

    /// Gathers bytes, for which there should be room.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Takes what was gathered.
    pub fn take(&mut self) -> Bytes {
        self.buffer.split().freeze()
    }

    /// Forgets what was gathered.
    pub fn clear(&mut self) {
        self.buffer.clear();
    }
}

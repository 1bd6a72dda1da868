//! Bytes that are gathered here and then shared: one buffer of the pool after another, cut into pieces without copying. A piece
//! keeps the buffer that it is a part of. Knows nothing of what the bytes are.

use std::sync::Arc;

use rafterdb_pool::{Buffer, Pool, Slice, TIERS};

/// Bytes of the first buffer; the next ones are of the next tiers, so that who gathers little holds little.
const FIRST_BYTES: usize = TIERS[1];

/// Bytes of a buffer at most, unless what is gathered at a time needs more.
const BUFFER_BYTES_MAX: usize = TIERS[3];

/// A place to gather bytes.
#[derive(Debug)]
pub struct AppendBuffer {
    pool: Arc<Pool>,
    /// What has been gathered and not been taken, then room; nothing before the first bytes.
    buffer: Option<Buffer>,
    /// Bytes gathered.
    length: usize,
    /// Bytes asked for with the newest buffer.
    size: usize,
}

impl AppendBuffer {
    /// An empty one.
    #[must_use]
    pub const fn new(pool: Arc<Pool>) -> Self {
        Self {
            pool,
            buffer: None,
            length: 0,
            size: 0,
        }
    }

    /// Bytes gathered.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.length
    }

    /// Gathers pieces, in one piece with what is there.
    pub fn push(&mut self, pieces: &[&[u8]]) {
        let more = pieces.iter().map(|piece| piece.len()).sum();
        let length = &mut self.length;
        let buffer = match &mut self.buffer {
            Some(buffer) if buffer.len() - *length >= more => buffer,
            full => {
                self.size = (8 * self.size).clamp(FIRST_BYTES, BUFFER_BYTES_MAX);
                let mut next = self.pool.take(self.size.max(*length + more));
                if let Some(full) = full {
                    next[..*length].copy_from_slice(&full[..*length]);
                }
                full.insert(next)
            }
        };
        for piece in pieces {
            buffer[*length..][..piece.len()].copy_from_slice(piece);
            *length += piece.len();
        }
    }

    /// Takes what was gathered.
    pub fn take(&mut self) -> Slice {
        let length = std::mem::take(&mut self.length);
        self.buffer
            .as_mut()
            .map_or_else(Slice::default, |buffer| buffer.split_to(length))
    }

    /// Forgets what was gathered.
    pub const fn clear(&mut self) {
        self.length = 0;
    }
}

/// A copy in a buffer of the pool.
#[must_use]
pub fn copy(pool: &Pool, bytes: &[u8]) -> Slice {
    let mut buffer = pool.take(bytes.len());
    buffer[..bytes.len()].copy_from_slice(bytes);
    buffer.freeze(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gathered_stays_in_one_piece_when_the_buffer_is_full() {
        let mut arena = AppendBuffer::new(Pool::new());
        let piece: Vec<u8> = (0..FIRST_BYTES / 2 + 1).map(|at| (at % 251) as u8).collect();
        arena.push(&[&piece[..7], &piece[7..]]);
        arena.push(&[&piece]);
        assert_eq!(arena.len(), 2 * piece.len());
        let gathered = arena.take();
        assert_eq!(gathered[..piece.len()], piece);
        assert_eq!(gathered[piece.len()..], piece);
    }

    #[test]
    fn what_was_taken_is_not_written_over() {
        let mut arena = AppendBuffer::new(Pool::new());
        let taken: Vec<Slice> = (0..200)
            .map(|byte| {
                arena.push(&[&[byte; 500]]);
                arena.take()
            })
            .collect();
        arena.push(&[&[255; 100]]);
        arena.clear();
        arena.push(&[&[254; 100]]);
        assert_eq!(arena.take()[..], [254; 100], "what was gathered before is forgotten");
        for (byte, slice) in (0..).zip(&taken) {
            assert_eq!(slice[..], [byte; 500]);
        }
    }
}

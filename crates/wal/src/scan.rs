//! Walks a segment batch by batch, through a window on the file. Used for recovery and for reading alike.

use std::sync::Arc;

use rafterdb_codec::log::{BatchHeader, BATCH_HEADER_BYTES, BLOCK};
use rafterdb_pool::{Buffer, Pool};

use crate::error::WalError;
use crate::io;
use crate::segment::Segment;

/// A window on a segment, moved forward as needed.
pub(crate) struct Scan<'a> {
    segment: &'a Segment,
    pool: &'a Arc<Pool>,
    window: Buffer,
    /// Offset in the file of the window's first byte: a multiple of the block.
    base: u64,
    /// Bytes of the window that hold the file's; fewer than its size at the end of the file.
    filled: usize,
}

/// What stands at an offset.
pub(crate) enum Found<'a> {
    /// A sound header, and the bytes from it to the end of its records: fewer if the file ends before.
    Batch(BatchHeader, &'a [u8]),
    /// No header of this life of the segment, but the remains of one.
    Remains,
    /// Nothing of this life of the segment.
    Nothing,
}

impl<'a> Scan<'a> {
    /// A scan that reads `step` bytes at a time, more if a batch is larger.
    pub fn new(segment: &'a Segment, pool: &'a Arc<Pool>, step: usize) -> Self {
        Self {
            segment,
            pool,
            window: pool.take(step.next_multiple_of(BLOCK)),
            base: 0,
            filled: 0,
        }
    }

    /// The batch at `offset`, a multiple of the block, whose sequence should be `sequence`.
    pub fn batch(&mut self, offset: u64, sequence: u64) -> Result<Found<'_>, WalError> {
        let nonce = self.segment.header.nonce;
        let block = self.bytes(offset, BLOCK)?;
        let Some(header) = BatchHeader::decode(nonce, block) else {
            let is_ours = BatchHeader::leftover(nonce, sequence, block);
            return Ok(if is_ours { Found::Remains } else { Found::Nothing });
        };
        if offset + header.padded() > self.segment.header.bytes {
            return Ok(Found::Remains);
        }
        let bytes = self.bytes(offset, BATCH_HEADER_BYTES + header.length as usize)?;
        Ok(Found::Batch(header, bytes))
    }

    /// The header alone of a batch that may be at `offset`.
    pub fn header(&mut self, offset: u64) -> Result<Option<BatchHeader>, WalError> {
        let nonce = self.segment.header.nonce;
        Ok(BatchHeader::decode(nonce, self.bytes(offset, BLOCK)?))
    }

    /// The bytes at `offset`, fewer at the end of the file. The slice's memory is aligned if `offset` is.
    pub fn bytes(&mut self, offset: u64, length: usize) -> Result<&[u8], WalError> {
        let wanted = offset..offset + length as u64;
        let is_inside = wanted.start >= self.base && wanted.end <= self.base + self.filled as u64;
        if !is_inside {
            if length > self.window.len() {
                self.window = self.pool.take(length.next_multiple_of(BLOCK));
            }
            self.base = offset;
            self.filled = io::read_at(&self.segment.file, &mut self.window, offset).map_err(|error| WalError {
                offset: Some(offset),
                ..WalError::io(&error, "read", &self.segment.path)
            })?;
        }
        let start = (offset - self.base) as usize;
        Ok(&self.window[start.min(self.filled)..(start + length).min(self.filled)])
    }
}

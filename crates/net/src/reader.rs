//! Frames in: large reads into buffers of a pool, frames cut out of them without copying. Nothing is believed before its
//! length and checksum have been checked. Generic over the stream, for its tests.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use rafterdb_codec::{Frame, Malformed, Reader};
use rafterdb_pool::{Buffer, Pool, Slice, TIERS};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::budget::Share;
use crate::counters::{add, Counters};

/// Bytes of a buffer at least: small, as hundreds of clients may be idle.
const READ_BYTES_MIN: usize = TIERS[1];

/// Bytes of a buffer at most, unless a single frame needs more: large, as the part of a frame at a buffer's end is copied into
/// the next one.
const READ_BYTES_MAX: usize = TIERS[3];

/// Bytes that are made room for because a frame announces them, before any of them has come. With the header they fit a buffer of
/// the pool; of a member's frames more are taken at its word, see `set_announced_bytes_max`.
const ANNOUNCED_BYTES_MAX: usize = TIERS[2] / 2;

/// The same of who is known: an append fits.
pub(crate) const ANNOUNCED_BYTES_KNOWN: usize = TIERS[3];

/// Why there are no more frames.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// The other side closed the connection; `true` if in the middle of a frame.
    Closed(bool),
    Io(io::Error),
    /// What arrived is no frame: what is wrong with it.
    Bad(String),
}

/// The receiving end of a connection.
pub(crate) struct FrameReader<S> {
    stream: S,
    pool: Arc<Pool>,
    /// What has been read and not been cut off, then room.
    buffer: Buffer,
    /// Bytes read and not cut off.
    length: usize,
    /// Bytes of the next buffer: doubles while reads fill it, halves while they leave most of it empty.
    room: usize,
    frame_bytes_max: usize,
    announced_bytes_max: usize,
    /// What the connection holds of the budget.
    share: Arc<Share>,
    /// Bytes received so far, for whoever watches whether the connection is alive.
    received: Arc<AtomicU64>,
    counters: Arc<Counters>,
}

impl<S: AsyncRead + Unpin> FrameReader<S> {
    pub(crate) fn new(stream: S, frame_bytes_max: usize, pool: Arc<Pool>, counters: Arc<Counters>) -> Self {
        Self {
            stream,
            buffer: pool.take(READ_BYTES_MIN),
            pool,
            length: 0,
            room: READ_BYTES_MIN,
            frame_bytes_max,
            announced_bytes_max: ANNOUNCED_BYTES_MAX,
            share: Share::uncounted(),
            received: Arc::default(),
            counters,
        }
    }

    /// Sets another bound: a hello is bounded tighter than what follows.
    pub(crate) fn set_frame_bytes_max(&mut self, bytes: usize) {
        self.frame_bytes_max = bytes;
    }

    /// Sets how much of a frame is made room for at its word.
    pub(crate) fn set_announced_bytes_max(&mut self, bytes: usize) {
        self.announced_bytes_max = bytes;
    }

    /// What is held from now on counts as this.
    pub(crate) fn set_share(&mut self, share: Arc<Share>) {
        share.set_incoming(self.buffer.len());
        self.share = share;
    }

    pub(crate) fn received(&self) -> Arc<AtomicU64> {
        self.received.clone()
    }

    /// The next frame's body. Cancelling loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Slice, ReadError> {
        loop {
            if let Some(body) = self.cut()? {
                add(&self.counters.frames_in, 1);
                return Ok(body);
            }
            self.fill().await?;
        }
    }

    /// Cuts a frame out of what has been read, if it is there whole.
    fn cut(&mut self) -> Result<Option<Slice>, ReadError> {
        let frame = Frame::decode_from(self.read(), self.frame_bytes_max).map_err(|malformed| self.bad(malformed))?;
        let Some((length, consumed)) = frame.map(|(body, consumed)| (body.len(), consumed)) else {
            return Ok(None);
        };
        self.length -= consumed;
        Ok(Some(self.buffer.split_to(consumed).slice(consumed - length..)))
    }

    /// What has been read and not been cut off.
    fn read(&self) -> &[u8] {
        &self.buffer[..self.length]
    }

    /// What is wrong with the frame at the front of the buffer.
    fn bad(&self, malformed: Malformed) -> ReadError {
        let length = Reader::new(self.read()).u32().unwrap_or(0);
        let text = format!(
            "{malformed}: {length} bytes, where at most {} are taken",
            self.frame_bytes_max
        );
        ReadError::Bad(text)
    }

    /// Reads once, with room for at least the rest of a frame of which the header is there.
    async fn fill(&mut self) -> Result<(), ReadError> {
        let missing = Frame::missing(self.read(), self.frame_bytes_max).map_err(|malformed| self.bad(malformed))?;
        // What is only announced is not made room for: as much again as has come.
        let needed = missing
            .min(self.length.max(self.announced_bytes_max))
            .max(READ_BYTES_MIN / 2);
        if self.buffer.len() - self.length < needed {
            let mut next = self.pool.take((self.length + needed).max(self.room));
            next[..self.length].copy_from_slice(self.read());
            self.buffer = next;
            self.share.set_incoming(self.buffer.len());
        }
        let room = self.buffer.len() - self.length;
        let bytes = self
            .stream
            .read(&mut self.buffer[self.length..])
            .await
            .map_err(ReadError::Io)?;
        if bytes == 0 {
            return Err(ReadError::Closed(self.length > 0));
        }
        self.length += bytes;
        add(&self.counters.reads, 1);
        add(&self.counters.bytes_in, bytes);
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
        if bytes == room {
            self.room = (self.room * 2).min(READ_BYTES_MAX);
        } else if bytes < self.room / 4 {
            self.room = (self.room / 2).max(READ_BYTES_MIN);
        }
        Ok(())
    }
}

//! Frames in: large reads into one growing buffer, frames cut out of it without copying. Nothing is believed before its
//! length and checksum have been checked. Generic over the stream, so that TLS can come between.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use rafterdb_codec::{Frame, Malformed};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::counters::{add, Counters};
use crate::spare_buffers::{BUFFER_BYTES, SPARE_BUFFERS};

/// Bytes of a buffer at least: small, as hundreds of clients may be idle.
const READ_BYTES_MIN: usize = 8 << 10;

/// Bytes of a buffer at most, unless a single frame needs more.
const READ_BYTES_MAX: usize = BUFFER_BYTES;

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
    buffer: BytesMut,
    /// Whether the buffer is one to be kept.
    pooled: bool,
    /// Bytes of the next buffer: doubles while reads fill it, halves while they leave most of it empty.
    room: usize,
    frame_bytes_max: usize,
    /// Bytes received so far, for whoever watches whether the connection is alive.
    received: Arc<AtomicU64>,
    counters: Arc<Counters>,
}

impl<S: AsyncRead + Unpin> FrameReader<S> {
    pub(crate) fn new(stream: S, frame_bytes_max: usize, counters: Arc<Counters>) -> Self {
        Self {
            stream,
            buffer: BytesMut::new(),
            pooled: false,
            room: READ_BYTES_MIN,
            frame_bytes_max,
            received: Arc::default(),
            counters,
        }
    }

    /// Sets another bound: a hello is bounded tighter than what follows.
    pub(crate) fn set_frame_bytes_max(&mut self, bytes: usize) {
        self.frame_bytes_max = bytes;
    }

    pub(crate) fn received(&self) -> Arc<AtomicU64> {
        self.received.clone()
    }

    /// The next frame's body. Cancelling loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Bytes, ReadError> {
        loop {
            if let Some(body) = self.cut()? {
                add(&self.counters.frames_in, 1);
                return Ok(body);
            }
            self.fill().await?;
        }
    }

    /// Cuts a frame out of what has been read, if it is there whole.
    fn cut(&mut self) -> Result<Option<Bytes>, ReadError> {
        let frame = Frame::decode_from(&self.buffer, self.frame_bytes_max).map_err(|malformed| self.bad(malformed))?;
        let Some((length, consumed)) = frame.map(|(body, consumed)| (body.len(), consumed)) else {
            return Ok(None);
        };
        let mut body = self.buffer.split_to(consumed);
        body.advance(consumed - length);
        Ok(Some(body.freeze()))
    }

    /// What is wrong with the frame at the front of the buffer.
    fn bad(&self, malformed: Malformed) -> ReadError {
        let length = self.buffer.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        let text = format!(
            "{malformed}: {length} bytes, where at most {} are taken",
            self.frame_bytes_max
        );
        ReadError::Bad(text)
    }

    /// Reads once, with room for at least the rest of a frame of which the header is there.
    async fn fill(&mut self) -> Result<(), ReadError> {
        let missing = Frame::missing(&self.buffer, self.frame_bytes_max).map_err(|malformed| self.bad(malformed))?;
        let spare = self.buffer.capacity() - self.buffer.len();
        let needed = missing.max(READ_BYTES_MIN / 2);
        if spare < needed {
            self.make_room((self.buffer.len() + needed).max(self.room));
        }
        let room = self.buffer.capacity() - self.buffer.len();
        let bytes = self.stream.read_buf(&mut self.buffer).await.map_err(ReadError::Io)?;
        if bytes == 0 {
            return Err(ReadError::Closed(!self.buffer.is_empty()));
        }
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

    /// Gives the buffer room for `bytes` in all: its own, if no frame lies in it any more, or another's.
    fn make_room(&mut self, bytes: usize) {
        if self.buffer.try_reclaim(bytes - self.buffer.len()) {
            return;
        }
        let mut next = SPARE_BUFFERS.take(bytes);
        next.extend_from_slice(&self.buffer);
        let last = std::mem::replace(&mut self.buffer, next);
        if self.pooled {
            SPARE_BUFFERS.give(last);
        }
        self.pooled = bytes == BUFFER_BYTES;
    }
}

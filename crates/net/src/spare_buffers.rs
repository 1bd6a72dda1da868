//! Buffers that were read into and may be read into again, once no frame lies in them any more. Owns how many are kept for a whole
//! process. Knows no sockets.
//!
//! Without them a reader whose frames are held for a while (by the log, by the memory tail) takes fresh memory all the time, and
//! the kernel clears each page of it: with 16 MiB of 64 KiB frames held, 18 % of all samples (`perf record`, `frames_loopback
//! --only held`). With them 1.55 GB a second of processor time instead of 1.35, and half of the page faults (medians of 9
//! paired runs); with no frames held 2.09 and 1.96, as buffers are larger.

use std::collections::VecDeque;

use bytes::BytesMut;
use parking_lot::Mutex;

/// Bytes of a buffer that is kept; others are given back to the allocator. Half of it was slower with no frames held (1.82 against
/// 2.09 GB a second of processor time): the part of a frame at a buffer's end is copied into the next one.
pub(crate) const BUFFER_BYTES: usize = 512 << 10;

/// Buffers kept at most, free or not: so many bytes may stay with an idle process.
const BUFFERS_MAX: usize = (32 << 20) / BUFFER_BYTES;

/// Those of this process: its readers are many, and few of them are busy at a time.
pub(crate) static SPARE_BUFFERS: SpareBuffers = SpareBuffers(Mutex::new(VecDeque::new()));

/// Oldest first, as frames are most often given up in the order in which they came.
pub(crate) struct SpareBuffers(Mutex<VecDeque<BytesMut>>);

impl SpareBuffers {
    /// An empty buffer with room for `bytes`.
    pub(crate) fn take(&self, bytes: usize) -> BytesMut {
        if bytes != BUFFER_BYTES {
            return BytesMut::with_capacity(bytes);
        }
        let mut buffers = self.0.lock();
        // Free only if no frame is left that refers to it.
        let free = buffers
            .front_mut()
            .is_some_and(|oldest| oldest.try_reclaim(BUFFER_BYTES));
        let kept = if free { buffers.pop_front() } else { None };
        kept.unwrap_or_else(|| BytesMut::with_capacity(BUFFER_BYTES))
    }

    /// Keeps a buffer in which frames may lie; what else it holds is forgotten.
    pub(crate) fn give(&self, mut buffer: BytesMut) {
        buffer.clear();
        let mut buffers = self.0.lock();
        if buffers.len() == BUFFERS_MAX {
            buffers.pop_front();
        }
        buffers.push_back(buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_used_again_only_when_no_frame_lies_in_it() {
        let spare = SpareBuffers(Mutex::default());
        let mut buffer = spare.take(BUFFER_BYTES);
        let place = buffer.as_ptr();
        buffer.extend_from_slice(b"a frame, and half of another");
        let frame = buffer.split_to(7).freeze();
        spare.give(buffer);

        let mut other = spare.take(BUFFER_BYTES);
        assert_ne!(other.as_ptr(), place, "a frame lies in it");
        other.extend_from_slice(&[0xff; BUFFER_BYTES]);
        assert_eq!(&frame[..], b"a frame");

        drop(frame);
        let again = spare.take(BUFFER_BYTES);
        assert_eq!(
            (again.as_ptr(), again.len(), again.capacity()),
            (place, 0, BUFFER_BYTES)
        );
        assert!(spare.0.lock().is_empty());
    }

    #[test]
    fn no_more_than_the_bound_are_kept() {
        let spare = SpareBuffers(Mutex::default());
        for _ in 0..BUFFERS_MAX + 3 {
            spare.give(BytesMut::with_capacity(BUFFER_BYTES));
        }
        assert_eq!(spare.0.lock().len(), BUFFERS_MAX);
    }
}

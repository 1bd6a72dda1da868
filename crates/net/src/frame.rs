//! A frame on its way out: a header of its own and refcounted payload slices, written without joining them, a part at a time.
//! Owns how much has been written; the layout is the codec's. Knows no sockets.

use std::io::IoSlice;

use rafterdb_codec::{Body, Frame, Unencodable};
use rafterdb_pool::Slice;
use smallvec::SmallVec;

/// Bytes of a header that need no memory of their own: those of a Raft message of two terms are 92.
const HEADER_INLINE: usize = 96;

/// Slices that need no memory of their own.
const SLICES_INLINE: usize = 4;

/// The body of a frame to send: a header, then payload slices that are never copied.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    header: SmallVec<[u8; HEADER_INLINE]>,
    slices: SmallVec<[Slice; SLICES_INLINE]>,
    length: usize,
}

impl Parts {
    /// A body that starts with `header`.
    #[must_use]
    pub fn new(header: Vec<u8>) -> Self {
        Self {
            length: header.len(),
            header: header.into(),
            slices: SmallVec::new(),
        }
    }

    /// A body that starts with a copy of `header`, which allocates nothing if that is short.
    #[must_use]
    pub fn with_header(header: &[u8]) -> Self {
        Self {
            length: header.len(),
            header: SmallVec::from_slice(header),
            slices: SmallVec::new(),
        }
    }

    /// Adds a payload slice at the end.
    pub fn push(&mut self, slice: Slice) {
        if !slice.is_empty() {
            self.length += slice.len();
            self.slices.push(slice);
        }
    }

    /// Bytes of the whole body.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.length
    }

    /// Whether the body has no bytes. Such a frame is the network's own (a ping) and is refused by the senders.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }
}

impl From<Slice> for Parts {
    fn from(body: Slice) -> Self {
        let mut parts = Self::default();
        parts.push(body);
        parts
    }
}

impl From<Vec<u8>> for Parts {
    fn from(body: Vec<u8>) -> Self {
        Self::new(body)
    }
}

impl Body for Parts {
    fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::once(&self.header[..]).chain(self.slices.iter().map(|slice| &slice[..]))
    }
}

/// A frame of which some bytes may have been written.
#[derive(Debug)]
pub(crate) struct QueuedFrame {
    frame: Frame<Parts>,
    /// Bytes already written. Always below the total, or the frame is gone.
    written: usize,
}

impl QueuedFrame {
    /// Computes length and checksum. Errors: a body longer than a u32 tells.
    pub(crate) fn new(parts: Parts) -> Result<Self, Unencodable> {
        let frame = Frame::new(parts)?;
        Ok(Self { frame, written: 0 })
    }

    /// Whether some of it has been written.
    pub(crate) const fn has_begun(&self) -> bool {
        self.written > 0
    }

    /// Bytes still to be written.
    pub(crate) const fn remaining(&self) -> usize {
        self.frame.encoded_size() - self.written
    }

    /// Notes that `bytes` more have been written.
    pub(crate) fn advance(&mut self, bytes: usize) {
        assert!(
            bytes <= self.remaining(),
            "frame advance: {bytes} of {}",
            self.remaining()
        );
        self.written += bytes;
    }

    /// Slices of a write, at most.
    pub(crate) fn slice_count(&self) -> usize {
        let parts = self.frame.body();
        1 + usize::from(!parts.header.is_empty()) + parts.slices.len()
    }

    /// Points slices at what is still to be written, as far as there is room. Returns how many were used.
    pub(crate) fn fill<'a>(&'a self, into: &mut [IoSlice<'a>]) -> usize {
        self.frame.encode_vectored(self.written, into)
    }
}

#[cfg(test)]
mod tests {
    use rafterdb_hash::crc32c;

    use super::*;

    #[test]
    fn what_remains_after_any_partial_write_is_the_rest_of_the_frame() {
        let mut parts = Parts::new(b"head".to_vec());
        parts.push(Slice::from_static(b"first"));
        parts.push(Slice::default());
        parts.push(Slice::from_static(b"second"));
        let mut expected = vec![0; 23];
        assert_eq!(Frame::new(parts.clone()).unwrap().encode_to(&mut expected), Ok(23));
        assert_eq!(&expected[8..], b"headfirstsecond");
        assert_eq!(expected[..4], 15u32.to_le_bytes());
        assert_eq!(expected[4..8], crc32c(b"headfirstsecond").to_le_bytes());
        for written in 0..expected.len() {
            let mut frame = QueuedFrame::new(parts.clone()).unwrap();
            frame.advance(written);
            let mut slices = vec![IoSlice::new(&[]); frame.slice_count()];
            let used = frame.fill(&mut slices);
            let left: Vec<u8> = slices[..used].iter().flat_map(|slice| slice.iter().copied()).collect();
            assert_eq!(left, expected[written..]);
        }
    }
}

//! A frame on its way out: 8 bytes of length and checksum, a header, refcounted payload slices; written without joining them.
//! Knows no sockets.
//!
//! ```text
//! frame   [u32 length of body][u32 crc32c of body][body]        an empty body is a ping, or the answer to one
//! ```

use std::io::IoSlice;

use bytes::Bytes;
use rafterdb_hash::{crc32c, crc32c_append};

/// Bytes before a frame's body.
pub const FRAME_HEADER_BYTES: usize = 8;

/// The body of a frame to send: a header, then payload slices that are never copied.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    header: Vec<u8>,
    slices: Vec<Bytes>,
    length: usize,
}

impl Parts {
    /// A body that starts with `header`.
    #[must_use]
    pub fn new(header: Vec<u8>) -> Self {
        let length = header.len();
        Self {
            header,
            slices: Vec::new(),
            length,
        }
    }

    /// Adds a payload slice at the end.
    pub fn push(&mut self, slice: Bytes) {
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

impl From<Bytes> for Parts {
    fn from(body: Bytes) -> Self {
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

/// A frame of which some bytes may have been written.
#[derive(Debug)]
pub(crate) struct Frame {
    prefix: [u8; FRAME_HEADER_BYTES],
    parts: Parts,
    /// Bytes already written. Always below the total, or the frame is gone.
    written: usize,
}

impl Frame {
    /// Computes length and checksum. The body must not be longer than a u32 tells; the queue checks a smaller bound.
    pub(crate) fn new(parts: Parts) -> Self {
        let crc = parts
            .slices
            .iter()
            .fold(crc32c(&parts.header), |crc, slice| crc32c_append(crc, slice));
        let length = u32::try_from(parts.length).unwrap_or(u32::MAX);
        let mut prefix = [0; FRAME_HEADER_BYTES];
        prefix[..4].copy_from_slice(&length.to_le_bytes());
        prefix[4..].copy_from_slice(&crc.to_le_bytes());
        Self {
            prefix,
            parts,
            written: 0,
        }
    }

    /// Bytes still to be written.
    pub(crate) const fn remaining(&self) -> usize {
        FRAME_HEADER_BYTES + self.parts.length - self.written
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
        1 + usize::from(!self.parts.header.is_empty()) + self.parts.slices.len()
    }

    /// Adds what is still to be written to `into`, from place `at` on, as far as there is room. Returns the next free place.
    pub(crate) fn fill<'a>(&'a self, into: &mut [IoSlice<'a>], mut at: usize) -> usize {
        let mut skip = self.written;
        let pieces = [&self.prefix[..], &self.parts.header[..]]
            .into_iter()
            .chain(self.parts.slices.iter().map(|s| &s[..]));
        for piece in pieces {
            if skip >= piece.len() {
                skip -= piece.len();
                continue;
            }
            if at == into.len() {
                break;
            }
            into[at] = IoSlice::new(&piece[skip..]);
            at += 1;
            skip = 0;
        }
        at
    }

    /// What is still to be written, joined: for a frame so small that this costs nothing.
    pub(crate) fn to_vec(&self) -> Vec<u8> {
        let mut slices = vec![IoSlice::new(&[]); self.slice_count()];
        let used = self.fill(&mut slices, 0);
        slices[..used].iter().flat_map(|slice| slice.iter().copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_remains_after_any_partial_write_is_the_rest_of_the_frame() {
        let mut parts = Parts::new(b"head".to_vec());
        parts.push(Bytes::from_static(b"first"));
        parts.push(Bytes::new());
        parts.push(Bytes::from_static(b"second"));
        let expected = Frame::new(parts.clone()).to_vec();
        assert_eq!(&expected[8..], b"headfirstsecond");
        assert_eq!(expected[..4], 15u32.to_le_bytes());
        assert_eq!(expected[4..8], crc32c(b"headfirstsecond").to_le_bytes());
        for written in 0..expected.len() {
            let mut frame = Frame::new(parts.clone());
            frame.advance(written);
            assert_eq!(frame.to_vec(), expected[written..]);
        }
    }
}

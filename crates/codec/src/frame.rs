//! What goes over TCP, one after another: frames. Owns their layout, checksum, and how they are written without joining their
//! parts and cut without copying. Knows no sockets and no meaning of a body.
//!
//! ```text
//! frame   [u32 length of the body][u32 crc32c of the body][body]        an empty body is a ping, or the answer to one
//! ```

use std::io::IoSlice;

use rafterdb_hash::{crc32c, crc32c_append};

use crate::reader::{Malformed, Parsed};
use crate::unencodable::{body_length, room, Unencodable};

/// Bytes before a frame's body.
pub const FRAME_HEADER_BYTES: usize = 8;

/// A frame's body as it lies in memory: pieces that follow one another.
pub trait Body {
    /// The pieces, in order; the same ones at every call.
    fn pieces(&self) -> impl Iterator<Item = &[u8]>;
}

impl<B: AsRef<[u8]>> Body for &[B] {
    fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.iter().map(AsRef::as_ref)
    }
}

impl<B: AsRef<[u8]>, const N: usize> Body for [B; N] {
    fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.iter().map(AsRef::as_ref)
    }
}

/// A frame on its way out. Length and checksum are computed once; the body is never copied, but by [`Frame::encode_to`].
#[derive(Clone, Copy, Debug)]
pub struct Frame<B> {
    header: [u8; FRAME_HEADER_BYTES],
    body: B,
}

impl<B: Body> Frame<B> {
    /// A frame around `body`. Errors: [`Unencodable::TooLong`] if its length does not fit a u32.
    #[inline]
    pub fn new(body: B) -> Result<Self, Unencodable> {
        let length = body_length(body.pieces().map(<[u8]>::len).sum())?;
        let checksum = body.pieces().fold(0, crc32c_append);
        let mut header = [0; FRAME_HEADER_BYTES];
        header[..4].copy_from_slice(&length.to_le_bytes());
        header[4..].copy_from_slice(&checksum.to_le_bytes());
        Ok(Self { header, body })
    }

    /// Bytes before the body.
    #[must_use]
    pub const fn header(&self) -> &[u8; FRAME_HEADER_BYTES] {
        &self.header
    }

    /// What the frame was made of.
    #[must_use]
    pub const fn body(&self) -> &B {
        &self.body
    }

    /// Bytes of the whole frame.
    #[must_use]
    pub const fn encoded_size(&self) -> usize {
        let [a, b, c, d, ..] = self.header;
        FRAME_HEADER_BYTES + u32::from_le_bytes([a, b, c, d]) as usize
    }

    /// Writes the whole frame to the front of `out` and returns its bytes. Errors: [`Unencodable::NoRoom`].
    pub fn encode_to(&self, out: &mut [u8]) -> Result<usize, Unencodable> {
        let size = self.encoded_size();
        let mut out = room(out, size)?;
        for piece in self.pieces() {
            let (here, rest) = out.split_at_mut(piece.len());
            here.copy_from_slice(piece);
            out = rest;
        }
        Ok(size)
    }

    /// Points `slices` at the frame without its first `written` bytes, as far as there is room for them, and returns how
    /// many slices were used. For a vectored write, and for what a short one has left.
    pub fn encode_vectored<'a>(&'a self, written: usize, slices: &mut [IoSlice<'a>]) -> usize {
        let (mut skip, mut used) = (written, 0);
        for piece in self.pieces() {
            if skip >= piece.len() {
                skip -= piece.len();
                continue;
            }
            let Some(slice) = slices.get_mut(used) else { break };
            *slice = IoSlice::new(&piece[skip..]);
            (skip, used) = (0, used + 1);
        }
        used
    }

    fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::once(&self.header[..]).chain(self.body.pieces())
    }
}

/// Frames on their way in.
impl Frame<()> {
    /// Cuts the frame that `input` begins with: its body, borrowed, and the bytes of input that it took. `None`: it is not
    /// there whole, and [`Frame::missing`] tells how much is missing. Malformed: a body above `bytes_max`, told from its
    /// length alone, so that nobody waits or allocates for it; or a body that does not match its checksum.
    #[inline]
    pub fn decode_from(input: &[u8], bytes_max: usize) -> Parsed<Option<(&[u8], usize)>> {
        let Some(length) = announced(input, bytes_max)? else {
            return Ok(None);
        };
        let Some(([_, _, _, _, checksum @ ..], rest)) = input.split_first_chunk::<FRAME_HEADER_BYTES>() else {
            return Ok(None);
        };
        let Some(body) = rest.get(..length) else {
            return Ok(None);
        };
        if crc32c(body) != u32::from_le_bytes(*checksum) {
            return Err(Malformed("a frame whose body does not match its checksum"));
        }
        Ok(Some((body, FRAME_HEADER_BYTES + length)))
    }

    /// Bytes that must follow `input` before the frame it begins with can be cut; 0 if it is there whole. At least so many:
    /// before the first four bytes are there, it is what the header lacks. Malformed: a body above `bytes_max`.
    #[inline]
    pub fn missing(input: &[u8], bytes_max: usize) -> Parsed<usize> {
        let length = announced(input, bytes_max)?.unwrap_or(0);
        Ok(length.saturating_add(FRAME_HEADER_BYTES).saturating_sub(input.len()))
    }
}

/// The length of the first body, checked; `None` if it is not there yet.
#[inline]
fn announced(input: &[u8], bytes_max: usize) -> Parsed<Option<usize>> {
    let Some(length) = input.first_chunk::<4>() else {
        return Ok(None);
    };
    let length = u32::from_le_bytes(*length) as usize;
    if length > bytes_max {
        return Err(Malformed("a frame that is longer than a frame may be"));
    }
    Ok(Some(length))
}

//! One gzip member (RFC 1952) around a deflate stream, in one call each way. The wrapper is written here: flate2's own
//! names the operating system in it, and its decoder allocates anew for each member.
//!
//! ```text
//!  [1f 8b] [08 deflate] [00 no optional fields] [mtime u32 = 0] [00] [ff system unknown] deflate [crc-32 u32] [length u32]
//! ```

use flate2::{Compress, Compression, Crc, Decompress, FlushCompress, FlushDecompress, Status};

const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// Magic, method and flags must be these; time and system may be anything.
const CHECKED_HEADER_BYTES: usize = 4;
const TRAILER_BYTES: usize = 8;

fn trailer(original: &[u8]) -> [u8; TRAILER_BYTES] {
    let mut crc = Crc::new();
    crc.update(original);
    let fields = u64::from(crc.sum()) | (original.len() as u64) << 32;
    fields.to_le_bytes()
}

/// The most bytes that a member of `length` original bytes has: nine bits a byte, as zlib's bound, and the wrapper.
pub(crate) const fn bytes_max(length: usize) -> usize {
    length + length / 8 + length / 64 + 64
}

/// Writes members; keeps deflate's state between them.
pub(crate) struct Deflater(Compress);

impl Deflater {
    /// `level` from 1 to 9.
    pub fn new(level: u8) -> Self {
        Self(Compress::new(Compression::new(u32::from(level)), false))
    }

    /// Writes `input` as one member to the begin of `out`; returns its bytes. `out` must have [`bytes_max`] of them:
    /// zlib-rs 0.6.8 can panic at level 1 when the room ends before the stream (it flushes a part of its pending bytes
    /// and then counts the space before the rest as free). `None` if deflate fails.
    pub fn compress(&mut self, input: &[u8], out: &mut [u8]) -> Option<usize> {
        let (header, rest) = out.split_first_chunk_mut::<{ HEADER.len() }>()?;
        let room = rest.len().checked_sub(TRAILER_BYTES)?;
        self.0.reset();
        let status = self.0.compress(input, &mut rest[..room], FlushCompress::Finish);
        if !matches!(status, Ok(Status::StreamEnd)) {
            return None;
        }
        let written = self.0.total_out() as usize;
        *header = HEADER;
        rest[written..][..TRAILER_BYTES].copy_from_slice(&trailer(input));
        Some(HEADER.len() + written + TRAILER_BYTES)
    }
}

/// Reads members; keeps inflate's state between them.
pub(crate) struct Inflater(Decompress);

impl Inflater {
    pub fn new() -> Self {
        Self(Decompress::new(false))
    }

    /// Reads one member that fills `out` and ends where `input` ends; the error says what does not fit.
    pub fn decompress(&mut self, input: &[u8], out: &mut [u8]) -> Result<(), &'static str> {
        let short = "it ends inside the gzip header";
        let (header, rest) = input.split_first_chunk::<{ HEADER.len() }>().ok_or(short)?;
        let (deflate, checks) = rest.split_last_chunk::<TRAILER_BYTES>().ok_or(short)?;
        if header[..CHECKED_HEADER_BYTES] != HEADER[..CHECKED_HEADER_BYTES] {
            return Err("it has no plain gzip header");
        }
        self.0.reset(false);
        let status = self.0.decompress(deflate, out, FlushDecompress::Finish);
        let status = status.map_err(|_| "deflate cannot read it")?;
        if status != Status::StreamEnd {
            return Err("it is cut off, or longer than declared");
        }
        if self.0.total_in() != deflate.len() as u64 {
            return Err("bytes follow its end");
        }
        if self.0.total_out() != out.len() as u64 {
            return Err("it is shorter than declared");
        }
        if trailer(out) != *checks {
            return Err("its checksum or length does not match");
        }
        Ok(())
    }
}

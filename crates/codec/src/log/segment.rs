//! The header of a segment.
//!
//! ```text
//! header   0 u64 magic  8 u32 version  12 u32 crc32c of the other 60 bytes  16 u64 segment sequence  24 u64 nonce
//!          32 u64 bytes of the segment  40 u64 sequence of its first batch  48 u64 end of the previous segment's
//!          batches, 0 if there was none  56 u64 0                     these 64 bytes keep their place in any version
//! ```

use rafterdb_hash::{crc32c, crc32c_append};

use crate::reader::{patch_u32, patch_u64, u32_within, u64_within};

const SEGMENT_MAGIC: u64 = u64::from_le_bytes(*b"rafterwl");
const SEGMENT_HEADER_BYTES: usize = 64;
const FORMAT_VERSION: u32 = 1;

/// What a segment says of itself at its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// Its place in the log, from 1.
    pub sequence: u64,
    /// Drawn when the file became a segment.
    pub nonce: u64,
    /// Size of the file.
    pub bytes: u64,
    /// Sequence of its first batch.
    pub first_batch: u64,
    /// Where the batches of the previous segment end; all before it is durable, all after it is void.
    pub previous_end: u64,
}

/// Why a segment's header cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentHeaderFault {
    /// It is none, or not what was written.
    Damaged,
    /// It is of this format, which is newer.
    Newer(u32),
}

impl SegmentHeader {
    /// Writes it to the first bytes of `out`, of which there are at least [`BLOCK`].
    pub fn encode(&self, out: &mut [u8]) {
        out[..SEGMENT_HEADER_BYTES].fill(0);
        patch_u64(out, 0, SEGMENT_MAGIC);
        patch_u32(out, 8, FORMAT_VERSION);
        patch_u64(out, 16, self.sequence);
        patch_u64(out, 24, self.nonce);
        patch_u64(out, 32, self.bytes);
        patch_u64(out, 40, self.first_batch);
        patch_u64(out, 48, self.previous_end);
        let crc = Self::crc(out);
        patch_u32(out, 12, crc);
    }

    /// The header that `bytes` begin with.
    pub fn decode(bytes: &[u8]) -> Result<Self, SegmentHeaderFault> {
        let whole = bytes.len() >= SEGMENT_HEADER_BYTES && u64_within(bytes, 0) == SEGMENT_MAGIC;
        if !whole || u32_within(bytes, 12) != Self::crc(bytes) {
            return Err(SegmentHeaderFault::Damaged);
        }
        // After the checksum: a flipped bit is damage, not a newer version.
        let version = u32_within(bytes, 8);
        if version > FORMAT_VERSION {
            return Err(SegmentHeaderFault::Newer(version));
        }
        Ok(Self {
            sequence: u64_within(bytes, 16),
            nonce: u64_within(bytes, 24),
            bytes: u64_within(bytes, 32),
            first_batch: u64_within(bytes, 40),
            previous_end: u64_within(bytes, 48),
        })
    }

    fn crc(bytes: &[u8]) -> u32 {
        crc32c_append(crc32c(&bytes[..12]), &bytes[16..SEGMENT_HEADER_BYTES])
    }
}

#[cfg(test)]
mod tests {
    use super::super::BLOCK;
    use super::*;

    const NONCE: u64 = 0x0807_0605_0403_0201;
    const SEGMENT: SegmentHeader = SegmentHeader {
        sequence: 2,
        nonce: NONCE,
        bytes: 300,
        first_batch: 4,
        previous_end: 5,
    };

    fn numbers(numbers: &[u64]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    #[test]
    fn the_bytes_of_a_segments_header_are_those_of_the_table() {
        let mut block = [0xaa; BLOCK];
        SEGMENT.encode(&mut block);
        let begin = [&b"rafterwl"[..], &[1, 0, 0, 0]].concat();
        let behind = numbers(&[2, NONCE, 300, 4, 5, 0]);
        let crc = crc32c(&[&begin[..], &behind].concat()).to_le_bytes();
        assert_eq!(block[..SEGMENT_HEADER_BYTES], [&begin[..], &crc, &behind].concat());
        assert_eq!(SegmentHeader::decode(&block), Ok(SEGMENT));
    }

    #[test]
    fn a_segments_header_that_is_damaged_is_refused_and_a_newer_one_is_told() {
        let mut block = [0; SEGMENT_HEADER_BYTES];
        SEGMENT.encode(&mut block);
        for at in 0..block.len() {
            let mut damaged = block;
            damaged[at] ^= 1;
            assert_eq!(
                SegmentHeader::decode(&damaged),
                Err(SegmentHeaderFault::Damaged),
                "byte {at}"
            );
            assert_eq!(SegmentHeader::decode(&block[..at]), Err(SegmentHeaderFault::Damaged));
        }
        block[8] = 2;
        let crc = SegmentHeader::crc(&block);
        patch_u32(&mut block, 12, crc);
        assert_eq!(SegmentHeader::decode(&block), Err(SegmentHeaderFault::Newer(2)));
    }
}

//! The stream of a snapshot taken apart and put together again, and what an increment goes on from. Knows nothing of what chunks hold.

use rafterdb_store::{BaseStore, Snapshot, StoreError};

const HEADER_BYTES: usize = 24;

/// A chunk of a stream, taken out of its frame.
#[derive(Clone)]
pub struct Chunk {
    pub kind: u32,
    pub raw: Vec<u8>,
}

/// The number at a place.
pub fn read_u32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// The chunks of a stream.
pub fn chunks_of(mut stream: &[u8]) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    while !stream.is_empty() {
        let (raw, stored) = (read_u32(stream, 4) as usize, read_u32(stream, 8) as usize);
        let block = &stream[HEADER_BYTES..HEADER_BYTES + stored];
        chunks.push(Chunk {
            kind: read_u32(stream, 0),
            raw: lz4_flex::block::decompress(block, raw).unwrap(),
        });
        stream = &stream[HEADER_BYTES + stored..];
    }
    chunks
}

/// The stream of these chunks, with every checksum right.
pub fn stream_of(chunks: &[Chunk]) -> Vec<u8> {
    let mut stream = Vec::new();
    for (number, chunk) in chunks.iter().enumerate() {
        let block = lz4_flex::block::compress(&chunk.raw);
        let begin = stream.len();
        for field in [chunk.kind, chunk.raw.len() as u32, block.len() as u32, 0] {
            stream.extend_from_slice(&field.to_le_bytes());
        }
        stream.extend_from_slice(&(number as u64).to_le_bytes());
        stream.extend_from_slice(&block);
        let crc = rafterdb_hash::crc32c(&stream[begin..]);
        stream[begin + 12..begin + 16].copy_from_slice(&crc.to_le_bytes());
    }
    stream
}

/// Lends a view that was taken before.
pub struct Lent(pub Option<Snapshot>);

impl BaseStore for Lent {
    fn view(&mut self, _base: u64) -> Result<Snapshot, StoreError> {
        Ok(self.0.take().unwrap())
    }

    fn look_after(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}

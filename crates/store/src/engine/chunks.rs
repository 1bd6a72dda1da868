//! The stream of a snapshot: a sequence of compressed, checksummed chunks. Owns the frame; what chunks hold is said in
//! snapshot.rs.
//!
//! ```text
//! chunk   [u32 kind][u32 raw bytes][u32 stored bytes][u32 crc32c][u64 number, from 0][LZ4 block]
//! ```
//! The checksum covers the header, with zeros in its own place, and the stored bytes: so a chunk that is damaged, missing
//! or out of order is noticed.

use std::io::{self, Read, Write};

use rafterdb_codec::Code;

use crate::StoreError;

const HEADER_BYTES: usize = 24;

/// A chunk is closed when it has this many bytes.
pub(super) const CHUNK_BYTES: usize = 1 << 20;

/// A chunk holds at least one item, and no item is larger than the largest history record.
const CHUNK_BYTES_MAX: usize = 80 << 20;

pub(super) struct ChunkWriter<'a> {
    out: &'a mut dyn Write,
    number: u64,
    stored: Vec<u8>,
}

impl<'a> ChunkWriter<'a> {
    pub(super) fn new(out: &'a mut dyn Write) -> Self {
        Self {
            out,
            number: 0,
            stored: Vec::new(),
        }
    }

    /// Writes a chunk and empties `raw`.
    pub(super) fn write(&mut self, kind: u32, raw: &mut Vec<u8>) -> Result<(), StoreError> {
        self.stored
            .resize(HEADER_BYTES + lz4_flex::block::get_maximum_output_size(raw.len()), 0);
        let stored = lz4_flex::block::compress_into(raw, &mut self.stored[HEADER_BYTES..])
            .map_err(|error| StoreError::new(Code::Internal, format!("compressing a snapshot: {error}")))?;
        self.stored.truncate(HEADER_BYTES + stored);
        let header = header(kind, raw.len() as u32, stored as u32, 0, self.number);
        self.stored[..HEADER_BYTES].copy_from_slice(&header);
        let crc = rafterdb_hash::crc32c(&self.stored);
        self.stored[12..16].copy_from_slice(&crc.to_le_bytes());
        self.out
            .write_all(&self.stored)
            .map_err(|error| StoreError::new(Code::Io, format!("sending a snapshot: {error}")))?;
        self.number += 1;
        raw.clear();
        Ok(())
    }
}

pub(super) struct ChunkReader<'a> {
    source: &'a mut dyn Read,
    number: u64,
    stored: Vec<u8>,
}

impl<'a> ChunkReader<'a> {
    pub(super) fn new(source: &'a mut dyn Read) -> Self {
        Self {
            source,
            number: 0,
            stored: Vec::new(),
        }
    }

    /// Reads the next chunk into `raw`. Returns its kind.
    pub(super) fn read(&mut self, raw: &mut Vec<u8>) -> Result<u32, StoreError> {
        self.stored.resize(HEADER_BYTES, 0);
        self.source
            .read_exact(&mut self.stored)
            .map_err(|error| receiving(&error))?;
        let field = |at: usize| {
            let mut bytes = [0; 4];
            bytes.copy_from_slice(&self.stored[at..at + 4]);
            u32::from_le_bytes(bytes)
        };
        let (kind, raw_bytes, stored_bytes, crc) = (field(0), field(4) as usize, field(8) as usize, field(12));
        if raw_bytes > CHUNK_BYTES_MAX || stored_bytes > lz4_flex::block::get_maximum_output_size(raw_bytes) {
            return Err(self.damaged("its length makes no sense"));
        }
        let expected = header(kind, raw_bytes as u32, stored_bytes as u32, 0, self.number);
        if expected[16..] != self.stored[16..] {
            return Err(self.damaged("it is out of order"));
        }
        self.stored.copy_from_slice(&expected);
        self.stored.resize(HEADER_BYTES + stored_bytes, 0);
        self.source
            .read_exact(&mut self.stored[HEADER_BYTES..])
            .map_err(|error| receiving(&error))?;
        if rafterdb_hash::crc32c(&self.stored) != crc {
            return Err(self.damaged("it fails its checksum"));
        }
        raw.resize(raw_bytes, 0);
        match lz4_flex::block::decompress_into(&self.stored[HEADER_BYTES..], raw) {
            Ok(bytes) if bytes == raw_bytes => {}
            _ => return Err(self.damaged("it cannot be decompressed")),
        }
        self.number += 1;
        Ok(kind)
    }

    /// Makes sure that nothing follows.
    pub(super) fn expect_end(&mut self) -> Result<(), StoreError> {
        match self.source.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(self.damaged("it comes after the end")),
            Err(error) => Err(receiving(&error)),
        }
    }

    /// An error that says where in the stream it is.
    pub(super) fn damaged(&self, what: &str) -> StoreError {
        StoreError::new(
            Code::StoreCorrupt,
            format!(
                "chunk {} of the snapshot is damaged: {what}; have it sent again",
                self.number
            ),
        )
    }
}

fn header(kind: u32, raw: u32, stored: u32, crc: u32, number: u64) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    for (at, field) in [kind, raw, stored, crc].iter().enumerate() {
        header[at * 4..at * 4 + 4].copy_from_slice(&field.to_le_bytes());
    }
    header[16..].copy_from_slice(&number.to_le_bytes());
    header
}

fn receiving(error: &io::Error) -> StoreError {
    StoreError::new(Code::Io, format!("receiving a snapshot: {error}"))
}

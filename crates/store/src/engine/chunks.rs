//! The stream of a snapshot, chunk by chunk: compression, reading and writing. The frame around what is compressed is the codec's
//! (`rafterdb_codec::store::chunk`); what chunks hold is said in snapshot.rs.

use std::io::{self, Read, Write};

use rafterdb_codec::store::chunk::{is_sound, seal, Header, HEADER_BYTES, RAW_BYTES_MAX};
use rafterdb_codec::Code;

use crate::StoreError;

/// A chunk is closed when it has this many bytes.
pub(super) const CHUNK_BYTES: usize = 1 << 20;

pub(super) struct ChunkWriter<W> {
    out: W,
    number: u64,
    stored: Vec<u8>,
}

impl<W: Write> ChunkWriter<W> {
    pub(super) const fn new(out: W) -> Self {
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
        seal(kind, raw.len(), self.number, &mut self.stored);
        self.out
            .write_all(&self.stored)
            .map_err(|error| StoreError::new(Code::Io, format!("sending a snapshot: {error}")))?;
        self.number += 1;
        raw.clear();
        Ok(())
    }

    /// Lets what it writes to see to what is written so far.
    pub(super) fn flush(&mut self) -> Result<(), StoreError> {
        let flushed = self.out.flush();
        flushed.map_err(|error| StoreError::new(Code::Io, format!("sending a snapshot: {error}")))
    }

    /// What it wrote to.
    pub(super) fn into_inner(self) -> W {
        self.out
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
        let mut header = [0; HEADER_BYTES];
        self.source.read_exact(&mut header).map_err(|error| receiving(&error))?;
        let Header {
            kind,
            raw_bytes,
            stored_bytes,
            number,
        } = Header::decode(&header);
        if raw_bytes > RAW_BYTES_MAX || stored_bytes > lz4_flex::block::get_maximum_output_size(raw_bytes) {
            return Err(self.damaged("its length makes no sense"));
        }
        if number != self.number {
            return Err(self.damaged("it is out of order"));
        }
        self.stored.clear();
        self.stored.extend_from_slice(&header);
        self.stored.resize(HEADER_BYTES + stored_bytes, 0);
        self.source
            .read_exact(&mut self.stored[HEADER_BYTES..])
            .map_err(|error| receiving(&error))?;
        if !is_sound(&self.stored) {
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

fn receiving(error: &io::Error) -> StoreError {
    StoreError::new(Code::Io, format!("receiving a snapshot: {error}"))
}

//! The stream of a snapshot made of pairs that come from elsewhere: what a store whose history begins with them would send. What its
//! chunks hold is the codec's (`rafterdb_codec::store::snapshot`).

use std::io::Write;

use rafterdb_codec::store::pair::push_pair_of;
use rafterdb_codec::store::row::Header as RowHeader;
use rafterdb_codec::store::snapshot::{End, Header, END, HEADER, ROWS, STATE};
use rafterdb_codec::store::Value;
use rafterdb_codec::Pair;

use super::chunks::{ChunkWriter, CHUNK_BYTES};
use super::lsm::MarkedState;
use super::RowRef;
use crate::StoreError;

/// Pairs on their way into a stream.
pub struct PairsStream<W> {
    writer: ChunkWriter<W>,
    raw: Vec<u8>,
    rows: u64,
}

impl<W: Write> PairsStream<W> {
    /// One of the pairs at the mark's revision, to which everything is compacted.
    ///
    /// # Errors
    /// `IO` if `out` fails.
    pub fn begin(out: W, (mark, state): &MarkedState) -> Result<Self, StoreError> {
        let mut writer = ChunkWriter::new(out);
        let mut raw = Vec::with_capacity(CHUNK_BYTES + (64 << 10));
        let header = Header {
            index: mark.index,
            term: mark.term,
            revision: mark.revision,
            compacted: mark.revision,
            state_bytes: state.len() as u64,
            has_ranges: false,
            base: None,
        };
        header.encode(&mut raw);
        writer.write(HEADER, &mut raw)?;
        raw.extend_from_slice(state);
        writer.write(STATE, &mut raw)?;
        Ok(Self { writer, raw, rows: 0 })
    }

    /// Adds one; their keys ascend, which whoever makes a store of the stream checks.
    ///
    /// # Errors
    /// `IO` if what it is written to fails.
    pub fn add(&mut self, pair: &Pair<'_>) -> Result<(), StoreError> {
        let row = RowRef {
            create: pair.create,
            modified: pair.modified,
            version: pair.version,
            lease: pair.lease,
            // That is compacted, and so are those before.
            previous: 0,
            skips: &[],
            value: Value::Here(pair.value),
        };
        push_pair_of(&mut self.raw, pair.key, [RowHeader::of(&row).as_bytes(), pair.value]);
        self.rows += 1;
        if self.raw.len() >= CHUNK_BYTES {
            self.writer.write(ROWS, &mut self.raw)?;
        }
        Ok(())
    }

    /// Ends it; what it was written to.
    ///
    /// # Errors
    /// `IO` if that fails.
    pub fn finish(mut self) -> Result<W, StoreError> {
        if !self.raw.is_empty() {
            self.writer.write(ROWS, &mut self.raw)?;
        }
        let end = End {
            records: 0,
            rows: self.rows,
            hash: None,
        };
        end.encode(&mut self.raw);
        self.writer.write(END, &mut self.raw)?;
        Ok(self.writer.into_inner())
    }
}

//! What a flush writes beside rows: where in the Raft log it stands, where history ends, and the machine's own state.
//!
//! ```text
//! 'm'               [u64 index][u64 term][u64 revision][u64 compacted][u64 segment][u64 offset][u32 pieces][u32 crc32c]
//! 's' [u32 number]  a piece of the machine's state, numbered from 0, big-endian so that they lie in order
//! ```

use super::failure::corrupt;
use super::history::Position;
use super::shared::Persisted;
use super::tables::Tables;
use super::Mark;
use crate::StoreError;

const MARK: &[u8] = b"m";
const MARK_BYTES: usize = 56;

/// The machine's state is cut into pieces of this size, so that no table block gets much larger.
const PIECE_BYTES: usize = 256 << 10;

/// The meta rows of a flush, in order.
pub(super) fn encode_meta<'a>(persisted: &Persisted, state: &'a [u8]) -> Vec<(Vec<u8>, std::borrow::Cow<'a, [u8]>)> {
    let pieces = state.chunks(PIECE_BYTES);
    let mut mark = Vec::with_capacity(MARK_BYTES);
    for field in [
        persisted.mark.index,
        persisted.mark.term,
        persisted.mark.revision,
        persisted.compacted,
        persisted.end.segment,
        persisted.end.offset,
    ] {
        mark.extend_from_slice(&field.to_le_bytes());
    }
    mark.extend_from_slice(&(pieces.len() as u32).to_le_bytes());
    let crc = rafterdb_hash::crc32c(&mark);
    mark.extend_from_slice(&crc.to_le_bytes());
    let mut rows = vec![(MARK.to_vec(), mark.into())];
    rows.extend(
        (0u32..)
            .zip(pieces)
            .map(|(number, piece)| (piece_name(number), piece.into())),
    );
    rows
}

/// What the last flush made persistent. A new store has been flushed once, at index 0.
pub(super) fn read_meta(tables: &Tables) -> Result<(Persisted, Vec<u8>), StoreError> {
    let damaged = |what| corrupt(tables.path(), None, what);
    let Some(mark) = tables.meta(MARK)? else {
        return Err(damaged("the row of the last flush is missing"));
    };
    let Ok(mark) = <[u8; MARK_BYTES]>::try_from(&*mark) else {
        return Err(damaged("the row of the last flush has a wrong length"));
    };
    let field = |at: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&mark[at * 8..at * 8 + 8]);
        u64::from_le_bytes(bytes)
    };
    let (pieces, crc) = (field(6) as u32, (field(6) >> 32) as u32);
    if rafterdb_hash::crc32c(&mark[..MARK_BYTES - 4]) != crc {
        return Err(damaged("the row of the last flush fails its checksum"));
    }
    let mut state = Vec::new();
    for number in 0..pieces {
        let piece = tables.meta(&piece_name(number))?;
        state.extend_from_slice(&piece.ok_or_else(|| damaged("a piece of the machine's state is missing"))?);
    }
    let persisted = Persisted {
        mark: Mark {
            index: field(0),
            term: field(1),
            revision: field(2),
        },
        compacted: field(3),
        end: Position {
            segment: field(4),
            offset: field(5),
        },
    };
    Ok((persisted, state))
}

fn piece_name(number: u32) -> Vec<u8> {
    let mut name = vec![b's'];
    name.extend_from_slice(&number.to_be_bytes());
    name
}

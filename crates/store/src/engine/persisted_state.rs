//! What a flush writes beside rows: where in the Raft log it stands, where history ends, and the machine's own state.
//!
//! ```text
//! 'm'               [u64 index][u64 term][u64 revision][u64 compacted][u64 segment][u64 offset][u32 pieces][u32 crc32c]
//! 'r'               [u32 pieces][u32 crc32c of all of them]      the deleted ranges; older stores have none
//! 'r' [u32 number]  a piece of them, as for 's'
//! 's' [u32 number]  a piece of the machine's state, numbered from 0, big-endian so that they lie in order
//! ```

use super::failure::corrupt;
use super::history::Position;
use super::range_tombstones::{decode_set, encode_set, RangeTombstones};
use super::shared::Persisted;
use super::tables::Tables;
use super::Mark;
use crate::StoreError;

const MARK: &[u8] = b"m";
const RANGES: &[u8] = b"r";
const RANGES_BYTES: usize = 8;
const MARK_BYTES: usize = 56;

/// The machine's state is cut into pieces of this size, so that no table block gets much larger.
const PIECE_BYTES: usize = 256 << 10;

/// The meta rows of a flush, in order.
pub(super) fn encode_persisted_state<'a>(
    persisted: &Persisted,
    ranges: &RangeTombstones,
    state: &'a [u8],
) -> Vec<(Vec<u8>, std::borrow::Cow<'a, [u8]>)> {
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
    let set = encode_set(ranges);
    let set_pieces = set.chunks(PIECE_BYTES);
    let mut header = (set_pieces.len() as u32).to_le_bytes().to_vec();
    header.extend_from_slice(&rafterdb_hash::crc32c(&set).to_le_bytes());
    rows.push((RANGES.to_vec(), header.into()));
    let numbered = |(number, piece): (u32, &[u8])| (piece_name(b'r', number), piece.to_vec().into());
    rows.extend((0u32..).zip(set_pieces).map(numbered));
    rows.extend(
        (0u32..)
            .zip(pieces)
            .map(|(number, piece)| (piece_name(b's', number), piece.into())),
    );
    rows
}

/// What the last flush made persistent. A new store has been flushed once, at index 0.
pub(super) fn read_persisted_state(tables: &Tables) -> Result<(Persisted, RangeTombstones, Vec<u8>), StoreError> {
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
        let piece = tables.meta(&piece_name(b's', number))?;
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
    let ranges = read_ranges(tables, persisted.mark.revision)?;
    Ok((persisted, ranges, state))
}

fn read_ranges(tables: &Tables, newest: u64) -> Result<RangeTombstones, StoreError> {
    let damaged = |what| corrupt(tables.path(), None, what);
    let Some(header) = tables.meta(RANGES)? else {
        return Ok(RangeTombstones::default());
    };
    let Ok(header) = <[u8; RANGES_BYTES]>::try_from(&*header) else {
        return Err(damaged("the row of the deleted ranges has a wrong length"));
    };
    let header = u64::from_le_bytes(header);
    let (pieces, crc) = (header as u32, (header >> 32) as u32);
    let mut set = Vec::new();
    for number in 0..pieces {
        let piece = tables.meta(&piece_name(b'r', number))?;
        set.extend_from_slice(&piece.ok_or_else(|| damaged("a piece of the deleted ranges is missing"))?);
    }
    if rafterdb_hash::crc32c(&set) != crc {
        return Err(damaged("the deleted ranges fail their checksum"));
    }
    decode_set(&set, newest).map_err(|malformed| damaged(malformed.0))
}

fn piece_name(family: u8, number: u32) -> Vec<u8> {
    let mut name = vec![family];
    name.extend_from_slice(&number.to_be_bytes());
    name
}

//! What a flush writes beside rows: where in the Raft log it stands, where history ends, the machine's own state and the deleted
//! ranges, both in pieces. The bytes of each row are the codec's (`rafterdb_codec::store::flush`).

use std::borrow::Cow;

use rafterdb_codec::store::flush::{FlushMark, Pieces, RangesMark, MARK_NAME, RANGES_NAME};

use super::failure::corrupt;
use super::history::Position;
use super::range_tombstones::{decode_set, encode_set, RangeTombstones};
use super::shared::Persisted;
use super::tables::Tables;
use super::Mark;
use crate::StoreError;

/// The machine's state is cut into pieces of this size, so that no table block gets much larger.
const PIECE_BYTES: usize = 256 << 10;

/// The meta rows of a flush, in order.
pub(super) fn encode_persisted_state<'a>(
    persisted: &Persisted,
    ranges: &RangeTombstones,
    state: &'a [u8],
) -> Vec<(Vec<u8>, Cow<'a, [u8]>)> {
    let state_pieces = state.chunks(PIECE_BYTES);
    let mark = FlushMark {
        index: persisted.mark.index,
        term: persisted.mark.term,
        revision: persisted.mark.revision,
        compacted: persisted.compacted,
        segment: persisted.end.segment,
        offset: persisted.end.offset,
        pieces: state_pieces.len() as u32,
    };
    let mut rows = vec![(MARK_NAME.to_vec(), mark.encode().to_vec().into())];
    let set = encode_set(ranges);
    let set_pieces = set.chunks(PIECE_BYTES);
    let ranges_mark = RangesMark::of(&set, set_pieces.len() as u32);
    rows.push((RANGES_NAME.to_vec(), ranges_mark.encode().to_vec().into()));
    for (number, piece) in (0..).zip(set_pieces) {
        rows.push((Pieces::Ranges.name(number).to_vec(), piece.to_vec().into()));
    }
    for (number, piece) in (0..).zip(state_pieces) {
        rows.push((Pieces::State.name(number).to_vec(), piece.into()));
    }
    rows
}

/// What the last flush made persistent. A new store has been flushed once, at index 0.
pub(super) fn read_persisted_state(tables: &Tables) -> Result<(Persisted, RangeTombstones, Vec<u8>), StoreError> {
    let damaged = |what| corrupt(tables.path(), None, what);
    let Some(mark) = tables.meta(MARK_NAME)? else {
        return Err(damaged("the row of the last flush is missing"));
    };
    let mark = FlushMark::decode(&mark).map_err(|malformed| damaged(malformed.0))?;
    let state = read_pieces(tables, Pieces::State, mark.pieces)?;
    let FlushMark {
        index, term, revision, ..
    } = mark;
    let persisted = Persisted {
        mark: Mark { index, term, revision },
        compacted: mark.compacted,
        end: Position {
            segment: mark.segment,
            offset: mark.offset,
        },
    };
    let ranges = read_ranges(tables, revision)?;
    Ok((persisted, ranges, state))
}

fn read_ranges(tables: &Tables, newest: u64) -> Result<RangeTombstones, StoreError> {
    let Some(mark) = tables.meta(RANGES_NAME)? else {
        return Ok(RangeTombstones::default());
    };
    let damaged = |malformed: rafterdb_codec::Malformed| corrupt(tables.path(), None, malformed.0);
    let mark = RangesMark::decode(&mark).map_err(damaged)?;
    let set = read_pieces(tables, Pieces::Ranges, mark.pieces)?;
    mark.check(&set).map_err(damaged)?;
    decode_set(&set, newest).map_err(damaged)
}

fn read_pieces(tables: &Tables, of: Pieces, pieces: u32) -> Result<Vec<u8>, StoreError> {
    let missing = match of {
        Pieces::State => "a piece of the machine's state is missing",
        Pieces::Ranges => "a piece of the deleted ranges is missing",
    };
    let mut whole = Vec::new();
    for number in 0..pieces {
        let piece = tables.meta(&of.name(number))?;
        whole.extend_from_slice(&piece.ok_or_else(|| corrupt(tables.path(), None, missing))?);
    }
    Ok(whole)
}

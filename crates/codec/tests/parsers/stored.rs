//! Parsers of what lies on disk. Most refuse whatever fails a checksum, so some are given inputs under a sound one as well.

use rafterdb_codec::log::{visit_records, BatchHeader, SegmentHeader, BATCH_HEADER_BYTES, BLOCK};
use rafterdb_codec::store::chunk::{is_sound, Header as ChunkHeader};
use rafterdb_codec::store::current::decode_current;
use rafterdb_codec::store::flush::{FlushMark, RangesMark};
use rafterdb_codec::store::history_file::{Footer, Header as HistoryHeader};
use rafterdb_codec::store::machine_state::{StateFault, StateReader};
use rafterdb_codec::store::pair::pairs;
use rafterdb_codec::store::range_tombstone::{decode_bounds, StoredRangeTombstone};
use rafterdb_codec::store::record::{self, Decoded};
use rafterdb_codec::store::row::unpack;
use rafterdb_codec::store::snapshot::{End, Header as SnapshotHeader};
use rafterdb_codec::store::table_list::CurrentList;
use rafterdb_codec::store::RowRef;
use rafterdb_codec::Reader;

use super::borrowing;
use crate::checker::Parser;

/// They.
pub const STORED: &[Parser] = &[
    borrowing("row", |input| unpack(input).is_some_and(|row| is_row(&row))),
    borrowing("history records", records),
    copying("history record under a sound checksum", |input| {
        let body = &input[input.len().min(record::FRAME_BYTES)..];
        let length = (body.len() as u32).to_le_bytes();
        let crc = rafterdb_hash::crc32c(body).to_le_bytes();
        records(&[&length, &crc, body].concat())
    }),
    borrowing("history header", |input| HistoryHeader::decode(input).is_ok()),
    // The index.
    copying("history footer", |input| Footer::decode(input).is_ok()),
    copying("history footer under a sound checksum", |input| {
        let mut bytes = input.to_vec();
        if let Some(at) = bytes.len().checked_sub(12) {
            let crc = rafterdb_hash::crc32c(&bytes[..at]).to_le_bytes();
            bytes[at..at + 4].copy_from_slice(&crc);
        }
        Footer::decode(&bytes).is_ok()
    }),
    with_members("machine state", |input| state(input).is_ok()),
    with_members("machine state under a sound checksum", |input| {
        state(&[input, &rafterdb_hash::xxh3_64(input, 0).to_le_bytes()].concat()).is_ok()
    }),
    // The parts.
    copying("range tombstones", |input| {
        let mut reader = Reader::new(input);
        while !reader.is_empty() {
            if StoredRangeTombstone::decode(&mut reader).is_err() {
                return false;
            }
        }
        true
    }),
    borrowing("bounds of a range", |input| decode_bounds(input).is_some()),
    borrowing("pairs", |input| {
        pairs(input)
            .map(|(first, second)| 8 + first.len() + second.len())
            .sum::<usize>()
            == input.len()
    }),
    borrowing("flush mark", |input| FlushMark::decode(input).is_ok()),
    borrowing("mark of deleted ranges", |input| RangesMark::decode(input).is_ok()),
    borrowing("snapshot header", |input| SnapshotHeader::decode(input).is_some()),
    borrowing("snapshot end", |input| End::decode(input).is_some()),
    borrowing("chunk", |input| {
        let _ = input.first_chunk().map(ChunkHeader::decode);
        is_sound(input)
    }),
    borrowing("current list of tables", |input| CurrentList::decode(input).is_ok()),
    borrowing("current generation", |input| decode_current(input).is_ok()),
    borrowing("segment header", |input| SegmentHeader::decode(input).is_ok()),
    borrowing("log batch", |input| {
        let nonce = input.get(8..16).and_then(|nonce| nonce.try_into().ok());
        let nonce = nonce.map_or(0, u64::from_le_bytes);
        let _ = BatchHeader::leftover(nonce, 1, input);
        let Some(header) = BatchHeader::decode(nonce, input) else {
            return false;
        };
        visit_records(nonce, &header, input, |_, _| {}).is_ok()
    }),
    borrowing("records of a log batch", |input| {
        let header = BatchHeader {
            sequence: 1,
            synced: 0,
            length: input.len().saturating_sub(BATCH_HEADER_BYTES) as u32,
            records: 1,
        };
        input.len() < BLOCK && visit_records(1, &header, input, |_, _| {}).is_ok()
    }),
];

const fn copying(name: &'static str, accepts: fn(&[u8]) -> bool) -> Parser {
    Parser {
        name,
        accepts,
        // A copy or two, or a list of what is there, which grows by doubling: an item takes at most four times its bytes.
        may_allocate: |input| 1024 + 16 * input,
    }
}

const fn with_members(name: &'static str, accepts: fn(&[u8]) -> bool) -> Parser {
    Parser {
        name,
        accepts,
        // Beside copies, members and two sets to look for them twice; there are few.
        may_allocate: |input| 4096 + 16 * input,
    }
}

/// What a row says must hold together, and where its skips lead.
fn is_row(row: &RowRef<'_>) -> bool {
    let (_, pointers) = row.depth_and_pointers();
    assert!(row.create <= row.modified && row.previous <= row.modified);
    assert!(pointers.iter().all(|pointer| *pointer <= row.modified));
    true
}

fn records(input: &[u8]) -> bool {
    let mut rest = input;
    while !rest.is_empty() {
        let Decoded::Record(bytes) = record::decode(rest) else {
            return false;
        };
        let parsed = record::parse(&rest[..bytes]);
        assert_eq!(parsed.revision, record::claimed_revision(&rest[..bytes]));
        rest = &rest[bytes..];
    }
    true
}

fn state(input: &[u8]) -> Result<(), StateFault> {
    let mut reader = StateReader::new(input)?;
    for _ in 0..reader.sessions {
        for _ in 0..reader.session()?.kept {
            reader.batch()?;
        }
    }
    Ok(reader.finish()?)
}

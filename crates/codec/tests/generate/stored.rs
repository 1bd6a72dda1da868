//! What lies on disk, valid, with the name of the parser that must take it to its end.

use proptest::collection::vec;
use proptest::prelude::*;
use rafterdb_codec::log::{
    put_record_header, seal_batch, BatchHeader, HardState, Record, BATCH_HEADER_BYTES, RECORD_FIXED_BYTES_MAX,
    RECORD_HEADER_BYTES,
};
use rafterdb_codec::store::chunk;
use rafterdb_codec::store::history_file::{Chain, Footer, IndexEntry, Span};
use rafterdb_codec::store::machine_state::{FormerCluster, StateNumbers, StateWriter, StoredBatch, StoredSession};
use rafterdb_codec::store::pair::push_pair;
use rafterdb_codec::store::range_tombstone::StoredRangeTombstone;
use rafterdb_codec::store::record::{encode, Parts};
use rafterdb_codec::store::row::{Header, RowRef};
use rafterdb_codec::store::skips::Skips;
use rafterdb_codec::store::value::Value;
use rafterdb_codec::ConfigurationEntry;

use super::messages::{configuration, Message};
use super::operations::bytes;

/// Any of it.
pub fn stored() -> impl Strategy<Value = Message> {
    prop_oneof![
        2 => row().prop_map(|bytes| ("row", bytes)),
        2 => vec((any::<u64>(), bytes(), row(), bytes()), 0..4).prop_map(|all| ("history records", records(&all))),
        1 => (vec(any::<[u64; 2]>(), 0..5), any::<bool>()).prop_map(|(index, chain)| ("history footer", footer(&index, chain))),
        2 => (0..=17usize, vec(vec((0u8..4, bytes()), 0..4), 0..4))
            .prop_map(|(changes, sessions)| ("machine state", state(changes, &sessions))),
        1 => vec((any::<u64>(), bytes(), any::<bool>(), vec(bytes(), 0..3)), 0..3)
            .prop_map(|set| ("range tombstones", range_tombstones(&set))),
        1 => vec((bytes(), bytes()), 0..4).prop_map(|all| ("pairs", pairs(&all))),
        1 => bytes().prop_map(|stored| ("chunk", sealed(&stored))),
        2 => vec((0u8..3, bytes()), 0..5).prop_map(|records| ("log batch", batch(&records))),
    ]
}

/// A row whose numbers are as small as revisions are, or large.
fn row() -> impl Strategy<Value = Vec<u8>> {
    let number = || prop_oneof![0u64..300, 0..1u64 << 53];
    (number(), number(), number(), 0usize..=4, bytes()).prop_map(|(version, back, lease, count, value)| {
        let modified = back + 1_000;
        let pointers: Vec<u64> = (1..=count as u64).map(|step| modified - step * step).collect();
        let skips = Skips::pack(version + 1, &pointers, modified);
        let is_live = version > 0;
        let row = RowRef {
            create: if is_live { 1_000 } else { 0 },
            modified,
            version,
            lease: if is_live { lease } else { 0 },
            previous: back,
            skips: skips.as_bytes(),
            value: if is_live { Value::of(&value) } else { Value::none() },
        };
        let header = if is_live && value.len() % 2 == 1 {
            Header::with_hash(&row)
        } else {
            Header::of(&row)
        };
        [header.as_bytes(), row.value.bytes().unwrap_or_default()].concat()
    })
}

/// Revision, key, row and before-image.
type RecordOf = (u64, Vec<u8>, Vec<u8>, Vec<u8>);

fn records(all: &[RecordOf]) -> Vec<u8> {
    let mut out = Vec::new();
    for (revision, key, row, before) in all {
        let parts = Parts {
            revision: *revision,
            sub: key.len() as u32,
            key,
            row: [row, b""],
            before,
        };
        encode(&parts, &mut out);
    }
    out
}

fn footer(index: &[[u64; 2]], has_chain: bool) -> Vec<u8> {
    let entry = |[revision, offset]: &[u64; 2]| IndexEntry {
        revision: *revision,
        offset: *offset,
    };
    let chain = Chain {
        oldest: 1,
        previous: 2,
        until: 3,
    };
    let index: Vec<_> = index.iter().map(entry).collect();
    Footer::encode(&index, has_chain.then_some(chain), Span::default())
}

/// Of a cluster whose members changed unless `changes` is 0, and that began anew one time less.
fn state(changes: usize, sessions: &[Vec<(u8, Vec<u8>)>]) -> Vec<u8> {
    let former = vec![FormerCluster { cluster: 6, index: 7 }; changes.saturating_sub(1)];
    let configuration = (changes > 0).then(|| ConfigurationEntry {
        index: 1,
        term: 2,
        configuration: configuration("m", [(1, true), (2, false)].into_iter()),
    });
    let mut writer = StateWriter::new(
        &StateNumbers::default(),
        configuration.as_ref(),
        &former,
        sessions.len(),
    );
    for batches in sessions {
        writer.session(&StoredSession {
            id: 1,
            floor: 2,
            acked: 3,
            kept: batches.len() as u32,
        });
        for (kind, results) in batches {
            writer.batch(match kind {
                0 => StoredBatch::Absent,
                1 => StoredBatch::Plain { first: 4, count: 5 },
                2 => StoredBatch::Results(results),
                _ => StoredBatch::Forgotten,
            });
        }
    }
    writer.finish()
}

/// Revision, first key, whether there is an end, and what was written inside.
type TombstoneOf = (u64, Vec<u8>, bool, Vec<Vec<u8>>);

fn range_tombstones(set: &[TombstoneOf]) -> Vec<u8> {
    let mut out = Vec::new();
    for (revision, start, is_anywhere, keys) in set {
        let end = [start, &b"\xff"[..]].concat();
        let parts = keys.iter().map(|key| (&key[..], &key[..])).collect();
        let one = StoredRangeTombstone {
            revision: *revision,
            sub: 1,
            start,
            end: Some(&end),
            parts: (!is_anywhere).then_some(parts),
        };
        one.encode(&mut out);
    }
    out
}

fn pairs(all: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    all.iter()
        .for_each(|(first, second)| push_pair(&mut out, first, second));
    out
}

fn sealed(stored: &[u8]) -> Vec<u8> {
    let mut out = [&[0; chunk::HEADER_BYTES], stored].concat();
    chunk::seal(1, 100, 0, &mut out);
    out
}

fn batch(records: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut out = vec![0; BATCH_HEADER_BYTES];
    for (kind, block) in records {
        let record = match kind {
            0 => Record::HardState(HardState::default()),
            1 => Record::Cut { index: 1, term: 2 },
            _ => Record::Entries {
                first: 1,
                term: 2,
                count: 3,
                block,
            },
        };
        let mut body = [0; RECORD_FIXED_BYTES_MAX];
        let (kind, length) = record.encode(&mut body);
        let block: &[u8] = if let Record::Entries { block, .. } = record {
            block
        } else {
            b""
        };
        let at = out.len();
        out.resize(at + RECORD_HEADER_BYTES, 0);
        put_record_header(&mut out[at..], length + block.len(), kind, 7);
        out.extend_from_slice(&body[..length]);
        out.extend_from_slice(block);
    }
    let header = BatchHeader {
        sequence: 1,
        synced: 0,
        length: (out.len() - BATCH_HEADER_BYTES) as u32,
        records: records.len() as u32,
    };
    seal_batch(9, &header, &mut out);
    out
}

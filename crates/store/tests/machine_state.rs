//! The machine's own state survives as bytes, and bytes that are not a state are refused.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod model;

use std::sync::Arc;

use model::engine::ModelEngine;
use model::harness::{Collector, Harness, TestEngine};
use model::semantics::{Op, PutOp};
use model::wire::encode_batch;
use rafterdb_codec::store::machine_state::STATE_VERSION;
use rafterdb_codec::{BatchHeader, Code, Entry, EntryKind};
use rafterdb_store::{Engine, Machine, Mark, RowRef, Value};

fn filled() -> Harness<ModelEngine> {
    let mut harness = Harness::new(1000);
    let sessions = [(); 3].map(|()| harness.start_session());
    for sequence in 1..=17 {
        let put = Op::Put(PutOp {
            key: vec![b'k', sequence as u8],
            previous: sequence % 2 == 0,
            ..PutOp::default()
        });
        let header = BatchHeader {
            session: sessions[sequence as usize % 3],
            sequence,
            acked: 1,
            ..BatchHeader::default()
        };
        harness.apply(encode_batch(header, &[put]));
    }
    harness
}

fn open(mark: Mark, state: Vec<u8>) -> Result<Machine<ModelEngine>, Code> {
    let (engine, _) = ModelEngine::open(&ModelEngine::new_disk(), 1000);
    Machine::new(engine, Some((mark, state)), Arc::new(Collector::default())).map_err(|error| error.code)
}

#[test]
fn a_state_opens_as_the_same_state() {
    let (mark, state) = filled().machine().state();
    assert_eq!(open(mark, state.clone()).unwrap().state(), (mark, state));
}

#[test]
fn damaged_states_are_refused() {
    let (mark, state) = filled().machine().state();
    for at in 0..state.len() {
        let mut damaged = state.clone();
        damaged[at] ^= 1;
        assert_eq!(open(mark, damaged).err(), Some(Code::StoreCorrupt), "byte {at}");
        assert_eq!(
            open(mark, state[..at].to_vec()).err(),
            Some(Code::StoreCorrupt),
            "cut at {at}"
        );
    }
    assert_eq!(
        open(
            Mark {
                index: mark.index + 1,
                ..mark
            },
            state
        )
        .err(),
        Some(Code::StoreCorrupt)
    );
}

#[test]
fn a_newer_state_is_refused() {
    let (mark, mut state) = filled().machine().state();
    state[0] = u8::try_from(STATE_VERSION).unwrap() + 1;
    let body = state.len() - 8;
    let checksum = rafterdb_hash::xxh3_64(&state[..body], 0);
    state[body..].copy_from_slice(&checksum.to_le_bytes());
    assert_eq!(open(mark, state).err(), Some(Code::FormatNewer));
}

/// As version 1 wrote it, without an identity, or version 2, which never began a digest anew.
fn older(version: u8, state: &[u8]) -> Vec<u8> {
    let mut old = state[..state.len() - 8].to_vec();
    old.drain(if version == 1 { 44..68 } else { 52..68 });
    old[0] = version;
    let checksum = rafterdb_hash::xxh3_64(&old, 0);
    old.extend_from_slice(&checksum.to_le_bytes());
    old
}

#[test]
fn the_first_identity_that_is_told_is_kept_for_ever() {
    let harness = filled();
    let machine = harness.machine();
    let tell = |index: u64, name: &[u8]| {
        machine
            .apply(index, 1, &Entry::new(EntryKind::Noop, name), &mut Vec::new())
            .unwrap();
        machine.publish().unwrap();
        machine.status().cluster
    };
    assert_eq!(tell(21, b""), 0, "the no-op of an older version tells none");
    assert_eq!(tell(22, &0_u64.to_le_bytes()), 0, "neither does this one");
    assert_eq!(tell(23, &77_u64.to_le_bytes()), 77);
    assert_eq!(tell(24, &78_u64.to_le_bytes()), 77);
    let (mark, state) = machine.state();
    assert_eq!(
        open(mark, state).unwrap().status().cluster,
        77,
        "flushed and in snapshots"
    );
}

#[test]
fn an_identity_is_flushed_as_soon_as_it_is_known() {
    let harness = filled();
    let machine = harness.machine();
    machine
        .apply(21, 1, &Entry::new(EntryKind::Noop, b""), &mut Vec::new())
        .unwrap();
    assert_ne!(machine.engine().persisted().index, 21);
    machine
        .apply(
            22,
            1,
            &Entry::new(EntryKind::Noop, &77_u64.to_le_bytes()),
            &mut Vec::new(),
        )
        .unwrap();
    assert_eq!(machine.engine().persisted().index, 22);
}

#[test]
fn the_state_of_an_older_version_takes_the_next_identity() {
    let (mark, state) = filled().machine().state();
    let machine = open(mark, older(1, &state)).unwrap();
    assert_eq!(machine.status().cluster, 0);
    machine
        .apply(
            21,
            1,
            &Entry::new(EntryKind::Noop, &77_u64.to_le_bytes()),
            &mut Vec::new(),
        )
        .unwrap();
    machine.publish().unwrap();
    assert_eq!(machine.status().cluster, 77);
    assert_eq!(machine.state().1[20..44], state[20..44], "all else is as it was");
}

#[test]
fn the_state_of_version_two_is_read() {
    let (mark, state) = filled().machine().state();
    assert_eq!(open(mark, older(2, &state)).unwrap().state(), (mark, state));
}

#[test]
fn the_hash_tells_states_apart_and_is_verified() {
    let (left, right) = (filled(), filled());
    left.machine().publish().unwrap();
    right.machine().publish().unwrap();
    assert_eq!(left.machine().status(), right.machine().status());
    assert!(left.machine().verify_hash().unwrap());
    // Canary: a row that no entry wrote.
    let row = RowRef {
        create: 99,
        modified: 99,
        version: 1,
        lease: 0,
        previous: 0,
        skips: &[],
        value: Value::none(),
    };
    left.machine().engine().write(b"stray", 0, row).unwrap();
    let mut unused = Vec::new();
    left.machine()
        .apply(21, 1, &Entry::new(EntryKind::Noop, b""), &mut unused)
        .unwrap();
    let revision = left.machine().publish().unwrap().revision;
    assert!(
        left.machine().verify_hash().unwrap(),
        "above the revision it is not part of the state"
    );
    let row = RowRef {
        create: 2,
        modified: revision,
        version: 1,
        lease: 0,
        previous: 0,
        skips: &[],
        value: Value::none(),
    };
    let (engine, _) = ModelEngine::open(&ModelEngine::new_disk(), 1000);
    engine.write(b"stray", 0, row).unwrap();
    let (mark, state) = right.machine().state();
    let machine = Machine::new(engine, Some((mark, state)), Arc::new(Collector::default())).unwrap();
    assert!(!machine.verify_hash().unwrap());
}

#[test]
fn malformed_and_unknown_entries_do_the_same_everywhere() {
    let harness = filled();
    let machine = harness.machine();
    let mut results = Vec::new();
    let before = machine.state();
    let applied = machine
        .apply(21, 1, &Entry::new(EntryKind::Batch, b"garbage"), &mut results)
        .unwrap();
    assert_eq!(applied.code, Code::ProtocolError);
    let mut half = encode_batch(
        BatchHeader::default(),
        &[Op::Put(PutOp {
            key: b"x".to_vec(),
            ..PutOp::default()
        })],
    );
    half[28] = 2;
    assert_eq!(
        machine
            .apply(22, 1, &Entry::new(EntryKind::Batch, &half), &mut results)
            .unwrap()
            .code,
        Code::ProtocolError
    );
    assert_eq!(
        machine.state().0,
        Mark { index: 22, ..before.0 },
        "nothing of it was applied"
    );
    assert!(
        machine
            .apply(22, 1, &Entry::new(EntryKind::Batch, &half), &mut results)
            .unwrap()
            .is_skipped
    );
    assert_eq!(
        machine
            .apply(23, 1, &Entry::new(77, b""), &mut results)
            .unwrap_err()
            .code,
        Code::FormatNewer
    );
    assert_eq!(
        machine
            .apply(23, 1, &Entry::new(EntryKind::Noop, b""), &mut results)
            .unwrap_err()
            .code,
        Code::Poisoned
    );
}

#[test]
#[should_panic(expected = "invariant apply order")]
fn an_entry_left_out_stops_the_member() {
    let harness = filled();
    let _ = harness
        .machine()
        .apply(22, 1, &Entry::new(EntryKind::Noop, b""), &mut Vec::new());
}

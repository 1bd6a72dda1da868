//! A key that is written again and again is as quick to look back at as any other: the previous value of a change is one step
//! away, and an old revision a number of steps that grows with the logarithm of what was written since. Steps are counted, not timed.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod engine_model;
mod model;

use std::collections::BTreeMap;

use engine_model::{apply, compare, replay, Model, Operation, Rng};
use model::harness::Harness;
use model::semantics::{Op, PutOp};
use model::wire::encode_batch;
use rafterdb_codec::{BatchHeader, Code, WatchEvents, WatchRequest, WATCH_PREV_KV};
use rafterdb_store::{install_snapshot, Engine, EngineOptions, LsmEngine, RowRef, WatchId};

const VERSIONS: u64 = 8_000;
/// The revision of the first write to a new store.
const FIRST: u64 = 2;
const ACCOUNTS: u64 = 20;
const WATCHERS: u64 = 6;

/// Sixteen steps a level at most, and four levels for 8,000 versions.
const STEPS_MAX: u64 = 64;

fn lookups(engine: &LsmEngine) -> u64 {
    engine.stats().history_lookups
}

fn put(harness: &mut Harness<LsmEngine>, key: Vec<u8>, value: u64) {
    let put = PutOp {
        key,
        value: value.to_le_bytes().to_vec(),
        ..PutOp::default()
    };
    harness.apply(encode_batch(BatchHeader::default(), &[Op::Put(put)]));
    harness.machine().publish().unwrap();
}

fn delete(harness: &mut Harness<LsmEngine>, key: &[u8]) {
    let delete = Op::Delete {
        key: key.to_vec(),
        end: Vec::new(),
        previous: false,
    };
    harness.apply(encode_batch(BatchHeader::default(), &[delete]));
    harness.machine().publish().unwrap();
}

fn value_at(engine: &LsmEngine, key: &[u8], at: u64) -> Option<u64> {
    let mut value = None;
    let visit = &mut |row: RowRef<'_>| value = Some(u64::from_le_bytes(row.value.bytes().unwrap().try_into().unwrap()));
    engine.get(key, at, visit).unwrap();
    value
}

/// Asserts that every read takes few steps; what is read, the caller says.
fn check_reads(
    harness: &Harness<LsmEngine>,
    revisions: impl Iterator<Item = u64>,
    expected: impl Fn(u64) -> Option<u64>,
) {
    let engine = harness.machine().engine();
    for at in revisions {
        let before = lookups(engine);
        assert_eq!(value_at(engine, b"hot", at), expected(at), "at {at}");
        let steps = lookups(engine) - before;
        assert!(steps <= STEPS_MAX, "{steps} steps to revision {at} of {VERSIONS}");
    }
}

#[test]
fn an_old_revision_of_a_hot_key_is_few_steps_away() {
    let mut harness = Harness::<LsmEngine>::new(1_000);
    for number in 1..=VERSIONS {
        put(&mut harness, b"hot".to_vec(), number);
    }
    let written_at = |at| Some(at - FIRST + 1);
    check_reads(&harness, (FIRST..VERSIONS).step_by(61), written_at);
    // Compaction takes nothing of it away.
    harness.apply(encode_batch(BatchHeader::default(), &[Op::Compact(3_000)]));
    harness.machine().publish().unwrap();
    check_reads(&harness, (3_000..VERSIONS).step_by(61), written_at);
    // Nor does a restart.
    harness.crash();
    check_reads(&harness, (3_000..VERSIONS).step_by(61), written_at);
}

#[test]
fn so_is_one_of_a_key_that_was_deleted_in_between() {
    let mut harness = Harness::<LsmEngine>::new(1_000);
    for number in 1..=VERSIONS / 2 {
        put(&mut harness, b"hot".to_vec(), number);
        delete(&mut harness, b"hot");
    }
    check_reads(&harness, (FIRST..VERSIONS).step_by(61), |at| {
        (at % 2 == FIRST % 2).then_some((at - FIRST) / 2 + 1)
    });
}

/// What the watchers have got: (revision, value, previous value).
fn events(harness: &Harness<LsmEngine>, watcher: u64) -> Vec<(u64, u64, Option<u64>)> {
    let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap());
    let mut events = Vec::new();
    let responses = harness.collector.0.lock();
    for (_, code, body) in responses.iter().filter(|(id, ..)| id.request == watcher) {
        assert_eq!(*code, Code::Ok);
        for event in WatchEvents::parse(body).unwrap() {
            let event = event.unwrap();
            let previous = event.previous.map(|pair| number(pair.value));
            events.push((event.pair.modified, number(event.pair.value), previous));
        }
    }
    events
}

/// Twenty hot accounts; watchers that want the previous value start far behind, while the writers go on.
#[test]
fn watchers_of_hot_keys_catch_up_in_one_step_an_event() {
    let mut harness = Harness::<LsmEngine>::new(1_000);
    let key = |number: u64| vec![b'a', (number % ACCOUNTS) as u8];
    for number in 1..=VERSIONS {
        put(&mut harness, key(number), number);
    }
    for watcher in 1..=WATCHERS {
        let request = WatchRequest {
            flags: WATCH_PREV_KV,
            start_revision: 1,
            credit: u32::MAX,
            cluster: 0,
            key: b"a",
            end: b"b",
        };
        let id = WatchId {
            connection: 1,
            request: watcher,
        };
        harness.machine().watch(id, &request).unwrap();
    }
    let before = lookups(harness.machine().engine());
    let mut written = VERSIONS;
    while harness.machine().catch_up().unwrap() {
        for _ in 0..100 {
            written += 1;
            put(&mut harness, key(written), written);
        }
    }
    let steps = lookups(harness.machine().engine()) - before;
    assert!(steps <= written, "{steps} steps for {written} events");
    let expected: Vec<_> = (1..=written)
        .map(|number| {
            (
                number - 1 + FIRST,
                number,
                number.checked_sub(ACCOUNTS).filter(|previous| *previous > 0),
            )
        })
        .collect();
    for watcher in 1..=WATCHERS {
        assert!(
            events(&harness, watcher) == expected,
            "watcher {watcher} has what was written"
        );
    }
}

/// Few keys, so that each has many versions: with deletions, compactions, restarts and snapshots, against a plain model.
#[test]
fn every_read_at_every_revision_is_the_models() {
    for seed in 1..=4 {
        println!("seed {seed}");
        let mut rng = Rng::new(seed);
        let directory = tempfile::tempdir().unwrap();
        let options = || EngineOptions {
            memory_bytes: 16 << 20,
            history_segment_bytes: Some(16_000),
            memtable_bytes: Some(60_000),
            ..EngineOptions::default()
        };
        let (mut engine, _) = LsmEngine::open(directory.path(), options()).unwrap();
        let mut model = Model::default();
        for step in 0..3_000 {
            let key = vec![b'k', rng.below(3) as u8];
            let value = (!rng.chance(6)).then(|| vec![step as u8; rng.below(40) as usize]);
            let is_live = model.live_at(&key, model.revision).is_some();
            let operation = match value {
                None if !is_live => continue,
                _ if rng.chance(400) => {
                    Operation::Compact(model.compacted + rng.below(model.revision - model.compacted + 1))
                }
                value => Operation::Change(BTreeMap::from([(key, value)]).into_iter().collect()),
            };
            apply(&mut model, &engine, operation);
            if engine.is_full() {
                engine.rotate(model.mark(), model.state()).unwrap();
            }
            match rng.below(600) {
                0 => {
                    drop(engine);
                    let (opened, last) = LsmEngine::open(directory.path(), options()).unwrap();
                    replay(&model, &opened, last.map_or(0, |(mark, _)| mark.index));
                    engine = opened;
                }
                1 => {
                    let mut stream = Vec::new();
                    let snapshot = engine.snapshot(model.mark(), model.state()).unwrap();
                    snapshot.write(&mut stream).unwrap();
                    let other = tempfile::tempdir().unwrap();
                    install_snapshot(other.path(), &mut stream.as_slice()).unwrap();
                    compare(
                        &model,
                        &LsmEngine::open(other.path(), options()).unwrap().0,
                        &mut rng,
                        10,
                    );
                }
                _ => {}
            }
        }
        compare(&model, &engine, &mut rng, 100);
    }
}

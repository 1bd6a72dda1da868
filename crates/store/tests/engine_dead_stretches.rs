//! Dead stretches that scans have noted hide no key that lives: random changes with scans in between, beside flushes, compactions and
//! restarts, against a plain model; and readers that walk while the writer makes keys where they do. A failing seed is printed;
//! `DEAD_SEED=<seed>` runs it alone.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod engine_model;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use engine_model::{apply, compare, replay, Model, Operation, Rng};
use rafterdb_store::{Engine, EngineOptions, KeyRange, LsmEngine, RowRef, Value, Visit};

const KEYS: u64 = 120;

fn key(number: u64) -> Vec<u8> {
    format!("key/{number:04}").into_bytes()
}

fn options(dead_rows: usize) -> EngineOptions {
    EngineOptions {
        memory_bytes: 16 << 20,
        memtable_bytes: Some(100_000),
        dead_rows,
        ..EngineOptions::default()
    }
}

fn open(model: &Model, directory: &Path, dead_rows: usize) -> LsmEngine {
    let (engine, last) = LsmEngine::open(directory, options(dead_rows)).unwrap();
    replay(model, &engine, last.map_or(0, |(mark, _)| mark.index));
    engine
}

/// Neighbouring keys are put or deleted together, one by one or as a range, so that dead ones lie beside one another.
fn next_operation(model: &Model, rng: &mut Rng) -> Operation {
    let first = rng.below(KEYS);
    let length = 1 << rng.below(6);
    let last = (first + 1 + rng.below(length)).min(KEYS);
    match rng.below(10) {
        0 => Operation::Delete(Vec::new(), vec![(key(first), Some(key(last)))]),
        1 if rng.chance(4) => Operation::Compact(model.compacted + rng.below(model.revision - model.compacted + 1)),
        1..=5 => Operation::Change(vec![(key(first), Some(vec![7; rng.below(90) as usize]))]),
        _ => {
            let is_live = |number: &u64| model.live_at(&key(*number), model.revision).is_some();
            let doomed = (first..last).filter(is_live);
            Operation::Change(doomed.map(|number| (key(number), None)).collect())
        }
    }
}

fn scan(engine: &LsmEngine, range: KeyRange<'_>, at: u64, reverse: bool) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    engine
        .scan(range, at, reverse, &mut |key, _| {
            found.push(key.to_vec());
            Visit::Next
        })
        .unwrap();
    if reverse {
        found.reverse();
    }
    found
}

/// Scans a random range, of now or of a kept revision, which notes the dead stretches in it.
fn check(model: &Model, engine: &LsmEngine, rng: &mut Rng) {
    let (start, end) = (key(rng.below(KEYS)), key(rng.below(KEYS)));
    let end = (!rng.chance(4)).then_some(end.as_slice());
    let start = if rng.chance(4) { &b""[..] } else { &start };
    let back = if rng.chance(3) { rng.below(30) } else { 0 };
    let at = model.revision.saturating_sub(back).max(model.compacted);
    let reverse = rng.chance(2);
    let range = KeyRange { start, end };
    let inside = |key: &&Vec<u8>| key.as_slice() >= start && end.is_none_or(|end| key.as_slice() < end);
    let live = |key: &&Vec<u8>| model.live_at(key, at).is_some();
    let expected: Vec<_> = model.versions.keys().filter(inside).filter(live).cloned().collect();
    assert_eq!(scan(engine, range, at, reverse), expected, "at {at}, reverse {reverse}");
}

fn run(seed: u64) {
    println!("DEAD_SEED={seed}");
    let mut rng = Rng::new(seed);
    let dead_rows = 1 + rng.below(6) as usize;
    let directory = tempfile::tempdir().unwrap();
    let mut model = Model::default();
    let mut engine = open(&model, directory.path(), dead_rows);
    for _ in 0..1_500 {
        let operation = next_operation(&model, &mut rng);
        apply(&mut model, &engine, operation);
        for _ in 0..2 {
            check(&model, &engine, &mut rng);
        }
        if engine.is_full() || rng.chance(60) {
            engine.rotate(model.mark(), model.state()).unwrap();
        }
        if rng.chance(400) {
            drop(engine);
            engine = open(&model, directory.path(), dead_rows);
        }
    }
    compare(&model, &engine, &mut rng, 20);
}

#[test]
fn no_key_that_lives_is_passed() {
    if let Ok(seed) = std::env::var("DEAD_SEED") {
        return run(seed.parse().unwrap());
    }
    for seed in 1..=12 {
        run(seed);
    }
}

/// Of all keys one lives at each revision: the one before is deleted with the change that makes it.
#[test]
fn a_key_that_is_made_while_others_walk_there_is_found() {
    const READERS: usize = 2;
    let living = |revision: u64| key(revision.wrapping_mul(7_919) % KEYS);
    let directory = tempfile::tempdir().unwrap();
    let (engine, _) = LsmEngine::open(directory.path(), options(1)).unwrap();
    let mut previous: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
    let published = AtomicU64::new(0);
    let until = Instant::now() + Duration::from_secs(3);
    std::thread::scope(|scope| {
        for reader in 0..READERS {
            let (engine, published) = (&engine, &published);
            scope.spawn(move || {
                let mut count = reader;
                while Instant::now() < until {
                    let at = published.load(Ordering::Acquire);
                    if at == 0 {
                        continue;
                    }
                    count += 1;
                    let all = KeyRange { start: b"", end: None };
                    assert_eq!(scan(engine, all, at, count % 2 == 0), [living(at)], "at {at}");
                }
            });
        }
        let mut revision = 0;
        while Instant::now() < until {
            revision += 1;
            let mut changes = vec![(living(revision), 1)];
            if revision > 1 {
                changes.push((living(revision - 1), 0));
            }
            for (sub, (key, version)) in changes.into_iter().enumerate() {
                let row = RowRef {
                    create: revision * version,
                    modified: revision,
                    version,
                    lease: 0,
                    previous: previous.insert(key.clone(), revision).unwrap_or_default(),
                    skips: &[],
                    value: Value::of(b"value"),
                };
                engine.write(&key, sub as u32, row).unwrap();
            }
            published.store(revision, Ordering::Release);
            // So that walks at this revision meet the next one.
            let pause = Instant::now() + Duration::from_micros(revision * 7 % 60);
            while Instant::now() < pause {}
        }
    });
}

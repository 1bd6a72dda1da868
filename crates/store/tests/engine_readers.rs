//! Readers at a revision see one consistent state while the writer goes on, flushes and compacts: money moves between
//! accounts, and whoever adds up all accounts at one revision finds the same sum.

// A failure in a helper is the test's.
#![allow(clippy::unwrap_used)]

mod engine_model;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use engine_model::Rng;
use rafterdb_codec::Code;
use rafterdb_store::{Engine, EngineOptions, KeyRange, LsmEngine, Mark, RowRef, Value, Visit};

const ACCOUNTS: u64 = 200;
const START: u64 = 1_000;
const TRANSFERS: u64 = 40_000;

fn account(number: u64) -> Vec<u8> {
    format!("account/{number:05}").into_bytes()
}

/// Writes the account's new amount; an empty account is deleted.
fn set(engine: &LsmEngine, revision: u64, sub: u32, key: &[u8], amount: u64) {
    let value = [amount.to_le_bytes().to_vec(), vec![7; 100]].concat();
    let mut row = RowRef {
        create: revision,
        modified: revision,
        version: 1,
        lease: 0,
        previous: 0,
        skips: &[],
        value: Value::of(&value),
    };
    engine
        .latest(key, &mut |latest| {
            row.previous = latest.modified;
            if !latest.is_tombstone() {
                row.create = latest.create;
                row.version = latest.version + 1;
            }
        })
        .unwrap();
    if amount == 0 {
        (row.version, row.create, row.value) = (0, 0, Value::none());
    }
    engine.write(key, sub, row).unwrap();
}

fn amount(row: &RowRef<'_>) -> u64 {
    u64::from_le_bytes(row.value.bytes().unwrap()[..8].try_into().unwrap())
}

/// The sum of all accounts at `at`; `None` if it was compacted meanwhile.
fn sum(engine: &LsmEngine, at: u64, reverse: bool) -> Option<u64> {
    let mut sum = 0;
    let range = KeyRange {
        start: b"account/",
        end: Some(b"account0"),
    };
    match engine.scan(range, at, reverse, &mut |_, row| {
        sum += amount(&row);
        Visit::Next
    }) {
        Ok(()) => Some(sum),
        Err(error) if error.code == Code::Compacted => None,
        Err(error) => panic!("{error}"),
    }
}

fn sum_of_points(engine: &LsmEngine, at: u64) -> Option<u64> {
    let mut sum = 0;
    for number in 0..ACCOUNTS {
        match engine.get(&account(number), at, &mut |row| sum += amount(&row)) {
            Ok(_) => {}
            Err(error) if error.code == Code::Compacted => return None,
            Err(error) => panic!("{error}"),
        }
    }
    Some(sum)
}

fn read(engine: &LsmEngine, published: &AtomicU64, done: &AtomicBool, seed: u64) -> u64 {
    let mut rng = Rng::new(seed);
    let mut sums = 0;
    while !done.load(Ordering::Relaxed) {
        let newest = published.load(Ordering::Acquire);
        let oldest = engine.compacted().max(ACCOUNTS);
        let at = if rng.chance(2) || newest <= oldest {
            newest
        } else {
            oldest + rng.below(newest - oldest + 1)
        };
        let found = if rng.chance(3) {
            sum_of_points(engine, at)
        } else {
            sum(engine, at, rng.chance(2))
        };
        if let Some(found) = found {
            assert_eq!(found, ACCOUNTS * START, "at revision {at}, seed {seed}");
            sums += 1;
        }
    }
    sums
}

fn write(engine: &LsmEngine, published: &AtomicU64, seed: u64) {
    let mut rng = Rng::new(seed);
    let mut amounts = vec![START; ACCOUNTS as usize];
    let mut revision = published.load(Ordering::Relaxed);
    for _ in 0..TRANSFERS {
        let (from, to) = (rng.below(ACCOUNTS), rng.below(ACCOUNTS));
        if from == to {
            continue;
        }
        let moved = if rng.chance(3) {
            amounts[from as usize]
        } else {
            rng.below(amounts[from as usize] + 1)
        };
        amounts[from as usize] -= moved;
        amounts[to as usize] += moved;
        if amounts[to as usize] == 0 {
            continue;
        }
        revision += 1;
        set(engine, revision, 0, &account(from), amounts[from as usize]);
        set(engine, revision, 1, &account(to), amounts[to as usize]);
        published.store(revision, Ordering::Release);
        if rng.chance(900) {
            engine.compact(revision - rng.below(300).min(revision - 1)).unwrap();
        }
        if engine.is_full() {
            engine
                .rotate(
                    Mark {
                        index: revision,
                        term: 1,
                        revision,
                    },
                    Vec::new(),
                )
                .unwrap();
        }
    }
}

#[test]
fn every_reader_sees_one_state() {
    let seed = 11;
    println!("seed {seed}");
    let directory = tempfile::tempdir().unwrap();
    let options = EngineOptions {
        memory_bytes: 16 << 20,
        history_segment_bytes: Some(100_000),
        memtable_bytes: Some(300_000),
        ..EngineOptions::default()
    };
    let (engine, _) = LsmEngine::open(directory.path(), options).unwrap();
    for number in 0..ACCOUNTS {
        set(&engine, number + 1, 0, &account(number), START);
    }
    let published = AtomicU64::new(ACCOUNTS);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..3)
            .map(|number| {
                let (engine, published, done) = (&engine, &published, &done);
                scope.spawn(move || read(engine, published, done, seed + number))
            })
            .collect();
        write(&engine, &published, seed);
        done.store(true, Ordering::Relaxed);
        let sums: u64 = readers.into_iter().map(|reader| reader.join().unwrap()).sum();
        let stats = engine.stats();
        println!("{sums} sums, {stats:?}");
        assert!(
            sums > 50 && stats.flushes > 5 && stats.history_floor > 0,
            "{sums} sums, {stats:?}"
        );
    });
}

/// The check above would notice a torn state: between the two changes of a transfer the sum is another.
#[test]
fn canary_half_a_transfer_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, _) = LsmEngine::open(directory.path(), EngineOptions::default()).unwrap();
    for number in 0..ACCOUNTS {
        set(&engine, number + 1, 0, &account(number), START);
    }
    set(&engine, ACCOUNTS + 1, 0, &account(3), START - 1);
    assert_eq!(sum(&engine, ACCOUNTS, false), Some(ACCOUNTS * START));
    assert_ne!(sum(&engine, ACCOUNTS + 1, false), Some(ACCOUNTS * START));
}

/// An engine with one account. What is written over it later takes the memory of its rows as soon as that is free.
fn with_one_account(amount: u64) -> (LsmEngine, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let (engine, _) = LsmEngine::open(directory.path(), EngineOptions::default()).unwrap();
    set(&engine, 1, 0, &account(1), amount);
    (engine, directory)
}

fn overwrite(engine: &LsmEngine) {
    for revision in 2..500 {
        set(engine, revision, 0, &account(1), revision);
    }
}

#[test]
fn a_row_stays_as_it_is_while_get_visits_it() {
    let (engine, _directory) = with_one_account(77);
    let visited = engine.get(&account(1), 1, &mut |row| {
        overwrite(&engine);
        assert_eq!(amount(&row), 77);
    });
    assert!(visited.unwrap());
}

#[test]
fn a_row_stays_as_it_is_while_scan_visits_it() {
    let (engine, _directory) = with_one_account(77);
    let mut visited = 0;
    let all = KeyRange { start: b"", end: None };
    engine
        .scan(all, 1, false, &mut |_, row| {
            overwrite(&engine);
            assert_eq!(amount(&row), 77);
            visited += 1;
            Visit::Next
        })
        .unwrap();
    assert_eq!(visited, 1);
}

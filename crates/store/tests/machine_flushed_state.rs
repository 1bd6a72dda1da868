//! The machine's own state is flushed as it was when the flush was asked for, though it is encoded later, by who flushes: with as many
//! sessions as there may be that takes longer than an entry may.

#![allow(clippy::unwrap_used)] // A test fails by panicking.
#![cfg(target_os = "linux")]

mod model;
mod timed;

use std::sync::Arc;
use std::time::{Duration, Instant};

use model::harness::Collector;
use model::semantics::{Op, PutOp};
use model::wire::encode_batch;
use rafterdb_codec::limits::SESSIONS_MAX;
use rafterdb_codec::{BatchHeader, Code, Entry, EntryKind};
use rafterdb_store::{Engine, EngineOptions, LsmEngine, Machine};
use timed::{key, open, thread_time, Loaded, TIME_MAX};

fn put(bytes: usize, previous: bool) -> Op {
    Op::Put(PutOp {
        key: key(0),
        value: vec![7; bytes],
        previous,
        ..PutOp::default()
    })
}

fn apply(loaded: &mut Loaded, session: u64, sequence: u64, acked: u64, op: Op) {
    let header = BatchHeader {
        session,
        sequence,
        acked,
        ..BatchHeader::default()
    };
    let body = encode_batch(header, &[op]);
    loaded.index += 1;
    let entry = Entry::new(EntryKind::Batch, &body);
    let applied = loaded.machine.apply(loaded.index, 1, &entry, &mut Vec::new());
    assert_eq!(applied.unwrap().code, Code::Ok);
    loaded.machine.publish().unwrap();
}

/// The points are those of the whole process: nothing else here flushes meanwhile.
fn what_is_flushed_is_the_state_of_then() {
    let mut loaded = open(EngineOptions::default());
    for session in 1..=20 {
        for sequence in 1..=10 {
            apply(&mut loaded, session, sequence, 1, put(100, true));
        }
    }
    let then = loaded.machine.state();
    rafterdb_fault::arm("store.flush.start=pause").unwrap();
    loaded.machine.rotate().unwrap();
    // Answers that are kept come and go, a session comes, and the order of use is another one.
    for session in (1..=21_u64).rev() {
        let acked = if session.is_multiple_of(2) { 8 } else { 1 };
        apply(&mut loaded, session, 11, acked, put(50, true));
    }
    assert_ne!(loaded.machine.state(), then);
    assert_ne!(loaded.machine.engine().persisted(), then.0);
    rafterdb_fault::disarm();
    let began = Instant::now();
    while loaded.machine.engine().persisted() != then.0 {
        assert!(began.elapsed() < Duration::from_secs(20), "it is flushed");
        std::thread::sleep(Duration::from_millis(1));
    }
    let now = loaded.machine.status();
    let Loaded { machine, directory, .. } = loaded;
    drop(machine);
    let (engine, last) = LsmEngine::open(directory.path(), EngineOptions::default()).unwrap();
    assert_eq!(last, Some(then.clone()));
    let machine = Machine::new(engine, last, Arc::new(Collector::default())).unwrap();
    assert_eq!(machine.state(), then);
    assert_ne!(machine.status(), now);
}

fn a_flush_of_many_sessions_is_asked_for_quickly() {
    let mut loaded = open(EngineOptions::default());
    let sessions = if cfg!(debug_assertions) {
        1_024
    } else {
        SESSIONS_MAX as u64
    };
    for session in 1..=sessions {
        for sequence in 1..=256 {
            let op = if sequence <= 2 {
                put(1_900, true)
            } else {
                put(10, false)
            };
            apply(&mut loaded, session, sequence, 1, op);
        }
    }
    let mut times: Vec<_> = (0..4)
        .map(|_| {
            let began = thread_time();
            loaded.machine.rotate().unwrap();
            thread_time() - began
        })
        .collect();
    let (mark, state) = loaded.machine.state();
    println!("{times:?} for {} bytes", state.len());
    times.sort_unstable();
    assert!(times[1] <= TIME_MAX / 4, "{times:?}");
    loaded.machine.engine().close(None).unwrap();
    assert_eq!(loaded.machine.engine().persisted(), mark);
}

#[test]
fn a_flush_has_the_state_of_its_mark_and_does_not_wait_for_it() {
    what_is_flushed_is_the_state_of_then();
    a_flush_of_many_sessions_is_asked_for_quickly();
}

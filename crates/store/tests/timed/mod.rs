//! What the tests share that measure how long the apply thread takes for an entry: a machine over a store with keys, warm or in no cache,
//! and the thread's clock.
#![allow(dead_code, clippy::unwrap_used)] // Each test file uses a part of it; a test fails by panicking.

use std::sync::Arc;
use std::time::Duration;

use rafterdb_codec::{validate_batch, BatchHeader, Entry, EntryKind, Limits};
use rafterdb_store::{EngineOptions, LsmEngine, Machine};

use crate::model::harness::Collector;
use crate::model::semantics::{Op, PutOp};
use crate::model::wire::encode_batch;

/// What an entry may take, and three times that where code is not made fast.
pub const TIME_MAX: Duration = Duration::from_millis(if cfg!(debug_assertions) { 30 } else { 10 });

pub struct Loaded {
    pub machine: Machine<LsmEngine>,
    pub index: u64,
    pub directory: tempfile::TempDir,
}

impl Loaded {
    pub fn apply(&mut self, ops: &[Op]) -> (Duration, usize) {
        let body = encode_batch(BatchHeader::default(), ops);
        let checked = validate_batch(&body, &Limits::default());
        assert!(checked.is_ok(), "{:?}", checked.err());
        let mut results = Vec::new();
        self.index += 1;
        let began = thread_time();
        self.machine
            .apply(self.index, 1, &Entry::new(EntryKind::Batch, &body), &mut results)
            .unwrap();
        let took = thread_time() - began;
        self.machine.publish().unwrap();
        (took, body.len())
    }
}

pub fn thread_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the time is there to be written.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    assert_eq!(failed, 0);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

pub fn open(options: EngineOptions) -> Loaded {
    let directory = tempfile::tempdir().unwrap();
    let (engine, _) = LsmEngine::open(directory.path(), options).unwrap();
    let machine = Machine::new(engine, None, Arc::new(Collector::default())).unwrap();
    Loaded {
        machine,
        index: 0,
        directory,
    }
}

/// Bytes that do not compress.
pub fn noise(number: u32, bytes: usize) -> Vec<u8> {
    let mut state = u64::from(number) << 1 | 1;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(bytes).collect()
}

/// A store of values that lie in tables alone, and in no cache.
pub fn load_cold(values: u32, bytes: usize, is_compacted: bool) -> Loaded {
    let options = || EngineOptions {
        memory_bytes: 64 << 20,
        ..EngineOptions::default()
    };
    let mut loaded = open(options());
    let many = u32::try_from((4 << 20) / bytes).unwrap().clamp(1, 256);
    for first in (0..values).step_by(many as usize) {
        loaded.apply(&each(many as usize, |n| {
            Op::Put(PutOp {
                key: key(first + n),
                value: noise(first + n, bytes),
                ..PutOp::default()
            })
        }));
    }
    if is_compacted {
        let revision = loaded.machine.revision();
        loaded.apply(&[Op::Compact(revision)]);
    }
    let state = loaded.machine.state();
    loaded.machine.engine().close(Some(state)).unwrap();
    let (engine, last) = LsmEngine::open(loaded.directory.path(), options()).unwrap();
    loaded.machine = Machine::new(engine, last, Arc::new(Collector::default())).unwrap();
    loaded
}

pub fn key(number: u32) -> Vec<u8> {
    format!("table/{number:08}").into_bytes()
}

pub fn each(count: usize, op: impl Fn(u32) -> Op) -> Vec<Op> {
    (0..u32::try_from(count).unwrap()).map(op).collect()
}

pub fn delete_one(number: u32) -> Op {
    Op::Delete {
        key: key(number),
        end: Vec::new(),
        previous: false,
    }
}

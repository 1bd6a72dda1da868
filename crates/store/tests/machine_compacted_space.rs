//! What a compaction makes superfluous is given back while nothing else happens: no further write has to come for it.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod model;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::harness::Collector;
use model::semantics::{Op, PutOp};
use model::wire::encode_batch;
use rafterdb_codec::{BatchHeader, Entry, EntryKind};
use rafterdb_store::{EngineOptions, LsmEngine, Machine};

const KEYS: u64 = 100;
const PUTS: u64 = 20_000;
const VALUE_BYTES: usize = 256;

/// What the live keys may take, with all that is around them: less than a tenth of what was written.
const LEFT_BYTES_MAX: u64 = 600 << 10;

/// Rest after which the space must be free, on a machine that has time.
const REST: Duration = Duration::from_secs(1);
/// … and on one that has not.
const PATIENCE: Duration = Duration::from_secs(20);

fn disk_bytes(directory: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return 0;
    };
    let entries = entries.flatten().map(|entry| entry.path());
    entries
        .map(|path| {
            if path.is_dir() {
                disk_bytes(&path)
            } else {
                path.metadata().map_or(0, |metadata| metadata.len())
            }
        })
        .sum()
}

struct Store {
    machine: Machine<LsmEngine>,
    index: u64,
}

impl Store {
    fn open(directory: &Path) -> Self {
        let (engine, recovered) = LsmEngine::open(directory, EngineOptions::default()).unwrap();
        let machine = Machine::new(engine, recovered, Arc::new(Collector::default())).unwrap();
        let index = machine.applied();
        Self { machine, index }
    }

    fn apply(&mut self, ops: &[Op]) {
        self.index += 1;
        let body = encode_batch(BatchHeader::default(), ops);
        let mut results = Vec::new();
        self.machine
            .apply(self.index, 1, &Entry::new(EntryKind::Batch, &body), &mut results)
            .unwrap();
        self.machine.publish().unwrap();
    }

    fn write(&mut self) {
        for number in 0..PUTS / KEYS {
            let put = |key: u64| {
                Op::Put(PutOp {
                    key: format!("key/{key}").into_bytes(),
                    value: vec![number as u8; VALUE_BYTES],
                    ..PutOp::default()
                })
            };
            self.apply(&(0..KEYS).map(put).collect::<Vec<_>>());
        }
    }
}

#[test]
fn a_compaction_gives_space_back_within_a_second_of_rest() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::open(directory.path());
    store.write();
    let before = disk_bytes(directory.path());
    let at = store.machine.revision();
    store.apply(&[Op::Compact(at)]);
    let begin = Instant::now();
    let mut now = before;
    while now > LEFT_BYTES_MAX && begin.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(10));
        // As who applies does when a flush has ended.
        store.machine.rotate_if_full().unwrap();
        now = disk_bytes(directory.path());
    }
    println!("{before} bytes on disk before, {now} after {:?}", begin.elapsed());
    assert!(now <= LEFT_BYTES_MAX, "{now} of {before} bytes are still there");
    if begin.elapsed() > REST {
        println!("the machine is busy: it took longer than {REST:?}");
    }
    let stats = store.machine.engine().stats();
    assert_eq!(stats.history_floor, at);
    assert_eq!(
        stats.history_compaction_read_bytes, 0,
        "nothing is read where nothing came later"
    );
    // All is there again after a restart, and after more of the same.
    drop(store);
    let mut store = Store::open(directory.path());
    assert_eq!((store.machine.revision(), store.machine.status().compacted), (at, at));
    store.write();
    assert!(store.machine.verify_hash().unwrap());
}

//! Nobody who reads or writes waits while the list of tables is made durable, however long the disk takes for it. A disk that
//! takes for ever is a pipe in place of the list's next file: whoever opens it to write waits until somebody reads.

// A failure in a helper is the test's.
#![allow(clippy::unwrap_used)]
#![cfg(target_os = "linux")]

use std::ffi::CString;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{mpsc, Arc};
use std::time::{Duration, Instant};

use rafterdb_store::{Engine, EngineOptions, KeyRange, LsmEngine, Mark, RowRef, Visit};

const KEYS: u64 = 2_000;
/// What answers within microseconds, if it answers.
const ANSWERS_WITHIN: Duration = Duration::from_secs(20);

/// A list of tables that cannot be written until this is dropped.
struct Pipe(PathBuf);

impl Pipe {
    /// In place of the list that is `after` changes of the tables away.
    fn new(directory: &Path, after: u64) -> Self {
        let generation = std::fs::read_dir(directory).unwrap().flatten().find(|entry| {
            let name = entry.file_name();
            name.to_string_lossy().starts_with("generation-")
        });
        let tables = generation.unwrap().path().join("tables");
        let current = std::fs::read(tables.join("current")).unwrap();
        let number = u64::from_le_bytes(current[..8].try_into().unwrap());
        let path = tables.join(format!("v{}", number + after));
        let name = CString::new(path.as_os_str().as_bytes()).unwrap();
        // SAFETY: the name ends with a zero, and lives as long as the call.
        assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
        Self(path)
    }

    /// Lets who waits go on, to an error: a pipe cannot be made durable.
    fn release(&self) -> File {
        File::options()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(&self.0)
            .unwrap()
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        // Also when a check has failed: the engine's threads must come to their end.
        let _ = self.release();
        std::fs::remove_file(&self.0).unwrap();
    }
}

fn open(directory: &Path) -> Arc<LsmEngine> {
    let (engine, _) = LsmEngine::open(directory, EngineOptions::default()).unwrap();
    Arc::new(engine)
}

fn key(number: u64) -> Vec<u8> {
    format!("key/{number:05}").into_bytes()
}

fn put(engine: &LsmEngine, revision: u64, key: &[u8]) {
    let (mut create, mut version, mut previous) = (revision, 1, 0);
    engine
        .latest(key, &mut |row| {
            (create, version, previous) = (row.create, row.version + 1, row.modified);
        })
        .unwrap();
    let value = revision.to_le_bytes();
    let row = RowRef {
        create,
        modified: revision,
        version,
        lease: 0,
        previous,
        skips: &[],
        value: (&value).into(),
    };
    engine.write(key, 0, row).unwrap();
}

/// Writes these keys, and has them flushed.
fn write_and_flush(engine: &LsmEngine, revision: &mut u64, numbers: impl Iterator<Item = u64>) {
    for number in numbers {
        *revision += 1;
        put(engine, *revision, &key(number));
    }
    rotate(engine, *revision);
}

fn rotate(engine: &LsmEngine, revision: u64) {
    let mark = Mark {
        index: revision,
        term: 1,
        revision,
    };
    engine.rotate(mark, Vec::new()).unwrap();
}

fn wait_until(engine: &LsmEngine, what: &str, mut is_so: impl FnMut(&LsmEngine) -> bool) {
    let until = Instant::now() + ANSWERS_WITHIN;
    while !is_so(engine) {
        assert!(Instant::now() < until, "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn is_at_rest(engine: &LsmEngine) -> bool {
    let stats = engine.stats();
    !stats.flushing && !stats.compacting
}

/// Runs `work`, and fails if it waits for what does not come.
fn promptly(engine: &Arc<LsmEngine>, what: &str, work: impl FnOnce(&LsmEngine) + Send + 'static) {
    let (sender, done) = mpsc::channel();
    let engine = Arc::clone(engine);
    std::thread::spawn(move || {
        work(&engine);
        sender.send(()).unwrap();
    });
    assert!(
        done.recv_timeout(ANSWERS_WITHIN).is_ok(),
        "{what} wait for the list of tables"
    );
}

/// All that a reader and the writer may ask, of keys that are in no memory.
fn check_all_answer(engine: &Arc<LsmEngine>, revision: u64) {
    promptly(engine, "gets", move |engine| {
        for number in 0..KEYS {
            assert!(engine.get(&key(number), revision, &mut |_| ()).unwrap());
        }
    });
    for reverse in [false, true] {
        promptly(engine, "ranges", move |engine| {
            let mut found = 0;
            let all = KeyRange { start: b"", end: None };
            engine
                .scan(all, revision, reverse, &mut |_, _| {
                    found += 1;
                    Visit::Next
                })
                .unwrap();
            assert!(found >= KEYS);
        });
    }
    promptly(engine, "writes", move |engine| {
        for number in 0..KEYS {
            put(engine, revision + 1 + number, &key(number));
        }
    });
    promptly(engine, "statistics", |engine| {
        assert!(engine.stats().tables > 0);
    });
}

#[test]
fn reads_and_writes_go_on_while_a_flush_makes_its_list_of_tables_durable() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path());
    let mut revision = 0;
    write_and_flush(&engine, &mut revision, 0..KEYS);
    // The memtable that was flushed last is still read: after another one all keys are in tables alone.
    write_and_flush(&engine, &mut revision, std::iter::once(KEYS));
    wait_until(&engine, "flushes end", is_at_rest);
    let pipe = Pipe::new(directory.path(), 1);
    let flushes = engine.stats().flushes;
    write_and_flush(&engine, &mut revision, std::iter::once(KEYS + 1));
    // Until it is there for sure.
    std::thread::sleep(Duration::from_millis(300));
    check_all_answer(&engine, revision);
    promptly(&engine, "statistics", move |engine| {
        assert_eq!(engine.stats().flushes, flushes, "the flush did not wait");
    });
    let _released = pipe.release();
    wait_until(&engine, "the flush waited for something else", |engine| {
        !engine.stats().flushing
    });
}

#[test]
fn reads_and_writes_go_on_while_a_compaction_makes_its_list_of_tables_durable() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path());
    let mut revision = 0;
    write_and_flush(&engine, &mut revision, 0..KEYS);
    let mut waits = false;
    for round in 0..20 {
        wait_until(&engine, "flushes and compactions end", is_at_rest);
        // The flush makes one list; if there is enough to compact then, that makes the next.
        let pipe = Pipe::new(directory.path(), 2);
        // Every other key: what the memtable of the last flush lacks comes from tables.
        write_and_flush(&engine, &mut revision, (round % 2..KEYS).step_by(2));
        std::thread::sleep(Duration::from_millis(500));
        let (sender, compacts) = mpsc::channel();
        let looked_at = Arc::clone(&engine);
        std::thread::spawn(move || sender.send(!is_at_rest(&looked_at)));
        waits = compacts.recv_timeout(ANSWERS_WITHIN).expect("statistics wait");
        if waits {
            check_all_answer(&engine, revision);
            let _released = pipe.release();
            wait_until(&engine, "the compaction waited for something else", is_at_rest);
            break;
        }
    }
    assert!(waits, "nothing was compacted");
}

//! A disk that hangs: it is told in the log while it lasts, what does not need the disk goes on, nothing is lost when it goes on,
//! and a close does not wait for it for ever.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod harness;

use std::path::Path;
use std::time::{Duration, Instant};

use harness::{eventually, Bench};
use rafterdb_codec::{Code, CommandKind, EventKind};

const TERM: u64 = 6;

/// A place hangs for as long as this lives, also if the test fails meanwhile.
struct Frozen<'a>(&'a Path);

impl<'a> Frozen<'a> {
    fn new(file: &'a Path) -> Self {
        std::fs::write(file, []).unwrap();
        Self(file)
    }
}

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(self.0);
    }
}

#[test]
fn a_member_with_a_hung_disk_says_so_and_goes_on_after_it() {
    let bench = Bench::open();
    let [log, apply, read] = ["log", "apply", "read"].map(|name| bench.dir.path().join(name));
    for (point, file) in [("wal.write", &log), ("member.apply", &apply), ("member.read", &read)] {
        rafterdb_fault::arm(&format!("{point}=hang:{}@1+", file.display())).unwrap();
    }
    bench.lead(TERM);
    bench.put(1, 1, TERM);
    bench.command(&[CommandKind::Commit as u64, 0, 1]);
    assert_eq!(bench.answer(1).code, Code::Ok);

    // The apply thread hangs: log and exchange go on, and the core is not told that anything was applied.
    let hung = std::thread::scope(|scope| {
        let frozen = Frozen::new(&apply);
        let blocked = scope.spawn(|| {
            bench.put(2, 2, TERM);
            bench.command(&[CommandKind::Commit as u64, 0, 2]);
        });
        eventually("it is told", || {
            bench.notes("applying entries to the store has taken").first().cloned()
        });
        drop(frozen);
        blocked.join().is_ok()
    });
    assert!(hung);
    assert_eq!(bench.answer(2).code, Code::Ok);
    eventually("its end is told", || {
        bench.notes("applying entries to the store is done").first().cloned()
    });

    // The log hangs.
    std::thread::scope(|scope| {
        let frozen = Frozen::new(&log);
        let blocked = scope.spawn(|| bench.put(3, 3, TERM));
        eventually("it is told", || {
            bench.notes("a write to the log has taken").first().cloned()
        });
        drop(frozen);
        blocked.join().unwrap();
    });
    bench.command(&[CommandKind::Commit as u64, 0, 3]);
    assert_eq!(bench.answer(3).code, Code::Ok);
    eventually("its end is told", || {
        bench.notes("a write to the log is done").first().cloned()
    });
    assert_eq!(bench.notes("has taken").len(), 2, "{:?}", bench.notes(""));

    // Reads hang: writes go on, and the reads are answered after it.
    let frozen = Frozen::new(&read);
    bench.get(200, b"k1");
    let sequence = bench.event(EventKind::Reads)[0];
    bench.command(&[CommandKind::ServeReads as u64, 0, sequence, 3]);
    bench.put(4, 4, TERM);
    bench.command(&[CommandKind::Commit as u64, 0, 4]);
    assert_eq!(bench.answer(4).code, Code::Ok);
    eventually("it is told", || {
        bench.notes("reading the store has taken").first().cloned()
    });
    assert!(!bench.is_answered(200));
    drop(frozen);
    assert_eq!(bench.answer(200).code, Code::Ok);

    // The log hangs again, and the member is closed.
    std::thread::scope(|scope| {
        let _frozen = Frozen::new(&log);
        // What the worker writes itself hangs with it.
        scope.spawn(|| bench.command(&[CommandKind::Persist as u64, 0, TERM + 1, 0, 4]));
        std::thread::sleep(Duration::from_millis(300));
        let began = Instant::now();
        assert_eq!(
            bench.member.close_within(Duration::from_secs(2)).unwrap_err().code,
            Code::Io
        );
        assert!(began.elapsed() < Duration::from_secs(20));
        let failure = bench.member.failure().unwrap();
        assert!(failure.text.contains("a write to the log has taken"), "{failure}");
    });
    assert!(bench.events_left(EventKind::Close) >= 1);
}

//! While an entry is applied, however long it takes, the worker takes proposals into the log: it waits for no lock of who applies.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod harness;

use harness::{eventually, Bench};
use rafterdb_codec::{Code, CommandKind};

const TERM: u64 = 6;

#[test]
fn who_waits_for_an_entry_is_noted_while_another_is_applied() {
    let bench = Bench::open();
    bench.lead(TERM);
    bench.put(1, 1, TERM);
    bench.command(&[CommandKind::Commit as u64, 0, 1]);
    assert_eq!(bench.answer(1).code, Code::Ok);
    // The next entry names the cluster, for which the store is flushed at once, and that hangs.
    let hung = bench.dir.path().join("hung");
    std::fs::write(&hung, []).unwrap();
    rafterdb_fault::arm(&format!("store.seal=hang:{}@1", hung.display())).unwrap();
    bench.command(&[CommandKind::Noop as u64, 0, 2, TERM]);
    std::thread::scope(|scope| {
        let applies = scope.spawn(|| bench.command(&[CommandKind::Commit as u64, 0, 2]));
        eventually("it is told", || {
            bench.notes("applying entries to the store has taken").first().cloned()
        });
        // Where the worker notes who waits for what it takes into the log.
        let is_free = bench.member.groups().get(0).waiting.try_lock().is_some();
        std::fs::remove_file(&hung).unwrap();
        applies.join().unwrap();
        assert!(is_free, "the worker would wait for the entry that is applied");
    });
    bench.put(3, 3, TERM);
    bench.command(&[CommandKind::Commit as u64, 0, 3]);
    assert_eq!(bench.answer(3).code, Code::Ok);
}

//! A member that led and then receives a snapshot of what its log holds: who waits for entries that the snapshot has passed is
//! answered, who waits for later ones waits on, and nothing that follows meets a waiter of the past.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod harness;

use harness::{snapshot, Bench};
use rafterdb_codec::{Code, CommandKind, EventKind, SnapshotState};

const TERM: u64 = 6;

#[test]
fn waiters_that_a_snapshot_passes_are_answered() {
    let bench = Bench::open();
    bench.lead(TERM);
    bench.begin_to_lead(1, TERM);
    bench.watch(100, 0);
    bench.confirm(1);
    assert_eq!(bench.answer(100).code, Code::Ok);
    for id in 1..=3 {
        bench.put(id, id + 1, TERM);
    }
    // A read whose index is not applied yet.
    bench.get(200, b"k2");
    bench.confirm(3);
    assert!(!bench.is_answered(200));

    bench.follow(TERM + 1);
    bench.stream(1, 3, TERM, &snapshot(3, TERM));
    assert_eq!(bench.outcome(1), SnapshotState::Installed);
    assert_eq!(bench.event(EventKind::SnapshotInstalled), [1, 3, TERM, bench.peer]);
    // The log holds the snapshot's last entry: all up to it is cut.
    bench.command(&[CommandKind::Cut as u64, 0, 3]);
    assert!(!bench.is_answered(3));
    bench.command(&[CommandKind::Commit as u64, 0, 4]);
    assert_eq!(bench.answer(3).code, Code::Ok);
    for passed in [1, 2] {
        assert_eq!(bench.answer(passed).code, Code::LeaderLost, "put {passed}");
    }
    let read = bench.answer(200);
    assert_eq!(read.code, Code::Ok);
    assert!(
        read.body.windows(7).any(|bytes| bytes == b"k2value"),
        "the read sees the snapshot"
    );
    assert_eq!(
        bench.answer(100).code,
        Code::LeaderLost,
        "the watch ends, to be begun again"
    );
    assert!(bench.member.failure().is_none(), "{:?}", bench.member.failure());
    // A watch that is begun again after what was told misses nothing.
    bench.watch(101, 2);
    let mut events = Vec::new();
    while !events.windows(2).any(|bytes| bytes == b"k3") {
        let answer = bench.answer(101);
        assert_eq!(answer.code, Code::Ok);
        events.extend(answer.body);
    }
    for key in [b"k1", b"k2"] {
        assert!(events.windows(2).any(|bytes| bytes == key));
    }
}

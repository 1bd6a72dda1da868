//! A member that takes long to install a snapshot says every second that it is at it, goes on with its work meanwhile, and takes
//! the sender's next attempt for what it is.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod harness;

use std::time::{Duration, Instant};

use harness::{eventually, snapshot, Bench};
use rafterdb_codec::{Code, CommandKind, EventKind, SnapshotState};

const TERM: u64 = 6;
const INSTALL_SECONDS: u64 = 4;

#[test]
fn a_slow_install_gives_signs_of_life() {
    let bench = Bench::open();
    bench.lead(TERM);
    bench.put(1, 1, TERM);
    bench.follow(TERM + 1);
    let good = snapshot(5, TERM);
    rafterdb_fault::arm(&format!("member.snapshot.install=delay:{}", INSTALL_SECONDS * 1000)).unwrap();

    let began = Instant::now();
    bench.stream(1, 5, TERM, &good);
    let length = good.len() as u64;
    eventually("all is received", || {
        bench
            .acks(1)
            .iter()
            .any(|(ack, _)| ack.received == length)
            .then_some(())
    });
    // The member goes on with its old store, and the same peer cannot begin another one on top.
    bench.command(&[CommandKind::Commit as u64, 0, 1]);
    assert_eq!(bench.answer(1).code, Code::Ok);
    bench.begin(2, 5, TERM);
    assert_eq!(bench.outcome(2), SnapshotState::Failed);
    assert_eq!(bench.events_left(EventKind::SnapshotInstalled), 0);

    assert_eq!(bench.outcome(1), SnapshotState::Installed);
    assert!(began.elapsed() >= Duration::from_secs(INSTALL_SECONDS));
    assert_eq!(bench.event(EventKind::SnapshotInstalled), [1, 5, TERM, bench.peer]);
    let acks = bench.acks(1);
    let signs = acks
        .iter()
        .filter(|(ack, _)| ack.received == length && ack.state == SnapshotState::More)
        .count() as u64;
    assert!((INSTALL_SECONDS - 1..=INSTALL_SECONDS + 2).contains(&signs), "{acks:?}");
    let longest = acks.windows(2).map(|pair| pair[1].1 - pair[0].1).max().unwrap();
    assert!(longest < Duration::from_secs(3), "{longest:?} without a word");
}

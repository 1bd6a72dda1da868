//! Goal: while a store's flushes are slower than what is written, each write waits a little in front of the log, and none waits for
//! a whole flush; none is lost; and once the disk is quick again nothing is held up.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod harness;

use std::time::{Duration, Instant};

use harness::{eventually, Bench};
use rafterdb_codec::{Code, CommandKind, EventKind, RequestKind};
use rafterdb_store::Wait;

const TERM: u64 = 6;

/// So little that a memtable has 3 MiB.
const MEMORY: usize = 16 << 20;
const CLIENTS: u64 = 8;
const VALUE: [u8; 4096] = [7; 4096];

/// How long a flush takes, and how long a write may.
const FLUSH: Duration = Duration::from_secs(4);
const WRITE_MAX: Duration = Duration::from_millis(1_500);

/// Writes in a closed loop, as so many clients do.
struct Load {
    bench: Bench,
    index: u64,
}

impl Load {
    /// One write of each client; how long the slowest took.
    fn round(&mut self) -> Duration {
        let began = Instant::now();
        let first = self.index + 1;
        let ids = first..first + CLIENTS;
        for id in ids.clone() {
            let body = harness::batch_of(id, &VALUE);
            self.bench.submit(RequestKind::Write, id, &body);
        }
        while self.index < ids.end - 1 {
            let count = self.bench.event(EventKind::Proposals)[0];
            self.bench
                .command(&[CommandKind::Accept as u64, 0, self.index + 1, TERM, count]);
            self.index += count;
        }
        while self.bench.event(EventKind::Durable)[0] < self.index {}
        self.bench.command(&[CommandKind::Commit as u64, 0, self.index]);
        for id in ids {
            assert_eq!(self.bench.answer(id).code, Code::Ok);
        }
        began.elapsed()
    }

    fn flushes(&self) -> u64 {
        self.bench.member.groups().get(0).machine().engine().stats().flushes
    }

    fn is_flushing(&self) -> bool {
        self.bench.member.groups().get(0).machine().engine().stats().flushing
    }

    /// The longest that an entry waited for a flush.
    fn flush_wait(&self) -> Duration {
        let longest = self.bench.member.groups().get(0).machine().longest_apply();
        longest
            .waits
            .into_iter()
            .find(|(wait, _)| *wait == Wait::Flush)
            .unwrap()
            .1
    }

    fn times_held_up(&self) -> u64 {
        self.bench.member.counters().writes_held_up.values().count()
    }
}

#[test]
fn a_slow_disk_costs_every_write_a_little_and_none_a_flush() {
    let mut load = Load {
        bench: Bench::open_in(MEMORY, 256 << 20),
        index: 0,
    };
    load.bench.lead(TERM);
    load.round();
    assert_eq!(load.times_held_up(), 0, "there is room");

    rafterdb_fault::arm(&format!("store.flush.tables=delay:{}@1+", FLUSH.as_millis())).unwrap();
    let (before, mut slowest) = (load.flushes(), Duration::ZERO);
    while load.flushes() < before + 2 {
        slowest = slowest.max(load.round());
    }
    println!(
        "the slowest write took {slowest:?}, {} times held up",
        load.times_held_up()
    );
    assert!(load.times_held_up() > 0, "it was written faster than it was flushed");
    assert!(slowest < WRITE_MAX, "a write took {slowest:?}");
    assert!(load.flush_wait() < WRITE_MAX, "an entry waited {:?}", load.flush_wait());

    rafterdb_fault::disarm();
    eventually("the flush that was delayed ends", || {
        (!load.is_flushing()).then_some(())
    });
    let held_up = load.times_held_up();
    for _ in 0..20 {
        load.round();
    }
    assert!(load.times_held_up() <= held_up + 1, "it is quick again");
    // A store begins at revision 1.
    assert_eq!(load.bench.member.groups().get(0).machine().revision(), load.index + 1);
}

//! Goal: the check against the model finds each kind of fault, put into a batcher on purpose.

mod model;

use model::{check, Subject};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use rafterdb_batcher::{Batcher, Bounds, Refused};

/// What is wrong with it.
#[derive(Clone, Copy, Debug)]
enum Fault {
    WaitsWhileIdle,
    GoesWithoutGathering,
    LosesAnItem,
    TurnsTheOrder,
    ForgetsThatABatchEnded,
    RefusesTooEarly,
    TakesWhenClosed,
    SaysAnEarlierTime,
}

struct Broken {
    batcher: Batcher<u32>,
    fault: Fault,
    in_flight: usize,
    pushed: usize,
    closed: bool,
}

impl Subject for Broken {
    fn push(&mut self, item: u32, bytes: usize, now: u64) -> Result<(), Refused<u32>> {
        self.pushed += 1;
        match self.fault {
            Fault::RefusesTooEarly if self.pushed.is_multiple_of(7) => Err(Refused::Busy(item)),
            Fault::TakesWhenClosed if self.closed => Ok(()),
            _ => self.batcher.push(item, bytes, now),
        }
    }

    fn next(&mut self, now: u64, into: &mut Vec<u32>) -> bool {
        match self.fault {
            Fault::WaitsWhileIdle if self.in_flight == 0 && self.batcher.len() == 1 => return false,
            Fault::GoesWithoutGathering if self.in_flight > 0 => {
                self.in_flight -= 1;
                self.batcher.done();
            }
            _ => {}
        }
        let taken = self.batcher.next(now, into);
        self.in_flight += usize::from(taken);
        match self.fault {
            Fault::LosesAnItem if into.len() > 2 => drop(into.pop()),
            Fault::TurnsTheOrder => into.reverse(),
            _ => {}
        }
        taken
    }

    fn done(&mut self) {
        if matches!(self.fault, Fault::ForgetsThatABatchEnded) || self.in_flight == 0 {
            return;
        }
        self.in_flight -= 1;
        self.batcher.done();
    }

    fn close(&mut self) {
        self.closed = true;
        self.batcher.close();
    }

    fn due(&self) -> Option<u64> {
        let due = self.batcher.due();
        match self.fault {
            Fault::SaysAnEarlierTime => due.map(|time| time.saturating_sub(1)),
            _ => due,
        }
    }
}

#[test]
fn each_fault_is_found() {
    let mut runner = TestRunner::deterministic();
    for fault in [
        Fault::WaitsWhileIdle,
        Fault::GoesWithoutGathering,
        Fault::LosesAnItem,
        Fault::TurnsTheOrder,
        Fault::ForgetsThatABatchEnded,
        Fault::RefusesTooEarly,
        Fault::TakesWhenClosed,
        Fault::SaysAnEarlierTime,
    ] {
        let found = (0..2_000).any(|_| {
            let bounds: Bounds = model::bounds().new_tree(&mut runner).unwrap().current();
            let calls = model::calls().new_tree(&mut runner).unwrap().current();
            let mut broken = Broken {
                batcher: Batcher::new(bounds).unwrap(),
                fault,
                in_flight: 0,
                pushed: 0,
                closed: false,
            };
            check(&mut broken, &bounds, &calls).is_err()
        });
        assert!(found, "{fault:?} was not found");
    }
}

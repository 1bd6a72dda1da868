//! What a batcher must do, computed the slow way from a flat list of what waits, and the check of any batcher against it.

use std::collections::VecDeque;

use proptest::prelude::*;
use rafterdb_batcher::{Batcher, Bounds, Refused};

/// One call.
#[derive(Clone, Debug)]
pub enum Call {
    Push(usize),
    Next,
    Done,
    Close,
    /// Time passes.
    Pass(u64),
}

pub fn calls() -> impl Strategy<Value = Vec<Call>> {
    let call = prop_oneof![
        12 => (0_usize..12).prop_map(Call::Push),
        1 => Just(Call::Push(usize::MAX)),
        8 => Just(Call::Next),
        6 => Just(Call::Done),
        4 => (1_u64..6).prop_map(Call::Pass),
    ];
    (prop::collection::vec(call, 0..120), 0_usize..300).prop_map(|(mut calls, close)| {
        if close < calls.len() {
            calls.insert(close, Call::Close);
        }
        calls
    })
}

pub fn bounds() -> impl Strategy<Value = Bounds> {
    (
        1_usize..6,
        1_usize..30,
        prop::option::of(0_u64..8),
        1_usize..4,
        1_usize..20,
        1_usize..60,
    )
        .prop_map(
            |(items_max, bytes_max, wait, in_flight_max, queued_items_max, queued_bytes_max)| Bounds {
                items_max,
                bytes_max,
                wait_max: wait.filter(|_| in_flight_max > 1),
                in_flight_max,
                queued_items_max,
                queued_bytes_max,
            },
        )
}

/// What is checked: the real one, or one that is broken on purpose.
pub trait Subject {
    fn push(&mut self, item: u32, bytes: usize, now: u64) -> Result<(), Refused<u32>>;
    fn next(&mut self, now: u64, into: &mut Vec<u32>) -> bool;
    fn done(&mut self);
    fn close(&mut self);
    fn due(&self) -> Option<u64>;
}

impl Subject for Batcher<u32> {
    fn push(&mut self, item: u32, bytes: usize, now: u64) -> Result<(), Refused<u32>> {
        self.push(item, bytes, now)
    }

    fn next(&mut self, now: u64, into: &mut Vec<u32>) -> bool {
        self.next(now, into)
    }

    fn done(&mut self) {
        self.done();
    }

    fn close(&mut self) {
        self.close();
    }

    fn due(&self) -> Option<u64> {
        self.due()
    }
}

#[derive(Default)]
struct Model {
    /// (item, bytes, when it came).
    waiting: VecDeque<(u32, usize, u64)>,
    in_flight: usize,
    closed: bool,
}

impl Model {
    /// How many of the oldest items go together, and whether that batch can take no more.
    fn first_batch(&self, bounds: &Bounds) -> (usize, bool) {
        let mut bytes = 0_usize;
        for (index, (_, size, _)) in self.waiting.iter().enumerate() {
            if index > 0 && bytes.saturating_add(*size) > bounds.bytes_max {
                return (index, true);
            }
            bytes = bytes.saturating_add(*size);
            if index + 1 == bounds.items_max || bytes >= bounds.bytes_max {
                return (index + 1, true);
            }
        }
        (self.waiting.len(), false)
    }

    fn may_go(&self, bounds: &Bounds, now: u64) -> bool {
        let Some((_, _, since)) = self.waiting.front() else {
            return false;
        };
        let overdue = bounds.wait_max.is_some_and(|wait| now >= since + wait);
        let gathered = self.in_flight == 0 || self.closed || overdue || self.first_batch(bounds).1;
        gathered && self.in_flight < bounds.in_flight_max
    }

    fn refuses(&self, bounds: &Bounds, size: usize) -> bool {
        let bytes = self
            .waiting
            .iter()
            .map(|(_, size, _)| *size)
            .fold(size, usize::saturating_add);
        !self.waiting.is_empty() && (self.waiting.len() >= bounds.queued_items_max || bytes > bounds.queued_bytes_max)
    }
}

/// Plays calls to a batcher and tells of the first answer that is not the model's.
pub fn check(subject: &mut impl Subject, bounds: &Bounds, calls: &[Call]) -> Result<(), String> {
    let (mut model, mut now, mut item, mut batch) = (Model::default(), 0, 0, Vec::new());
    for (step, call) in calls.iter().enumerate() {
        let wrong = |what: String| Err(format!("step {step}, {call:?}: {what}"));
        match call {
            Call::Push(bytes) => {
                item += 1;
                let expected = if model.closed {
                    Err(Refused::Closed(item))
                } else if model.refuses(bounds, *bytes) {
                    Err(Refused::Busy(item))
                } else {
                    model.waiting.push_back((item, *bytes, now));
                    Ok(())
                };
                let got = subject.push(item, *bytes, now);
                if got != expected {
                    return wrong(format!("{got:?} instead of {expected:?}"));
                }
            }
            Call::Next => {
                let may_go = model.may_go(bounds, now);
                let count = if may_go { model.first_batch(bounds).0 } else { 0 };
                let expected: Vec<u32> = model.waiting.drain(..count).map(|(item, ..)| item).collect();
                model.in_flight += usize::from(may_go);
                batch.clear();
                let got = subject.next(now, &mut batch);
                if got != may_go || batch != expected {
                    return wrong(format!("{got} with {batch:?} instead of {may_go} with {expected:?}"));
                }
            }
            Call::Done if model.in_flight > 0 => {
                model.in_flight -= 1;
                subject.done();
            }
            Call::Done => {}
            Call::Close => {
                model.closed = true;
                subject.close();
            }
            Call::Pass(ticks) => now += ticks,
        }
        // The earliest time at which the model lets a batch go, looked for as far as waits reach.
        let due = (now..now + 10).find(|time| model.may_go(bounds, *time));
        let said = subject.due();
        if said.map(|time| time.max(now)) != due {
            return wrong(format!("due {said:?} at {now} instead of {due:?}"));
        }
    }
    Ok(())
}

//! Reads that may be served now, in lanes: what is known to be short, what may be, and what has used up a slice. Owns whose turn
//! it is and what may wait; knows nothing of how a read is done.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};
use rafterdb_codec::{limits, parse_number, ReadRequest, RANGE_NO_COUNT};
use rafterdb_store::SlicedRead;

use crate::askers::asker::{Asker, RequestBody, Waiter};
use crate::state::group::{Group, StoreMachine};

/// Short reads that one thread takes at a time: their answers to one asker go out together.
const TAKE_MAX: usize = 64;

/// Keys of a range that is known to be short.
const SHORT_LIMIT_MAX: u64 = 128;

/// Bytes of results that reads between two slices hold together. One that would hold more begins anew.
const HELD_BYTES_MAX: usize = 32 << 20;

/// A read between two slices.
pub struct Begun {
    pub machine: Arc<StoreMachine>,
    pub read: SlicedRead,
}

/// A read that may be served.
pub struct Job {
    pub group: Arc<Group>,
    pub waiter: Waiter,
    /// Of the READ request.
    pub body: RequestBody,
    /// What there is of its answer; apart, as few have that, and all are moved from hand to hand.
    pub begun: Option<Box<Begun>>,
    /// Set when its asker gives it up; `None`: it is short.
    pub cancel: Option<Arc<AtomicBool>>,
}

impl Job {
    pub fn is_cancelled(&self) -> bool {
        self.cancel
            .as_ref()
            .is_some_and(|cancel| cancel.load(Ordering::Relaxed))
    }

    fn held_bytes(&self) -> usize {
        self.begun.as_ref().map_or(0, |begun| begun.read.results().len())
    }
}

#[derive(Default)]
struct State {
    /// Single keys and small pages.
    short: VecDeque<Job>,
    /// Ranges of which nothing is known.
    fresh: VecDeque<Job>,
    /// What has used up a slice. One thread never takes them.
    long: VecDeque<Job>,
    /// Bytes of the bodies of all.
    bytes: usize,
    /// Bytes of results in `long`.
    held: usize,
    /// How those that are not short are given up, by asker and id.
    cancels: HashMap<(u64, u64), Arc<AtomicBool>>,
    closing: bool,
}

impl State {
    fn len(&self) -> usize {
        self.short.len() + self.fresh.len() + self.long.len()
    }

    /// The next job that is not short, in the order that is asked for.
    fn next(&mut self, long_first: bool, takes_long: bool) -> Option<Job> {
        let long = |state: &mut Self| {
            let job = takes_long.then(|| state.long.pop_front()).flatten()?;
            state.held -= job.held_bytes();
            Some(job)
        };
        if long_first {
            return long(self).or_else(|| self.fresh.pop_front());
        }
        self.fresh.pop_front().or_else(|| long(self))
    }
}

/// Reads that may be served now.
#[derive(Default)]
pub struct ReadLanes {
    state: Mutex<State>,
    arrived: Condvar,
}

/// The name of a read among those of all askers.
fn name_of(asker: &Asker, id: u64) -> (u64, u64) {
    (asker.number(), id)
}

/// Whether a READ request is known to be short: single keys, and pages that count no more than they hold.
fn is_short(body: &[u8]) -> bool {
    let Ok(asked) = ReadRequest::parse(body) else {
        return true;
    };
    let is_short = asked.ranges().flatten().all(|range| {
        range.end.is_empty() || ((1..=SHORT_LIMIT_MAX).contains(&range.limit) && range.has(RANGE_NO_COUNT))
    });
    is_short
}

impl ReadLanes {
    /// Queues a read's ranges; gives the waiter back if too many wait.
    pub fn push(&self, group: &Arc<Group>, waiter: Waiter, body: RequestBody) -> Result<(), Waiter> {
        let cancel = (!is_short(&body)).then(Arc::<AtomicBool>::default);
        let mut state = self.state.lock();
        let is_full = state.len() >= limits::READS_WAITING_MAX
            || (state.bytes > 0 && state.bytes + body.len() > limits::READS_WAITING_BYTES_MAX);
        if is_full {
            return Err(waiter);
        }
        state.bytes += body.len();
        if let Some(cancel) = &cancel {
            state.cancels.insert(name_of(&waiter.asker, waiter.id), cancel.clone());
        }
        let job = Job {
            group: group.clone(),
            waiter,
            body,
            begun: None,
            cancel,
        };
        match job.cancel {
            Some(_) => state.fresh.push_back(job),
            None => state.short.push_back(job),
        }
        drop(state);
        self.arrived.notify_one();
        Ok(())
    }

    /// Takes back a read that has used up a slice.
    pub fn push_back(&self, mut job: Job) {
        let mut state = self.state.lock();
        if state.held + job.held_bytes() > HELD_BYTES_MAX {
            job.begun = None;
        }
        job.body.set_answer(job.held_bytes());
        state.held += job.held_bytes();
        state.bytes += job.body.len();
        state.long.push_back(job);
        drop(state);
        // Also those that take none of these: the one that is woken may be such a thread.
        self.arrived.notify_all();
    }

    /// A read is answered, or nobody wants it.
    pub fn forget(&self, job: &Job) {
        if job.cancel.is_some() {
            let name = name_of(&job.waiter.asker, job.waiter.id);
            self.state.lock().cancels.remove(&name);
        }
    }

    /// Whoever asked gives a read up: it stops before its next slice, and is not answered.
    pub fn cancel(&self, asker: &Asker, body: &[u8]) {
        let Ok(id) = parse_number(body) else { return };
        if let Some(cancel) = self.state.lock().cancels.get(&name_of(asker, id)) {
            cancel.store(true, Ordering::Relaxed);
        }
    }

    /// How many reads wait.
    #[cfg(test)]
    pub fn waiting(&self) -> usize {
        self.state.lock().len()
    }

    /// Lets the threads end.
    pub fn close(&self) {
        self.state.lock().closing = true;
        self.arrived.notify_all();
    }

    /// Waits for reads and takes some: short ones together, others one at a time. Who `takes_long` does so every other time,
    /// by the number of its `turn`, before what is short: neither waits for the other without end. False when closed and empty.
    pub fn take(&self, takes_long: bool, turn: usize, into: &mut Vec<Job>) -> bool {
        let mut state = self.state.lock();
        loop {
            if state.closing {
                // Nobody hears the answer, and it may be long in coming.
                state.held = 0;
                for job in std::mem::take(&mut state.long) {
                    state.bytes -= job.body.len();
                }
            }
            let is_their_turn = takes_long && turn % 2 == 1;
            if is_their_turn {
                into.extend(state.next(turn % 4 == 1, true));
            }
            if into.is_empty() {
                let count = state.short.len().min(TAKE_MAX);
                into.extend(state.short.drain(..count));
            }
            if into.is_empty() {
                into.extend(state.next(false, takes_long));
            }
            if !into.is_empty() {
                state.bytes -= into.iter().map(|job| job.body.len()).sum::<usize>();
                return true;
            }
            if state.closing {
                return false;
            }
            self.arrived.wait(&mut state);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_keys_and_small_pages_are_known_to_be_short() {
        use rafterdb_codec::{Consistency, Range, RANGE_COUNT_ONLY};
        let read = |flags, limit, end: &[u8]| {
            let mut body = Vec::new();
            ReadRequest::encode_header(&mut body, Consistency::Serializable, 1, 0);
            let range = Range {
                flags,
                limit,
                revision: 0,
                key: b"k",
                end,
            };
            range.encode(&mut body);
            body
        };
        assert!(is_short(&read(0, 0, b"")));
        assert!(is_short(&read(RANGE_NO_COUNT, SHORT_LIMIT_MAX, b"l")));
        assert!(!is_short(&read(RANGE_NO_COUNT, 0, b"l")));
        assert!(!is_short(&read(0, 1, b"l")), "it counts all of them");
        assert!(!is_short(&read(RANGE_COUNT_ONLY, 0, b"l")));
    }
}

//! Writes that are answered once their counts are filled in. Knows nothing of how that is done.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};
use rafterdb_store::KeptForCounts;

use crate::askers::asker::Waiter;
use crate::state::group::{Group, StoreMachine};

/// A write that was applied, and is to be answered when its counts are filled in.
pub struct Uncounted {
    /// Whose entry it is.
    pub group: Arc<Group>,
    /// Bytes of the entry, which count as not applied until it is answered.
    pub entry_bytes: usize,
    /// The state machine that applied it.
    pub machine: Arc<StoreMachine>,
    /// What counting reads.
    pub kept: KeptForCounts,
    /// Who waits for the answer.
    pub waiter: Waiter,
    /// The entry's body.
    pub body: Vec<u8>,
    /// Flags of the answer.
    pub flags: u8,
    /// Its body.
    pub results: Vec<u8>,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Uncounted>,
    closing: bool,
}

/// Writes whose counts are to be filled in. Bounded by what may be proposed and not applied: they and their results are of that.
#[derive(Default)]
pub struct CountQueue {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
}

impl CountQueue {
    /// Has a write answered when it is counted.
    pub fn push(&self, job: Uncounted) {
        job.group
            .unapplied_bytes
            .fetch_add(job.results.len(), Ordering::Relaxed);
        self.waiting.lock().jobs.push_back(job);
        self.arrived.notify_one();
    }

    /// Lets the thread end, whatever is left: the askers are being closed too.
    pub fn close(&self) {
        self.waiting.lock().closing = true;
        self.arrived.notify_all();
    }

    /// Waits for the next; `None` when closed.
    pub fn take(&self) -> Option<Uncounted> {
        let mut waiting = self.waiting.lock();
        loop {
            if waiting.closing {
                return None;
            }
            if let Some(job) = waiting.jobs.pop_front() {
                return Some(job);
            }
            self.arrived.wait(&mut waiting);
        }
    }
}

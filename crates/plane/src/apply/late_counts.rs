//! The thread that fills in the counts which applying an entry left out, and answers its writer then. Counting takes as long as it
//! takes, so it holds up neither the apply thread nor reads. Knows no operations.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};
use rafterdb_codec::{request, Code};
use rafterdb_store::KeptForCounts;

use crate::askers::asker::{write_response, Deliveries, Waiter};
use crate::member::life::Member;
use crate::state::group::{Group, StoreMachine};
use crate::system::held_directory::named;

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
struct State {
    jobs: VecDeque<Uncounted>,
    closing: bool,
}

/// Writes whose counts are to be filled in. Bounded by what may be proposed and not applied: they and their results are of that.
#[derive(Default)]
pub struct CountQueue {
    state: Mutex<State>,
    arrived: Condvar,
}

impl CountQueue {
    /// Has a write answered when it is counted.
    pub fn push(&self, job: Uncounted) {
        job.group
            .unapplied_bytes
            .fetch_add(job.results.len(), Ordering::Relaxed);
        self.state.lock().jobs.push_back(job);
        self.arrived.notify_one();
    }

    /// Lets the thread end, whatever is left: the askers are being closed too.
    pub fn close(&self) {
        self.state.lock().closing = true;
        self.arrived.notify_all();
    }

    fn take(&self) -> Option<Uncounted> {
        let mut state = self.state.lock();
        loop {
            if state.closing {
                return None;
            }
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            self.arrived.wait(&mut state);
        }
    }
}

/// The body of the thread that does so.
pub fn run(member: &Arc<Member>) {
    let mut deliveries = Deliveries::default();
    while let Some(mut job) = member.counts.take() {
        job.group.applied_bytes(job.entry_bytes + job.results.len());
        if member.is_gone(&job.waiter.asker) {
            continue;
        }
        match job.machine.fill_in(&job.kept, &job.body, &mut job.results) {
            Ok(()) => {
                let out = deliveries.to(&job.waiter.asker);
                write_response(out, request::WRITE, job.flags, Code::Ok, job.waiter.id, &job.results);
            }
            Err(error) => {
                let text = named(&error.text);
                deliveries.fail(&job.waiter, request::WRITE, error.code, error.detail, &text);
            }
        }
        member.deliver_all(&mut deliveries);
    }
}

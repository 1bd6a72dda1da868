//! The read threads: ranges that may be served now are run against the state machine and answered.
//! Reads may touch the disk, so they run neither on the app's thread nor on the network's.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};
use rafterdb_codec::{encode_error_response, limits, request, Code};
use rafterdb_store::StoreError;

use crate::group::Group;
use crate::member::Member;
use crate::place::named;
use crate::reads::Read;
use crate::source::{write_response, Deliveries, Waiter};
use crate::stalls::Work;

/// Requests that one thread takes at a time: their answers to one asker go out together.
const TAKE_MAX: usize = 64;

struct Job {
    group: Arc<Group>,
    waiter: Waiter,
    body: Vec<u8>,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// Bytes of their bodies.
    bytes: usize,
    closing: bool,
}

/// Reads that may be served now.
#[derive(Default)]
pub struct ServeQueue {
    state: Mutex<State>,
    arrived: Condvar,
}

impl ServeQueue {
    /// Queues a read's ranges; gives the waiter back if the queue is full.
    pub fn push(&self, group: &Arc<Group>, waiter: Waiter, body: Vec<u8>) -> Result<(), Waiter> {
        let mut state = self.state.lock();
        let is_full = state.jobs.len() >= limits::READS_WAITING_MAX
            || (state.bytes > 0 && state.bytes + body.len() > limits::READS_WAITING_BYTES_MAX);
        if is_full {
            return Err(waiter);
        }
        state.bytes += body.len();
        state.jobs.push_back(Job {
            group: group.clone(),
            waiter,
            body,
        });
        drop(state);
        self.arrived.notify_one();
        Ok(())
    }

    /// Lets the threads end.
    pub fn close(&self) {
        self.state.lock().closing = true;
        self.arrived.notify_all();
    }

    fn take(&self, into: &mut Vec<Job>) -> bool {
        let mut state = self.state.lock();
        while state.jobs.is_empty() {
            if state.closing {
                return false;
            }
            self.arrived.wait(&mut state);
        }
        let count = state.jobs.len().min(TAKE_MAX);
        into.extend(state.jobs.drain(..count));
        state.bytes -= into.iter().map(|job| job.body.len()).sum::<usize>();
        true
    }
}

/// The body of the thread that does so.
pub fn run(member: &Arc<Member>, work: Work) {
    let mut jobs = Vec::new();
    let mut deliveries = Deliveries::default();
    let mut results = Vec::new();
    while member.reads.take(&mut jobs) {
        let under_way = member.stalls.begin(work, Instant::now());
        for job in jobs.drain(..) {
            results.clear();
            let answer = rafterdb_fault::point("member.read")
                .map_err(|e| StoreError::new(Code::Io, format!("read: {e}")))
                .and_then(|()| job.group.machine().read(&job.body, &mut results));
            let out = deliveries.to(&job.waiter.source);
            match answer {
                Ok(_) => write_response(out, request::READ, 0, Code::Ok, job.waiter.id, &results),
                Err(error) => {
                    encode_error_response(
                        out,
                        request::READ,
                        job.waiter.id,
                        error.code,
                        error.detail,
                        &named(&error.text),
                    );
                }
            }
        }
        drop(under_way);
        member.deliver_all(&mut deliveries);
    }
}

impl Member {
    /// Serves a read now.
    pub fn serve(self: &Arc<Self>, group: &Arc<Group>, read: Read) {
        match read {
            Read::Ranges { waiter, body } => {
                if let Err(waiter) = self.reads.push(group, waiter, body) {
                    let mut out = Deliveries::default();
                    out.fail(&waiter, request::READ, Code::Busy, 0, "too many reads wait; slow down");
                    self.deliver_all(&mut out);
                }
            }
            Read::Watch { waiter, body } => {
                let mut out = Deliveries::default();
                self.watches.begin(self, group, &waiter, &body, &mut out);
                self.deliver_all(&mut out);
            }
            Read::Index { peer, id } => {
                let index = group.commit.load(std::sync::atomic::Ordering::Acquire);
                self.answer_read_index(group.id, peer, id, Code::Ok, index);
            }
        }
    }

    /// Serves the reads of a group whose index has been applied.
    pub fn serve_applied(self: &Arc<Self>, group: &Arc<Group>, applied: u64) {
        let ready = group.reads.lock().take_applied(applied);
        for read in ready {
            self.serve(group, read);
        }
    }
}

//! The read threads: ranges that may be served now are run against the state machine and answered. What is long is done in slices,
//! so that what is short never waits for it. Reads may touch the disk, so they run neither on the app's thread nor on the network's.

use std::sync::Arc;
use std::time::Instant;

use rafterdb_codec::{encode_error_response, request, Code};
use rafterdb_store::{SlicedRead, StoreError};

use crate::askers::asker::{write_response, Asker, Deliveries};
use crate::health::stalls::Work;
use crate::member::life::Member;
use crate::queues::read_lanes::{Begun, Job};
use crate::requests::gate::DELIVERY_BYTES_MAX;
use crate::state::group::Group;
use crate::state::waiting_reads::Read;
use crate::system::held_directory::named;

/// Rows that a read looks at before the next one has its turn: about a millisecond.
const SLICE_ROWS: usize = 4096;

/// The body of a thread that does so. The first takes nothing of which it is known that it is long.
pub fn run(member: &Arc<Member>, work: Work) {
    let mut server = Server {
        member,
        work,
        deliveries: Deliveries::default(),
        spare: SlicedRead::default(),
    };
    let mut jobs = Vec::new();
    let takes_long = work != Work::READS[0];
    let mut slices = 0;
    while member.reads.take(takes_long, slices, &mut jobs) {
        slices += 1;
        for job in jobs.drain(..) {
            server.serve(job);
            if server.deliveries.bytes() > DELIVERY_BYTES_MAX {
                // A single key may have a large value: what was gathered is to be counted soon.
                member.deliver_all(&mut server.deliveries);
            }
        }
        member.deliver_all(&mut server.deliveries);
    }
}

struct Server<'a> {
    member: &'a Arc<Member>,
    work: Work,
    deliveries: Deliveries,
    /// Memory of a read that is done, for the next one.
    spare: SlicedRead,
}

impl Server<'_> {
    /// Serves one slice of a read; what is left of it goes to the end of those that are long.
    fn serve(&mut self, mut job: Job) {
        // Whoever goes away or gives up is not read for. A single key is sooner read than looked at.
        let is_gone = || job.is_cancelled() || self.member.is_gone(&job.waiter.asker);
        if job.waiter.asker.is_cut() || (job.cancel.is_some() && is_gone()) {
            return self.member.reads.forget(&job);
        }
        let mut begun = job.begun.take().unwrap_or_else(|| Begun {
            // The same to the end, also when a snapshot puts another in its place.
            machine: job.group.machine(),
            read: std::mem::take(&mut self.spare),
        });
        let outcome = {
            let _under_way = self.member.stalls.begin(self.work, Instant::now());
            self.member
                .counters
                .read_slices
                .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            rafterdb_fault::point("member.read")
                .map_err(|e| StoreError::new(Code::Io, format!("read: {e}")))
                .and_then(|()| begun.machine.read_some(&job.body, &mut begun.read, SLICE_ROWS))
        };
        let out = match outcome {
            Ok(false) => {
                job.begun = Some(begun);
                return self.member.reads.push_back(job);
            }
            _ => self.deliveries.to(&job.waiter.asker),
        };
        match outcome {
            Ok(_) => write_response(out, request::READ, 0, Code::Ok, job.waiter.id, begun.read.results()),
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
        begun.read.clear();
        self.spare = begun.read;
        self.member.reads.forget(&job);
    }
}

impl Member {
    /// Whether nobody hears an answer any more.
    pub fn is_gone(&self, asker: &Asker) -> bool {
        match asker {
            Asker::Port(port) => port.is_closed(),
            Asker::Connection(client) => client.is_cut() || self.net().is_none_or(|net| !net.has_client(client.id())),
            Asker::Peer(_) => false,
        }
    }

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

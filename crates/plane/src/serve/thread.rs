//! The read threads: ranges that may be served now are run against the state machine and answered. What is long is done in slices,
//! so that what is short never waits for it. Reads may touch the disk, so they run neither on the app's thread nor on the network's.

use std::sync::Arc;
use std::time::Instant;

use rafterdb_codec::{encode_error_response, Code, RequestKind};
use rafterdb_store::{SlicedRead, StoreError};

use crate::askers::answers::Answers;
use crate::askers::deliveries::{write_response, Deliveries, DELIVERY_BYTES_MAX};
use crate::ground::counters::Counters;
use crate::ground::directory_names::named;
use crate::health::stalls::{Stalls, Work};
use crate::queues::read_lanes::{Begun, Job, ReadLanes};

/// Rows that a read looks at before the next one has its turn: about a millisecond.
const SLICE_ROWS: usize = 4096;

/// What the read threads work with.
pub struct ReadThread {
    /// What may be served.
    pub lanes: Arc<ReadLanes>,
    /// The way of answers.
    pub answers: Arc<Answers>,
    /// How long a slice takes.
    pub stalls: Arc<Stalls>,
    /// What is counted.
    pub counters: Arc<Counters>,
}

/// The body of a thread that does so. The first takes nothing of which it is known that it is long.
pub fn run(room: &ReadThread, work: Work) {
    let mut server = Server {
        room,
        slices: 0,
        deliveries: Deliveries::default(),
        spare: SlicedRead::default(),
    };
    let mut jobs = Vec::new();
    let takes_long = work != Work::READS[0];
    let mut turn = 0;
    while room.lanes.take(takes_long, turn, &mut jobs) {
        turn += 1;
        // The clock, and the counter below, once for all that were taken: single keys are read faster than these are.
        let under_way = room.stalls.begin(work, Instant::now());
        for job in jobs.drain(..) {
            server.serve(job);
            if server.deliveries.bytes() > DELIVERY_BYTES_MAX {
                // A single key may have a large value: what was gathered is to be counted soon.
                room.answers.deliver_all(&mut server.deliveries);
            }
        }
        drop(under_way);
        let served = std::mem::take(&mut server.slices);
        room.counters.read_slices.add(served);
        room.answers.deliver_all(&mut server.deliveries);
    }
}

struct Server<'a> {
    room: &'a ReadThread,
    /// Slices served that are not counted yet.
    slices: u64,
    deliveries: Deliveries,
    /// Memory for the results of a read that is done in one slice.
    spare: SlicedRead,
}

impl Server<'_> {
    /// Serves one slice of a read; what is left of it goes to the end of those that are long.
    fn serve(&mut self, mut job: Job) {
        // Whoever goes away or gives up is not read for. A single key is sooner read than looked at.
        let is_gone = || job.is_cancelled() || self.room.answers.is_gone(&job.waiter.asker);
        if job.waiter.asker.is_cut() || (job.cancel.is_some() && is_gone()) {
            return self.room.lanes.forget(&job);
        }
        self.slices += 1;
        let mut begun = job.begun.take();
        let outcome = rafterdb_fault::point("member.read")
            .map_err(|e| StoreError::new(Code::Io, format!("read: {e}")))
            .and_then(|()| match begun.as_deref_mut() {
                Some(Begun { machine, read }) => machine.read_some(&job.body, read, SLICE_ROWS),
                None => {
                    let machine = job.group.machine();
                    let is_whole = machine.read_some(&job.body, &mut self.spare, SLICE_ROWS)?;
                    if !is_whole {
                        // The same machine to the end, also when a snapshot puts another in its place.
                        let read = std::mem::take(&mut self.spare);
                        begun = Some(Box::new(Begun { machine, read }));
                    }
                    Ok(is_whole)
                }
            });
        if matches!(outcome, Ok(false)) {
            job.begun = begun;
            return self.room.lanes.push_back(job);
        }
        let read = begun.as_deref_mut().map_or(&mut self.spare, |begun| &mut begun.read);
        let out = self.deliveries.to(&job.waiter.asker);
        match outcome {
            Ok(_) => write_response(out, RequestKind::Read, 0, Code::Ok, job.waiter.id, read.results()),
            Err(error) => {
                encode_error_response(
                    out,
                    RequestKind::Read,
                    job.waiter.id,
                    error.code,
                    error.detail,
                    &named(&error.text),
                );
            }
        }
        read.clear();
        self.room.lanes.forget(&job);
    }
}

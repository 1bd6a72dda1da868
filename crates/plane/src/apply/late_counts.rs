//! The thread that fills in the counts which applying an entry left out, and answers its writer then. Counting takes as long as it
//! takes, so it holds up neither the apply thread nor reads. Knows no operations.

use std::sync::Arc;

use rafterdb_codec::{Code, RequestKind};

use crate::askers::answers::Answers;
use crate::askers::deliveries::{write_response, Deliveries};
use crate::ground::directory_names::named;
use crate::queues::count_queue::CountQueue;

/// The thread that does so.
pub struct LateCounts {
    /// What is to be counted.
    pub queue: Arc<CountQueue>,
    /// The way of answers.
    pub answers: Arc<Answers>,
}

impl LateCounts {
    /// The thread's body.
    pub fn run(&self) {
        let mut deliveries = Deliveries::default();
        while let Some(mut job) = self.queue.take() {
            job.group.applied_bytes(job.entry_bytes + job.results.len());
            if self.answers.is_gone(&job.waiter.asker) {
                continue;
            }
            match job.machine.fill_in(&job.kept, &job.body, &mut job.results) {
                Ok(()) => {
                    let out = deliveries.to(&job.waiter.asker);
                    write_response(
                        out,
                        RequestKind::Write,
                        job.flags,
                        Code::Ok,
                        job.waiter.id,
                        &job.results,
                    );
                }
                Err(error) => {
                    let text = named(&error.text);
                    deliveries.fail(&job.waiter, RequestKind::Write, error.code, error.detail, &text);
                }
            }
            self.answers.deliver_all(&mut deliveries);
        }
    }
}

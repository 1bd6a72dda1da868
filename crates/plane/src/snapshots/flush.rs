//! A client asks for a group's state to be written out now. Knows nothing of other members.

use std::sync::Arc;

use rafterdb_codec::{Code, RequestKind};

use crate::askers::answers::Answers;
use crate::askers::asker::Waiter;
use crate::askers::deliveries::{write_response, Deliveries};
use crate::ground::directory_names::named;
use crate::queues::apply_queue::ApplyQueue;
use crate::state::group::Group;

/// Has a group's state written out, and answers when it is.
pub fn flush(apply: &ApplyQueue, answers: Arc<Answers>, group: &Group, waiter: Waiter) {
    let task = move |group: &Arc<Group>| {
        let mut out = Deliveries::default();
        match group.machine().rotate() {
            Ok(_) => write_response(
                out.to(&waiter.asker),
                RequestKind::Snapshot,
                0,
                Code::Ok,
                waiter.id,
                &[],
            ),
            Err(error) => out.fail(
                &waiter,
                RequestKind::Snapshot,
                error.code,
                error.detail,
                &named(&error.text),
            ),
        }
        answers.deliver_all(&mut out);
    };
    apply.run(group.id, Box::new(task));
}

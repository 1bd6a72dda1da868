//! A consistent view of a group's state, taken by the apply thread between two entries. Knows nothing of where it goes.

use std::sync::mpsc::channel;
use std::sync::Arc;

use rafterdb_codec::Code;
use rafterdb_store::{Mark, Snapshot, StoreError};

use crate::ground::error::PlaneError;
use crate::queues::apply_queue::ApplyQueue;
use crate::state::group::{Group, StoreMachine};

/// A view of the state of `group`, and where that stands; for a witness without what it does not keep. Not for the apply thread, which it
/// waits for.
///
/// # Errors
/// `CLOSED` if the member closes; what the flush that it begins with fails with.
pub fn take_view(apply: &ApplyQueue, group: u16, is_for_witness: bool) -> Result<(Mark, Snapshot), PlaneError> {
    let (reply, answer) = channel();
    let take = move |group: &Arc<Group>| {
        // The asker may have given up: then nobody wants the view.
        let _ = reply.send(view_of(&group.machine(), is_for_witness));
    };
    apply.run(group, Box::new(take));
    let taken = answer.recv();
    let taken = taken.map_err(|_| PlaneError::new(Code::Closed, "the member closes"))?;
    taken.map_err(PlaneError::from)
}

fn view_of(machine: &StoreMachine, is_for_witness: bool) -> Result<(Mark, Snapshot), StoreError> {
    let (mark, state) = machine.state();
    let snapshot = machine.engine().snapshot(mark, state)?;
    if is_for_witness {
        let (_, bare) = machine.state_of_witness();
        return Ok((mark, snapshot.bare(bare)));
    }
    Ok((mark, snapshot))
}

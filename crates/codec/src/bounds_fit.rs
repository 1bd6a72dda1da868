//! How the bounds of `limits` fit into one another, checked when this compiles: what one side takes, the next can pass on.
//! Nobody uses it.

use crate::batch::BATCH_HEADER_BYTES;
use crate::bounds::{ENTRY_BYTES_MAX, PAIR_BYTES_MAX, RESULT_BYTES_MAX};
use crate::events::MESSAGE_EVENT_DOUBLES;
use crate::limits::{
    APPEND_BYTES_MAX, APPEND_CONFIGURATIONS_MAX, APPEND_RUNS_MAX, BATCH_OPERATIONS_MAX, BATCH_RANGES_MAX,
    COMMANDS_DOUBLES_MAX, EVENTS_DOUBLES_MAX, FRAME_BYTES_MAX, KEY_BYTES_MAX, MEMBERS_MAX, PRINCIPAL_BYTES_MAX,
    PROPOSAL_BYTES_MAX, READ_RANGES_MAX, READ_REPLY_BYTES_MAX, REQUEST_BYTES_MAX, SEND_QUEUE_BYTES_MAX,
    TXN_OPERATIONS_MAX, VALUE_BYTES_LARGEST, VALUE_BYTES_MAX,
};
use crate::messages::MESSAGE_HEADER_BYTES;
use crate::peer::{FORWARD_HEADER_BYTES, RAFT_HEADER_BYTES, RUN_BYTES};

/// Bytes before a response that one member hands to another.
const FORWARDED_HEADER_BYTES: usize = 4;

const fn max(left: usize, right: usize) -> usize {
    if left > right {
        left
    } else {
        right
    }
}

const _: () = assert!(
    RAFT_HEADER_BYTES + APPEND_RUNS_MAX * RUN_BYTES + max(APPEND_BYTES_MAX, ENTRY_BYTES_MAX) <= FRAME_BYTES_MAX,
    "whatever a member accepts into its log fits the message that takes it to the others"
);
const _: () = assert!(
    FORWARD_HEADER_BYTES + PRINCIPAL_BYTES_MAX + REQUEST_BYTES_MAX <= FRAME_BYTES_MAX,
    "whatever a member accepts it can hand to the leader"
);
const _: () = assert!(
    MESSAGE_HEADER_BYTES + BATCH_HEADER_BYTES + 20 + KEY_BYTES_MAX + VALUE_BYTES_LARGEST <= REQUEST_BYTES_MAX,
    "the largest put fits a request"
);
const _: () = assert!(VALUE_BYTES_MAX <= VALUE_BYTES_LARGEST, "the default is allowed");
const _: () = assert!(
    FORWARDED_HEADER_BYTES
        + MESSAGE_HEADER_BYTES
        + READ_REPLY_BYTES_MAX
        + PAIR_BYTES_MAX
        + READ_RANGES_MAX * RESULT_BYTES_MAX
        <= FRAME_BYTES_MAX,
    "the answer to a read fits a frame: it is full at readReplyBytesMax, and then ends with the next pair"
);
const _: () = assert!(
    MESSAGE_HEADER_BYTES + 12 + 2 * (4 + PAIR_BYTES_MAX) <= FRAME_BYTES_MAX,
    "an event with the pair as it was before fits a frame"
);
const _: () = assert!(
    3 * TXN_OPERATIONS_MAX < BATCH_OPERATIONS_MAX && TXN_OPERATIONS_MAX <= BATCH_RANGES_MAX,
    "a transaction whose parts are as large as they may be fits a batch, even if all of its compares or of its operations are on ranges"
);
const _: () = assert!(
    MESSAGE_EVENT_DOUBLES + 2 * APPEND_RUNS_MAX + APPEND_CONFIGURATIONS_MAX * (5 + 2 * MEMBERS_MAX) + 2
        <= EVENTS_DOUBLES_MAX
        && MESSAGE_EVENT_DOUBLES + 2 * APPEND_RUNS_MAX <= COMMANDS_DOUBLES_MAX,
    "every message fits the events array, and every append the commands array"
);
const _: () = assert!(
    ENTRY_BYTES_MAX <= PROPOSAL_BYTES_MAX && FRAME_BYTES_MAX + 8 <= SEND_QUEUE_BYTES_MAX,
    "an empty queue takes anything that is allowed"
);

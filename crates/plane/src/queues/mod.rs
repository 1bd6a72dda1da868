//! What waits for a thread, and whose turn it is. Queues do not run work, and know nothing of how it is done.

pub mod apply_queue;
pub mod count_queue;
pub mod log_queue;
pub mod member_questions;
pub mod read_lanes;

//! What waits for a thread, and whose turn it is. Queues do not run work, and know nothing of how it is done.

pub mod read_lanes;

//! What every room stands on: errors, the clock, numbers, flags, bytes that are gathered, lines for people.
//! Knows nothing of groups, members or threads.

pub mod append_buffer;
pub mod clock;
pub mod error;
pub mod log_line;
pub mod rate_limit;
pub mod unique_ids;
pub mod wake_flag;

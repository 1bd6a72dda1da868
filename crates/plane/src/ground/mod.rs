//! What every room stands on: errors, the clock, numbers, flags, bytes that are gathered, lines for people, bounds.
//! Knows nothing of groups, members or threads.

pub mod append_buffer;
pub mod clock;
pub mod counters;
pub mod directory_names;
pub mod error;
pub mod failure;
pub mod inline_work;
pub mod log_line;
pub mod member_log;
pub mod rate_limit;
pub mod unique_ids;
pub mod wake_flag;

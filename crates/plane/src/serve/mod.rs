//! Reads that may be served now are run against the state machines, on threads of their own or on the caller's.
//! Knows nothing of why they may.

pub mod serving;
pub mod sync_read;
pub mod thread;

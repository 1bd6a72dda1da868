//! Reads that may be served now are run against the state machines, on threads of their own or on the caller's; who the members are is
//! told. Knows nothing of why a read may be served.

pub mod members;
pub mod serving;
pub mod sync_read;
pub mod thread;

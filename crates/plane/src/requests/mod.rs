//! The one gate: every request is checked here, then queued, forwarded to the leader, or answered.
//! Knows nothing of how it came in.

pub mod changes;
pub mod forwards;
pub mod gate;
pub mod leaders;
pub mod reads;
pub mod staleness;

#[cfg(test)]
mod tests;

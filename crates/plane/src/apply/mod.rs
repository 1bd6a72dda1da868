//! Committed entries go to the state machines, and their results to who waits for them.
//! Knows nothing of how entries come to be committed.

pub mod applier;
pub mod late_counts;

#[cfg(test)]
mod tests;

//! Watches, between the state machines, which know them by number, and their askers.
//! Knows nothing of how a watch comes to be its turn.

pub mod delivery;
pub mod registry;
pub mod thread;

#[cfg(test)]
mod tests;

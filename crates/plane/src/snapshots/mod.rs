//! Snapshots between members: what is under way, sending, receiving, and how a received one takes a store's place.
//! Knows nothing of when one is needed: the core decides that.

pub mod flush;
pub mod install;
pub mod outgoing;
pub mod own_store;
pub mod rate;
pub mod receive;
pub mod record;
pub mod records;
pub mod send;
pub mod turns;
pub mod under_way;
pub mod view;

#[cfg(test)]
mod tests;

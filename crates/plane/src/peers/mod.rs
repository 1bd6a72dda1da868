//! What members and clients say to each other over the network.
//! Knows nothing of sockets, and decides nothing.

pub mod frame;
pub mod handler;

#[cfg(test)]
mod tests;

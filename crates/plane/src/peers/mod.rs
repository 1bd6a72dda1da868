//! What members and clients say to each other over the network, in and out.
//! Knows nothing of sockets, and decides nothing.

pub mod handler;

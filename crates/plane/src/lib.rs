//! The data plane of one member: it owns the threads, the queues, the log and the stores, and does what the Raft core decides.
//! Knows no Node; crates/binding is the thin skin that does. Each folder is a room; from the ground up they are in this order,
//! and a room uses those before it only:
//!
//! ```text
//! ground  system  network  askers  state  queues  health     no decision, nothing that asks for one
//! log  watches  serve  apply  snapshots  status             one kind of work each
//! requests  peers  exchange                                 what comes in: of askers, of members, of the core
//! member                                                    opens, recovers, closes
//! ```

mod apply;
mod askers;
mod config;
mod exchange;
mod ground;
mod health;
mod log;
mod member;
mod network;
mod peers;
mod queues;
mod requests;
mod serve;
mod snapshots;
mod state;
mod status;
mod system;
#[cfg(test)]
mod testing;
mod watches;

pub use askers::app_port::Port;
pub use config::{Config, Peer};
pub use ground::error::PlaneError;
pub use member::life::Member;
pub use network::Wire;
pub use status::report::json;

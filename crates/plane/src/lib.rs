//! The data plane of one member: it owns the threads, the queues, the log and the stores, and does what the Raft core decides.
//! Knows no Node; crates/binding is the thin skin that does. Each folder is a room, and uses only those that stand before it in the
//! table of ARCHITECTURE.md, "Rooms of the plane".

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
pub use askers::internal::Answered;
pub use config::{id_of, Config, Peer};
pub use ground::error::PlaneError;
pub use member::begin_anew::{begin_anew, BegunAnew};
pub use member::life::Member;
pub use member::restore::MemberRestore;
pub use network::Wire;
pub use status::report::json;

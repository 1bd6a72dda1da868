//! The data plane of one member: it owns the threads, the queues, the log and the stores, and does what the Raft core decides.
//! Knows no Node; crates/binding is the thin skin that does.

mod affinity;
mod apply_thread;
mod arena;
mod boot;
mod clock;
mod close;
mod config;
mod data_dir;
mod disk_space;
mod error;
mod events;
mod exchange;
mod forwards;
mod group;
mod identity;
mod ids;
mod inbox;
mod lease;
mod log_thread;
mod member;
mod noted;
mod open;
mod peers;
mod place;
mod port;
mod proposals;
mod reads;
mod requests;
mod seldom;
mod serve;
mod snapshot_install;
mod snapshot_receive;
mod snapshot_send;
mod snapshots;
mod source;
mod stalls;
mod status;
mod sync_read;
mod tail;
mod watches;

pub use config::{Config, Peer};
pub use error::PlaneError;
pub use member::Member;
pub use port::Port;
pub use status::json;

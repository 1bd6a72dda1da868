//! Connections between members and from clients, over TCP and Unix sockets: hellos, frames, back-pressure, as in crates/codec/FORMATS.md "Frames".
//! Owns the thread `rafterdb-net` and every socket. Knows nothing of Raft, of requests or of results: it moves frames.

#![forbid(unsafe_code)]

mod accept;
mod budget;
mod config;
mod connection;
mod counters;
mod dial;
mod dialer;
mod error;
mod frame;
mod guard;
mod handler;
mod lane;
mod net;
mod peer;
mod queue;
mod reader;
mod remote;
mod roster;
mod shared;
mod socket;
mod throttled_log;
mod token;

pub use budget::{Client, Held};
pub use config::{Level, Log, NetConfig, NetLimits, PeerConfig};
pub use counters::CounterValues;
pub use error::NetError;
pub use frame::Parts;
pub use handler::Handler;
pub use lane::Lane;
pub use net::{Net, NetStats};
pub use peer::{PeerState, PeerStats};
pub use remote::{RemoteClient, RemoteConfig, RemoteHandler, RemoteMember};
pub use socket::Endpoint;
pub use token::Token;

//! One log on disk for all Raft groups of a member: entries and hard states, durable before anyone is told.
//! Knows groups, indexes and terms; not what an entry means, nor who waits for it. Its bytes are the codec's
//! (`rafterdb_codec::log`).
//!
//! The [`Writer`] belongs to the WAL thread; the [`Reader`] may be used by any thread beside it. [`open`] recovers.
//!
//! ```text
//! 0000000000000001.wal … 000000000000002a.wal    segments, of fixed size, oldest first
//! spare-000000000000000c                          segments to write over: filled with zeros, or recycled (spare.rs)
//! ```

#![forbid(unsafe_code)]

mod checkpoint;
mod error;
mod index;
mod io;
mod metrics;
mod options;
mod reader;
mod recovery;
mod scan;
mod segment;
mod spare;
mod writer;

pub use error::WalError;
pub use metrics::Metrics;
pub use options::{Backend, Durability, Options, SEGMENT_BYTES_DEFAULT};
pub use rafterdb_codec::log::HardState;
pub use reader::{ReadBlock, Reader};
pub use recovery::{open, Recovered, RecoveredGroup};
pub use writer::Writer;

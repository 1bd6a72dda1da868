//! The state machine of one Raft group: multi-version keys with etcd's semantics, over rows by key and history by revision.

pub mod engine;
mod error;
pub mod machine;

pub use engine::{install_snapshot, EngineOptions, EngineStats, LsmEngine, PreparedStore, SharedCache, Snapshot};
pub use engine::{Change, ChangePlace, Engine, KeyRange, Mark, RowRef, Skips, Visit};
pub use error::StoreError;
pub use machine::{Applied, Bounds, Deliver, KeptForCounts, Machine, MachineStatus, SlicedRead, WatchId};

//! The state machine of one Raft group: multi-version keys with etcd's semantics, over rows by key and history by revision.

pub mod engine;
mod error;
pub mod machine;
mod restore;
mod thread_time;
mod unwatched;
mod waits;

pub use engine::{
    install_snapshot, BaseStore, EngineOptions, EngineStats, LsmEngine, PreparedStore, SharedCache, Snapshot,
};
pub use engine::{
    skips_after, Change, ChangePlace, Engine, KeyRange, MakeState, Mark, RowRef, Skips, Value, Visit, APART_BYTES_MIN,
};
pub use error::StoreError;
pub use machine::{
    Anew, Applied, Bounds, Deliver, KeptForCounts, LongestApply, Machine, MachineStatus, SessionStart, SlicedRead,
    WatchId, MACHINE_VERSION,
};
pub use restore::Restore;
pub use unwatched::open_unwatched;
pub use waits::Wait;

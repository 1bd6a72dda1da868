//! The bytes of the log: a segment's header, its batches, their records. Owns what is sound; knows no files, and nothing of where the
//! log ends or what recovery makes of it. That is the log's (`crates/wal`).
//!
//! ```text
//! segment  [header, padded to 4,096][batch][batch] … [anything]      the first batch is a checkpoint of every group
//! ```
//! The nonce is drawn anew whenever a file becomes a segment: what an earlier life of the file left behind never
//! passes for this one's, nor do bytes that a client chose.

mod batch;
mod segment;

pub use batch::{
    padded_batch, put_record_header, seal_batch, visit_records, BatchHeader, Record, BATCH_HEADER_BYTES,
    RECORD_FIXED_BYTES_MAX, RECORD_HEADER_BYTES,
};
pub use segment::{SegmentHeader, SegmentHeaderFault};

/// Batches start at multiples of this and fill them, so that no write touches bytes of an earlier one.
pub const BLOCK: usize = 4096;

/// What a Raft member must not forget, of one group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HardState {
    /// The current term.
    pub term: u64,
    /// Whom it voted for in that term; 0 for nobody.
    pub vote: u64,
    /// The commit index it last wrote down.
    pub commit: u64,
}

/// A group as the beginning of a segment states it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// Its hard state.
    pub hard: HardState,
    /// Index and term after which its log begins.
    pub start: (u64, u64),
    /// Index of its last entry.
    pub last: u64,
}

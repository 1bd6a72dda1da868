//! What the owner of a log chooses, and the bounds of the log.

use std::path::PathBuf;
use std::time::Duration;

use rafterdb_codec::log::BLOCK;
use rafterdb_codec::Code;

use crate::error::WalError;

/// Size of a segment if the owner says nothing, bytes.
pub const SEGMENT_BYTES_DEFAULT: u64 = 64 << 20;

/// Smallest size of a segment, bytes.
pub(crate) const SEGMENT_BYTES_MIN: u64 = 16 << 10;

/// Size of a log's first segment, bytes; each later one is twice as large, up to what the owner says. What is ahead of the log's end
/// takes up disk space, so a store that holds little should not be given much.
pub(crate) const SEGMENT_BYTES_FIRST: u64 = 2 << 20;

/// A batch is written when it reaches this many bytes, unless it is one record.
pub(crate) const BATCH_BYTES_MAX: usize = 1 << 20;

/// Segments kept to be written over.
pub(crate) const SPARES_MAX: usize = 4;

/// Entries of a group are found from a mark at most this many of their bytes before.
pub(crate) const MARK_GROUP_BYTES: u64 = 64 << 10;

/// … and at most this many bytes of the log before, so that a quiet group is found quickly among busy ones.
pub(crate) const MARK_LOG_BYTES: u64 = 2 << 20;

/// When what was committed is on the disk. Another term or vote is there before `commit` returns in every mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Before `commit` returns.
    Always,
    /// At most this long after `commit` returned, if the owner calls `sync` when it is due.
    Interval(Duration),
    /// When the operating system likes, and when a segment is full.
    Os,
}

/// How bytes reach the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// `Direct` for `Durability::Always` where a probe succeeds, `Buffered` otherwise.
    Auto,
    /// Past the page cache, each write durable by itself (`O_DIRECT` and `O_DSYNC`). Linux only.
    Direct,
    /// Through the page cache, and a sync.
    Buffered,
}

/// How to open a log.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder of the log and of nothing else; created if it is not there. The owner keeps other processes out.
    pub dir: PathBuf,
    /// Size of segments once the log has grown: a multiple of 4,096, at least 16 KiB. May differ from the last time.
    pub segment_bytes: u64,
    /// When a commit is durable.
    pub durability: Durability,
    /// How bytes reach the disk.
    pub backend: Backend,
}

impl Options {
    /// A log in `dir` with the defaults: 64 MiB, always durable, backend by probe.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            segment_bytes: SEGMENT_BYTES_DEFAULT,
            durability: Durability::Always,
            backend: Backend::Auto,
        }
    }

    /// Size of the segment after one of `bytes`; 0: of the first.
    pub(crate) fn segment_bytes_after(&self, bytes: u64) -> u64 {
        // A segment that a large batch was made room in may be of any size.
        let grown = (bytes * 2).next_multiple_of(BLOCK as u64).max(SEGMENT_BYTES_FIRST);
        self.segment_bytes.min(grown)
    }

    pub(crate) fn check(&self) -> Result<(), WalError> {
        if self.segment_bytes < SEGMENT_BYTES_MIN || !self.segment_bytes.is_multiple_of(BLOCK as u64) {
            let bytes = self.segment_bytes;
            let text =
                format!("log: a segment of {bytes} bytes: give a multiple of {BLOCK}, at least {SEGMENT_BYTES_MIN}");
            return Err(WalError::new(Code::InvalidArgument, text));
        }
        Ok(())
    }
}

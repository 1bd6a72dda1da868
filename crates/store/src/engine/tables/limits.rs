//! What compactions and reads of tables are told while they run: what may go, and that the engine ends. Knows no tables.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rafterdb_codec::Code;

use super::super::range_tombstones::LiveRanges;
use crate::StoreError;

/// How long a read waits for a file descriptor, and how often it looks.
const FILES_WAIT_MAX: Duration = Duration::from_secs(60);
const FILES_LOOK_EVERY: Duration = Duration::from_millis(20);

/// What a compaction may do, told to the library's filter.
#[derive(Debug, Default)]
pub(in crate::engine) struct Limits {
    /// Tombstones at or below this revision are not needed by any reader, nor is what they deleted.
    pub(in crate::engine) tombstones_below: AtomicU64,
    /// The deleted ranges.
    pub(in crate::engine) ranges: LiveRanges,
    /// The engine is going down: give up what is under way.
    pub(in crate::engine) stopping: AtomicBool,
    /// A flush waits for compactions, and the writer may soon wait for it.
    pub(in crate::engine) waited_for: AtomicBool,
    /// All tables are rewritten: that gives way to who waits.
    pub(super) rewriting: AtomicBool,
    /// Reads that wait for a file descriptor.
    pub(in crate::engine) waiting: AtomicUsize,
}

impl Limits {
    /// Whether the compaction that is under way is to be given up.
    pub(super) fn gives_up(&self) -> bool {
        let is_waited_for = || self.rewriting.load(Ordering::Relaxed) && self.waited_for.load(Ordering::Relaxed);
        self.stopping.load(Ordering::Relaxed) || is_waited_for()
    }

    /// Reads, and again while the process has no file descriptor left: nothing is lost by waiting, and whoever applies entries has
    /// nothing else to do. `OUT_OF_FILES` after a minute.
    pub(super) fn patiently<T>(&self, mut read: impl FnMut() -> Result<T, StoreError>) -> Result<T, StoreError> {
        let is_short =
            |result: &Result<T, StoreError>| result.as_ref().is_err_and(|error| error.code == Code::OutOfFiles);
        let mut result = read();
        if !is_short(&result) {
            return result;
        }
        let until = Instant::now() + FILES_WAIT_MAX;
        // Seen by who looks whether the engine is short: little more should be written meanwhile.
        self.waiting.fetch_add(1, Ordering::Relaxed);
        while is_short(&result) && !self.stopping.load(Ordering::Relaxed) && Instant::now() < until {
            std::thread::sleep(FILES_LOOK_EVERY);
            result = read();
        }
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        result
    }
}

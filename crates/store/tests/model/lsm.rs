//! The real engine in a directory of its own, small enough that flushes, segments and compactions happen all the time.

use rafterdb_store::{EngineOptions, LsmEngine, Mark};
use tempfile::TempDir;

use super::harness::TestEngine;

/// Bytes that a write of these tests takes in a memtable, roughly.
const WRITE_BYTES: u64 = 100;

impl TestEngine for LsmEngine {
    type Disk = TempDir;

    fn new_disk() -> Self::Disk {
        tempfile::tempdir().unwrap()
    }

    fn open(disk: &Self::Disk, rotate_after: u64) -> (Self, Option<(Mark, Vec<u8>)>) {
        let options = EngineOptions {
            memory_bytes: 16 << 20,
            memtable_bytes: Some(rotate_after * WRITE_BYTES),
            history_segment_bytes: Some(4 << 10),
            ..EngineOptions::default()
        };
        Self::open(disk.path(), options).unwrap()
    }
}

//! Goal: a commit that finds no room on the disk says so and loses nothing: called again, it fails again while there is none, and
//! then does all that it should have; what was gathered meanwhile is among it. A failed sync is final even if it says that the disk
//! is full. One test, as fault points are those of the whole process.
#![allow(clippy::unwrap_used, reason = "a failing step of a test is its report")]

mod model;

use std::path::Path;

use model::{entry, options, Random};
use rafterdb_codec::Code;
use rafterdb_fault as fault;
use rafterdb_wal::{open, Backend, Durability, Writer};

const SEGMENT_BYTES: u64 = 32 << 10;
const COMMITS: u64 = 60;

fn start(dir: &Path, backend: Backend) -> (Writer, u64, u64) {
    let (writer, _, recovered) = open(options(dir, SEGMENT_BYTES, Durability::Always, backend)).unwrap();
    let log = recovered.groups.get(&1);
    (
        writer,
        log.map_or(0, |log| log.last_index),
        log.map_or(0, |log| log.term),
    )
}

#[test]
fn at_every_place_that_may_wait() {
    for point in [
        "wal.write",
        "wal.write.half",
        "wal.written",
        "wal.segment.create",
        "wal.segment.fill",
    ] {
        for backend in [Backend::Auto, Backend::Buffered] {
            let dir = tempfile::tempdir().unwrap();
            let (mut writer, _, _) = start(dir.path(), backend);
            let mut random = Random(1);
            fault::arm(&format!("{point}=full@3+")).unwrap();
            let mut waited = 0;
            for index in 1..=COMMITS {
                writer.entries(1, index, 1, 1, &[entry(3000, &mut random)]);
                if writer.commit().is_ok() {
                    assert!(!writer.is_short());
                    continue;
                }
                waited += 1;
                assert!(writer.is_short(), "{point}");
                // A vote comes meanwhile.
                writer.hard_state(1, index + 1, 7, 0);
                let error = writer.commit().unwrap_err();
                assert_eq!(error.code, Code::DiskFull, "{point}");
                fault::disarm();
                writer.commit().unwrap();
                assert!(!writer.is_short());
                fault::arm(&format!("{point}=full@3+")).unwrap();
            }
            fault::disarm();
            assert!(waited > 1, "{point}: {waited}");
            drop(writer);
            let left = std::fs::read_dir(dir.path().join("log")).or_else(|_| std::fs::read_dir(dir.path()));
            let half_made = left
                .unwrap()
                .flatten()
                .filter(|file| file.file_name().to_string_lossy().starts_with("filling"));
            assert_eq!(half_made.count(), 0, "{point}");
            let (_, last, term) = start(dir.path(), backend);
            assert_eq!(last, COMMITS, "{point}");
            assert!(term > 1, "{point}: the vote that came meanwhile is there");
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, _, _) = start(dir.path(), Backend::Buffered);
    writer.entries(1, 1, 1, 1, &[entry(3000, &mut Random(1))]);
    fault::arm("wal.sync=full@1").unwrap();
    writer.commit().unwrap_err();
    fault::disarm();
    assert!(!writer.is_short());
    assert_eq!(
        writer.commit().unwrap_err().code,
        Code::Poisoned,
        "a failed sync is final"
    );
}

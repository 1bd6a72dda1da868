//! Goal: a log takes disk space for what is in it. Its segments begin small and grow with it, and what could not be made whole on a
//! full disk does not stay. The fault points are those of the whole process, so one test arms them.
#![allow(clippy::unwrap_used, reason = "a failing step of a test is its report")]

mod model;

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use model::{compare, compare_recovered, entry, gather, segments, Model, Op, Random};
use rafterdb_codec::Code;
use rafterdb_fault as fault;
use rafterdb_wal::{open, Options};

static FAULTS: Mutex<()> = Mutex::new(());

/// What a store without data may take.
const NEW_BYTES_MAX: u64 = 4 << 20;

fn sizes(dir: &Path) -> Vec<(String, u64)> {
    let entries = std::fs::read_dir(dir).unwrap().map(Result::unwrap);
    let mut sizes: Vec<_> = entries
        // A spare segment may get its name between being listed and looked at.
        .filter_map(|entry| Some((entry.file_name().into_string().unwrap(), entry.metadata().ok()?.len())))
        .collect();
    sizes.sort();
    sizes
}

fn bytes(dir: &Path) -> u64 {
    sizes(dir).iter().map(|(_, bytes)| bytes).sum()
}

#[test]
fn segments_grow_with_the_log() {
    let _guard = FAULTS.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, reader, _) = open(Options::new(dir.path())).unwrap();
    assert!(bytes(dir.path()) <= NEW_BYTES_MAX, "{:?}", sizes(dir.path()));
    let (mut random, mut model) = (Random(1), Model::default());
    for first in 1..=40 {
        let op = Op::Entries {
            group: 1,
            first,
            term: 1,
            entries: vec![entry(400_000, &mut random)],
        };
        model.apply(&op);
        gather(&mut writer, &[op]);
        writer.commit().unwrap();
        // Never much more than twice what was written, and the next segment, twice as large as the last.
        assert!(bytes(dir.path()) <= NEW_BYTES_MAX + 8 * first * 400_000);
    }
    compare(&reader, &model).unwrap();
    writer.close().unwrap();
    let grown: Vec<u64> = segments(dir.path())
        .iter()
        .map(|path| path.metadata().unwrap().len())
        .collect();
    assert!(
        grown.len() > 2 && grown.windows(2).all(|pair| pair[1] == 2 * pair[0]),
        "{grown:?}"
    );
    drop((writer, reader));
    let (_, reader, recovered) = open(Options::new(dir.path())).unwrap();
    compare_recovered(&recovered, &reader, &model).unwrap();
}

#[test]
fn a_segment_that_could_not_be_made_whole_goes() {
    let _guard = FAULTS.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, _, _) = open(Options::new(dir.path())).unwrap();
    fault::disarm();
    fault::arm("wal.segment.fill=full@1+").unwrap();
    let mut random = Random(1);
    let mut failed = None;
    for index in 1..=40 {
        writer.entries(1, index, 1, 1, &[entry(400_000, &mut random)]);
        failed = failed.or(writer.commit().err());
    }
    fault::disarm();
    assert_eq!(failed.map(|error| error.code), Some(Code::DiskFull));
    let left: Vec<_> = sizes(dir.path())
        .into_iter()
        .filter(|(name, _)| !name.ends_with(".wal"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

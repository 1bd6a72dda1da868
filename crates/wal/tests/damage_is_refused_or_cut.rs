//! Goal: damage never passes for data. Whatever byte is flipped, file shortened or removed, a log opens with exactly
//! what was committed, refuses with the code and the file, or — in the one case that no log can tell from a write that
//! was under way — opens without its very last batch and says so.
#![allow(clippy::unwrap_used, reason = "a failing step of a test is its report")]

mod model;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use model::{compare_recovered, entry, fast_dir, gather, image, options, restore, segments, Model, Op, Random};
use rafterdb_codec::Code;
use rafterdb_hash::{crc32c, crc32c_append};
use rafterdb_wal::{open, Backend, Durability, Options, WalError};

/// Room for the header, the checkpoint, three batches of one block and the seal.
const SEGMENT: u64 = 24 << 10;
const BLOCK: usize = 4096;

type Image = BTreeMap<PathBuf, Vec<u8>>;

/// A log of three segments of one-block commits, its image, and the models after its last and its last but one commit.
struct Log {
    dir: tempfile::TempDir,
    image: Image,
    model: Model,
    before: Model,
    /// Where the last batch is.
    last: (PathBuf, usize),
}

fn log_options(dir: &Path) -> Options {
    options(dir, SEGMENT, Durability::Always, Backend::Buffered)
}

fn small_log(commits: u64) -> Log {
    let dir = fast_dir();
    let mut random = Random(commits);
    let (mut model, mut before) = (Model::default(), Model::default());
    let (mut writer, reader, _) = open(log_options(dir.path())).unwrap();
    for at in 0..commits {
        before = model.clone();
        let entries = vec![entry(300, &mut random), entry(20, &mut random)];
        let ops = [
            Op::Entries {
                group: 1 + at as u16 % 2,
                first: at / 2 * 2 + 1,
                term: 1 + at / 3,
                entries,
            },
            Op::HardState {
                group: 3,
                hard: rafterdb_wal::HardState {
                    term: at,
                    vote: 1,
                    commit: at,
                },
            },
        ];
        ops.iter().for_each(|op| model.apply(op));
        gather(&mut writer, &ops);
        writer.commit().unwrap();
    }
    drop((writer, reader));
    let file = segments(dir.path()).pop().unwrap();
    let bytes = std::fs::read(&file).unwrap();
    let offset = (0..bytes.len()).rev().find(|at| bytes[*at] != 0).unwrap() / BLOCK * BLOCK;
    let image = image(dir.path());
    Log {
        dir,
        image,
        model,
        before,
        last: (file.file_name().unwrap().into(), offset),
    }
}

#[derive(Debug, PartialEq)]
enum Outcome {
    Whole,
    WithoutTheLast,
    Refused(Code),
}

/// Opens a damaged image and says what came of it; panics if it is none of the outcomes that are allowed at all.
fn outcome(log: &Log, damaged: &Image) -> (Outcome, Option<WalError>) {
    let dir = log.dir.path();
    restore(dir, damaged);
    match open(log_options(dir)) {
        Err(error) => {
            assert!(error.file.is_some(), "{error:?}");
            assert_eq!(image(dir), *damaged, "a refused log is left as it was");
            (Outcome::Refused(error.code), Some(error))
        }
        Ok((mut writer, reader, recovered)) => {
            let is_whole = compare_recovered(&recovered, &reader, &log.model);
            let outcome = if is_whole.is_ok() {
                Outcome::Whole
            } else {
                compare_recovered(&recovered, &reader, &log.before).unwrap();
                assert_eq!(recovered.notes.len(), 1, "a cut is noted");
                Outcome::WithoutTheLast
            };
            // It goes on, and opens again.
            writer.hard_state(9, 1, 2, 3);
            writer.commit().unwrap();
            drop((writer, reader));
            let (_, _, again) = open(log_options(dir)).unwrap();
            assert_eq!(again.groups[&9].vote, 2);
            assert_eq!(again.notes, Vec::<String>::new());
            assert!(recovered.groups.iter().all(|(group, log)| again.groups[group] == *log));
            (outcome, None)
        }
    }
}

/// The batch that was written last was acknowledged here. But a disk that was writing it when the power failed could
/// hold the very same bytes, and then nobody was told: so it is cut, not refused. Everything before it is proved
/// durable by the batch after it, or by the next segment.
#[test]
fn a_flipped_byte_is_never_data() {
    let log = small_log(7);
    assert!(log.image.len() >= 3, "several segments");
    let mut seen = BTreeMap::new();
    for (name, bytes) in log.image.iter().filter(|(name, _)| name.extension().is_some()) {
        for at in 0..bytes.len() {
            // Of long stretches of zeros, which are padding or unused, a byte here and there is enough.
            if bytes[at.saturating_sub(64)..bytes.len().min(at + 64)]
                .iter()
                .all(|byte| *byte == 0)
                && at % 509 != 0
            {
                continue;
            }
            let mut damaged = log.image.clone();
            damaged.get_mut(name).unwrap()[at] ^= 1 << (at % 8);
            let (outcome, error) = outcome(&log, &damaged);
            let is_last_batch = *name == log.last.0 && at / BLOCK * BLOCK == log.last.1;
            match &outcome {
                Outcome::Whole => {}
                Outcome::WithoutTheLast => assert!(is_last_batch, "{name:?} byte {at} was cut"),
                Outcome::Refused(code) => {
                    assert_eq!(*code, Code::LogCorrupt, "{name:?} byte {at}");
                    let error = error.unwrap();
                    assert!(
                        error.offset.unwrap() <= at as u64 && error.text.contains("restore this one"),
                        "{error:?}"
                    );
                    assert!(!is_last_batch, "{name:?} byte {at} was refused");
                }
            }
            *seen.entry(format!("{outcome:?}")).or_insert(0) += 1;
        }
    }
    println!("{seen:?}");
    assert_eq!(seen.len(), 3, "{seen:?}");
}

#[test]
fn a_torn_last_write_is_cut_wherever_it_tears() {
    let log = small_log(8);
    let (name, offset) = &log.last;
    for tear in (0..400).step_by(3) {
        for garbage in [0, 0x5a] {
            let mut damaged = log.image.clone();
            damaged.get_mut(name).unwrap()[offset + tear..].fill(garbage);
            // Of less than its sequence or its nonce nobody can tell that it was a write of this life.
            let (outcome, _) = outcome_or_clean(&log, &damaged, tear < 16);
            assert_eq!(outcome, Outcome::WithoutTheLast, "torn after {tear} bytes");
        }
    }
}

/// Like `outcome`, but a write of which next to nothing reached the disk leaves nothing to note.
fn outcome_or_clean(log: &Log, damaged: &Image, is_clean: bool) -> (Outcome, Option<WalError>) {
    if !is_clean {
        return outcome(log, damaged);
    }
    restore(log.dir.path(), damaged);
    let (_, reader, recovered) = open(log_options(log.dir.path())).unwrap();
    compare_recovered(&recovered, &reader, &log.before).unwrap();
    assert_eq!(recovered.notes, Vec::<String>::new());
    (Outcome::WithoutTheLast, None)
}

#[test]
fn a_batch_lost_before_a_later_one_is_refused() {
    let log = small_log(8);
    let (name, offset) = &log.last;
    for fill in [0, 0x77] {
        let mut damaged = log.image.clone();
        assert!(
            *offset > 2 * BLOCK,
            "the last segment holds two batches after its checkpoint"
        );
        damaged.get_mut(name).unwrap()[offset - BLOCK..*offset].fill(fill);
        let (outcome, error) = outcome(&log, &damaged);
        assert_eq!(outcome, Outcome::Refused(Code::LogCorrupt));
        assert_eq!(error.unwrap().offset, Some((offset - BLOCK) as u64));
    }
}

#[test]
fn a_missing_segment_is_refused_wherever_it_was() {
    let log = small_log(11);
    let names: Vec<_> = log
        .image
        .keys()
        .filter(|name| name.extension().is_some())
        .cloned()
        .collect();
    assert!(names.len() >= 4);
    for name in &names {
        let mut damaged = log.image.clone();
        damaged.remove(name);
        assert_eq!(
            outcome(&log, &damaged).0,
            Outcome::Refused(Code::LogSegmentMissing),
            "{name:?}"
        );
    }
    let mut damaged = log.image.clone();
    let bytes = damaged.remove(&names[0]).unwrap();
    damaged.insert(names[1].clone(), bytes);
    assert_eq!(
        outcome(&log, &damaged).0,
        Outcome::Refused(Code::LogCorrupt),
        "one file under another's name"
    );
}

#[test]
fn short_files_and_unfinished_ones_are_handled() {
    let log = small_log(8);
    let (name, offset) = &log.last;
    // Preallocated space behind the end may be missing, the end itself may be short.
    for (length, expected) in [
        (offset + BLOCK, Outcome::Whole),
        (offset + 1000, Outcome::Whole),
        (offset + 100, Outcome::WithoutTheLast),
    ] {
        let mut damaged = log.image.clone();
        damaged.get_mut(name).unwrap().truncate(length);
        restore(log.dir.path(), &damaged);
        let (_, reader, recovered) = open(log_options(log.dir.path())).unwrap();
        let model = if expected == Outcome::Whole {
            &log.model
        } else {
            &log.before
        };
        compare_recovered(&recovered, &reader, model).unwrap();
        assert!(!recovered.notes.is_empty());
    }
    for length in [0, 50, BLOCK, BLOCK + 30] {
        let mut damaged = log.image.clone();
        damaged.get_mut(name).unwrap().truncate(length);
        assert_eq!(
            outcome(&log, &damaged).0,
            Outcome::Refused(Code::LogCorrupt),
            "{length} bytes"
        );
    }
    // What a crash leaves of a segment that was being made or recycled.
    let mut leftovers = log.image.clone();
    leftovers.insert("filling-0000000000000007".into(), vec![0; 5000]);
    leftovers.insert("spare-0000000000000008".into(), vec![0; 5000]);
    leftovers.insert("spare-0000000000000009".into(), log.image[name].clone());
    leftovers.insert("probe".into(), vec![1; 100]);
    assert_eq!(outcome(&log, &leftovers).0, Outcome::Whole);
}

#[test]
fn a_newer_format_is_refused_as_such() {
    let log = small_log(2);
    let mut newer = log.image.clone();
    let bytes = newer.values_mut().next().unwrap();
    bytes[8] = 2;
    let crc = crc32c_append(crc32c(&bytes[..12]), &bytes[16..64]);
    bytes[12..16].copy_from_slice(&crc.to_le_bytes());
    assert_eq!(outcome(&log, &newer).0, Outcome::Refused(Code::FormatNewer));
}

#[test]
fn an_old_life_of_a_file_never_passes_for_the_new_one() {
    let dir = fast_dir();
    let mut random = Random(1);
    let (mut writer, reader, _) = open(log_options(dir.path())).unwrap();
    // Every commit has the same size, so batches of an old life stand exactly where the next ones of the new will.
    for index in 1..=60u64 {
        writer.entries(1, index, 1, 1, &[entry(500, &mut random)]);
        writer.cut(1, index - 1);
        writer.commit().unwrap();
        if index % 5 == 0 {
            let (start, last) = (reader.bounds(1).0, index);
            let image = image(dir.path());
            let copy = fast_dir();
            restore(copy.path(), &image);
            let (_, _, recovered) = open(log_options(copy.path())).unwrap();
            assert_eq!(
                (recovered.groups[&1].start.0, recovered.groups[&1].last_index),
                (start, last)
            );
            assert_eq!(
                recovered.notes,
                Vec::<String>::new(),
                "an old life's remains are nothing to cut"
            );
        }
    }
    assert!(writer.metrics().segments_recycled.get() > 10);
}

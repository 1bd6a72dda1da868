//! Goal: whatever is committed is there, beside the writer and after a restart, for every durability and backend:
//! appends, overwrites, hard states, cuts, new starts, many groups, recycled segments.
#![allow(clippy::unwrap_used, reason = "a failing step of a test is its report")]

mod model;

use model::{compare, compare_recovered, entry, gather, options, segments, Model, Op, Random};
use rafterdb_codec::Code;
use rafterdb_wal::{open, Backend, Durability, Options};
use std::time::Duration;

fn random_log(seed: u64, groups: u16, durability: Durability, backend: Backend) {
    let dir = tempfile::tempdir().unwrap();
    let mut random = Random(seed);
    let mut model = Model::default();
    for restart in 0..5 {
        let (mut writer, reader, recovered) = open(options(dir.path(), 64 << 10, durability, backend)).unwrap();
        compare_recovered(&recovered, &reader, &model).unwrap_or_else(|what| panic!("seed {seed}: {what}"));
        assert_eq!(recovered.notes, Vec::<String>::new(), "seed {seed} restart {restart}");
        for _ in 0..60 {
            let ops = model.random_commit(&mut random, groups, 6000);
            ops.iter().for_each(|op| model.apply(op));
            gather(&mut writer, &ops);
            writer.commit().unwrap();
        }
        compare(&reader, &model).unwrap_or_else(|what| panic!("seed {seed}: {what}"));
    }
}

#[test]
fn with_every_durability_and_backend() {
    for (seed, durability, backend) in [
        (1, Durability::Always, Backend::Auto),
        (2, Durability::Always, Backend::Buffered),
        (3, Durability::Interval(Duration::from_millis(2)), Backend::Auto),
        (4, Durability::Os, Backend::Auto),
    ] {
        random_log(seed, 5, durability, backend);
    }
}

#[test]
fn of_64_groups_interleaved() {
    random_log(5, 64, Durability::Always, Backend::Buffered);
}

#[test]
fn the_checker_catches_a_wrong_log() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, reader, _) = open(options(dir.path(), 64 << 10, Durability::Os, Backend::Auto)).unwrap();
    let mut model = Model::default();
    let op = Op::Entries {
        group: 1,
        first: 1,
        term: 1,
        entries: vec![entry(10, &mut Random(1))],
    };
    model.apply(&op);
    gather(&mut writer, &[op]);
    writer.commit().unwrap();
    assert!(compare(&reader, &model).is_ok());
    for change in 0..3 {
        let mut other = model.clone();
        let log = other.groups.get_mut(&1).unwrap();
        match change {
            0 => log.entries[0].1[9] ^= 1,
            1 => log.entries[0].0 = 2,
            _ => log.entries.push((1, entry(3, &mut Random(2)))),
        }
        assert!(compare(&reader, &other).is_err(), "change {change}");
    }
}

#[test]
fn entries_larger_than_a_batch_and_a_segment() {
    let dir = tempfile::tempdir().unwrap();
    let mut random = Random(7);
    let mut model = Model::default();
    let (mut writer, reader, _) = open(options(dir.path(), 64 << 10, Durability::Always, Backend::Auto)).unwrap();
    for bytes in [100, 3 << 20, 70_000, 100, 5 << 20] {
        let first = model.groups.get(&9).map_or(1, |log| log.last() + 1);
        let op = Op::Entries {
            group: 9,
            first,
            term: 1,
            entries: vec![entry(bytes, &mut random), entry(5, &mut random)],
        };
        model.apply(&op);
        gather(&mut writer, &[op]);
    }
    writer.commit().unwrap();
    compare(&reader, &model).unwrap();
    drop(writer);
    let (_, reader, recovered) = open(options(dir.path(), 64 << 10, Durability::Always, Backend::Auto)).unwrap();
    compare_recovered(&recovered, &reader, &model).unwrap();
}

#[test]
fn a_read_takes_at_least_one_entry_and_no_more_than_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, reader, _) = open(Options {
        segment_bytes: 1 << 20,
        ..Options::new(dir.path())
    })
    .unwrap();
    let mut random = Random(3);
    let blocks: Vec<Vec<u8>> = (0..300).map(|_| entry(992, &mut random)).collect();
    for (at, block) in blocks.iter().enumerate() {
        writer.entries(4, at as u64 + 1, 1 + at as u64 / 100, 1, &[block]);
        if at % 7 == 0 {
            writer.commit().unwrap();
        }
    }
    writer.commit().unwrap();
    let mut out = Vec::new();
    let one = reader.read(4, 250, 301, 0, &mut out).unwrap();
    assert_eq!((one.count, out.as_slice()), (1, blocks[249].as_slice()));
    out.clear();
    let some = reader.read(4, 50, 299, 200_000, &mut out).unwrap();
    assert_eq!((some.count, some.runs), (200, vec![(1, 51), (2, 100), (3, 49)]));
    assert_eq!(out, blocks[49..249].concat());
    out.clear();
    assert_eq!(reader.read(4, 290, 295, 1 << 20, &mut out).unwrap().count, 5);
    assert_eq!(reader.read(4, 290, 900, 1 << 20, &mut out).unwrap().count, 11);
    assert!(reader.log_bytes(4) >= 300_000 && reader.held_bytes(4) >= 300_000);
    assert_eq!(
        (reader.term(4, 101), reader.term(4, 301), reader.term(4, 0)),
        (Some(2), None, Some(0))
    );

    writer.cut(4, 200);
    writer.commit().unwrap();
    assert_eq!(
        reader.read(4, 200, 300, 10, &mut out).unwrap_err().code,
        Code::Compacted
    );
    assert_eq!(
        reader.read(4, 301, 302, 10, &mut out).unwrap_err().code,
        Code::InvalidArgument
    );
    assert_eq!(
        reader.read(4, 201, 201, 10, &mut out).unwrap_err().code,
        Code::InvalidArgument
    );
    assert_eq!(reader.term(4, 200), Some(2));
    assert!(reader.log_bytes(4) < 200_000);
    writer.cut(4, 300);
    writer.commit().unwrap();
    assert_eq!(
        (reader.log_bytes(4), reader.held_bytes(4), reader.bounds(4)),
        (0, 0, (300, 300))
    );
}

#[test]
fn cuts_free_segments_which_are_written_over() {
    let dir = tempfile::tempdir().unwrap();
    let mut random = Random(11);
    let mut model = Model::default();
    let (mut writer, reader, _) = open(options(dir.path(), 32 << 10, Durability::Always, Backend::Auto)).unwrap();
    for round in 0..200u64 {
        let first = round + 1;
        let mut ops = vec![Op::Entries {
            group: 1,
            first,
            term: 1,
            entries: vec![entry(3000, &mut random)],
        }];
        // A group that keeps one old entry holds every later segment, until it lets go.
        if round == 0 {
            ops.push(Op::Entries {
                group: 2,
                first: 1,
                term: 1,
                entries: vec![entry(10, &mut random)],
            });
        }
        if round == 100 {
            ops.insert(0, Op::Cut { group: 2, index: 1 });
        }
        if round > 10 {
            ops.insert(
                0,
                Op::Cut {
                    group: 1,
                    index: round - 10,
                },
            );
        }
        ops.iter().for_each(|op| model.apply(op));
        gather(&mut writer, &ops);
        writer.commit().unwrap();
        if round == 99 {
            assert!(writer.metrics().segments.get() > 15 && reader.held_bytes(2) > 400_000);
        }
    }
    let metrics = writer.metrics();
    assert!(metrics.segments.get() <= 4, "{metrics:?}");
    assert!(
        metrics.segments_recycled.get() >= 10 && metrics.segments_filled.get() < 30,
        "{metrics:?}"
    );
    assert_eq!(segments(dir.path()).len() as i64, metrics.segments.get());
    compare(&reader, &model).unwrap();
    drop((writer, reader));
    let (_, reader, recovered) = open(options(dir.path(), 32 << 10, Durability::Always, Backend::Auto)).unwrap();
    compare_recovered(&recovered, &reader, &model).unwrap();
}

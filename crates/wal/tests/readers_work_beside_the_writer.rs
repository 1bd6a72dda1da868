//! Goal: a reader beside the writer sees whole, sound, committed entries of one log, while the writer appends,
//! overwrites, cuts, and writes over segments that are no longer needed.
#![allow(clippy::unwrap_used, reason = "a failing step of a test is its report")]

mod model;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use model::{options, Random};
use rafterdb_codec::Code;
use rafterdb_wal::{open, Backend, Durability, Reader};

/// An entry that says where it stands: its index, its term, and a length that both determine.
fn entry(index: u64, term: u64) -> Vec<u8> {
    let body = 16 + (index * 37 + term * 101) % 1500;
    let mut bytes = (body as u32).to_le_bytes().to_vec();
    bytes.extend_from_slice(&[1, 0, 0, 0]);
    bytes.extend_from_slice(&index.to_le_bytes());
    bytes.extend_from_slice(&term.to_le_bytes());
    bytes.resize(8 + body as usize, (index ^ term) as u8);
    bytes
}

/// Reads at random places until told to stop; returns how many entries it saw, and how often its place had been cut.
fn read_at_random(reader: &Reader, seed: u64, stop: &AtomicBool) -> (u64, u64) {
    let mut random = Random(seed);
    let (mut entries, mut cut) = (0, 0);
    while !stop.load(Ordering::Relaxed) {
        let group = random.below(3) as u16;
        let (start, last) = reader.bounds(group);
        if last == start {
            continue;
        }
        let first = start + 1 + random.below(last - start);
        let mut bytes = Vec::new();
        let block = match reader.read(group, first, first + 200, 100_000, &mut bytes) {
            Ok(block) => block,
            // Cut or overwritten since its bounds were asked for.
            Err(error) if [Code::Compacted, Code::InvalidArgument].contains(&error.code) => {
                cut += 1;
                continue;
            }
            Err(error) => panic!("seed {seed}: {error}"),
        };
        assert!(block.count > 0, "seed {seed}");
        assert!(
            block.runs.windows(2).all(|pair| pair[0].0 < pair[1].0),
            "seed {seed}: terms descend {:?}",
            block.runs
        );
        let terms = block
            .runs
            .iter()
            .flat_map(|(term, count)| std::iter::repeat_n(*term, *count as usize));
        let expected: Vec<u8> = (first..)
            .zip(terms)
            .flat_map(|(index, term)| entry(index, term))
            .collect();
        assert!(
            bytes == expected,
            "seed {seed}: other bytes than written for group {group} from {first}"
        );
        entries += u64::from(block.count);
    }
    (entries, cut)
}

fn run(backend: Backend) {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, reader, recovered) = open(options(dir.path(), 64 << 10, Durability::Always, backend)).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..2)
        .map(|seed| {
            let (reader, stop) = (Arc::clone(&reader), Arc::clone(&stop));
            std::thread::spawn(move || read_at_random(&reader, seed, &stop))
        })
        .collect();
    let mut random = Random(9);
    let (mut last, mut start, mut term) = ([0u64; 3], [0u64; 3], [1u64; 3]);
    for _ in 0..700 {
        let group = random.below(3) as usize;
        let live = last[group] - start[group];
        let mut first = last[group] + 1;
        if random.below(10) == 0 && live > 20 {
            first -= random.below(20);
            term[group] += 1;
        } else if random.below(30) == 0 {
            term[group] += 1;
        }
        let count = 1 + random.below(5);
        let block: Vec<_> = (first..first + count).map(|index| entry(index, term[group])).collect();
        writer.entries(group as u16, first, term[group], count as u32, &block);
        writer.commit().unwrap();
        last[group] = first + count - 1;
        if live > 300 {
            start[group] = last[group] - 100;
            writer.cut(group as u16, start[group]);
        }
    }
    stop.store(true, Ordering::Relaxed);
    let seen: Vec<_> = readers.into_iter().map(|reader| reader.join().unwrap()).collect();
    println!(
        "{}: readers saw (entries, cut) {seen:?}, {:?}",
        recovered.mode,
        writer.metrics()
    );
    assert!(seen.iter().all(|(entries, _)| *entries > 100) && writer.metrics().segments_recycled.get() > 0);
}

#[test]
fn readers_work_beside_the_writer() {
    run(Backend::Auto);
    run(Backend::Buffered);
}

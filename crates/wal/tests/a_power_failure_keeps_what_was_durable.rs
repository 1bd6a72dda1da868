//! Goal: after a power failure the log holds everything up to the last finished sync, perhaps more, in order, and
//! nothing else. Simulated: each sector written since the last sync is old, new, or (with luck) neither.
#![allow(clippy::unwrap_used, reason = "a failing step of a test is its report")]

mod model;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::{compare_recovered, fast_dir, gather, image, options, restore, segments, Model, Random};
use rafterdb_wal::{open, Backend, Durability};

const SECTOR: usize = 512;

type Image = BTreeMap<PathBuf, Vec<u8>>;

/// What a disk may hold that held `durable` for sure and was then given the writes that make it `written`.
fn failed_disk(durable: &Image, written: &Image, random: &mut Random) -> Image {
    let mut disk = written.clone();
    let luck = random.below(4);
    for (name, bytes) in &mut disk {
        let Some(old) = durable.get(name) else { continue };
        for (sector, old) in bytes.chunks_mut(SECTOR).zip(old.chunks(SECTOR)) {
            match random.below(8) {
                _ if sector == old || luck == 0 => {}
                0..=2 => sector.copy_from_slice(old),
                3 if luck == 1 => sector.fill_with(|| random.next() as u8),
                _ => {}
            }
        }
    }
    disk
}

/// Names of the segments in a folder.
fn names(dir: &Path) -> BTreeSet<PathBuf> {
    segments(dir)
        .iter()
        .map(|path| path.file_name().unwrap().into())
        .collect()
}

/// Names of the segments in an image.
fn segment_names(image: &Image) -> BTreeSet<PathBuf> {
    let is_segment = |name: &&PathBuf| name.extension().is_some_and(|extension| extension == "wal");
    image.keys().filter(is_segment).cloned().collect()
}

/// One life after another on the same disk, each ended by a power failure. Returns the outcomes: commits lost.
fn lives(seed: u64, durability: Durability) -> Vec<usize> {
    let dir = fast_dir();
    let mut random = Random(seed);
    let mut model = Model::default();
    let mut lost = Vec::new();
    for life in 0..8 {
        let at = format!("seed {seed} life {life} {durability:?}");
        let (mut writer, reader, recovered) =
            open(options(dir.path(), 64 << 10, durability, Backend::Buffered)).expect(&at);
        compare_recovered(&recovered, &reader, &model).expect(&at);
        // The models since the last finished sync, and the disk at that sync.
        let mut since = vec![model.clone()];
        let mut durable = image(dir.path());
        let commits = 1 + random.below(40);
        for commit in 0..commits {
            let ops = model.random_commit(&mut random, 6, 9000);
            ops.iter().for_each(|op| model.apply(op));
            let syncs = writer.metrics().sync_duration.values().count();
            gather(&mut writer, &ops);
            let is_forced = durability != Durability::Always && random.below(6) == 0;
            let committed = if is_forced { writer.sync() } else { writer.commit() };
            committed.expect(&at);
            since.push(model.clone());
            // With `Always` the failure strikes during the last commit, before its sync.
            let is_struck = durability == Durability::Always && commit + 1 == commits;
            // A segment is begun or freed after a sync, so a disk that shows that also has what came before it.
            if writer.metrics().sync_duration.values().count() > syncs
                && (!is_struck || names(dir.path()) != segment_names(&durable))
            {
                since = vec![model.clone()];
                durable = image(dir.path());
            }
        }
        let written = image(dir.path());
        drop((writer, reader));
        restore(dir.path(), &failed_disk(&durable, &written, &mut random));
        let (_, reader, recovered) = open(options(dir.path(), 64 << 10, durability, Backend::Buffered)).expect(&at);
        let found = since
            .iter()
            .rposition(|model| compare_recovered(&recovered, &reader, model).is_ok());
        let Some(found) = found else {
            panic!("{at}: what was recovered was never committed, or durable commits are gone")
        };
        // Every change of a term or a vote was on the disk when its commit returned.
        let last = &since[since.len() - 1];
        for (group, log) in last.groups.iter().filter(|_| durability != Durability::Always) {
            let hard = recovered.groups.get(group).map_or((0, 0), |log| (log.term, log.vote));
            assert_eq!(
                hard,
                (log.hard.term, log.hard.vote),
                "{at}: hard state of group {group}"
            );
        }
        lost.push(since.len() - 1 - found);
        model = since.swap_remove(found);
    }
    lost
}

#[test]
fn power_failures_never_lose_or_invent() {
    let hour = Durability::Interval(Duration::from_secs(3600));
    for durability in [Durability::Always, hour, Durability::Os] {
        let lost: Vec<usize> = (0..40).flat_map(|seed| lives(seed, durability)).collect();
        let worst = lost.iter().max().copied().unwrap_or(0);
        // The canary: the failures do strike.
        assert!(lost.iter().any(|lost| *lost > 0) && lost.contains(&0), "{durability:?}");
        println!(
            "{durability:?}: {} failures, at most {worst} unsynced commits lost",
            lost.len()
        );
        assert!(durability != Durability::Always || worst == 1);
    }
}

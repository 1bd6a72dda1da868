//! A flipped bit anywhere in the store's files is refused with STORE_CORRUPT naming a file, or makes no difference;
//! never is an answer wrong.

// A failure in a helper is the test's.
#![allow(clippy::unwrap_used)]

mod engine_model;

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::{Path, PathBuf};

use engine_model::{apply, random_operation, Model, Rng, Version};
use rafterdb_codec::Code;
use rafterdb_store::{Engine, EngineOptions, KeyRange, LsmEngine, StoreError, Visit};

fn options() -> EngineOptions {
    EngineOptions {
        memory_bytes: 16 << 20,
        history_segment_bytes: Some(30_000),
        memtable_bytes: Some(100_000),
        ..EngineOptions::default()
    }
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(&file, &target).unwrap();
    }
}

/// Reads everything at a few revisions. An error, or the number of wrong answers.
fn read_all(model: &Model, directory: &Path) -> Result<usize, StoreError> {
    let (engine, last) = LsmEngine::open(directory, options())?;
    let mut wrong = usize::from(last != Some((model.mark(), model.state())));
    for at in [model.compacted, (model.compacted + model.revision) / 2, model.revision] {
        let mut found = Vec::new();
        let all = KeyRange { start: b"", end: None };
        let mut read = Ok(());
        engine.scan(all, at, false, &mut |key, row| {
            read = Version::read(&engine, key, &row).map(|version| found.push((key.to_vec(), version)));
            if read.is_ok() {
                Visit::Next
            } else {
                Visit::Stop
            }
        })?;
        read?;
        let live = |key: &Vec<u8>| model.live_at(key, at).map(|version| (key.clone(), version.clone()));
        let expected: Vec<_> = model.versions.keys().filter_map(live).collect();
        wrong += usize::from(found != expected);
    }
    let mut found = Vec::new();
    engine.changes(model.compacted + 1, model.revision, &mut |change| {
        found.push((
            change.sub,
            change.key.to_vec(),
            Version::of(&engine, change.key, &change.row),
        ));
        Visit::Next
    })?;
    let kept = model
        .changes
        .iter()
        .filter(|(_, _, row)| row.modified > model.compacted);
    wrong += usize::from(!kept.eq(found.iter()));
    Ok(wrong)
}

fn build(directory: &Path, seed: u64) -> Model {
    let mut rng = Rng::new(seed);
    let mut model = Model::default();
    let (engine, _) = LsmEngine::open(directory, options()).unwrap();
    for _ in 0..1_200 {
        let operation = random_operation(&model, &mut rng, 80);
        apply(&mut model, &engine, operation);
        if engine.is_full() {
            engine.rotate(model.mark(), model.state()).unwrap();
        }
    }
    engine.rotate(model.mark(), model.state()).unwrap();
    while engine.stats().flushing || engine.stats().compacting {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    engine.close(None).unwrap();
    model
}

#[test]
fn a_flipped_bit_is_never_a_wrong_answer() {
    let seed = 3;
    println!("seed {seed}");
    let mut rng = Rng::new(seed);
    let sound = tempfile::tempdir().unwrap();
    let model = build(sound.path(), seed);
    assert_eq!(read_all(&model, sound.path()).unwrap(), 0);
    let (mut refused, mut harmless) = (0, 0);
    for file in files(sound.path()) {
        let name = file.strip_prefix(sound.path()).unwrap();
        let length = std::fs::metadata(&file).unwrap().len();
        let places = [0, 9, length / 2, length.saturating_sub(30), length.saturating_sub(1)];
        let random: Vec<_> = (0..6).map(|_| rng.below(length)).collect();
        for place in places.into_iter().chain(random) {
            let damaged = tempfile::tempdir().unwrap();
            copy(sound.path(), damaged.path());
            let mut bytes = std::fs::read(&file).unwrap();
            bytes[place as usize] ^= 1 << rng.below(8);
            std::fs::write(damaged.path().join(name), bytes).unwrap();
            let what = format!("{} at {place} of {length}", name.display());
            match catch_unwind(AssertUnwindSafe(|| read_all(&model, damaged.path()))) {
                Ok(Ok(wrong)) => {
                    assert_eq!(wrong, 0, "{what}: wrong answers");
                    harmless += 1;
                }
                Ok(Err(error)) => {
                    assert!(
                        matches!(error.code, Code::StoreCorrupt | Code::FormatNewer),
                        "{what}: {error:?}"
                    );
                    refused += 1;
                }
                Err(_) => panic!("{what}: a panic"),
            }
        }
    }
    println!("{refused} refused, {harmless} harmless");
    assert!(
        refused > harmless * 3,
        "canary: most flips must be noticed ({refused} of {})",
        refused + harmless
    );
}

#[test]
fn a_missing_file_is_refused() {
    let sound = tempfile::tempdir().unwrap();
    let model = build(sound.path(), 4);
    for file in files(sound.path()) {
        let damaged = tempfile::tempdir().unwrap();
        copy(sound.path(), damaged.path());
        let name = file.strip_prefix(sound.path()).unwrap();
        std::fs::remove_file(damaged.path().join(name)).unwrap();
        match read_all(&model, damaged.path()) {
            Ok(wrong) => assert_eq!(wrong, 0, "{} was missed by nobody", name.display()),
            Err(error) => assert_eq!(error.code, Code::StoreCorrupt, "{}: {error}", name.display()),
        }
    }
}

#[test]
fn damage_in_history_names_file_and_offset() {
    let sound = tempfile::tempdir().unwrap();
    let model = build(sound.path(), 5);
    let segments: Vec<_> = files(sound.path())
        .into_iter()
        .filter(|file| file.extension().is_some_and(|e| e == "segment"))
        .collect();
    let middle = &segments[segments.len() / 2];
    let mut bytes = std::fs::read(middle).unwrap();
    bytes[5_000] ^= 4;
    std::fs::write(middle, bytes).unwrap();
    let error = read_all(&model, sound.path()).unwrap_err();
    assert_eq!(error.code, Code::StoreCorrupt);
    let name = middle.file_name().unwrap().to_str().unwrap();
    assert!(
        error.text.contains(name) && error.text.contains("at offset"),
        "{}",
        error.text
    );
}

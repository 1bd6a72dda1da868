//! A store whose history an older version compacted opens: its survivors lie at the revisions that replaced them, and count until
//! history is compacted beyond the last of these. `fixtures/old-survivors` was written by that version: sixty puts, the n-th, from 0, of
//! `value n` to `key (n modulo 7)` at revision n + 2, compacted to revision 32.

// A failure in a helper is the test's.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::Duration;

use rafterdb_store::{Engine, EngineOptions, LsmEngine, Mark, RowRef};

const KEYS: u64 = 7;
const PUTS: u64 = 60;
const FIRST: u64 = 2;
const COMPACTED: u64 = 32;

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

fn value(number: u64) -> Vec<u8> {
    format!("value {number}").into_bytes()
}

/// Everything that may be asked above the compacted revision is answered.
fn check(engine: &LsmEngine, compacted: u64) {
    assert_eq!(engine.compacted(), compacted);
    for at in compacted..FIRST + PUTS {
        let newest = at - FIRST;
        for number in newest + 1 - KEYS..=newest {
            let key = format!("key {}", number % KEYS);
            let mut found = Vec::new();
            let visit = &mut |row: RowRef<'_>| found = row.value.bytes().unwrap().to_vec();
            assert!(engine.get(key.as_bytes(), at, visit).unwrap(), "{key} at {at}");
            assert_eq!(found, value(number), "{key} at {at}");
        }
        let key = format!("key {}", newest % KEYS);
        let mut replaced = Vec::new();
        let visit = &mut |row: RowRef<'_>| replaced = row.value.bytes().unwrap().to_vec();
        assert!(engine.replaced(key.as_bytes(), at, at - KEYS, visit).unwrap());
        assert_eq!(replaced, value(newest - KEYS), "before {at}");
    }
}

fn has_old_survivors(directory: &Path) -> bool {
    let name = format!("{COMPACTED:020}.survivors");
    directory.join("generation-1").join("history").join(name).exists()
}

#[test]
fn survivors_of_an_older_version_are_read_until_nobody_needs_them() {
    let directory = tempfile::tempdir().unwrap();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/old-survivors");
    copy(&fixture, directory.path());
    let open = || LsmEngine::open(directory.path(), EngineOptions::default()).unwrap();
    let (mut engine, last) = open();
    let (
        Mark {
            mut index,
            term,
            revision,
        },
        state,
    ) = last.unwrap();
    assert_eq!(revision, FIRST + PUTS - 1);
    check(&engine, COMPACTED);
    // That version must not read what this one writes.
    let current = std::fs::read_to_string(directory.path().join("CURRENT")).unwrap();
    assert!(current.starts_with("rafterdb-store 2 1\n"), "{current}");
    // The last put that replaced one of the survivors is that of revision 39.
    for (compacted, is_there) in [(35, true), (38, true), (40, false), (50, false)] {
        engine.compact(compacted).unwrap();
        index += 1;
        engine.rotate(Mark { index, term, revision }, state.clone()).unwrap();
        while engine.stats().history_floor < compacted || engine.stats().compacting {
            std::thread::sleep(Duration::from_millis(1));
            engine.compact(0).unwrap();
        }
        assert_eq!(
            has_old_survivors(directory.path()),
            is_there,
            "compacted to {compacted}"
        );
        check(&engine, compacted);
        engine.close(None).unwrap();
        drop(engine);
        engine = open().0;
        check(&engine, compacted);
    }
}

//! Goal: POINTS is the list of all fault points: each in the sources is listed, each listed is in the sources.

#![allow(clippy::unwrap_used, reason = "a failing step of a test is its report")]

use std::collections::BTreeSet;
use std::path::Path;

/// What the names of points begin with: the part that they are in.
const PARTS: [&str; 4] = ["member.", "store.", "thread.", "wal."];
/// The same of those in TypeScript.
const TYPESCRIPT_PARTS: [&str; 1] = ["backup."];

/// The literals of a source text that are names of points, however they come to `point`.
fn named(source: &str, quote: char, parts: &[&str]) -> BTreeSet<String> {
    let is_name = |name: &&str| {
        let is_of_a_part = parts
            .iter()
            .any(|part| name.len() > part.len() && name.starts_with(part));
        is_of_a_part && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'.') && !name.contains(".json")
    };
    source.split(quote).filter(is_name).map(str::to_owned).collect()
}

fn collect(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, names);
        } else if path.ends_with("fault/src/points.rs") {
            // The list itself.
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(named(&std::fs::read_to_string(path).unwrap(), '"', &PARTS));
        } else if path.extension().is_some_and(|extension| extension == "ts") {
            names.extend(named(&std::fs::read_to_string(path).unwrap(), '\'', &TYPESCRIPT_PARTS));
        }
    }
}

#[test]
fn every_point_is_listed() {
    let mut found = BTreeSet::new();
    for crate_folder in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap() {
        let sources = crate_folder.unwrap().path().join("src");
        if sources.is_dir() {
            collect(&sources, &mut found);
        }
    }
    collect(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("../../src/backup"),
        &mut found,
    );
    let listed: BTreeSet<_> = rafterdb_fault::POINTS
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    assert_eq!(listed.len(), rafterdb_fault::POINTS.len(), "a point is listed twice");
    assert_eq!(
        found, listed,
        "left: in the sources, right: in crates/fault/src/points.rs"
    );
}

#[test]
fn the_search_finds_a_point() {
    let source =
        "fault::point(\"wal.b\")?; Steps { create: \"store.c\" }; open(\"member.json\"); say(\"store. It is\")";
    assert_eq!(
        named(source, '"', &PARTS),
        BTreeSet::from(["wal.b".to_owned(), "store.c".to_owned()])
    );
    assert_eq!(
        named(
            "import './backup.js'\nawait faultPoint('backup.begun')",
            '\'',
            &TYPESCRIPT_PARTS
        ),
        BTreeSet::from(["backup.begun".to_owned()])
    );
}

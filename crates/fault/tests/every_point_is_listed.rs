//! Goal: POINTS is the list of all fault points: each in the sources is listed, each listed is in the sources.

#![allow(clippy::unwrap_used, reason = "a failing step of a test is its report")]

use std::collections::BTreeSet;
use std::path::Path;

/// The names given to `point(…)`, or to a local `reach(…)` that adds the file to the error, in a source text.
fn named(source: &str) -> BTreeSet<String> {
    let of = |opening: &'static str| {
        source
            .match_indices(opening)
            .filter_map(move |(at, opening)| source[at + opening.len()..].split_once('"'))
            .map(|(name, _)| name.to_owned())
    };
    of("point(\"").chain(of("reach(\"")).collect()
}

fn collect(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(named(&std::fs::read_to_string(path).unwrap()));
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
    assert_eq!(
        named("fault::point(\"a.b\")?; point(\"c\")"),
        BTreeSet::from(["a.b".to_owned(), "c".to_owned()])
    );
}

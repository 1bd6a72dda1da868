//! A store that is made out of a backup: its pairs as they were, the changes after them at the revisions that they had.

use rafterdb_codec::{Code, Pair, WatchEvent};
use rafterdb_store::{Engine, EngineOptions, KeyRange, LsmEngine, Restore, Visit};

fn pair<'a>(key: &'a str, value: &'a str, numbers: [u64; 3]) -> Pair<'a> {
    let [create, modified, version] = numbers;
    Pair {
        create,
        modified,
        version,
        lease: 0,
        key: key.as_bytes(),
        value: value.as_bytes(),
    }
}

fn pairs(all: &[Pair<'_>]) -> Vec<u8> {
    let mut raw = Vec::new();
    all.iter().for_each(|pair| pair.encode(&mut raw));
    raw
}

fn changes(all: &[(bool, Pair<'_>)]) -> Vec<u8> {
    let mut raw = Vec::new();
    for (is_delete, pair) in all {
        let event = WatchEvent {
            is_delete: *is_delete,
            pair: *pair,
            previous: None,
        };
        event.encode(&mut raw);
    }
    raw
}

struct Directory(tempfile::TempDir);

impl Directory {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    fn begin(&self, revision: u64) -> Restore {
        let store = self.0.path().join("store");
        std::fs::create_dir_all(&store).expect("made");
        let stream = self.0.path().join("stream");
        Restore::begin(&store, &stream, revision, EngineOptions::default()).expect("begun")
    }

    /// Key, value, create, modified and version of each live key at a revision.
    fn rows(&self, at: u64) -> Vec<(String, String, [u64; 3])> {
        let (engine, _) = LsmEngine::open(&self.0.path().join("store"), EngineOptions::default()).expect("opened");
        let mut rows = Vec::new();
        let all = KeyRange { start: &[], end: None };
        engine
            .scan(all, at, false, &mut |key, row| {
                let mut text = String::new();
                engine
                    .value(key, &row, &mut |value| {
                        text = String::from_utf8_lossy(value).into_owned()
                    })
                    .expect("a value");
                let key = String::from_utf8_lossy(key).into_owned();
                rows.push((key, text, [row.create, row.modified, row.version]));
                Visit::Next
            })
            .expect("scanned");
        engine.close(None).expect("closed");
        rows
    }
}

fn row(key: &str, value: &str, numbers: [u64; 3]) -> (String, String, [u64; 3]) {
    (key.to_owned(), value.to_owned(), numbers)
}

#[test]
fn pairs_and_changes_have_the_revisions_and_versions_that_they_had() {
    let directory = Directory::new();
    let mut restore = directory.begin(100);
    restore.pairs(&pairs(&[pair("a", "1", [3, 90, 7])])).expect("pairs");
    restore.pairs(&pairs(&[pair("b", "2", [100, 100, 1])])).expect("pairs");
    let made = changes(&[
        (false, pair("a", "3", [3, 102, 8])),
        (true, pair("b", "", [0, 102, 0])),
        (false, pair("b", "4", [110, 110, 1])),
        (false, pair("c", "5", [111, 111, 1])),
    ]);
    restore.changes(&made, 110).expect("changes");
    let mark = restore.finish(110, 5_000).expect("finished");
    assert_eq!((mark.index, mark.revision), (110, 5_000));
    let newest = [row("a", "3", [3, 102, 8]), row("b", "4", [110, 110, 1])];
    assert_eq!(directory.rows(5_000), newest);
    assert_eq!(directory.rows(105), [row("a", "3", [3, 102, 8])]);
    assert_eq!(
        directory.rows(100),
        [row("a", "1", [3, 90, 7]), row("b", "2", [100, 100, 1])]
    );
    assert!(!directory.0.path().join("stream").exists());
}

#[test]
fn a_change_that_does_not_follow_on_what_there_is_is_refused() {
    let wrong = [
        (false, pair("a", "3", [3, 102, 9])),
        (false, pair("a", "3", [4, 102, 8])),
        (false, pair("a", "3", [3, 99, 8])),
        (true, pair("b", "", [0, 102, 0])),
        (false, pair("b", "3", [102, 102, 2])),
    ];
    for change in wrong {
        let directory = Directory::new();
        let mut restore = directory.begin(100);
        restore.pairs(&pairs(&[pair("a", "1", [3, 90, 7])])).expect("pairs");
        let refused = restore
            .changes(&changes(&[change]), 200)
            .expect_err("it does not follow");
        assert_eq!(refused.code, Code::StoreCorrupt, "{change:?}");
    }
}

#[test]
fn pairs_that_do_not_ascend_or_are_cut_short_are_refused() {
    let directory = Directory::new();
    let mut restore = directory.begin(100);
    let two = [pair("b", "1", [3, 90, 7]), pair("a", "1", [3, 90, 7])];
    restore.pairs(&pairs(&two)).expect("not looked at yet");
    assert_eq!(
        restore.finish(100, 100).expect_err("out of order").code,
        Code::StoreCorrupt
    );
    let mut other = Directory::new().begin(100);
    let raw = pairs(&two);
    assert_eq!(
        other.pairs(&raw[..raw.len() - 1]).expect_err("cut short").code,
        Code::StoreCorrupt
    );
}

//! The list of tables that readers look at. The library has its own behind a lock, which it holds while it makes the next one
//! durable: four syncs, during which nobody could look a row up. So who changes the tables takes the library's list over when the
//! change is done, and readers never ask for that lock. Memory only: what is durable is the library's business.

use std::ops::Bound;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use lsm_tree::merge::Merger;
use lsm_tree::mvcc_stream::MvccStream;
use lsm_tree::table::filter::standard_bloom::Builder;
use lsm_tree::{AbstractTree, AnyTree, BoxedIterator, InternalValue, Slice, Table};
use parking_lot::Mutex;

/// The library's name of "the newest there is".
const NEWEST: u64 = u64::MAX;

/// Bounds of a range as the library wants them.
pub(super) type Bounds = (Bound<Slice>, Bound<Slice>);

/// The tables at one time. Their files stay as long as it does.
pub(super) struct Version {
    /// The library's number of it.
    id: u64,
    /// Newest first; the tables of a run are disjoint, and in key order.
    runs: Vec<Vec<Table>>,
    /// Runs that flushes have made and no compaction has taken yet.
    level_0_runs: usize,
}

impl Version {
    fn of(tree: &AnyTree) -> Self {
        let version = tree.current_version();
        let runs = version.iter_levels().flat_map(|level| level.iter());
        Self {
            id: version.id(),
            runs: runs.map(|run| run.to_vec()).collect(),
            level_0_runs: version.level(0).map_or(0, |level| level.run_count()),
        }
    }

    pub(super) fn tables(&self) -> impl Iterator<Item = &Table> {
        self.runs.iter().flatten()
    }

    pub(super) fn level_0_runs(&self) -> usize {
        self.level_0_runs
    }

    /// The value of `key`, which has its family before it.
    pub(super) fn get(&self, key: &[u8]) -> lsm_tree::Result<Option<Slice>> {
        let hash = Builder::get_hash(key);
        for run in &self.runs {
            let at = run.partition_point(|table| **table.metadata.key_range.max() < *key);
            let Some(table) = run.get(at).filter(|table| **table.metadata.key_range.min() <= *key) else {
                continue;
            };
            if let Some(found) = table.get(key, NEWEST, hash)? {
                return Ok((!found.is_tombstone()).then_some(found.value));
            }
        }
        Ok(None)
    }

    /// The rows within `bounds`, the newest of each key. The iterator keeps no files: hold the version as long.
    pub(super) fn range(self: &Arc<Self>, bounds: &Bounds) -> BoxedIterator<'static> {
        let mut runs: Vec<BoxedIterator<'static>> = Vec::with_capacity(self.runs.len());
        for (number, run) in self.runs.iter().enumerate() {
            let from = run.partition_point(|table| lies_below(table, &bounds.0));
            let to = run.partition_point(|table| !lies_above(table, &bounds.1));
            match to.saturating_sub(from) {
                0 => {}
                1 => runs.push(Box::new(run[from].range(bounds.clone()))),
                _ => {
                    let (version, bounds) = (Arc::clone(self), bounds.clone());
                    let tables = from..to;
                    runs.push(Box::new(
                        tables.flat_map(move |at| version.runs[number][at].range(bounds.clone())),
                    ));
                }
            }
        }
        let rows = MvccStream::new(Merger::new(runs));
        Box::new(rows.filter(|row| !row.as_ref().is_ok_and(InternalValue::is_tombstone)))
    }
}

/// Whether all keys of the table come before a range that begins there.
fn lies_below(table: &Table, start: &Bound<Slice>) -> bool {
    let last = table.metadata.key_range.max();
    match start {
        Bound::Included(start) => last < start,
        Bound::Excluded(start) => last <= start,
        Bound::Unbounded => false,
    }
}

/// Whether all keys of the table come after a range that ends there.
fn lies_above(table: &Table, end: &Bound<Slice>) -> bool {
    let first = table.metadata.key_range.min();
    match end {
        Bound::Included(end) => first > end,
        Bound::Excluded(end) => first >= end,
        Bound::Unbounded => false,
    }
}

/// The list of now, and those of before that somebody still reads.
pub(super) struct Versions {
    now: ArcSwap<Version>,
    /// Kept here so that it is never a reader who drops the last hold of a table and has to remove its file.
    before: Mutex<Vec<Arc<Version>>>,
}

impl Versions {
    pub(super) fn of(tree: &AnyTree) -> Self {
        Self {
            now: ArcSwap::from_pointee(Version::of(tree)),
            before: Mutex::default(),
        }
    }

    /// For a short look.
    pub(super) fn now(&self) -> Guard<Arc<Version>> {
        self.now.load()
    }

    /// To be held while a range is read.
    pub(super) fn hold(&self) -> Arc<Version> {
        self.now.load_full()
    }

    /// Takes over what has become of the library's tables; whether they are others. Called by who has changed them, before it lets go
    /// of whatever else has the rows, as a memtable. May wait for the library, which no reader does.
    pub(super) fn take_over(&self, tree: &AnyTree) -> bool {
        // Held from the look to the swap: of two who take over, the second has the later list.
        let mut before = self.before.lock();
        let next = Version::of(tree);
        if next.id == self.now.load().id {
            return false;
        }
        before.push(self.now.swap(Arc::new(next)));
        // Whoever reads one of the library's older lists reads ours: it may let go of all of them. What cannot be removed now, the next
        // open removes.
        let _ = tree
            .get_version_history_lock()
            .maintenance(&tree.tree_config().path, NEWEST);
        drop_unread(&mut before);
        true
    }

    /// Lets go of the lists that nobody reads any more, and removes the files that only they had. Whether some are still read.
    pub(super) fn let_go(&self) -> bool {
        let mut before = self.before.lock();
        drop_unread(&mut before);
        !before.is_empty()
    }
}

fn drop_unread(before: &mut Vec<Arc<Version>>) {
    // Nobody can begin to read one of them: a count of one stays one.
    before.retain(|version| Arc::strong_count(version) > 1);
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rafterdb_codec::store::stored_keys::{prefixed, LATEST};

    use super::super::super::options::{Budget, EngineOptions, SharedCache};
    use super::super::Tables;
    use super::*;

    /// Tables so small that a run has many.
    fn tables(directory: &Path) -> Tables {
        let budget = Budget {
            table_bytes: 8 << 10,
            ..Budget::of(&EngineOptions::default())
        };
        Tables::create(&directory.join("tables"), &budget, &SharedCache::new(1 << 20)).unwrap()
    }

    fn key(number: u32) -> Vec<u8> {
        format!("key/{number:05}").into_bytes()
    }

    /// A value that tells a round from others, and that does not compress.
    fn value(round: u64, key: &[u8]) -> Vec<u8> {
        let words = (0..12).map(|word| rafterdb_hash::xxh3_64(key, 100 * round + word).to_le_bytes());
        words.flatten().collect()
    }

    /// Writes every `step`th key.
    fn ingest(tables: &Tables, round: u64, step: usize) {
        let rows: Vec<_> = (0..2_000).step_by(step).map(key).collect();
        let rows: Vec<_> = rows.into_iter().map(|key| (value(round, &key), key)).collect();
        let rows = rows.iter().map(|(value, key)| (key.as_slice(), value.as_slice()));
        let mut ingestion = tables.begin_ingestion().unwrap();
        for (key, value) in rows {
            ingestion.put(LATEST, key, value).unwrap();
        }
        ingestion.finish().unwrap();
    }

    fn files(directory: &Path) -> usize {
        std::fs::read_dir(directory.join("tables/tables")).unwrap().count()
    }

    #[test]
    fn it_answers_as_the_library_does() {
        let directory = tempfile::tempdir().unwrap();
        let tables = tables(directory.path());
        ingest(&tables, 1, 2);
        tables.rewrite().unwrap();
        ingest(&tables, 2, 3);
        ingest(&tables, 3, 5);
        let version = tables.versions.hold();
        assert!(
            version.runs.len() >= 2 && version.runs.iter().any(|run| run.len() > 3),
            "{} runs",
            version.runs.len()
        );
        for number in 0..2_001 {
            let key = prefixed(LATEST, &key(number));
            assert_eq!(version.get(&key).unwrap(), tables.tree.get(&key, NEWEST).unwrap());
        }
        let bound = |number: u32| {
            let stored = Slice::from(prefixed(LATEST, &key(number / 4)));
            match number % 4 {
                0 => Bound::Unbounded,
                1 => Bound::Excluded(stored),
                _ => Bound::Included(stored),
            }
        };
        for number in 0..400 {
            let bounds = (bound(number * 7919 % 8_000), bound(number * 104_729 % 8_100));
            let ours = || version.range(&bounds).map(|row| row.unwrap());
            let theirs = || tables.tree.range::<Slice, _>(bounds.clone(), NEWEST, None);
            if let (Bound::Included(low) | Bound::Excluded(low), Bound::Included(high) | Bound::Excluded(high)) =
                &bounds
            {
                if low > high {
                    assert_eq!(ours().count(), 0, "{bounds:?}");
                    continue;
                }
            }
            let ours_down: Vec<_> = ours().rev().map(|row| (row.key.user_key, row.value)).collect();
            let ours_up: Vec<_> = ours().map(|row| (row.key.user_key, row.value)).collect();
            let pair = |row: lsm_tree::IterGuardImpl| lsm_tree::Guard::into_inner(row).unwrap();
            assert_eq!(ours_up, theirs().map(pair).collect::<Vec<_>>(), "{bounds:?}");
            assert_eq!(ours_down, theirs().rev().map(pair).collect::<Vec<_>>(), "{bounds:?}");
        }
    }

    #[test]
    fn files_that_are_read_stay_and_it_is_no_reader_who_removes_them() {
        let directory = tempfile::tempdir().unwrap();
        let tables = tables(directory.path());
        ingest(&tables, 1, 1);
        ingest(&tables, 2, 1);
        let before = files(directory.path());
        let mut range = tables.range(&[], None);
        assert_eq!(range.next(false, &tables).unwrap().unwrap().row(), value(2, &key(0)));
        tables.rewrite().unwrap();
        let now = tables.versions.now().tables().count();
        assert_eq!(files(directory.path()), before + now);
        assert!(tables.let_go(), "a range is being read");
        let mut read = 1;
        while range.next(false, &tables).unwrap().is_some() {
            read += 1;
        }
        assert_eq!(read, 2_000);
        drop(range);
        assert_eq!(files(directory.path()), before + now, "a reader has removed files");
        assert!(!tables.let_go(), "nothing is read");
        assert_eq!(files(directory.path()), now);
    }
}

//! The keys of one memtable in order, sorted only when somebody asks: the writer appends to an unsorted tail, and a
//! range or a flush sorts the tail and merges it into runs whose lengths at least halve, so that a key is moved
//! O(log n) times. Knows keys, not rows.
//!
//! Measured with a million random 16-byte keys, processor time a key on a busy machine: appending here 25 ns and sorting
//! all of them at the flush 370, against 1,900 for inserting each into a BTreeMap as it comes.

use std::cmp::Ordering;
use std::sync::Arc;

use parking_lot::Mutex;

use super::memtable::Slot;

/// A key's place in the order: its first eight bytes decide most comparisons without touching the key.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    prefix: u64,
    pub(super) slot: Slot,
}

impl Entry {
    pub(super) fn new(slot: Slot) -> Self {
        Self {
            prefix: prefix(slot.key()),
            slot,
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        self.prefix
            .cmp(&other.prefix)
            .then_with(|| self.slot.key().cmp(other.slot.key()))
    }
}

/// A sorted run of keys.
pub(super) type Run = Arc<Vec<Entry>>;

#[derive(Default)]
pub(super) struct Order {
    /// New keys, in order of arrival. The writer holds this lock for one push.
    tail: Mutex<Vec<Entry>>,
    /// Runs, longest first. Held while sorting: only those who read in order wait for one another.
    runs: Mutex<Vec<Run>>,
}

impl Order {
    /// Adds a key that is not there yet.
    pub(super) fn push(&self, entry: Entry) {
        self.tail.lock().push(entry);
    }

    /// All keys, as runs that are each in order.
    pub(super) fn runs(&self) -> Vec<Run> {
        let mut runs = self.runs.lock();
        let mut tail = std::mem::take(&mut *self.tail.lock());
        if !tail.is_empty() {
            tail.sort_unstable_by(Entry::compare);
            runs.push(Arc::new(tail));
            while let [.., longer, shorter] = runs.as_slice() {
                if longer.len() >= shorter.len() * 2 {
                    break;
                }
                let merged = Arc::new(merge(longer, shorter));
                replace_last_two(&mut runs, merged);
            }
        }
        runs.clone()
    }

    /// All keys in one run. For a memtable that takes no more keys.
    pub(super) fn single_run(&self) -> Run {
        self.runs();
        let mut runs = self.runs.lock();
        while let [.., longer, shorter] = runs.as_slice() {
            let merged = Arc::new(merge(longer, shorter));
            replace_last_two(&mut runs, merged);
        }
        runs.first().cloned().unwrap_or_default()
    }
}

/// Position of the first key of `run` that is not below `key`.
pub(super) fn lower_bound(run: &Run, key: &[u8]) -> usize {
    let wanted = prefix(key);
    run.partition_point(|entry| match entry.prefix.cmp(&wanted) {
        Ordering::Less => true,
        Ordering::Greater => false,
        Ordering::Equal => entry.slot.key() < key,
    })
}

/// The first eight bytes as a number that orders like them; a shorter key is filled with zeros, which puts it at or
/// before every key it is a prefix of.
fn prefix(key: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    let length = key.len().min(8);
    bytes[..length].copy_from_slice(&key[..length]);
    u64::from_be_bytes(bytes)
}

fn replace_last_two(runs: &mut Vec<Run>, merged: Run) {
    runs.pop();
    runs.pop();
    runs.push(merged);
}

fn merge(left: &[Entry], right: &[Entry]) -> Vec<Entry> {
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let (mut l, mut r) = (0, 0);
    while l < left.len() && r < right.len() {
        if left[l].compare(&right[r]) == Ordering::Less {
            merged.push(left[l]);
            l += 1;
        } else {
            merged.push(right[r]);
            r += 1;
        }
    }
    merged.extend_from_slice(&left[l..]);
    merged.extend_from_slice(&right[r..]);
    merged
}

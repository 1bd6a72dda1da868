//! The keys of one memtable in order, sorted some thousands at a time: the writer appends to an unsorted tail. A tail that
//! is long enough, or that a range or a flush meets, is sorted and merged into runs whose lengths at least halve, so that a
//! key is moved O(log n) times. Knows keys, not rows. Order and runs keep the memory that their keys lie in.
//!
//! Measured with a million random 16-byte keys, processor time a key on a busy machine: appending here 25 ns and sorting
//! all of them at the flush 370, against 1,900 for inserting each into a BTreeMap as it comes. With no bound on the tail the
//! first range after 200,000 new keys took 20 ms, and an entry may hold a range.

use std::cmp::Ordering;
use std::sync::Arc;

use parking_lot::Mutex;

use super::arena::Arena;
use super::slot::{Row, Slot};

/// A key's place in the order: its first eight bytes decide most comparisons without touching the key.
#[derive(Clone, Copy)]
struct Entry {
    prefix: u64,
    slot: Slot,
}

impl Entry {
    /// # Safety
    /// The memory of both keys is there.
    unsafe fn compare(&self, other: &Self) -> Ordering {
        self.prefix
            .cmp(&other.prefix)
            // SAFETY: the caller's.
            .then_with(|| unsafe { self.slot.key().cmp(other.slot.key()) })
    }
}

/// A sorted run of keys, which keeps them.
pub(super) struct Run {
    entries: Vec<Entry>,
    /// The memory of all keys of the run.
    arena: Arc<Arena>,
}

impl Run {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether its keys lie in this memory.
    pub(super) fn is_in(&self, arena: &Arc<Arena>) -> bool {
        Arc::ptr_eq(&self.arena, arena)
    }

    pub(super) fn slot(&self, at: usize) -> Slot {
        self.entries[at].slot
    }

    /// Key number `at`.
    #[inline]
    pub(super) fn key(&self, at: usize) -> &[u8] {
        // SAFETY: the run keeps the arena of its slots, and is borrowed as long as the key.
        unsafe { self.slot(at).key() }
    }

    /// Number of the first key that is not below `key`.
    pub(super) fn lower_bound(&self, key: &[u8]) -> usize {
        let wanted = prefix(key);
        self.entries.partition_point(|entry| match entry.prefix.cmp(&wanted) {
            Ordering::Less => true,
            Ordering::Greater => false,
            // SAFETY: the run keeps the arena of its slots.
            Ordering::Equal => unsafe { entry.slot.key() < key },
        })
    }

    /// The keys of both, which are of the same order.
    fn merge(&self, other: &Self) -> Self {
        let (left, right) = (&self.entries, &other.entries);
        let mut entries = Vec::with_capacity(left.len() + right.len());
        let (mut l, mut r) = (0, 0);
        while l < left.len() && r < right.len() {
            // SAFETY: each run keeps the arena of its slots.
            if unsafe { left[l].compare(&right[r]) } == Ordering::Less {
                entries.push(left[l]);
                l += 1;
            } else {
                entries.push(right[r]);
                r += 1;
            }
        }
        entries.extend_from_slice(&left[l..]);
        entries.extend_from_slice(&right[r..]);
        assert!(other.is_in(&self.arena), "merging runs: of one memtable");
        let arena = Arc::clone(&self.arena);
        Self { entries, arena }
    }
}

/// New keys that are left unsorted: what a range sorts at most, also one that is read while an entry is applied.
const TAIL_MAX: usize = 4096;

/// All keys of a memtable.
pub(super) struct Order {
    /// New keys, in order of arrival. The writer holds this lock for one push.
    tail: Mutex<Vec<Entry>>,
    /// Runs, longest first. Held while sorting: only those who read in order wait for one another.
    runs: Mutex<Vec<Arc<Run>>>,
    /// The memory of all keys here.
    arena: Arc<Arena>,
}

impl Order {
    /// No keys, to be written to `arena`.
    pub(super) fn new(arena: Arc<Arena>) -> Self {
        Self {
            tail: Mutex::default(),
            runs: Mutex::default(),
            arena,
        }
    }

    /// Adds a key that is not there yet: its slot, in this order's arena.
    pub(super) fn add(&self, key: &[u8], row: Row) -> Slot {
        let slot = Slot::new(&self.arena, key, row);
        let prefix = prefix(key);
        let length = {
            let mut tail = self.tail.lock();
            tail.push(Entry { prefix, slot });
            tail.len()
        };
        if length >= TAIL_MAX {
            self.runs();
        }
        slot
    }

    /// All keys, as runs that are each in order.
    pub(super) fn runs(&self) -> Vec<Arc<Run>> {
        let mut runs = self.runs.lock();
        let mut entries = std::mem::take(&mut *self.tail.lock());
        if !entries.is_empty() {
            // SAFETY: the order keeps the arena of its slots.
            entries.sort_unstable_by(|a, b| unsafe { a.compare(b) });
            let arena = Arc::clone(&self.arena);
            runs.push(Arc::new(Run { entries, arena }));
            while let [.., longer, shorter] = runs.as_slice() {
                if longer.len() >= shorter.len() * 2 {
                    break;
                }
                let merged = Arc::new(longer.merge(shorter));
                replace_last_two(&mut runs, merged);
            }
        }
        runs.clone()
    }

    /// All keys in one run; `None` if there are none. For a memtable that takes no more keys.
    pub(super) fn single_run(&self) -> Option<Arc<Run>> {
        self.runs();
        let mut runs = self.runs.lock();
        while let [.., longer, shorter] = runs.as_slice() {
            let merged = Arc::new(longer.merge(shorter));
            replace_last_two(&mut runs, merged);
        }
        runs.first().cloned()
    }
}

/// The first eight bytes as a number that orders like them; a shorter key is filled with zeros, which puts it at or
/// before every key it is a prefix of.
fn prefix(key: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    let length = key.len().min(8);
    bytes[..length].copy_from_slice(&key[..length]);
    u64::from_be_bytes(bytes)
}

fn replace_last_two(runs: &mut Vec<Arc<Run>>, merged: Arc<Run>) {
    runs.pop();
    runs.pop();
    runs.push(merged);
}

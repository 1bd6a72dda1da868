//! What applying one entry may cost, in keys looked at. Decided by live keys alone, so that all members decide the same.

/// What may be done key by key while an entry is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Keys that a deleteRange deletes one by one; more are deleted by one range tombstone. An entry has as many in all as
    /// [`DELETES_OF_AN_ENTRY`] such deletes.
    pub delete_keys_max: u64,
    /// Live keys that the compares of a transaction look at in ranges; a transaction that needs more is refused. An entry has as many
    /// in all as [`COMPARES_OF_AN_ENTRY`] such transactions.
    pub compare_keys_max: u64,
    /// Live keys that the ranges of an entry's transactions count beyond those they return; more are counted later.
    pub count_keys_max: u64,
    /// Range tombstones that are not compacted, above which a deleteRange deletes key by key whatever it costs: they lie over
    /// one another, and what they take grows with the square. From half of it on only the largest deletes become one.
    pub ranges_max: usize,
    /// Bytes of their keys.
    pub range_bytes_max: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            delete_keys_max: 512,
            compare_keys_max: 10_000,
            count_keys_max: 10_000,
            ranges_max: 1 << 12,
            range_bytes_max: 32 << 20,
        }
    }
}

/// How many deletes of the largest number of keys one entry has, and by how much later ones are cut at most.
const DELETES_OF_AN_ENTRY: u64 = 4;
const DELETE_SHARE_MIN: u64 = 32;
/// By how much more a deleteRange deletes key by key when range tombstones become many.
const DELETE_GROWTH: u64 = 16;
/// How many transactions with the most compared keys one entry has.
const COMPARES_OF_AN_ENTRY: u64 = 4;

/// What is left for the entry that is being applied.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Allowance {
    deletes: u64,
    compares: u64,
    pub(super) counts: u64,
    /// A count was left out, to be filled in later.
    pub(super) is_uncounted: bool,
}

impl Allowance {
    pub(super) const fn of(bounds: &Bounds) -> Self {
        Self {
            deletes: bounds.delete_keys_max * DELETES_OF_AN_ENTRY,
            compares: bounds.compare_keys_max * COMPARES_OF_AN_ENTRY,
            counts: bounds.count_keys_max,
            is_uncounted: false,
        }
    }

    /// Keys that the next deleteRange may delete one by one, when there are so many range tombstones.
    pub(super) fn next_delete(&self, bounds: &Bounds, ranges: usize) -> u64 {
        if ranges >= bounds.ranges_max / 2 {
            return bounds.delete_keys_max * DELETE_GROWTH;
        }
        let least = bounds.delete_keys_max / DELETE_SHARE_MIN;
        bounds.delete_keys_max.min(self.deletes).max(least)
    }

    pub(super) fn deleted(&mut self, keys: u64) {
        self.deletes = self.deletes.saturating_sub(keys);
    }

    /// Keys that the compares of the next transaction may look at.
    pub(super) fn next_compares(&self, bounds: &Bounds) -> u64 {
        bounds.compare_keys_max.min(self.compares)
    }

    pub(super) fn compared(&mut self, keys: u64) {
        self.compares = self.compares.saturating_sub(keys);
    }
}

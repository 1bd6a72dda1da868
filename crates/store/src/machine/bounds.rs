//! What applying one entry may cost, in steps of about a microsecond of processor time: ten milliseconds with all that is looked up. What it waits
//! for, the processor or a disk, cannot be told from what it says. And how it begins sessions. Decided by what the entry says and by live keys alone, so that
//! all members decide the same, when they apply it again after a restart too. An entry names the version of the machine whose bounds
//! are its own, so that a release which changes them decides as before about entries that are in a log.

use rafterdb_codec::Weight;

use super::sessions::SessionStart;
use crate::Value;

/// What may be done while one entry is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Steps of one entry. Each operation takes one and each on a range [`Bounds::range_steps`], before the first is begun; what is left
    /// is for the keys that they look at, as [`Bounds::steps_of`] counts them: those compared, returned, counted, and deleted one by one.
    pub steps_max: u64,
    /// Of those, for compares on ranges; a transaction that needs more is refused.
    pub compare_steps_max: u64,
    /// Of those, for counts beyond the pairs that are returned; more is counted later.
    pub count_steps_max: u64,
    /// Of those, for the keys that one deleteRange deletes one by one; more keys are deleted by one range tombstone. An entry has
    /// [`Bounds::deletes_of_an_entry`] times as many in all.
    pub delete_steps_max: u64,
    /// Pairs that ranges at an earlier revision return: each may be far back in history. They are not of `steps_max`, since
    /// an entry that is applied again may find them compacted.
    pub old_pairs_max: u64,
    /// Range tombstones that are not compacted; with so many a delete of many keys is refused.
    pub ranges_max: usize,
    /// Bytes of their keys.
    pub range_bytes_max: usize,
    /// What finding the first key of a range takes.
    pub range_steps: u64,
    /// How many deletes of the largest number of keys one entry has.
    pub deletes_of_an_entry: u64,
    /// Later deletes are cut at most to such a part of the largest.
    pub delete_share_min: u64,
    /// A key that is deleted is looked at so many times.
    pub delete_steps: u64,
    /// Bytes that are read, from tables that are in no cache, in about the time that a key takes.
    pub step_bytes: u64,
    /// Bytes of a value that are written once more in about that time.
    pub kept_step_bytes: u64,
    /// How it begins sessions.
    pub session_start: SessionStart,
}

/// Bounds of each version of the machine, from 0 on. None is ever changed or taken away, as entries of it may be in a log; a new one
/// is proposed ([`MACHINE_VERSION`]) by a release before which all members know it.
pub(super) const VERSIONS: [Bounds; 2] = [
    FIRST,
    Bounds {
        session_start: SessionStart::Explicit,
        ..FIRST
    },
];

const FIRST: Bounds = Bounds {
    steps_max: 5_000,
    compare_steps_max: 4_000,
    count_steps_max: 4_000,
    delete_steps_max: 256,
    old_pairs_max: 256,
    ranges_max: 1 << 12,
    range_bytes_max: 32 << 20,
    range_steps: 8,
    deletes_of_an_entry: 2,
    delete_share_min: 64,
    delete_steps: 2,
    step_bytes: 1024,
    kept_step_bytes: 1024,
    session_start: SessionStart::Implicit,
};

/// The version of the machine that entries name which this member proposes.
pub const MACHINE_VERSION: u8 = 1;

const _: () = assert!((MACHINE_VERSION as usize) < VERSIONS.len(), "what is proposed is known");

impl Default for Bounds {
    fn default() -> Self {
        VERSIONS[usize::from(MACHINE_VERSION)]
    }
}

impl Bounds {
    /// Steps of looking at a key and its value. Also where the value is not read: they decide how an entry is applied, and some members
    /// may have it with the row.
    pub(super) const fn steps_of(&self, key: &[u8], value: Value<'_>) -> u64 {
        1 + (key.len() + value.len()) as u64 / self.step_bytes
    }
}

/// What is left for the entry that is being applied.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Allowance {
    steps: u64,
    compares: u64,
    deletes: u64,
    pub(super) counts: u64,
    old: u64,
    /// A count was left out, to be filled in later.
    pub(super) is_uncounted: bool,
}

impl Allowance {
    pub(super) const fn of(bounds: &Bounds, weight: Weight) -> Self {
        let taken = weight.operations as u64 + bounds.range_steps * weight.ranges as u64;
        Self {
            steps: bounds.steps_max.saturating_sub(taken),
            compares: bounds.compare_steps_max,
            deletes: bounds.delete_steps_max * bounds.deletes_of_an_entry,
            counts: bounds.count_steps_max,
            old: bounds.old_pairs_max,
            is_uncounted: false,
        }
    }

    /// Steps for the keys that the next deleteRange may delete one by one.
    pub(super) fn next_delete(&self, bounds: &Bounds) -> u64 {
        let left = self.deletes.min(self.steps / bounds.delete_steps);
        bounds.delete_steps_max.min(left).max(Self::least_delete(bounds))
    }

    /// As many as every deleteRange may, whatever came before it.
    pub(super) const fn least_delete(bounds: &Bounds) -> u64 {
        bounds.delete_steps_max / bounds.delete_share_min
    }

    /// That many steps of keys were looked at, and deleted if they were not too many.
    pub(super) fn deleted(&mut self, bounds: &Bounds, steps: u64) {
        self.deletes = self.deletes.saturating_sub(steps);
        self.steps = self.steps.saturating_sub(bounds.delete_steps * steps);
    }

    /// Steps that the compares of the next transaction may take.
    pub(super) fn next_compares(&self) -> u64 {
        self.compares.min(self.steps)
    }

    pub(super) fn compared(&mut self, steps: u64) {
        self.compares = self.compares.saturating_sub(steps);
        self.steps = self.steps.saturating_sub(steps);
    }

    /// Whether there are steps left for a put that keeps a value so long; takes them. Small values are of the put's own step.
    pub(super) fn keeps(&mut self, bounds: &Bounds, bytes: usize) -> bool {
        take(&mut self.steps, bytes as u64 / bounds.kept_step_bytes)
    }

    /// Steps for pairs that are read, now or at an earlier revision.
    pub(super) fn reads(&mut self, is_old: bool) -> &mut u64 {
        if is_old {
            &mut self.old
        } else {
            &mut self.steps
        }
    }
}

/// Takes steps if there are so many left.
pub(super) fn take(left: &mut u64, steps: u64) -> bool {
    let rest = left.checked_sub(steps);
    *left = rest.unwrap_or(*left);
    rest.is_some()
}

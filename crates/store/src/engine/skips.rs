//! Skip pointers: what a row says of its key's earlier versions besides the previous one, so that a reader at an old revision
//! takes a number of steps that grows with the logarithm of the versions in between. What a row says follows from the row
//! that it replaces alone: a write reads nothing for it. Knows no history and no key.
//!
//! ```text
//! skips    [varint depth << 3 | count][varint modified − revision] × count        nothing for a row of depth = version without pointers
//! ```
//! A version's depth is its number in the key's chain of versions, from 1, deletions counted. The k-th pointer, from 1, is to the
//! last version before this one whose depth is a multiple of 16^k; so they lie ever farther back. Those at or below the compacted
//! revision are left out, since nobody reads there.

use super::varint::{put_varint, take_varint};
use super::RowRef;

/// Versions between two pointers of a level: a key pays for a level once it has so many times the versions of the one below.
const STEP: u64 = 16;
/// Levels: enough for 16^7 = 268 million versions; what lies beyond is reached in steps of that.
const LEVELS_MAX: usize = 7;
const COUNT_BITS: u32 = 3;

/// Longest skips: depth and count, and a revision for each level, all below 2^56.
pub(super) const SKIPS_BYTES_MAX: usize = 9 + LEVELS_MAX * 8;

/// The skips of a row that is about to be written.
#[derive(Clone, Copy, Debug)]
pub struct Skips {
    bytes: [u8; SKIPS_BYTES_MAX],
    length: usize,
}

impl Default for Skips {
    fn default() -> Self {
        Self {
            bytes: [0; SKIPS_BYTES_MAX],
            length: 0,
        }
    }
}

impl Skips {
    /// Those of the row that replaces `replaced` at `revision` and gets `version` (0: a tombstone). Revisions up to `compacted`
    /// are never read at any more. `None` if there are none, which is most often so.
    #[must_use]
    pub fn after(replaced: &RowRef<'_>, revision: u64, version: u64, compacted: u64) -> Option<Self> {
        let is_between = || replaced.version + 1 == version && !replaced.version.is_multiple_of(STEP);
        if replaced.skips.is_empty() && is_between() {
            return None;
        }
        let (depth, mut pointers) = decode(replaced);
        let mut count = pointers.iter().take_while(|pointer| **pointer != 0).count();
        let mut every = STEP;
        for (level, pointer) in pointers.iter_mut().enumerate() {
            if depth == 0 || !depth.is_multiple_of(every) {
                break;
            }
            *pointer = replaced.modified;
            count = count.max(level + 1);
            every *= STEP;
        }
        while count > 0 && pointers[count - 1] <= compacted {
            count -= 1;
        }
        if depth + 1 == version && count == 0 {
            return None;
        }
        let mut skips = Self::default();
        skips.push((depth + 1) << COUNT_BITS | count as u64);
        for pointer in &pointers[..count] {
            skips.push(revision - pointer);
        }
        Some(skips)
    }

    /// As [`RowRef::skips`] has it.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    fn push(&mut self, number: u64) {
        self.length += put_varint(number, &mut self.bytes[self.length..]);
    }
}

/// The version to look at next for one at or below revision `at`, which is below the row's: the farthest that is still above it,
/// else the previous one. 0 if there is none.
pub(super) fn towards(row: &RowRef<'_>, at: u64) -> u64 {
    if row.previous <= at || row.skips.is_empty() {
        return row.previous;
    }
    let (_, pointers) = decode(row);
    let above = pointers.iter().take_while(|pointer| **pointer > at);
    above.last().copied().unwrap_or(row.previous)
}

/// Takes skips off the front of `rest`; `None` if they cannot be those of a row of revision `modified`.
pub(super) fn split<'a>(rest: &mut &'a [u8], modified: u64) -> Option<&'a [u8]> {
    let whole = *rest;
    let count = take_varint(rest)? & ((1 << COUNT_BITS) - 1);
    let mut nearest = 1;
    for _ in 0..count {
        let back = take_varint(rest)?;
        if back < nearest || back >= modified {
            return None;
        }
        nearest = back;
    }
    let skips = &whole[..whole.len() - rest.len()];
    (skips.len() <= SKIPS_BYTES_MAX).then_some(skips)
}

/// Depth and pointers of a row; 0 for a pointer that it has not. A row without skips is as deep as its version says: a tombstone
/// of an older version of this program begins anew.
fn decode(row: &RowRef<'_>) -> (u64, [u64; LEVELS_MAX]) {
    let mut pointers = [0; LEVELS_MAX];
    let mut rest = row.skips;
    let Some(first) = take_varint(&mut rest) else {
        return (row.version, pointers);
    };
    let count = (first & ((1 << COUNT_BITS) - 1)) as usize;
    for pointer in pointers.iter_mut().take(count) {
        *pointer = take_varint(&mut rest).map_or(0, |back| row.modified.saturating_sub(back));
    }
    (first >> COUNT_BITS, pointers)
}

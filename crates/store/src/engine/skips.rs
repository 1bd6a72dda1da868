//! Skip pointers: which of its key's earlier versions a row names besides the previous one, so that a reader at an old revision
//! takes a number of steps that grows with the logarithm of the versions in between. What a row says follows from the row
//! that it replaces alone: a write reads nothing for it. Knows no history and no key; how they are packed is the codec's.
//!
//! A version's depth is its number in the key's chain of versions, from 1, deletions counted. The k-th pointer, from 1, is to the
//! last version before this one whose depth is a multiple of 16^k; so they lie ever farther back. Those at or below the compacted
//! revision are left out, since nobody reads there.

use rafterdb_codec::store::skips::Skips;

use super::RowRef;

/// Versions between two pointers of a level: a key pays for a level once it has so many times the versions of the one below.
/// As many levels as skips have room for: enough for 16^7 = 268 million versions; what lies beyond is reached in steps of that.
const STEP: u64 = 16;

/// The skips of the row that replaces `replaced` at `revision` and gets `version` (0: a tombstone). Revisions up to `compacted`
/// are never read at any more. `None` if there are none, which is most often so.
#[must_use]
pub fn skips_after(replaced: &RowRef<'_>, revision: u64, version: u64, compacted: u64) -> Option<Skips> {
    let is_between = || replaced.version + 1 == version && !replaced.version.is_multiple_of(STEP);
    if replaced.skips.is_empty() && is_between() {
        return None;
    }
    let (depth, mut pointers) = replaced.depth_and_pointers();
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
    Some(Skips::pack(depth + 1, &pointers[..count], revision))
}

/// The version to look at next for one at or below revision `at`, which is below the row's: the farthest that is still above it,
/// else the previous one. 0 if there is none.
pub(super) fn towards(row: &RowRef<'_>, at: u64) -> u64 {
    if row.previous <= at || row.skips.is_empty() {
        return row.previous;
    }
    let (_, pointers) = row.depth_and_pointers();
    let above = pointers.iter().take_while(|pointer| **pointer > at);
    above.last().copied().unwrap_or(row.previous)
}

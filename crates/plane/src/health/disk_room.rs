//! Whether there is room on the disk for more, and what a member does while there is not: it refuses writes, takes no entries, hands
//! its leadership over, and keeps what is left for its votes, its flushes and its compactions. Knows nothing of what is written.
//!
//! The reserve is not a file but what this member leaves free: a leader refuses writes first, and a follower goes on to take what the
//! leader had accepted until half of it is gone. What others leave of it is theirs to say: if they take all, what needs room waits
//! for it (`log/writer.rs`, `store/engine/threads.rs`, `history/mod.rs`), and nothing is lost.

use std::sync::atomic::{AtomicU64, AtomicU8, Ordering};

/// Of the disk a twentieth is left free, at most.
const RESERVE_SHARE: u64 = 20;
/// And at least so much on any disk, or a share of it.
const RESERVE_BYTES_MIN: u64 = 4 << 20;
/// Segments of the log that the reserve has room for.
const RESERVE_SEGMENTS: u64 = 2;

const ENOUGH: u8 = 0;
/// Own writes are refused.
const SHORT: u8 = 1;
/// Nothing more is taken at all.
const NONE: u8 = 2;

/// A change that people are told.
pub enum Change {
    /// Writes are taken again.
    Enough,
    /// Writes are refused from now on: so many bytes are to be kept.
    Short { reserve: u64 },
}

/// How much room there is, as it was last seen.
#[derive(Default)]
pub struct DiskRoom {
    state: AtomicU8,
    /// Bytes that were free when writes were first refused, for the text.
    free: AtomicU64,
}

impl DiskRoom {
    /// Why a write is refused, if it is.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        (self.state.load(Ordering::Relaxed) != ENOUGH).then(|| {
            format!(
                "no room for writes ({} MiB are free): what is left is kept for votes, flushes and compaction; free some space or file \
                 descriptors, and this member goes on by itself",
                self.free.load(Ordering::Relaxed) >> 20
            )
        })
    }

    /// Looks at a disk of which so many bytes are free, and says what has begun or ended by that.
    pub fn look(&self, (free, total): (u64, u64), segment_bytes: u64, memory: u64, is_waiting: bool) -> Option<Change> {
        let reserve = reserve(total, segment_bytes, memory);
        let before = self.state.load(Ordering::Relaxed);
        let now = judge(before, free, reserve, is_waiting);
        self.free.store(free, Ordering::Relaxed);
        self.state.store(now, Ordering::Relaxed);
        match (before, now) {
            (ENOUGH, ENOUGH) => None,
            (_, ENOUGH) => Some(Change::Enough),
            (ENOUGH, _) => Some(Change::Short { reserve }),
            _ => None,
        }
    }

    /// Whether entries of a leader are taken.
    #[must_use]
    pub fn takes_appends(&self) -> bool {
        self.state.load(Ordering::Relaxed) != NONE
    }
}

/// Bytes that are left free on a disk of so many.
fn reserve(total: u64, segment_bytes: u64, memory: u64) -> u64 {
    let wanted = RESERVE_SEGMENTS * segment_bytes + memory / 2;
    wanted.min(total / RESERVE_SHARE).max(RESERVE_BYTES_MIN.min(total / 4))
}

/// What there is room for, given what there was room for: more is asked for before writes are taken again than before they were
/// refused, so that one flush does not turn it back and forth.
fn judge(before: u8, free: u64, reserve: u64, is_waiting: bool) -> u8 {
    if is_waiting || free < reserve / 2 {
        NONE
    } else if free < reserve || (before != ENOUGH && free < reserve + reserve / 4) {
        SHORT
    } else {
        ENOUGH
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_twentieth_of_a_disk_is_kept_at_most_and_never_nothing() {
        assert_eq!(reserve(1 << 40, 64 << 20, 256 << 20), 256 << 20);
        assert_eq!(reserve(1 << 30, 64 << 20, 256 << 20), (1 << 30) / 20);
        assert_eq!(reserve(40 << 20, 64 << 20, 256 << 20), 4 << 20);
        assert_eq!(reserve(8 << 20, 64 << 20, 256 << 20), 2 << 20);
    }

    #[test]
    fn writes_are_refused_before_entries_are_and_taken_again_with_room_to_spare() {
        assert_eq!(judge(ENOUGH, 100, 100, false), ENOUGH);
        assert_eq!(judge(ENOUGH, 99, 100, false), SHORT);
        assert_eq!(judge(SHORT, 49, 100, false), NONE);
        assert_eq!(judge(NONE, 60, 100, false), SHORT);
        assert_eq!(judge(SHORT, 120, 100, false), SHORT);
        assert_eq!(judge(SHORT, 125, 100, false), ENOUGH);
        assert_eq!(
            judge(ENOUGH, 1000, 100, true),
            NONE,
            "what waits for room waits for more than the disk shows"
        );
    }
}

//! How fast writes should come in so that flushes and compactions keep up: by how much is used of the room that there is for what they
//! have not done yet. Knows no clock and holds nobody up: who lets writes in asks.
//!
//! ```text
//! over   how far the active memtable has grown beyond its size while the one before it is flushed; at the most the writer waits
//! lead   by how much more of it is filled than of the one before is flushed
//! debt   memtables that no compaction has taken: the active one, the one that is flushed, and the runs of level 0; at the most
//!        flushes wait for compaction
//! ```
//! Whichever has the least room left decides. While all have plenty nothing is asked for; then a byte is to take the longer the more
//! is used, without a jump, so that writes find the rate that is kept up with.

use std::sync::atomic::Ordering;

use super::options::MEMTABLE_GROWTH;
use super::shared::Shared;
use super::tables::L0_RUNS_MAX;

/// What as many bytes as a memtable has are to take when there is no room left. Less of it costs less, with the third power: half of it
/// an eighth.
const MEMTABLE_NANOS_MAX: f64 = 30e9;

/// By how much of a memtable may be filled more than is flushed of the one before, at no cost: a flush begins with a sync.
const LEAD_FREE: f64 = 0.25;

/// Memtables that no compaction has taken, at no cost. One of level 0 begins with four runs, and takes its time.
const DEBT_FREE: f64 = 6.0;
const DEBT_MAX: f64 = L0_RUNS_MAX as f64 + 1.0 + MEMTABLE_GROWTH;

/// Nanoseconds that each byte written is to take at least.
pub(super) fn nanos_per_byte(shared: &Shared) -> u64 {
    let view = shared.view.load();
    let flushed = view.being_flushed().map(|memtable| {
        let rows = shared.flushed_rows.load(Ordering::Relaxed);
        rows as f64 / memtable.keys().max(1) as f64
    });
    let used = used(view.fill(&shared.budget), flushed, shared.tables.level_0_runs());
    (used.powi(3) * MEMTABLE_NANOS_MAX / shared.budget.memtable_bytes as f64) as u64
}

/// The share of the room that is used when a memtable is filled to a share of its size, while such a share of another one is flushed.
fn used(fill: f64, flushed: Option<f64>, level_0_runs: usize) -> f64 {
    let (over, lead) = match flushed {
        Some(flushed) => (
            (fill - 1.0) / (MEMTABLE_GROWTH - 1.0),
            (fill - flushed - LEAD_FREE) / (1.0 - LEAD_FREE),
        ),
        None => (0.0, 0.0),
    };
    let memtables = level_0_runs as f64 + fill + f64::from(u8::from(flushed.is_some()));
    let debt = (memtables - DEBT_FREE) / (DEBT_MAX - DEBT_FREE);
    over.max(lead).max(debt).clamp(0.0, 1.0)
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "bounds are exact")]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_asked_for_while_there_is_room() {
        assert_eq!(used(0.9, None, 4), 0.0);
        assert_eq!(used(0.2, Some(0.0), 4), 0.0, "a flush has just begun");
        assert_eq!(used(0.9, Some(0.8), 3), 0.0, "a flush keeps up");
    }

    #[test]
    fn a_byte_takes_the_longer_the_less_room_there_is() {
        let falls_behind = [0.3, 0.5, 0.8, 1.0].map(|fill| used(fill, Some(0.0), 0));
        assert!(falls_behind.is_sorted() && falls_behind[0] < 0.1, "{falls_behind:?}");
        let overgrown = [1.0, 1.1, 1.2, MEMTABLE_GROWTH].map(|fill| used(fill, Some(1.0), 0));
        assert!(overgrown.is_sorted() && overgrown[0] == 0.0, "{overgrown:?}");
        let runs = [5, 7, 9, L0_RUNS_MAX].map(|runs| used(0.5, None, runs));
        assert!(runs.is_sorted() && runs[0] == 0.0 && runs[1] < 0.2, "{runs:?}");
        assert_eq!([falls_behind[3], overgrown[3]], [1.0; 2]);
        assert_eq!(used(MEMTABLE_GROWTH, Some(1.0), L0_RUNS_MAX), 1.0);
    }

    #[test]
    fn neither_the_begin_nor_the_end_of_a_flush_makes_a_jump_in_what_waits_for_compaction() {
        let (before, after) = (used(1.0, None, 9), used(0.0, Some(0.0), 9));
        assert!(before > 0.0 && before == after, "{before} {after}");
        let (before, after) = (used(0.5, Some(0.5), 9), used(0.5, None, 10));
        assert!(before > 0.0 && before == after, "{before} {after}");
    }
}

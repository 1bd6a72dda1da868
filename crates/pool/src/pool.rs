//! The pool: where buffers are taken, grown ahead of need, trimmed and counted. Knows nothing of what buffers hold.
//! What it is made of stands in `inner.rs`.

use std::sync::Arc;
use std::time::Instant;

use crate::buffer::Buffer;
use crate::inner::Inner;
use crate::lane::Lane;
use crate::options::Options;
use crate::slot::Owned;
use crate::stats::{class_of, Stats, TIER_OF};
use crate::threads::{lane, process};
use crate::TIERS;

/// Where buffers come from and go back to. Any thread may use it.
///
/// When it is dropped, its memory is given back to the allocator: at once what is free, the rest when the last buffers are
/// dropped. Its tables, some 12 KiB and 64 bytes for each buffer it ever had, stay for the next pool of the process.
#[derive(Debug)]
pub struct Pool(&'static Inner);

impl Pool {
    /// An empty pool with the default options.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Self::with(Options::default())
    }

    /// An empty pool.
    #[must_use]
    pub fn with(options: Options) -> Arc<Self> {
        Arc::new(Self(process().open(options)))
    }

    /// A buffer of at least `bytes`: of the smallest tier that holds them, or of so many bytes if none does. Aligned to
    /// 4,096 bytes if it has as many, to 64 otherwise. What it contains is left over from its last use: bytes
    /// written, never uninitialised memory.
    ///
    /// Never waits for another thread. Allocates only if no buffer of the tier is free.
    ///
    /// Panics if `bytes` is more than half of the address space.
    #[must_use]
    #[inline]
    pub fn take(&self, bytes: usize) -> Buffer {
        let lane = self.lane();
        let class = class_of(bytes);
        lane.count(&lane.asked[class]);
        let tier = TIER_OF[class];
        if tier == TIERS.len() {
            return Buffer::new(bytes);
        }
        // SAFETY: the lane is this thread's.
        let kept = unsafe { lane.fetch(tier) };
        match kept.or_else(|| self.find(tier, lane)) {
            Some(slot) => Buffer::whole(slot),
            None => Buffer::new(TIERS[tier]),
        }
    }

    /// This thread's lane.
    #[inline]
    fn lane(&self) -> &'static Lane<Inner> {
        &self.0.lanes[lane()]
    }

    /// A free slot of a tier, or a new one. `None` at the bound, or while another thread grows or trims the pool.
    fn find(&self, tier: usize, lane: &Lane<Inner>) -> Option<Owned<Inner>> {
        let table = &self.0.tiers[tier];
        let claimed = table.claim(tier, lane);
        if claimed.is_some() {
            return claimed;
        }
        let chunks = self.0.try_lock();
        // Whoever had the lock a moment ago may have grown the same tier.
        let claimed = chunks.as_ref().and_then(|_| table.claim(tier, lane));
        if claimed.is_some() {
            return claimed;
        }
        lane.count(&lane.misses[tier]);
        let mut chunks = chunks?;
        let before = chunks.slots(tier) as u64;
        let grown = chunks.grow(tier)?;
        table.moved(tier, lane, 1);
        // None was free, and one more is in use.
        table.note_peak(before + 1);
        Some(grown)
    }

    /// Grows each tier, as in [`TIERS`], to at least so many buffers, and has the system put pages behind them, so that
    /// the first to use them need not wait. Waits for others that grow or trim. Bytes added: fewer than asked for if
    /// `Options::bytes_max` is reached.
    pub fn prewarm(&self, buffers: [usize; TIERS.len()]) -> usize {
        let mut chunks = self.0.lock();
        let before = chunks.bytes;
        for (tier, buffers) in buffers.into_iter().enumerate() {
            let missing = buffers.saturating_sub(chunks.slots(tier));
            chunks.add(tier, missing, true);
        }
        chunks.bytes - before
    }

    /// Gives memory back to the allocator: of chunks of which no buffer is in use, and none was taken in all calls of
    /// this within the last `Options::idle_after`. For an owner that calls it now and then, about as often as that;
    /// the pool has no thread and no clock of its own. Bytes given back.
    ///
    /// The few buffers that a thread keeps for itself (16, 8, 2 and 1 of the tiers) are freed the next time it drops one,
    /// or when it ends; until then their chunks stay. Waits for others that grow or trim; buffers can be taken meanwhile.
    pub fn trim(&self, now: Instant) -> usize {
        // SAFETY: the lane is this thread's.
        unsafe { self.0.trim(lane(), now) }
    }

    /// The counters. Waits for others that grow or trim.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.0.stats(&self.0.lock())
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // SAFETY: the lane is this thread's.
        unsafe { self.0.close(lane()) };
    }
}

//! The pool: where buffers are taken, grown ahead of need, trimmed and counted, and how it ends once all are back.
//! Knows nothing of what holds a buffer.

use std::ptr::NonNull;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::buffer::Buffer;
use crate::chunks::Chunks;
use crate::lane::{current, Lane, LANES};
use crate::slot::{Handle, Slot};
use crate::stats::{class_of, Stats, TierStats, TIER_OF};
use crate::sync::{AtomicIsize, Lock, Ordering, Witness};
use crate::tier::Tier;
use crate::word::Word;
use crate::TIERS;

/// Bytes that a pool holds at most, unless told otherwise.
pub const BYTES_MAX_DEFAULT: usize = 256 << 20;

/// How long a chunk is idle before [`Pool::trim`] gives its memory back, unless told otherwise.
pub const IDLE_AFTER_DEFAULT: Duration = Duration::from_secs(30);

/// How a pool is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Bytes that the pool holds at most, in use or not. Beyond, buffers are made to measure and freed when dropped.
    /// Default [`BYTES_MAX_DEFAULT`].
    pub bytes_max: usize,
    /// How long a chunk must have been idle for [`Pool::trim`] to give it back. Default [`IDLE_AFTER_DEFAULT`].
    pub idle_after: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            bytes_max: BYTES_MAX_DEFAULT,
            idle_after: IDLE_AFTER_DEFAULT,
        }
    }
}

/// What buffers come back to. Lives until the pool is dropped and the last of them is back.
#[derive(Debug)]
pub(crate) struct Inner {
    pub tiers: [Tier; TIERS.len()],
    lanes: [Lane; LANES + 1],
    chunks: Lock<Chunks>,
    idle_after: Duration,
    /// Once the pool is dropped: slots that are out. Below zero until they have been counted.
    outstanding: AtomicIsize,
    _witness: Witness,
}

impl Inner {
    /// This thread's lane.
    #[inline]
    pub fn lane(&self) -> &Lane {
        &self.lanes[current()]
    }

    /// A slot has come back to a pool that was dropped.
    ///
    /// # Safety
    /// Called once for each slot that was out when its word was closed.
    pub unsafe fn came_back(inner: NonNull<Self>) {
        // SAFETY: the pool is alive until all are counted, this one too.
        if unsafe { inner.as_ref() }.outstanding.fetch_sub(1, Ordering::AcqRel) == 1 {
            // SAFETY: leaked from a box, and this was the last who could reach it.
            drop(unsafe { Box::from_raw(inner.as_ptr()) });
        }
    }
}

/// Where buffers come from and go back to. Any thread may use it.
#[derive(Debug)]
pub struct Pool(NonNull<Inner>);

// SAFETY: all that threads share in it is atomic or under its lock, or belongs to the owner of a bit.
unsafe impl Send for Pool {}
// SAFETY: as above.
unsafe impl Sync for Pool {}

impl Pool {
    /// An empty pool with the default options.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Self::with(Options::default())
    }

    /// An empty pool.
    #[must_use]
    pub fn with(options: Options) -> Arc<Self> {
        let inner = Inner {
            tiers: std::array::from_fn(|_| Tier::new()),
            lanes: std::array::from_fn(Lane::new),
            chunks: Lock::new(Chunks::new(options.bytes_max)),
            idle_after: options.idle_after,
            outstanding: AtomicIsize::new(0),
            _witness: Witness::default(),
        };
        Arc::new(Self(NonNull::from(Box::leak(Box::new(inner)))))
    }

    fn inner(&self) -> &Inner {
        // SAFETY: alive until the pool is dropped, at least.
        unsafe { self.0.as_ref() }
    }

    /// A buffer of at least `bytes`: of the smallest tier that holds them, or of so many bytes if none does. Aligned to
    /// 4,096 bytes if it has 8 KiB or more, to 64 otherwise. What it contains is left over from its last use: bytes
    /// written, never uninitialised memory.
    ///
    /// Never waits for another thread. Allocates only if no buffer of the tier is free.
    ///
    /// Panics if `bytes` is more than half of the address space.
    #[must_use]
    #[inline]
    pub fn take(&self, bytes: usize) -> Buffer {
        let inner = self.inner();
        let lane = inner.lane();
        let class = class_of(bytes);
        lane.count(&lane.asked[class]);
        let tier = TIER_OF[class];
        if tier == TIERS.len() {
            return Buffer::new(bytes);
        }
        match lane.fetch(tier).or_else(|| self.find(tier, lane)) {
            // SAFETY: what was fetched, found or grown is owned.
            Some(slot) => Buffer::whole(unsafe { Handle::of(slot) }),
            None => Buffer::new(TIERS[tier]),
        }
    }

    /// A slot of a tier: a free one, or one that another thread keeps, or a new one. `None` at the bound, or while
    /// another thread grows the pool.
    fn find(&self, tier: usize, lane: &Lane) -> Option<NonNull<Slot>> {
        let inner = self.inner();
        let claim = || inner.tiers[tier].claim(tier, lane);
        let found = claim().or_else(|| inner.lanes.iter().find_map(|lane| lane.fetch(tier)));
        if found.is_some() {
            return found;
        }
        let chunks = inner.chunks.try_lock();
        // Whoever had the lock a moment ago may have grown the same tier.
        let found = chunks.as_ref().and_then(|_| claim());
        if found.is_some() {
            return found;
        }
        lane.count(&lane.misses[tier]);
        let mut chunks = chunks?;
        // None is free, and one more is asked for.
        inner.tiers[tier].note_peak(chunks.slots(tier) as i64 + 1);
        // SAFETY: the chunks are this pool's.
        let grown = unsafe { chunks.grow(self.0, tier) }?;
        inner.tiers[tier].moved(tier, lane, 1);
        Some(grown)
    }

    /// Grows each tier, as in [`TIERS`], to at least so many buffers, and has the system put pages behind them, so that
    /// the first to use them need not wait. Waits for others that grow or trim. Bytes added: fewer than asked for if
    /// `Options::bytes_max` is reached.
    pub fn prewarm(&self, buffers: [usize; TIERS.len()]) -> usize {
        let mut chunks = self.inner().chunks.lock();
        let before = chunks.bytes;
        for (tier, buffers) in buffers.into_iter().enumerate() {
            let missing = buffers.saturating_sub(chunks.slots(tier));
            // SAFETY: the chunks are this pool's.
            unsafe { chunks.add(self.0, tier, missing, true) };
        }
        chunks.bytes - before
    }

    /// Gives memory back to the allocator: of chunks of which no buffer is in use, and none was taken in all calls of
    /// this within the last `Options::idle_after`. For an owner that calls it now and then, about as often as that;
    /// the pool has no thread and no clock of its own. Bytes given back.
    ///
    /// Waits for others that grow or trim. Buffers can be taken meanwhile.
    pub fn trim(&self, now: Instant) -> usize {
        let inner = self.inner();
        let mut chunks = inner.chunks.lock();
        // What a lane keeps is in no chunk; and what is in use shows only when it is taken out of one again.
        for lane in &inner.lanes {
            lane.empty();
            for hint in &lane.hints {
                // Look from the front, so that the chunks at the back become idle.
                hint.store(0, Ordering::Relaxed);
            }
        }
        chunks.trim(&inner.tiers, now, inner.idle_after)
    }

    /// The counters. Waits for others that grow or trim.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let inner = self.inner();
        let chunks = inner.chunks.lock();
        let mut stats = Stats {
            bytes: chunks.bytes,
            ..Stats::default()
        };
        for (tier, of) in stats.tiers.iter_mut().enumerate() {
            let table = &inner.tiers[tier];
            let kept = inner.lanes.iter().filter(|lane| lane.is_keeping(tier)).count();
            let in_use = chunks.out(table, tier, Word::free).saturating_sub(kept);
            table.note_peak(in_use as i64);
            *of = TierStats {
                grown: chunks.grown[tier],
                returned: chunks.returned[tier],
                slots: chunks.slots(tier) as u64,
                in_use: in_use as u64,
                peak_in_use: table.peak(),
                ..TierStats::default()
            };
        }
        for lane in &inner.lanes {
            stats.retries += lane.retries.load(Ordering::Relaxed);
            for (of, misses) in stats.tiers.iter_mut().zip(&lane.misses) {
                of.misses += misses.load(Ordering::Relaxed);
            }
            for (sum, asked) in stats.asked.iter_mut().zip(&lane.asked) {
                *sum += asked.load(Ordering::Relaxed);
            }
        }
        for (class, asked) in stats.asked.iter().enumerate() {
            if let Some(of) = stats.tiers.get_mut(TIER_OF[class]) {
                of.hits += asked;
            }
        }
        for of in &mut stats.tiers {
            of.hits = of.hits.saturating_sub(of.misses);
        }
        stats
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let inner = self.inner();
        inner.lanes.iter().for_each(Lane::close);
        let out = {
            let chunks = inner.chunks.lock();
            let of = |tier| chunks.out(&inner.tiers[tier], tier, Word::close) as isize;
            (0..TIERS.len()).map(of).sum::<isize>()
        };
        // Slots that came back between have been subtracted; who makes the sum zero is the last.
        if inner.outstanding.fetch_add(out, Ordering::AcqRel) == -out {
            // SAFETY: leaked from a box in `with`, and nobody else can reach it.
            drop(unsafe { Box::from_raw(self.0.as_ptr()) });
        }
    }
}

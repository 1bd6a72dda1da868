//! What a pool has counted: how often it could serve without allocating, what is asked of it most, what it holds.
//! Knows how sizes are classed, not how anything is counted.

use crate::TIERS;

/// Classes of sizes.
pub const ASKED_SIZES: usize = 16;

/// The largest size of each class, bytes: powers of two from 64 to 1 MiB. The last class has all that is larger.
pub const ASKED_BYTES: [usize; ASKED_SIZES] = {
    let mut bytes = [usize::MAX; ASKED_SIZES];
    let mut class = 0;
    while class < ASKED_SIZES - 1 {
        bytes[class] = 64 << class;
        class += 1;
    }
    bytes
};

/// The tier that serves each class; `TIERS.len()` for none.
pub(crate) const TIER_OF: [usize; ASKED_SIZES] = {
    let mut tiers = [TIERS.len(); ASKED_SIZES];
    let mut class = 0;
    while class < ASKED_SIZES {
        let mut tier = 0;
        while tier < TIERS.len() && TIERS[tier] < ASKED_BYTES[class] {
            tier += 1;
        }
        tiers[class] = tier;
        class += 1;
    }
    tiers
};

/// The class of a size.
#[inline]
pub(crate) const fn class_of(bytes: usize) -> usize {
    let smallest = ASKED_BYTES[0];
    let larger = if bytes > smallest { bytes - 1 } else { smallest - 1 };
    let class = (usize::BITS - larger.leading_zeros() - smallest.trailing_zeros()) as usize;
    if class < ASKED_SIZES {
        class
    } else {
        ASKED_SIZES - 1
    }
}

/// Counters of one tier, since the pool was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TierStats {
    /// Takes served without allocating.
    pub hits: u64,
    /// Takes that allocated: a chunk, or one buffer made to measure as the bound was reached or another thread was
    /// growing the pool.
    pub misses: u64,
    /// Buffers that the tier grew by, altogether.
    pub grown: u64,
    /// Buffers whose memory `trim` gave back, altogether.
    pub returned: u64,
    /// Buffers of the tier now, in use or not: `grown - returned`.
    pub slots: u64,
    /// Of those, in use now.
    pub in_use: u64,
    /// The most that were in use at a time, as seen when the tier grew, when the counters were read, and in between up to
    /// 8 for each thread too few, or one too many: a thread tells of its takes 8 at a time, and keeps one buffer.
    pub peak_in_use: u64,
}

/// Counters of a pool, since it was made. Each is exact; while other threads are at work, they are not all of one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// By tier, as in [`TIERS`].
    pub tiers: [TierStats; TIERS.len()],
    /// Takes by size asked for, as in [`ASKED_BYTES`]. The last were made to measure and freed.
    pub asked: [u64; ASKED_SIZES],
    /// Compare-and-swaps that had to be repeated because another thread was faster.
    pub retries: u64,
    /// Bytes that the pool holds, in use or not; never above `Options::bytes_max`.
    pub bytes: usize,
}

impl Stats {
    /// Adds what one lane has counted.
    pub(crate) fn count(&mut self, misses: impl Iterator<Item = u64>, asked: impl Iterator<Item = u64>, retries: u64) {
        self.retries += retries;
        for (of, misses) in self.tiers.iter_mut().zip(misses) {
            of.misses += misses;
        }
        for (class, asked) in asked.enumerate() {
            self.asked[class] += asked;
        }
    }

    /// What was counted since `before`, and the hits that follow from it.
    pub(crate) fn since(mut self, before: &Self) -> Self {
        self.retries -= before.retries;
        for (asked, before) in self.asked.iter_mut().zip(before.asked) {
            *asked -= before;
        }
        for (of, before) in self.tiers.iter_mut().zip(&before.tiers) {
            of.misses -= before.misses;
            of.grown -= before.grown;
            of.returned -= before.returned;
        }
        for (class, asked) in self.asked.iter().enumerate() {
            if let Some(of) = self.tiers.get_mut(TIER_OF[class]) {
                of.hits += asked;
            }
        }
        for of in &mut self.tiers {
            // A miss may have been counted after what was asked for was read.
            of.hits = of.hits.saturating_sub(of.misses);
        }
        self
    }
}

//! The tables of a pool: chunks, words, slots, lanes. They are never freed, only left to the next pool, so that nobody who
//! comes back late with a buffer, or looks while something is given back, can find them gone. Knows no buffers, nor
//! which thread has which lane.

use std::time::Instant;

use crate::chunks::{Chunks, Locked};
use crate::lane::{Lane, LANES};
use crate::options::Options;
use crate::slot::Owned;
use crate::stats::Stats;
use crate::sync::{Counter, Flag, Leaked, Lock, Ordering};
use crate::tier::Tier;
use crate::TIERS;

/// The epoch while no pool has the tables: no lane is of it, so that everything goes back to its chunk.
const CLOSED: u64 = u64::MAX;

#[derive(Debug)]
pub(crate) struct Inner {
    /// Goes up when lanes are to be emptied: each thread sees it when it next drops a buffer.
    epoch: Counter,
    pub tiers: [Tier<Self>; TIERS.len()],
    pub lanes: [Lane<Self>; LANES + 1],
    chunks: Lock<Chunks<Self>>,
    /// Whether a pool has the tables. Not under the lock, as whoever looks for free ones should not hold up those in use.
    is_taken: Flag,
    /// Older tables, see `Process`.
    pub next: Leaked<Self>,
}

impl Inner {
    /// New tables, that a pool has.
    pub fn new() -> Self {
        Self {
            epoch: Counter::new(CLOSED),
            tiers: std::array::from_fn(|_| Tier::new()),
            lanes: std::array::from_fn(|number| Lane::new(number == LANES)),
            chunks: Lock::new(Chunks::new()),
            is_taken: Flag::new(true),
            next: Leaked::nothing(),
        }
    }

    /// Takes the tables for a pool, unless another has them.
    pub fn take(&self) -> bool {
        !self.is_taken.swap(true, Ordering::Relaxed)
    }

    /// Begins a pool with tables that were taken for it.
    pub fn open(&'static self, options: Options) {
        let mut chunks = self.lock();
        chunks.epoch += 1;
        chunks.options = options;
        chunks.before = Stats::default();
        let mut before = self.stats(&chunks);
        for (of, table) in before.tiers.iter_mut().zip(&self.tiers) {
            // What is still out of an earlier pool counts as grown by this one.
            of.grown -= of.slots;
            table.reset_peak(of.in_use);
        }
        chunks.before = before;
        self.epoch.store(chunks.epoch, Ordering::Relaxed);
    }

    /// Waits for others that grow or trim.
    pub fn lock(&'static self) -> Locked<Self> {
        Locked::new(self, &self.tiers, self.chunks.lock())
    }

    /// `None` while another thread grows or trims.
    pub fn try_lock(&'static self) -> Option<Locked<Self>> {
        let chunks = self.chunks.try_lock()?;
        Some(Locked::new(self, &self.tiers, chunks))
    }

    /// Gives all memory back that no buffer is in, and leaves the tables to the next pool. Buffers that are out give
    /// theirs back when they are dropped.
    ///
    /// # Safety
    /// The lane of that number is the calling thread's.
    pub unsafe fn close(&'static self, lane: usize) {
        self.epoch.store(CLOSED, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { self.empty(lane) };
        // With the lock, so that whoever finds this and then takes the lock sees all that was done.
        let _chunks = self.lock();
        self.is_taken.store(false, Ordering::Relaxed);
    }

    /// Takes a slot of these tables back, of this tier.
    ///
    /// # Safety
    /// The lane of that number is the calling thread's.
    #[inline]
    pub unsafe fn take_back(&'static self, number: usize, tier: usize, slot: Owned<Self>) {
        let lane = &self.lanes[number];
        if lane.is_of(self.epoch.load(Ordering::Relaxed)) {
            // SAFETY: the lane is the calling thread's, and not shared, as that is of no epoch.
            if let Err(slot) = unsafe { lane.keep(tier, slot) } {
                self.put_back(lane, slot);
            }
        } else {
            self.put_back(lane, slot);
            // SAFETY: as the caller promises.
            unsafe { self.empty(number) };
        }
    }

    /// Gives a slot back to its word.
    #[allow(clippy::needless_pass_by_value, reason = "whoever owned it does no more")]
    fn put_back(&self, lane: &Lane<Self>, slot: Owned<Self>) {
        let home = slot.slot().home().expect("home: a slot of a table has one");
        let tier = usize::from(home.tier);
        self.tiers[tier].moved(tier, lane, -1);
        // SAFETY: the slot was owned by who called this, and is forgotten here; its bit is there, as a slot of a table was given one.
        unsafe { home.word.give_back(1 << home.bit) };
    }

    /// Gives all that a lane keeps back to the words; and on to the allocator, if no pool has the tables any more.
    ///
    /// # Safety
    /// The lane of that number is the calling thread's.
    #[cold]
    pub unsafe fn empty(&'static self, lane: usize) {
        let lane = &self.lanes[lane];
        let epoch = self.epoch.load(Ordering::Relaxed);
        let is_closed = epoch == CLOSED;
        if !is_closed {
            lane.enter(epoch);
        }
        for tier in 0..TIERS.len() {
            // SAFETY: the lane is the calling thread's.
            while let Some(slot) = unsafe { lane.fetch(tier) } {
                self.put_back(lane, slot);
            }
        }
        if is_closed {
            let mut chunks = self.lock();
            // Another pool may have got the tables meanwhile, and wants its buffers there.
            if self.epoch.load(Ordering::Relaxed) == CLOSED {
                chunks.give_back_all();
            }
        }
    }

    /// As `Pool::trim`.
    ///
    /// # Safety
    /// The lane of that number is the calling thread's.
    pub unsafe fn trim(&'static self, lane: usize, now: Instant) -> usize {
        let mut chunks = self.lock();
        // What a lane keeps is in no word; and what is in use shows only when it is taken out of one again.
        chunks.epoch += 1;
        self.epoch.store(chunks.epoch, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { self.empty(lane) };
        for lane in &self.lanes {
            for hint in &lane.hints {
                // Look from the front, so that the chunks at the back become idle.
                hint.store(0, Ordering::Relaxed);
            }
        }
        chunks.give_back_idle(now)
    }

    /// The counters, since the pool was opened.
    pub fn stats(&self, chunks: &Chunks<Self>) -> Stats {
        let mut stats = Stats {
            bytes: chunks.bytes,
            ..Stats::default()
        };
        for lane in &self.lanes {
            let misses = lane.misses.iter().map(|misses| misses.load(Ordering::Relaxed));
            let asked = lane.asked.iter().map(|asked| asked.load(Ordering::Relaxed));
            stats.count(misses, asked, lane.retries.load(Ordering::Relaxed));
        }
        for (tier, of) in stats.tiers.iter_mut().enumerate() {
            let kept: usize = self.lanes.iter().map(|lane| lane.depth(tier)).sum();
            let in_use = chunks.out(&self.tiers[tier], tier).saturating_sub(kept) as u64;
            self.tiers[tier].note_peak(in_use);
            of.grown = chunks.grown[tier];
            of.returned = chunks.returned[tier];
            of.slots = chunks.slots(tier) as u64;
            of.in_use = in_use;
            of.peak_in_use = self.tiers[tier].peak();
        }
        stats.since(&chunks.before)
    }
}

//! The memory behind the slots: growing tier by tier, giving back what was idle, under the pool's only lock.
//! Knows nothing of buffers.

use std::ptr::NonNull;
use std::time::{Duration, Instant};

use crate::memory::{alignment, Memory};
use crate::pool::Inner;
use crate::slot::{Home, Place, Slot};
use crate::sync::Ordering;
use crate::tier::{Tier, CHUNKS_MAX};
use crate::word::{all, Word, SLOTS_MAX};
use crate::TIERS;

/// Buffers of the first chunk of each tier.
pub const SLOTS_FIRST: [usize; TIERS.len()] = [16, 4, 2, 1];

/// How a tier grows: while it holds less than so many bytes, to so many percent of the buffers that it has.
pub const GROWTH_PERCENT: [(usize, usize); 4] = [(4 << 20, 200), (32 << 20, 150), (128 << 20, 120), (usize::MAX, 110)];

/// Buffers of one chunk, at most: what is given back at once is 4 MiB or less.
const CHUNK_SLOTS: [usize; TIERS.len()] = [SLOTS_MAX, SLOTS_MAX, SLOTS_MAX, 4];

/// One piece of memory and the slots it is cut into. Stays when its memory has been given back, for the next time.
#[derive(Debug)]
struct Chunk {
    /// Leaked from a box, as other threads reach the slots through pointers.
    slots: NonNull<[Slot]>,
    memory: Option<Memory>,
    /// When it was first seen idle; `None` after something was taken out of it.
    idle_since: Option<Instant>,
}

// SAFETY: the slots are the chunk's own, and any thread may use them.
unsafe impl Send for Chunk {}

/// What the lock guards.
#[derive(Debug)]
pub(crate) struct Chunks {
    tiers: [Vec<Chunk>; TIERS.len()],
    bytes_max: usize,
    /// Bytes of all chunks that have memory; at most `bytes_max`.
    pub bytes: usize,
    /// Buffers that each tier was grown by, and that it gave back.
    pub grown: [u64; TIERS.len()],
    pub returned: [u64; TIERS.len()],
}

impl Chunks {
    pub fn new(bytes_max: usize) -> Self {
        Self {
            tiers: Default::default(),
            bytes_max,
            bytes: 0,
            grown: [0; TIERS.len()],
            returned: [0; TIERS.len()],
        }
    }

    /// Buffers of a tier now.
    pub fn slots(&self, tier: usize) -> usize {
        (self.grown[tier] - self.returned[tier]) as usize
    }

    /// Grows a tier by its factor and takes a slot of what is new. `None` at the bound.
    ///
    /// # Safety
    /// `inner` is the pool that has these chunks.
    pub unsafe fn grow(&mut self, inner: NonNull<Inner>, tier: usize) -> Option<NonNull<Slot>> {
        let slots = self.slots(tier);
        let wanted = wanted(tier, slots);
        let chunk = self.vacant(inner, tier, wanted)?;
        // SAFETY: the chunk is vacant, and the pool's.
        let first = unsafe { self.fill(inner, tier, chunk, true, false) };
        let done = self.slots(tier) - slots;
        // SAFETY: as the caller promises.
        unsafe { self.add(inner, tier, wanted.saturating_sub(done), false) };
        first
    }

    /// Adds free slots to a tier, as far as the bound allows; `is_touched`: with all their pages.
    ///
    /// # Safety
    /// `inner` is the pool that has these chunks.
    pub unsafe fn add(&mut self, inner: NonNull<Inner>, tier: usize, slots: usize, is_touched: bool) {
        let target = self.slots(tier) + slots;
        while self.slots(tier) < target {
            let Some(chunk) = self.vacant(inner, tier, target - self.slots(tier)) else {
                return;
            };
            // SAFETY: the chunk is vacant, and the pool's.
            unsafe { self.fill(inner, tier, chunk, false, is_touched) };
        }
    }

    /// A chunk without memory: one that gave it back, or a new one of at most `slots`. `None` at a bound.
    fn vacant(&mut self, inner: NonNull<Inner>, tier: usize, slots: usize) -> Option<usize> {
        let room = (self.bytes_max - self.bytes) / TIERS[tier];
        let chunks = &mut self.tiers[tier];
        let is_vacant = |chunk: &Chunk| chunk.memory.is_none() && chunk.slots.len() <= room;
        if let Some(chunk) = chunks.iter().position(is_vacant) {
            return Some(chunk);
        }
        let slots = slots.min(room).min(CHUNK_SLOTS[tier]);
        if slots == 0 || chunks.len() == CHUNKS_MAX {
            return None;
        }
        // SAFETY: the pool is alive while somebody has its lock.
        let table = unsafe { &inner.as_ref().tiers[tier] };
        let chunk = table.append();
        let row = table.row(chunk);
        let nowhere = Place {
            start: NonNull::dangling(),
            bytes: TIERS[tier],
        };
        let home = |bit| Home {
            inner,
            word: NonNull::from(row.word),
            tier: tier as u8,
            bit: bit as u8,
        };
        let slots: Box<[Slot]> = (0..slots).map(|bit| Slot::new(Some(home(bit)), nowhere)).collect();
        let slots = NonNull::from(Box::leak(slots));
        row.slots.store(slots.as_ptr().cast(), Ordering::Relaxed);
        chunks.push(Chunk {
            slots,
            memory: None,
            idle_since: None,
        });
        Some(chunk)
    }

    /// Puts memory behind a chunk's slots and frees them, all but the first if that `is_taken`.
    ///
    /// # Safety
    /// The chunk is one that `vacant` has just named, and `inner` the pool that has these chunks.
    unsafe fn fill(
        &mut self,
        inner: NonNull<Inner>,
        tier: usize,
        chunk: usize,
        is_taken: bool,
        is_touched: bool,
    ) -> Option<NonNull<Slot>> {
        let bytes = TIERS[tier];
        // SAFETY: as the caller promises.
        let row = unsafe { &inner.as_ref().tiers[tier] }.row(chunk);
        let chunk = &mut self.tiers[tier][chunk];
        let count = chunk.slots.len();
        let mut memory = Memory::zeroed(count * bytes, alignment(bytes));
        if is_touched {
            memory.touch();
        }
        // SAFETY: nobody else looks at the slots of a vacant chunk; each start is within the memory.
        unsafe { chunk.place(|number| memory.start.add(number * bytes)) };
        chunk.memory = Some(memory);
        chunk.idle_since = None;
        self.bytes += count * bytes;
        self.grown[tier] += count as u64;
        let taken = u64::from(is_taken);
        row.is_touched.store(is_taken, Ordering::Relaxed);
        let is_closed = row.word.give_back(all(count) & !taken);
        assert!(!is_closed, "growth: the pool is gone");
        is_taken.then_some(chunk.slots.cast())
    }

    /// Gives back the memory of chunks that are whole and were idle for `idle_after`. Bytes given back.
    pub fn trim(&mut self, tables: &[Tier; TIERS.len()], now: Instant, idle_after: Duration) -> usize {
        let before = self.bytes;
        for (tier, table) in tables.iter().enumerate() {
            for (number, chunk) in self.tiers[tier].iter_mut().enumerate() {
                if chunk.memory.is_none() {
                    continue;
                }
                let (row, slots) = (table.row(number), chunk.slots.len());
                let is_touched = row.is_touched.swap(false, Ordering::Relaxed);
                let is_idle = !is_touched && row.word.free() as usize == slots;
                let since = chunk.idle_since.filter(|_| is_idle).unwrap_or(now);
                chunk.idle_since = Some(since);
                let is_due = is_idle && now.saturating_duration_since(since) >= idle_after;
                // From here on nobody has a slot of the chunk, and nobody can take one.
                if is_due && row.word.claim_all(slots) {
                    // SAFETY: as has just been said.
                    unsafe { chunk.place(|_| NonNull::dangling()) };
                    chunk.memory = None;
                    chunk.idle_since = None;
                    self.bytes -= slots * TIERS[tier];
                    self.returned[tier] += slots as u64;
                }
            }
        }
        before - self.bytes
    }

    /// Slots of a tier that are out of their words, of which `free` tells how many are in.
    pub fn out(&self, table: &Tier, tier: usize, free: impl Fn(&Word) -> u32) -> usize {
        let chunks = self.tiers[tier].iter().enumerate();
        let filled = chunks.filter(|(_, chunk)| chunk.memory.is_some());
        filled
            .map(|(number, chunk)| chunk.slots.len() - free(table.row(number).word) as usize)
            .sum()
    }
}

impl Chunk {
    /// Says where each slot's bytes start.
    ///
    /// # Safety
    /// The caller owns all slots.
    unsafe fn place(&self, start: impl Fn(usize) -> NonNull<u8>) {
        // SAFETY: a chunk's slots live as long as the chunk.
        for (number, slot) in unsafe { self.slots.as_ref() }.iter().enumerate() {
            // SAFETY: as the caller promises.
            slot.place.with_mut(|place| unsafe { (*place).start = start(number) });
        }
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        // SAFETY: leaked from a box in `vacant`; the pool is freed when no slot is out.
        drop(unsafe { Box::from_raw(self.slots.as_ptr()) });
    }
}

/// Buffers to add to a tier that has `slots`.
fn wanted(tier: usize, slots: usize) -> usize {
    if slots == 0 {
        return SLOTS_FIRST[tier];
    }
    let percent = GROWTH_PERCENT
        .iter()
        .find(|(below, _)| slots * TIERS[tier] < *below)
        .map_or(100, |(_, percent)| *percent);
    (slots * percent).div_ceil(100) - slots
}

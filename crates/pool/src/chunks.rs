//! The memory behind the slots: growing tier by tier, giving back what was idle, under the pool's only lock.
//! Knows nothing of buffers.

use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::time::Instant;

use crate::free_bits::{all, SLOTS_MAX};
use crate::memory::{alignment, Memory};
use crate::options::Options;
use crate::slot::{Home, Owned, Slot};
use crate::stats::Stats;
use crate::sync::{Guard, Ordering};
use crate::tier::{Row, Tier, CHUNKS_MAX};
use crate::TIERS;

/// Buffers of the first chunk of each tier.
pub const SLOTS_FIRST: [usize; TIERS.len()] = [16, 4, 2, 1];

/// How a tier grows: while it holds less than so many bytes, to so many percent of the buffers that it has.
pub const GROWTH_PERCENT: [(usize, usize); 4] = [(4 << 20, 200), (32 << 20, 150), (128 << 20, 120), (usize::MAX, 110)];

/// Buffers of one chunk, at most: what is given back at once is 4 MiB or less.
const CHUNK_SLOTS: [usize; TIERS.len()] = [SLOTS_MAX, SLOTS_MAX, SLOTS_MAX, 4];

/// One piece of memory and the slots it is cut into. They stay when the memory has been given back, for the next time.
#[derive(Debug)]
struct Chunk<T: 'static> {
    slots: &'static [Slot<T>],
    memory: Option<Memory>,
    /// When it was first seen idle; `None` after something was taken out of it.
    idle_since: Option<Instant>,
}

/// What the lock guards.
#[derive(Debug)]
pub(crate) struct Chunks<T: 'static> {
    tiers: [Vec<Chunk<T>>; TIERS.len()],
    pub options: Options,
    /// The tables' epoch while a pool has them.
    pub epoch: u64,
    /// The counters when the pool got the tables.
    pub before: Stats,
    /// Bytes of all chunks that have memory.
    pub bytes: usize,
    /// Buffers that each tier was grown by, and that it gave back.
    pub grown: [u64; TIERS.len()],
    pub returned: [u64; TIERS.len()],
}

/// The chunks of a pool's tables while they are locked. Nothing else grows the tables or gives memory of theirs back.
pub(crate) struct Locked<T: Sync + 'static> {
    tables: &'static T,
    tiers: &'static [Tier<T>; TIERS.len()],
    chunks: Guard<'static, Chunks<T>>,
}

impl<T: Sync> Locked<T> {
    /// With the lock of these tables, and their tiers.
    pub const fn new(
        tables: &'static T,
        tiers: &'static [Tier<T>; TIERS.len()],
        chunks: Guard<'static, Chunks<T>>,
    ) -> Self {
        Self { tables, tiers, chunks }
    }
}

impl<T: Sync> Deref for Locked<T> {
    type Target = Chunks<T>;

    fn deref(&self) -> &Chunks<T> {
        &self.chunks
    }
}

impl<T: Sync> DerefMut for Locked<T> {
    fn deref_mut(&mut self) -> &mut Chunks<T> {
        &mut self.chunks
    }
}

impl<T: Sync> Chunks<T> {
    pub fn new() -> Self {
        Self {
            tiers: Default::default(),
            options: Options::default(),
            epoch: 0,
            before: Stats::default(),
            bytes: 0,
            grown: [0; TIERS.len()],
            returned: [0; TIERS.len()],
        }
    }

    /// Buffers of a tier now.
    pub fn slots(&self, tier: usize) -> usize {
        (self.grown[tier] - self.returned[tier]) as usize
    }

    /// Slots of a tier that are out of their words.
    pub fn out(&self, table: &Tier<T>, tier: usize) -> usize {
        let chunks = self.tiers[tier].iter().enumerate();
        let filled = chunks.filter(|(_, chunk)| chunk.memory.is_some());
        filled
            .map(|(number, chunk)| chunk.slots.len() - table.row(number).word.free())
            .sum()
    }
}

impl<T: Sync> Locked<T> {
    /// Grows a tier by its factor and takes a slot of what is new. `None` at the bound.
    pub fn grow(&mut self, tier: usize) -> Option<Owned<T>> {
        let before = self.slots(tier);
        let target = before + wanted(tier, before);
        let first = self.vacant(tier, target - before)?;
        let taken = self.fill(tier, first, true, false);
        self.add(tier, target.saturating_sub(self.slots(tier)), false);
        taken
    }

    /// Adds free slots to a tier, as far as the bound allows; `is_there`: with all their pages.
    pub fn add(&mut self, tier: usize, slots: usize, is_there: bool) {
        let target = self.slots(tier) + slots;
        while self.slots(tier) < target {
            let Some(chunk) = self.vacant(tier, target - self.slots(tier)) else {
                return;
            };
            self.fill(tier, chunk, false, is_there);
        }
    }

    /// A chunk of at most `slots` without memory: one that gave it back, or a new one. `None` at a bound.
    fn vacant(&mut self, tier: usize, slots: usize) -> Option<usize> {
        let room = self.options.bytes_max.saturating_sub(self.bytes) / TIERS[tier];
        let slots = slots.min(room).min(CHUNK_SLOTS[tier]);
        let (tables, tiers) = (self.tables, self.tiers);
        let chunks = &mut self.chunks.tiers[tier];
        let is_vacant = |chunk: &Chunk<T>| chunk.memory.is_none() && chunk.slots.len() <= slots;
        if let Some(chunk) = chunks.iter().position(is_vacant) {
            return Some(chunk);
        }
        if slots == 0 || chunks.len() == CHUNKS_MAX {
            return None;
        }
        // SAFETY: this is the lock of these tables.
        let chunk = unsafe { tiers[tier].append() };
        let row = tiers[tier].row(chunk);
        let slot = |bit| {
            let home = Home {
                tables,
                word: row.word,
                tier: tier as u8,
                bit: bit as u8,
            };
            Slot::of_table(home, TIERS[tier])
        };
        let slots: &'static [Slot<T>] = Vec::leak((0..slots).map(slot).collect());
        row.note(slots);
        chunks.push(Chunk {
            slots,
            memory: None,
            idle_since: None,
        });
        Some(chunk)
    }

    /// Puts memory behind the slots of a chunk that has none and frees them, all but the first if that `is_taken`.
    fn fill(&mut self, tier: usize, chunk: usize, is_taken: bool, is_there: bool) -> Option<Owned<T>> {
        let bytes = TIERS[tier];
        let row = self.tiers[tier].row(chunk);
        let chunks = &mut *self.chunks;
        let chunk = &mut chunks.tiers[tier][chunk];
        assert!(chunk.memory.is_none(), "growth: the chunk is vacant");
        let count = chunk.slots.len();
        let memory = Memory::zeroed(count * bytes, alignment(bytes), is_there);
        // SAFETY: a vacant chunk has no bits set, so that nobody has its slots; each start is within the memory.
        unsafe { chunk.place(|number| memory.start.add(number * bytes)) };
        chunk.memory = Some(memory);
        chunk.idle_since = None;
        chunks.bytes += count * bytes;
        chunks.grown[tier] += count as u64;
        row.is_touched.store(is_taken, Ordering::Relaxed);
        // SAFETY: the slots are there, were noted, and belonged to whoever has the lock: no bit of a vacant chunk is set.
        unsafe { row.word.give_back(all(count) & !u64::from(is_taken)) };
        // SAFETY: the first was not given back.
        is_taken.then(|| unsafe { Owned::new(NonNull::from(&chunk.slots[0])) })
    }

    /// Gives back the memory of chunks that are whole and were idle for long enough. Bytes given back.
    pub fn give_back_idle(&mut self, now: Instant) -> usize {
        let idle_after = self.options.idle_after;
        self.give_back(|row, chunk| {
            let is_touched = row.is_touched.swap(false, Ordering::Relaxed);
            let is_idle = !is_touched && row.word.free() == chunk.slots.len();
            let since = chunk.idle_since.filter(|_| is_idle).unwrap_or(now);
            chunk.idle_since = Some(since);
            is_idle && now.saturating_duration_since(since) >= idle_after
        })
    }

    /// Gives back the memory of all chunks that are whole.
    pub fn give_back_all(&mut self) {
        self.give_back(|_, _| true);
    }

    /// Gives back the memory of chunks that are whole and due. Bytes given back.
    fn give_back(&mut self, is_due: impl Fn(&Row<T>, &mut Chunk<T>) -> bool) -> usize {
        let chunks = &mut *self.chunks;
        let before = chunks.bytes;
        for (tier, table) in self.tiers.iter().enumerate() {
            for (number, chunk) in chunks.tiers[tier].iter_mut().enumerate() {
                let row = table.row(number);
                let slots = chunk.slots.len();
                if chunk.memory.is_none() || !is_due(&row, chunk) || !row.word.claim_all(slots) {
                    continue;
                }
                // SAFETY: nobody has a slot of the chunk now, and nobody can take one.
                unsafe { chunk.place(|_| NonNull::dangling()) };
                chunk.memory = None;
                chunks.bytes -= slots * TIERS[tier];
                chunks.returned[tier] += slots as u64;
            }
        }
        before - chunks.bytes
    }
}

impl<T> Chunk<T> {
    /// Says where each slot's bytes start.
    ///
    /// # Safety
    /// The caller owns all slots.
    unsafe fn place(&self, start: impl Fn(usize) -> NonNull<u8>) {
        for (number, slot) in self.slots.iter().enumerate() {
            // SAFETY: as the caller promises.
            slot.place.with_mut(|place| unsafe { (*place).start = start(number) });
        }
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

//! Slots by the hashes of their keys: a shard of a memtable's table, from which nothing is ever taken out. Knows hashes, no keys.
//!
//! A slot stands at the place that its hash names, or at the next one that was free. Hash and slot lie side by side, so that a slot is
//! found with one line of memory, mostly; which one it is follows from the hash alone, so that several can be asked for at once.

use super::slot::Slot;

/// Places of a table with its first slot. The number of places is a power of two.
const PLACES_MIN: usize = 8;

#[derive(Clone, Copy, Default)]
struct Place {
    hash: u64,
    slot: Option<Slot>,
}

/// The table. At most two thirds of its places are taken: so a search is short, and ends.
#[derive(Default)]
pub(super) struct SlotTable {
    places: Vec<Place>,
    taken: usize,
}

impl SlotTable {
    /// The slot of this hash that `is_wanted`.
    #[inline]
    pub(super) fn find(&self, hash: u64, is_wanted: impl Fn(Slot) -> bool) -> Option<Slot> {
        let last = self.places.len().checked_sub(1)?;
        let mut at = hash as usize & last;
        loop {
            let place = self.places[at];
            let slot = place.slot?;
            if place.hash == hash && is_wanted(slot) {
                return Some(slot);
            }
            at = (at + 1) & last;
        }
    }

    /// The hash at the place where a search for `hash` begins: whoever has read it finds that place in the cache.
    #[inline]
    pub(super) fn first_hash(&self, hash: u64) -> u64 {
        self.places
            .len()
            .checked_sub(1)
            .map_or(0, |last| self.places[hash as usize & last].hash)
    }

    /// Adds a slot of a key that has none.
    pub(super) fn insert(&mut self, hash: u64, slot: Slot) {
        if 3 * (self.taken + 1) > 2 * self.places.len() {
            self.grow();
        }
        self.put(Place { hash, slot: Some(slot) });
        self.taken += 1;
    }

    fn grow(&mut self) {
        let places = PLACES_MIN.max(2 * self.places.len());
        let before = std::mem::replace(&mut self.places, vec![Place::default(); places]);
        for place in before.into_iter().filter(|place| place.slot.is_some()) {
            self.put(place);
        }
    }

    fn put(&mut self, place: Place) {
        let last = self.places.len() - 1;
        let mut at = place.hash as usize & last;
        while self.places[at].slot.is_some() {
            at = (at + 1) & last;
        }
        self.places[at] = place;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::arena::{Arena, ChunkPool};
    use super::super::slot::Row;
    use super::*;

    /// Slots of keys that are their numbers.
    fn slots(arena: &Arc<Arena>, count: u64) -> Vec<Slot> {
        let slot = |number: u64| {
            // SAFETY: the piece has room for a row without bytes.
            let row = unsafe { Row::write(arena.take(Row::room(0)), b"", b"") };
            Slot::new(arena, &number.to_le_bytes(), row)
        };
        (0..count).map(slot).collect()
    }

    fn is_of(slot: Slot, number: u64) -> bool {
        // SAFETY: each test keeps its arena.
        unsafe { slot.key() == number.to_le_bytes() }
    }

    /// Hashes of so few values that most slots stand somewhere else than theirs says, also beyond the last place.
    fn crowded(number: u64) -> u64 {
        u64::MAX - number % 3
    }

    #[test]
    fn every_slot_is_found_among_others_of_its_hash() {
        let arena = Arc::new(Arena::new(ChunkPool::new(0)));
        for hash in [crowded, |number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15)] {
            let mut table = SlotTable::default();
            assert!(table.find(hash(0), |_| true).is_none());
            let count = if cfg!(miri) { 40 } else { 500 };
            for (number, slot) in (0..).zip(slots(&arena, count)) {
                assert!(table.find(hash(number), |slot| is_of(slot, number)).is_none());
                table.insert(hash(number), slot);
            }
            for number in 0..count {
                assert!(
                    table.find(hash(number), |slot| is_of(slot, number)).is_some(),
                    "{number}"
                );
            }
            assert!(table.find(hash(count), |slot| is_of(slot, count)).is_none());
            assert!(table.places.len() < 4 * count as usize);
        }
    }

    #[test]
    fn a_search_begins_where_a_slot_stands_if_its_place_was_free() {
        let arena = Arc::new(Arena::new(ChunkPool::new(0)));
        let mut table = SlotTable::default();
        assert_eq!(table.first_hash(7), 0);
        table.insert(7, slots(&arena, 1)[0]);
        assert_eq!(table.first_hash(7), 7);
    }
}

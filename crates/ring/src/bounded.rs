//! Bounded loads: no node gets more than its share and a little. Counts keys, but remembers none of them.
//!
//! After Mirrokni, Thorup and Zadimoghaddam, "Consistent Hashing with Bounded Loads" (2016): a key goes to the first
//! node, clockwise, that has room. For m keys a node has room for ceil((1 + epsilon) × m × its share of the points).

use crate::ring::check_length;
use crate::sort::sort_by_hash;
use crate::{hash_key, Keys, Ring, RingError};
use std::sync::Arc;

/// Least epsilon: less room would make keys go far around the circle.
pub const EPSILON_MIN: f64 = 0.001;
/// Greatest epsilon.
pub const EPSILON_MAX: f64 = 1_000.0;
const MILLION: u128 = 1_000_000;
const ROOM_FOR_ALL: &str = "the sum of the capacities is at least the number of keys";

/// A ring and how many keys each of its nodes holds.
#[derive(Clone, Debug)]
pub struct BoundedRing {
    ring: Arc<Ring>,
    /// (1 + epsilon) in millionths: whole numbers, so that no rounding lets a node have a key too many.
    room_millionths: u128,
    /// Keys held by each node.
    loads: Vec<u64>,
    /// The sum of `loads`.
    total: u64,
}

impl BoundedRing {
    /// No keys yet. `epsilon` is what a node may have above its share: 0.05 for a fullest node of 1.05 times the mean.
    /// It is rounded to millionths.
    ///
    /// # Errors
    /// [`RingError::BadEpsilon`] unless it is between [`EPSILON_MIN`] and [`EPSILON_MAX`].
    pub fn new(ring: Arc<Ring>, epsilon: f64) -> Result<Self, RingError> {
        if !(EPSILON_MIN..=EPSILON_MAX).contains(&epsilon) {
            return Err(RingError::BadEpsilon { epsilon });
        }
        let room_millionths = MILLION + (epsilon * MILLION as f64).round() as u128;
        let loads = vec![0; ring.nodes().len()];
        Ok(Self {
            ring,
            room_millionths,
            loads,
            total: 0,
        })
    }

    /// The ring below.
    #[must_use]
    pub fn ring(&self) -> &Arc<Ring> {
        &self.ring
    }

    /// How many keys each node holds, by index.
    #[must_use]
    pub fn loads(&self) -> &[u64] {
        &self.loads
    }

    /// How many keys each node has room for when there are `total` keys, by index. Their sum is at least `total`.
    #[must_use]
    pub fn capacities(&self, total: u64) -> Vec<u64> {
        (0..self.loads.len())
            .map(|node| u64::try_from(self.part(node, total).div_ceil(self.whole())).unwrap_or(u64::MAX))
            .collect()
    }

    /// Takes a key in: the first node, clockwise, that has room. The caller keeps the answer: the same key again is
    /// one key more, and as loads change it may go elsewhere.
    pub fn assign(&mut self, key: &[u8]) -> u32 {
        self.assign_hash(hash_key(key))
    }

    /// [`BoundedRing::assign`] of the key with this [`hash_key`].
    pub fn assign_hash(&mut self, hash: u64) -> u32 {
        self.total += 1;
        let node = self
            .ring
            .circle
            .owners_from(hash)
            .find(|node| self.has_room(*node as usize, self.total))
            .expect(ROOM_FOR_ALL);
        self.loads[node as usize] += 1;
        node
    }

    /// Lets a key of this node go. No other key moves, so a node may hold more than its capacity for a while, which
    /// falls with the number of keys; it then gets no more.
    ///
    /// # Errors
    /// [`RingError::UnknownIndex`], [`RingError::NothingToRelease`].
    pub fn release(&mut self, node: u32) -> Result<(), RingError> {
        let nodes = self.loads.len();
        let load = self
            .loads
            .get_mut(node as usize)
            .ok_or(RingError::UnknownIndex { index: node, nodes })?;
        if *load == 0 {
            return Err(RingError::NothingToRelease { index: node });
        }
        *load -= 1;
        self.total -= 1;
        Ok(())
    }

    /// Takes many keys in at once: `out[i]` is the node of key `i`. Capacities are those of all keys together.
    ///
    /// Keys are taken in the order of their hashes, so their order here does not matter. Started from no keys, every
    /// node keeps its capacity.
    ///
    /// # Errors
    /// [`RingError::OutputLength`] unless `out` is as long as there are keys, [`RingError::TooManyKeys`] above `u32::MAX`.
    pub fn assign_many(&mut self, keys: Keys<'_>, out: &mut [u32]) -> Result<(), RingError> {
        self.assign_pairs(keys.iter().map(hash_key), out)
    }

    /// [`BoundedRing::assign_many`] of the keys with these [`hash_key`]s.
    ///
    /// # Errors
    /// As [`BoundedRing::assign_many`].
    pub fn assign_hashes(&mut self, hashes: &[u64], out: &mut [u32]) -> Result<(), RingError> {
        self.assign_pairs(hashes.iter().copied(), out)
    }

    fn assign_pairs(&mut self, hashes: impl ExactSizeIterator<Item = u64>, out: &mut [u32]) -> Result<(), RingError> {
        check_length(hashes.len(), out)?;
        let Ok(count) = u32::try_from(out.len()) else {
            return Err(RingError::TooManyKeys { keys: out.len() });
        };
        let pairs: Vec<(u64, u32)> = hashes.zip(0..).collect();
        let (sorted, _) = sort_by_hash(&pairs, (count / 8).max(2).ilog2());
        self.total += u64::from(count);
        let mut room = self.capacities(self.total);
        for (room, load) in room.iter_mut().zip(&self.loads) {
            *room = room.saturating_sub(*load);
        }
        for (hash, place) in sorted {
            let mut nodes = self.ring.circle.owners_from(hash);
            let node = nodes.find(|node| room[*node as usize] > 0).expect(ROOM_FOR_ALL);
            room[node as usize] -= 1;
            self.loads[node as usize] += 1;
            out[place as usize] = node;
        }
        Ok(())
    }

    /// Whether the node may take one of `total` keys: its load is below its capacity, without the division.
    fn has_room(&self, node: usize, total: u64) -> bool {
        u128::from(self.loads[node]) * self.whole() < self.part(node, total)
    }

    /// A capacity is `part` / `whole`, rounded up.
    fn part(&self, node: usize, total: u64) -> u128 {
        u128::from(total) * self.room_millionths * u128::from(self.ring.node_points[node])
    }

    fn whole(&self) -> u128 {
        MILLION * self.ring.circle.len() as u128
    }
}

//! Bounded loads: no node gets more than its share and a little. Counts keys, but remembers none of them.
//!
//! After Mirrokni, Thorup and Zadimoghaddam, "Consistent Hashing with Bounded Loads" (2016): a key goes to the first
//! node, clockwise, that has room. For m keys a node has room for ceil((1 + epsilon) × m × its share of the virtual nodes).

use crate::ring::check_length;
use crate::{hash_key, Keys, Ring, RingError, EPSILON_MAX, EPSILON_MIN};
use std::sync::Arc;

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
        let circle = &self.ring.circle;
        let node = circle
            .owners_from(circle.position(hash))
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
        let hashes: Vec<u64> = keys.iter().map(hash_key).collect();
        self.assign_hashes(&hashes, out)
    }

    /// [`BoundedRing::assign_many`] of the keys with these [`hash_key`]s.
    ///
    /// # Errors
    /// As [`BoundedRing::assign_many`].
    pub fn assign_hashes(&mut self, hashes: &[u64], out: &mut [u32]) -> Result<(), RingError> {
        check_length(hashes.len(), out)?;
        let Ok(count) = u32::try_from(hashes.len()) else {
            return Err(RingError::TooManyKeys { keys: hashes.len() });
        };
        self.total += u64::from(count);
        let mut room = self.capacities(self.total);
        for (room, load) in room.iter_mut().zip(&self.loads) {
            *room = room.saturating_sub(*load);
        }
        // The keys between two points see the nodes in the same order, so they go as a whole, in few steps.
        let (mut keys, starts) = self.by_position(hashes);
        for (position, range) in starts.windows(2).enumerate() {
            let mut left = &mut keys[range[0] as usize..range[1] as usize];
            let mut nodes = self.ring.circle.owners_from(position);
            while !left.is_empty() {
                let node = nodes.find(|node| room[*node as usize] > 0).expect(ROOM_FOR_ALL) as usize;
                let taken = room[node].min(left.len() as u64);
                if (taken as usize) < left.len() {
                    left.sort_unstable_by_key(|key| (hashes[*key as usize], *key));
                }
                let (gone, rest) = left.split_at_mut(taken as usize);
                gone.iter().for_each(|key| out[*key as usize] = node as u32);
                left = rest;
                room[node] -= taken;
                self.loads[node] += taken;
            }
        }
        Ok(())
    }

    /// The numbers of the hashes by the position of their first point, and where those of each position start.
    fn by_position(&self, hashes: &[u64]) -> (Vec<u32>, Vec<u32>) {
        let circle = &self.ring.circle;
        let mut starts = vec![0; circle.len() + 2];
        let positions: Vec<u32> = hashes.iter().map(|hash| circle.position(*hash) as u32).collect();
        positions.iter().for_each(|position| starts[*position as usize] += 1);
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        let mut keys = vec![0; hashes.len()];
        for (key, position) in (0..).zip(&positions) {
            let start: &mut u32 = &mut starts[*position as usize];
            *start -= 1;
            keys[*start as usize] = key;
        }
        (keys, starts)
    }

    /// Whether the node may take one of `total` keys: its load is below its capacity, without the division.
    fn has_room(&self, node: usize, total: u64) -> bool {
        u128::from(self.loads[node]) * self.whole() < self.part(node, total)
    }

    /// A capacity is `part` / `whole`, rounded up.
    fn part(&self, node: usize, total: u64) -> u128 {
        u128::from(total) * self.room_millionths * u128::from(self.ring.virtual_nodes[node])
    }

    fn whole(&self) -> u128 {
        MILLION * u128::from(self.ring.virtual_nodes.iter().sum::<u32>())
    }
}

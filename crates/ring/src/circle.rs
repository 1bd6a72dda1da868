//! The points on the circle and the search among them. Knows neither names nor zones: owners are numbers.
//!
//! ```text
//! hash  ──top bits──▶ index ──▶ points  [ p0 │ p1 │ … │ pN-1 │ u64::MAX ]   ascending
//!                               owners  [ o0 │ o1 │ … │ oN-1 │ o0       ]   the owner of (previous point, point]
//! ```
//! What lies behind the last point belongs to the first, around the circle: the last entry says so without a branch.

use crate::sort::sort_by_hash;

#[derive(Debug)]
pub(crate) struct Circle {
    /// Ascending; one more than there are points, the last one `u64::MAX`.
    points: Vec<u64>,
    /// As many as `points`; the last one is the first one again.
    owners: Vec<u32>,
    /// For each value of a hash's top bits, the first point with at least that value.
    index: Vec<u32>,
    /// How far a hash is shifted to leave its top bits; 32 < `shift` < 64.
    shift: u32,
}

impl Circle {
    /// A circle of these points, at least one and less than 2^31, each with its rank. Their owners are
    /// `owner_of[rank]`; of equal points the one of the lowest rank has the keys.
    pub(crate) fn new(points: &[(u64, u32)], owner_of: &[u32]) -> Self {
        assert!(!points.is_empty(), "a circle has a point");
        // Between a half and one point for each entry of the index.
        let bits = points.len().next_power_of_two().ilog2().max(1);
        let (sorted, mut index) = sort_by_hash(points, bits);
        index.pop();
        let (mut points, mut owners): (Vec<u64>, Vec<u32>) = sorted
            .into_iter()
            .map(|(point, rank)| (point, owner_of[rank as usize]))
            .unzip();
        points.push(u64::MAX);
        owners.push(owners[0]);
        Self {
            points,
            owners,
            index,
            shift: 64 - bits,
        }
    }

    /// How many points there are.
    pub(crate) fn len(&self) -> usize {
        self.points.len() - 1
    }

    /// The position of the first point at or after `hash`, in `0..=N`.
    #[inline]
    pub(crate) fn position(&self, hash: u64) -> usize {
        let mut at = self.index[(hash >> self.shift) as usize] as usize;
        while self.points[at] < hash {
            at += 1;
        }
        at
    }

    /// The owner of `hash`: whose point comes first, clockwise.
    #[inline]
    pub(crate) fn owner(&self, hash: u64) -> u32 {
        self.owners[self.position(hash)]
    }

    /// The owners of all points, clockwise from `hash`, once around.
    #[inline]
    pub(crate) fn owners_from(&self, hash: u64) -> impl Iterator<Item = u32> + '_ {
        let (before, after) = self.owners[..self.owners.len() - 1].split_at(self.position(hash));
        after.iter().chain(before).copied()
    }

    /// Ends of arcs with their owners, ascending. The last one ends at `u64::MAX`. An arc can be empty.
    pub(crate) fn arcs(&self) -> impl Iterator<Item = (u64, u32)> + '_ {
        self.points.iter().copied().zip(self.owners.iter().copied())
    }
}

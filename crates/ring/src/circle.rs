//! The points on the circle and the search among them. Knows neither names nor zones: owners are numbers.
//!
//! ```text
//! hash  ──top bits──▶ index ──▶ points  [ p0 │ p1 │ … │ pN-1 │ u64::MAX ]   ascending
//!                               owners  [ o0 │ o1 │ … │ oN-1 │ o0       ]   the owner of (previous point, point]
//! ```
//! What lies behind the last point belongs to the first, around the circle: the last entry says so without a branch.

#[derive(Debug)]
pub(crate) struct Circle {
    /// Ascending; one more than there are points, the last one `u64::MAX`.
    points: Vec<u64>,
    /// As many as `points`; the last one is the first one again.
    owners: Vec<u32>,
    /// For each value of a hash's top bits, the first point with at least that value.
    index: Vec<u32>,
    /// How far a hash is shifted to leave its top bits; less than 64.
    shift: u32,
}

impl Circle {
    /// A circle of these points, 2 to 2^31 - 1 of them, each with its rank. Their owners are
    /// `owner_of[rank]`; of equal points the one of the lowest rank has the keys.
    pub(crate) fn new(placed: &[(u64, u32)], owner_of: &[u32]) -> Self {
        assert!(placed.len() >= 2, "a virtual node has two points");
        // One or two points for each entry of the index.
        let shift = 64 - (placed.len().next_power_of_two().ilog2() - 1).max(1);
        let mut index = count_buckets(placed, shift);
        let (mut points, mut owners) = sort(placed, shift, &mut index);
        for owner in &mut owners {
            *owner = owner_of[*owner as usize];
        }
        points.push(u64::MAX);
        owners.push(owners[0]);
        Self {
            points,
            owners,
            index,
            shift,
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
        // Two steps without a branch are three times as fast as a loop, which is mispredicted on every other hash.
        at += usize::from(self.points[at] < hash);
        at += usize::from(self.points[at] < hash);
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

    /// The owners of all points, clockwise from a position, once around.
    #[inline]
    pub(crate) fn owners_from(&self, position: usize) -> impl Iterator<Item = u32> + '_ {
        let (before, after) = self.owners[..self.len()].split_at(position);
        after.iter().chain(before).copied()
    }

    /// Ends of arcs with their owners, ascending. The last one ends at `u64::MAX`. An arc can be empty.
    pub(crate) fn arcs(&self) -> impl Iterator<Item = (u64, u32)> + '_ {
        self.points.iter().copied().zip(self.owners.iter().copied())
    }
}

/// For each value of the top bits, where the points with that value end.
fn count_buckets(placed: &[(u64, u32)], shift: u32) -> Vec<u32> {
    let mut index = vec![0u32; 1 << (64 - shift)];
    for (point, _) in placed {
        index[(point >> shift) as usize] += 1;
    }
    let mut sum = 0;
    for end in &mut index {
        sum += *end;
        *end = sum;
    }
    index
}

/// Points and ranks in ascending order. `index` has the end of each bucket before, the start after.
///
/// Points are spread evenly, so once they are in their buckets next to nothing is left to sort: half the time of `sort`.
fn sort(placed: &[(u64, u32)], shift: u32, index: &mut [u32]) -> (Vec<u64>, Vec<u32>) {
    let mut points = vec![0; placed.len()];
    let mut ranks = vec![0; placed.len()];
    for &(point, rank) in placed {
        let end = &mut index[(point >> shift) as usize];
        *end -= 1;
        points[*end as usize] = point;
        ranks[*end as usize] = rank;
    }
    for next in 1..placed.len() {
        let (point, rank) = (points[next], ranks[next]);
        let mut at = next;
        while at > 0 && (points[at - 1], ranks[at - 1]) > (point, rank) {
            points[at] = points[at - 1];
            ranks[at] = ranks[at - 1];
            at -= 1;
        }
        points[at] = point;
        ranks[at] = rank;
    }
    (points, ranks)
}

#[cfg(test)]
mod tests {
    use super::Circle;

    fn owners(points: &[(u64, u32)], hashes: &[u64]) -> Vec<u32> {
        let circle = Circle::new(points, &[10, 11, 12]);
        hashes.iter().map(|hash| circle.owner(*hash)).collect()
    }

    #[test]
    fn the_last_arc_goes_on_at_the_start() {
        let hashes = [0, 1, 5, 6, 1 << 63, u64::MAX - 1, u64::MAX];
        assert_eq!(owners(&[(5, 1), (0, 0)], &hashes), [10, 11, 11, 10, 10, 10, 10]);
        assert_eq!(owners(&[(5, 1), (u64::MAX, 0)], &hashes), [11, 11, 11, 10, 10, 10, 10]);
        assert_eq!(
            owners(&[(0, 1), (u64::MAX, 0), (5, 2)], &hashes),
            [11, 12, 12, 10, 10, 10, 10]
        );
        assert_eq!(owners(&[(1 << 63, 1), (1 << 63, 1)], &hashes), [11; 7]);
    }

    #[test]
    fn of_equal_points_the_lowest_rank_has_the_keys() {
        assert_eq!(owners(&[(7, 2), (7, 1), (9, 0)], &[6, 7, 8]), [11, 11, 10]);
        assert_eq!(owners(&[(7, 1), (9, 0), (7, 2)], &[6, 7, 8]), [11, 11, 10]);
        assert_eq!(owners(&[(u64::MAX, 2), (u64::MAX, 1)], &[0, u64::MAX]), [11, 11]);
    }

    #[test]
    fn points_that_are_not_spread_are_only_slower() {
        let points: Vec<(u64, u32)> = (0..500).rev().map(|i| (i, (i % 3) as u32)).collect();
        let hashes: Vec<u64> = (0..500).collect();
        let expected: Vec<u32> = (0..500).map(|i| 10 + i % 3).collect();
        assert_eq!(owners(&points, &hashes), expected);
    }
}

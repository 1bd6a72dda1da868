//! What moves from one ring to another, as ranges of hashes. Knows no keys.

use crate::circle::Circle;
use crate::Ring;
use std::collections::HashMap;

/// The keys with a hash in `start..=end` move from one node to another. A range never wraps: `start <= end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// The first hash that moves.
    pub start: u64,
    /// The last hash that moves.
    pub end: u64,
    /// The node that had them: its index in the ring before.
    pub from: u32,
    /// The node that has them now: its index in the ring after.
    pub to: u32,
}

/// The share of all hashes that `moves` cover, from 0 to 1.
#[must_use]
pub fn moved_share(moves: &[Move]) -> f64 {
    let hashes: u128 = moves.iter().map(|range| u128::from(range.end - range.start) + 1).sum();
    hashes as f64 / 2f64.powi(64)
}

impl Ring {
    /// The hashes whose node is another one after the change, ascending, as few ranges as possible.
    ///
    /// Nodes are the same if their names are, whatever their index. What moves around the end of the circle is two
    /// ranges, one that ends at `u64::MAX` and one that starts at 0. O(points of both).
    #[must_use]
    pub fn diff(before: &Ring, after: &Ring) -> Vec<Move> {
        moves(&before.circle, &after.circle, &kept_nodes(before, after))
    }
}

/// Walks both circles at once, from one end of an arc to the next. `kept` translates owners before to owners after.
fn moves(before: &Circle, after: &Circle, kept: &[Option<u32>]) -> Vec<Move> {
    let mut moves: Vec<Move> = Vec::new();
    let mut arcs_before = before.arcs().peekable();
    let mut arcs_after = after.arcs().peekable();
    let mut start = 0;
    while let (Some(&(end_before, from)), Some(&(end_after, to))) = (arcs_before.peek(), arcs_after.peek()) {
        let end = end_before.min(end_after);
        if kept[from as usize] != Some(to) {
            push(&mut moves, Move { start, end, from, to });
        }
        // Also past equal points: all but the first own nothing.
        while arcs_before.next_if(|arc| arc.0 == end).is_some() {}
        while arcs_after.next_if(|arc| arc.0 == end).is_some() {}
        start = end.wrapping_add(1);
    }
    moves
}

/// For each node of the ring before, its index in the ring after.
fn kept_nodes(before: &Ring, after: &Ring) -> Vec<Option<u32>> {
    let indexes: HashMap<&str, u32> = after.nodes().iter().map(|node| node.name.as_str()).zip(0..).collect();
    before
        .nodes()
        .iter()
        .map(|node| indexes.get(node.name.as_str()).copied())
        .collect()
}

fn push(moves: &mut Vec<Move>, next: Move) {
    match moves.last_mut() {
        Some(last) if last.end + 1 == next.start && (last.from, last.to) == (next.from, next.to) => last.end = next.end,
        _ => moves.push(next),
    }
}

#[cfg(test)]
mod tests {
    use super::{moves, Move};
    use crate::circle::Circle;

    /// Names do not make equal points in a lifetime of trying.
    #[test]
    fn equal_points_own_one_arc() {
        let kept = [Some(0), Some(1)];
        let before = Circle::new(&[(10, 1), (10, 1), (20, 1), (20, 0), (30, 1)], &[0, 1]);
        let after = Circle::new(&[(10, 1), (10, 0), (20, 1), (20, 1)], &[0, 1]);
        let of = |start, end, from, to| Move { start, end, from, to };
        let expected = [of(0, 10, 1, 0), of(11, 20, 0, 1), of(21, u64::MAX, 1, 0)];
        assert_eq!(moves(&before, &after, &kept), expected);
        assert_eq!(moves(&before, &before, &kept), []);
        let end = Circle::new(&[(u64::MAX, 1), (u64::MAX, 0)], &[0, 1]);
        assert_eq!(moves(&before, &end, &kept), [of(0, 10, 1, 0), of(21, u64::MAX, 1, 0)]);
    }
}

//! Goal: a hash lies in a range of the difference exactly if its node changes, and the range names both nodes.

mod naive;

use naive::{any_nodes, any_options, ring, Naive};
use proptest::prelude::*;
use rafterdb_ring::{moved_share, Move, Node, Options, Ring};

/// `Err` says what is wrong with `moves`, seen at each of `hashes`.
fn check(before: &Ring, after: &Ring, moves: &[Move], hashes: &[u64]) -> Result<(), String> {
    for range in moves {
        if range.start > range.end {
            return Err(format!("{range:x?} ends before it starts"));
        }
    }
    for pair in moves.windows(2) {
        if pair[0].end >= pair[1].start {
            return Err(format!("{pair:x?} overlap or are not in order"));
        }
        if pair[0].end + 1 == pair[1].start && (pair[0].from, pair[0].to) == (pair[1].from, pair[1].to) {
            return Err(format!("{pair:x?} should be one"));
        }
    }
    for hash in hashes {
        let (from, to) = (before.lookup_hash(*hash), after.lookup_hash(*hash));
        let moved = before.nodes()[from as usize].name != after.nodes()[to as usize].name;
        let found = moves.iter().find(|range| (range.start..=range.end).contains(hash));
        if found.map(|range| (range.from, range.to)) != moved.then_some((from, to)) {
            return Err(format!("hash {hash:#x}: from {from} to {to}, but {found:x?}"));
        }
    }
    Ok(())
}

fn edges(nodes: &[Node], options: Options) -> Vec<u64> {
    Naive::new(nodes, options).edges()
}

proptest! {
    #[test]
    fn of_any_two_rings(
        nodes in any_nodes(12),
        kept in prop::collection::vec(any::<bool>(), 12),
        joining in any_nodes(3),
        options in any_options(),
        other_seed in prop::option::weighted(0.2, any::<u64>()),
        hashes in prop::collection::vec(any::<u64>(), 50),
    ) {
        let mut nodes_after: Vec<Node> = joining;
        let stays = |node: &Node| !nodes_after.iter().any(|other| other.name == node.name);
        let staying: Vec<Node> =
            nodes.iter().zip(kept).filter(|(node, kept)| *kept && stays(node)).map(|(node, _)| node.clone()).collect();
        nodes_after.extend(staying);
        let options_after = Options { seed: other_seed.unwrap_or(options.seed), ..options };
        let (before, after) = (ring(&nodes, options), ring(&nodes_after, options_after));
        let moves = Ring::diff(&before, &after);
        let hashes = [edges(&nodes, options), edges(&nodes_after, options_after), hashes].concat();
        prop_assert_eq!(check(&before, &after, &moves, &hashes), Ok(()));
        let share: f64 = moves.iter().map(|range| (range.end - range.start) as f64 / 2f64.powi(64)).sum();
        prop_assert!((moved_share(&moves) - share).abs() < 1e-9);
    }
}

#[test]
fn nothing_and_everything() {
    let a = ring(&[Node::new("a")], Options::default());
    let b = ring(&[Node::new("b")], Options::default());
    assert_eq!(Ring::diff(&a, &a), []);
    assert_eq!(moved_share(&[]), 0.0);
    let all = Ring::diff(&a, &b);
    assert_eq!(
        all,
        [Move {
            start: 0,
            end: u64::MAX,
            from: 0,
            to: 0
        }]
    );
    assert_eq!(moved_share(&all), 1.0);
}

/// The canary of `check`: each way to be wrong.
#[test]
fn broken_differences_are_caught() {
    let options = Options {
        virtual_nodes: 3,
        seed: 1,
    };
    let nodes = [Node::new("a"), Node::new("b"), Node::new("c")];
    let before = ring(&nodes[..2], options);
    let after = ring(&nodes, options);
    let right = Ring::diff(&before, &after);
    let hashes = edges(&nodes, options);
    assert_eq!(check(&before, &after, &right, &hashes), Ok(()));
    assert!(right.len() > 1 && right[0].end - right[0].start > 2, "{right:x?}");
    let with = |change: &dyn Fn(&mut Vec<Move>)| {
        let mut moves = right.clone();
        change(&mut moves);
        check(&before, &after, &moves, &hashes).unwrap_err()
    };
    with(&|moves| moves.truncate(1));
    with(&|moves| moves[0].start += 1);
    with(&|moves| moves[0].end -= 1);
    with(&|moves| moves[0].end += 1);
    with(&|moves| moves[0].from ^= 1);
    with(&|moves| moves[0].to = 0);
    with(&|moves| moves.swap(0, 1));
    let split = with(&|moves| {
        let first = moves[0];
        moves[0].start += 1;
        moves.insert(
            0,
            Move {
                end: first.start,
                ..first
            },
        );
    });
    assert!(split.contains("should be one"), "{split}");
}

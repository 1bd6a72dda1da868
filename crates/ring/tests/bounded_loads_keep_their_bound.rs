//! Goal: no node holds more than its capacity, and each key is on the first node, clockwise, that had room for it.

mod naive;

use naive::{any_nodes, any_options, ring, Naive};
use proptest::prelude::*;
use rafterdb_ring::{hash_key, BoundedRing, Keys, Node, Options, RingError};
use std::sync::Arc;

/// ceil((1 + epsilon) × keys × share), in thousandths of epsilon.
fn capacity(nodes: &[Node], options: Options, node: usize, keys: u64, epsilon_thousandths: u64) -> u64 {
    let virtual_nodes = |node: &Node| (node.weight * f64::from(options.virtual_nodes)).round() as u64;
    let all: u64 = nodes.iter().map(virtual_nodes).sum();
    (keys * (1000 + epsilon_thousandths) * virtual_nodes(&nodes[node])).div_ceil(1000 * all)
}

proptest! {
    #[test]
    fn in_a_batch(
        nodes in any_nodes(10),
        options in any_options(),
        hashes in prop::collection::vec(any::<u64>(), 0..500),
        epsilon in 1u64..1000,
        first in 0usize..500,
    ) {
        // Many of the keys hash to the same few values, as they may.
        let hashes: Vec<u64> = hashes.into_iter().map(|hash| if hash % 3 == 0 { hash >> 60 } else { hash }).collect();
        let (first, second) = hashes.split_at(first.min(hashes.len()));
        let naive = Naive::new(&nodes, options);
        let mut bounded = BoundedRing::new(Arc::new(ring(&nodes, options)), epsilon as f64 / 1000.0).unwrap();
        let mut loads = vec![0; nodes.len()];
        for part in [first, second] {
            let mut found = vec![u32::MAX; part.len()];
            bounded.assign_hashes(part, &mut found).unwrap();
            let total = loads.iter().sum::<u64>() + part.len() as u64;
            let capacities: Vec<u64> =
                (0..nodes.len()).map(|node| capacity(&nodes, options, node, total, epsilon)).collect();
            prop_assert_eq!(&bounded.capacities(total), &capacities);
            let mut order: Vec<usize> = (0..part.len()).collect();
            order.sort_by_key(|key| (part[*key], *key));
            for key in order {
                let node = naive.clockwise(part[key]).find(|node| loads[*node as usize] < capacities[*node as usize]);
                prop_assert_eq!(Some(found[key]), node, "key {} of {}", key, part.len());
                loads[found[key] as usize] += 1;
            }
            prop_assert_eq!(bounded.loads(), &loads);
            prop_assert!(loads.iter().zip(&capacities).all(|(load, capacity)| load <= capacity));
        }
    }

    #[test]
    fn one_by_one_with_releases(
        nodes in any_nodes(10),
        options in any_options(),
        steps in prop::collection::vec((any::<u64>(), any::<bool>()), 0..300),
        epsilon in 1u64..1000,
    ) {
        let naive = Naive::new(&nodes, options);
        let mut bounded = BoundedRing::new(Arc::new(ring(&nodes, options)), epsilon as f64 / 1000.0).unwrap();
        let mut held: Vec<u32> = Vec::new();
        for (hash, release) in steps {
            if release && !held.is_empty() {
                bounded.release(held.swap_remove(hash as usize % held.len())).unwrap();
            } else {
                let total = held.len() as u64 + 1;
                let load = |node: u32| held.iter().filter(|other| **other == node).count() as u64;
                let room = |node: &u32| load(*node) < capacity(&nodes, options, *node as usize, total, epsilon);
                let expected = naive.clockwise(hash).find(room);
                let found = bounded.assign_hash(hash);
                prop_assert_eq!(Some(found), expected);
                held.push(found);
            }
            let loads: Vec<u64> =
                (0..nodes.len()).map(|node| held.iter().filter(|other| **other == node as u32).count() as u64).collect();
            prop_assert_eq!(bounded.loads(), &loads);
        }
    }

    #[test]
    fn the_order_of_a_batch_does_not_matter(
        (hashes, shuffled) in prop::collection::hash_set(any::<u64>(), 0..300).prop_flat_map(|hashes| {
            let hashes: Vec<u64> = hashes.into_iter().collect();
            (Just(hashes.clone()), Just(hashes).prop_shuffle())
        }),
    ) {
        let nodes: Vec<Node> = (0..7).map(|i| Node::new(format!("{i}"))).collect();
        let ring = Arc::new(ring(&nodes, Options::default()));
        let place = |hashes: &[u64]| {
            let mut found = vec![0; hashes.len()];
            BoundedRing::new(ring.clone(), 0.01).unwrap().assign_hashes(hashes, &mut found).unwrap();
            let mut placed: Vec<(u64, u32)> = hashes.iter().copied().zip(found).collect();
            placed.sort_unstable();
            placed
        };
        prop_assert_eq!(place(&hashes), place(&shuffled));
    }
}

#[test]
fn keys_and_their_hashes_go_the_same_way() {
    let nodes = [Node::new("a"), Node::new("b"), Node::new("c")];
    let empty = BoundedRing::new(Arc::new(ring(&nodes, Options::default())), 0.05).unwrap();
    let buffer: Vec<u8> = (0..1000u32).flat_map(u32::to_le_bytes).collect();
    let offsets: Vec<u32> = (0..=1000).map(|i| 4 * i).collect();
    let keys = Keys::new(&buffer, &offsets).unwrap();
    let hashes: Vec<u64> = keys.iter().map(hash_key).collect();
    let mut found = [vec![0; 1000], vec![0; 1000]];
    empty.clone().assign_many(keys, &mut found[0]).unwrap();
    empty.clone().assign_hashes(&hashes, &mut found[1]).unwrap();
    assert_eq!(found[0], found[1]);
    let (mut by_key, mut by_hash) = (empty.clone(), empty);
    for (key, hash) in keys.iter().zip(hashes) {
        assert_eq!(by_key.assign(key), by_hash.assign_hash(hash));
    }
}

#[test]
fn only_what_is_held_can_be_released() {
    let mut bounded = BoundedRing::new(Arc::new(ring(&[Node::new("a")], Options::default())), 0.5).unwrap();
    assert_eq!(bounded.release(0), Err(RingError::NothingToRelease { index: 0 }));
    assert_eq!(bounded.release(1), Err(RingError::UnknownIndex { index: 1, nodes: 1 }));
    assert_eq!(bounded.assign(b"key"), 0);
    assert_eq!(bounded.release(0), Ok(()));
    assert_eq!(bounded.release(0), Err(RingError::NothingToRelease { index: 0 }));
}

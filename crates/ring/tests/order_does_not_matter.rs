//! Goal: two machines that list the same nodes in another order place every key on the same nodes.

mod naive;

use naive::{any_nodes, any_options, ring, Naive};
use proptest::prelude::*;
use rafterdb_ring::{BoundedRing, Ring};
use std::sync::Arc;

proptest! {
    #[test]
    fn of_the_nodes(
        (nodes, shuffled) in any_nodes(12).prop_flat_map(|nodes| (Just(nodes.clone()), Just(nodes).prop_shuffle())),
        options in any_options(),
    ) {
        let (one, other) = (ring(&nodes, options), ring(&shuffled, options));
        prop_assert_eq!(Ring::diff(&one, &other), []);
        let names = |ring: &Ring, found: &[u32]| -> Vec<String> {
            found.iter().map(|node| ring.nodes()[*node as usize].name.clone()).collect()
        };
        let hashes = Naive::new(&nodes, options).edges();
        for hash in &hashes {
            let mut replicas = [[0; 4]; 2];
            let count = one.replicas_hash(*hash, &mut replicas[0]).unwrap();
            prop_assert_eq!(other.replicas_hash(*hash, &mut replicas[1]).unwrap(), count);
            prop_assert_eq!(names(&one, &replicas[0][..count]), names(&other, &replicas[1][..count]));
        }
        let mut assigned = [vec![0; hashes.len()], vec![0; hashes.len()]];
        BoundedRing::new(Arc::new(one), 0.1).unwrap().assign_hashes(&hashes, &mut assigned[0]).unwrap();
        BoundedRing::new(Arc::new(other), 0.1).unwrap().assign_hashes(&hashes, &mut assigned[1]).unwrap();
        let names = |nodes: &[rafterdb_ring::Node], found: &[u32]| -> Vec<String> {
            found.iter().map(|node| nodes[*node as usize].name.clone()).collect()
        };
        prop_assert_eq!(names(&nodes, &assigned[0]), names(&shuffled, &assigned[1]));
    }
}

//! Goal: a node that joins only takes keys, a node that leaves only gives its own, and the second replica steps in.

mod naive;

use naive::{any_nodes, any_options, ring, Naive};
use proptest::prelude::*;
use rafterdb_ring::{Node, Ring};

fn name(ring: &Ring, hash: u64) -> &str {
    &ring.nodes()[ring.lookup_hash(hash) as usize].name
}

proptest! {
    #[test]
    fn joining_and_leaving(nodes in any_nodes(10), options in any_options(), quarters in 1u32..16) {
        let before = ring(&nodes, options);
        let joining = Node::new("the one that joins").weight(f64::from(quarters) / 4.0);
        let after = before.with_node(joining.clone()).unwrap();
        for hash in Naive::new(after.nodes(), options).edges() {
            if name(&after, hash) != joining.name {
                prop_assert_eq!(name(&before, hash), name(&after, hash));
            }
        }
        let without = after.without_node(&joining.name).unwrap();
        prop_assert_eq!(without.nodes(), before.nodes());
        prop_assert_eq!(Ring::diff(&before, &without), []);
    }

    #[test]
    fn a_greater_weight_only_takes_keys(nodes in any_nodes(10), options in any_options(), quarters in 1u32..16) {
        let before = ring(&nodes, options);
        let mut heavier = nodes;
        heavier[0].weight += f64::from(quarters) / 4.0;
        let after = ring(&heavier, options);
        for hash in Naive::new(&heavier, options).edges() {
            if after.lookup_hash(hash) != 0 {
                prop_assert_eq!(before.lookup_hash(hash), after.lookup_hash(hash));
            }
        }
    }

    #[test]
    fn the_second_replica_steps_in(nodes in any_nodes(10), options in any_options(), hash: u64) {
        prop_assume!(nodes.len() > 1);
        let nodes: Vec<Node> = nodes.into_iter().map(|node| Node { zone: None, ..node }).collect();
        let before = ring(&nodes, options);
        let mut replicas = [0; 2];
        prop_assert_eq!(before.replicas_hash(hash, &mut replicas).unwrap(), 2);
        let [first, second] = replicas.map(|node| nodes[node as usize].name.as_str());
        let after = before.without_node(first).unwrap();
        prop_assert_eq!(name(&after, hash), second);
    }
}

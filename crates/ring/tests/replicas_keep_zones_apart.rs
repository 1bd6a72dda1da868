//! Goal: replicas are distinct nodes, clockwise, and no zone has two while another one with a node left has none.

mod naive;

use naive::{any_nodes, any_options, ring, Naive};
use proptest::prelude::*;
use rafterdb_ring::{hash_key, Keys, Node, NO_NODE};

/// Nodes without a zone are in one of their own.
fn zone(nodes: &[Node], node: u32) -> String {
    let node = &nodes[node as usize];
    node.zone.clone().unwrap_or_else(|| format!("only {}", node.name))
}

/// One by one: the first unused node, clockwise, whose zone has as few as any zone that has an unused node.
fn expected(naive: &Naive, nodes: &[Node], hash: u64, replicas: usize) -> Vec<u32> {
    let mut chosen: Vec<u32> = Vec::new();
    while chosen.len() < replicas.min(nodes.len()) {
        let used = |node: u32| {
            chosen
                .iter()
                .filter(|other| zone(nodes, **other) == zone(nodes, node))
                .count()
        };
        let unused: Vec<u32> = naive.clockwise(hash).filter(|node| !chosen.contains(node)).collect();
        // Of equal ones `min_by_key` takes the first.
        let next = unused
            .into_iter()
            .min_by_key(|node| used(*node))
            .expect("a node is left");
        chosen.push(next);
    }
    chosen
}

/// What the rule demands of a list whatever the order on the circle: `Err` names what is broken.
fn check(nodes: &[Node], replicas: &[u32]) -> Result<(), &'static str> {
    for (at, node) in replicas.iter().enumerate() {
        let before = &replicas[..at];
        let used = |node: u32| {
            before
                .iter()
                .filter(|other| zone(nodes, **other) == zone(nodes, node))
                .count()
        };
        if before.contains(node) {
            return Err("a node twice");
        }
        if (0..nodes.len() as u32).any(|other| !before.contains(&other) && used(other) < used(*node)) {
            return Err("a zone again while another one has a node left");
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn one_key(nodes in any_nodes(12), options in any_options(), hash: u64, replicas in 0usize..16) {
        let mut found = vec![7; replicas];
        let count = ring(&nodes, options).replicas_hash(hash, &mut found).unwrap();
        prop_assert_eq!(count, replicas.min(nodes.len()));
        prop_assert!(found[count..].iter().all(|node| *node == NO_NODE));
        prop_assert_eq!(check(&nodes, &found[..count]), Ok(()));
        prop_assert_eq!(&found[..count], &expected(&Naive::new(&nodes, options), &nodes, hash, replicas)[..]);
    }

    #[test]
    fn many_keys(nodes in any_nodes(6), options in any_options(), numbers in prop::collection::vec(any::<u16>(), 0..20)) {
        let ring = ring(&nodes, options);
        let buffer: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        let offsets: Vec<u32> = (0..=numbers.len() as u32).map(|i| 2 * i).collect();
        for replicas in 0..8 {
            let mut found = vec![7; numbers.len() * replicas];
            let keys = Keys::new(&buffer, &offsets).unwrap();
            prop_assert_eq!(ring.replicas_many(keys, replicas, &mut found), Ok(replicas.min(nodes.len())));
            for (i, number) in numbers.iter().enumerate() {
                let mut one = vec![7; replicas];
                ring.replicas(&number.to_le_bytes(), &mut one).unwrap();
                prop_assert_eq!(&found[i * replicas..][..replicas], &one[..]);
                if replicas > 0 {
                    prop_assert_eq!(one[0], ring.lookup_hash(hash_key(&number.to_le_bytes())));
                }
            }
        }
    }
}

#[test]
fn three_zones_of_unequal_size() {
    let zones = ["x", "x", "x", "x", "y", "y", "z"];
    let nodes: Vec<Node> = (0..)
        .zip(zones)
        .map(|(i, zone)| Node::new(format!("n{i}")).zone(zone))
        .collect();
    let ring = ring(&nodes, Default::default());
    for hash in (0..100).map(|i| i << 57) {
        let mut found = [0; 9];
        assert_eq!(ring.replicas_hash(hash, &mut found), Ok(7));
        let of_zone = |part: &[u32], name| part.iter().filter(|node| zones[**node as usize] == name).count();
        assert_eq!(
            [
                of_zone(&found[..3], "x"),
                of_zone(&found[..3], "y"),
                of_zone(&found[..3], "z")
            ],
            [1, 1, 1]
        );
        assert_eq!([of_zone(&found[3..5], "x"), of_zone(&found[3..5], "y")], [1, 1]);
        assert_eq!(found[7..], [NO_NODE; 2]);
    }
}

/// The canary of `check`.
#[test]
fn broken_lists_are_caught() {
    let nodes = [
        Node::new("a").zone("x"),
        Node::new("b").zone("x"),
        Node::new("c").zone("y"),
        Node::new("d"),
    ];
    assert_eq!(check(&nodes, &[0, 2, 3, 1]), Ok(()));
    assert_eq!(check(&nodes, &[0, 0]), Err("a node twice"));
    assert_eq!(
        check(&nodes, &[0, 1]),
        Err("a zone again while another one has a node left")
    );
    assert_eq!(
        check(&nodes, &[0, 2, 1]),
        Err("a zone again while another one has a node left")
    );
}

//! Goal: a million keys spread evenly over 100 nodes whatever these are called, weights hold, and few keys move.
//! The names and keys are fixed; `cargo run --release -p rafterdb-bench --example ring_balance` draws more of them.

use rafterdb_ring::{hash_key, BoundedRing, Node, Options, Ring};
use std::sync::Arc;

const KEYS: u64 = 1_000_000;
const NODES: u64 = 100;

fn hashes() -> Vec<u64> {
    (0..KEYS).map(|i| hash_key(format!("key {i}").as_bytes())).collect()
}

/// Four ways to call 100 nodes.
fn namings() -> [Vec<Node>; 4] {
    let all = |name: fn(u64) -> String| (0..NODES).map(|i| Node::new(name(i))).collect();
    [
        all(|i| format!("{i}")),
        all(|i| format!("node-{i}")),
        all(|i| format!("10.0.{}.{}:7400", i / 10, i % 10 + 1)),
        all(|i| format!("{:016x}", hash_key(&i.to_le_bytes()))),
    ]
}

fn ring(nodes: &[Node], virtual_nodes: u32) -> Ring {
    Ring::new(nodes, Options { virtual_nodes, seed: 0 }).expect("within bounds")
}

fn lookup(ring: &Ring, hashes: &[u64]) -> Vec<u32> {
    let mut found = vec![0; hashes.len()];
    ring.lookup_hashes(hashes, &mut found).expect("as long");
    found
}

fn loads(found: &[u32]) -> Vec<f64> {
    let mut loads = vec![0.0; NODES as usize];
    found.iter().for_each(|node| loads[*node as usize] += 1.0);
    loads
}

fn peak_over_mean(found: &[u32]) -> f64 {
    loads(found).into_iter().fold(0.0, f64::max) / (found.len() as f64 / NODES as f64)
}

#[test]
fn the_fullest_node_is_little_above_the_mean() {
    let hashes = hashes();
    for nodes in namings() {
        for (virtual_nodes, most) in [(160, 1.25), (1_000, 1.12)] {
            let ring = Arc::new(ring(&nodes, virtual_nodes));
            let peak = peak_over_mean(&lookup(&ring, &hashes));
            assert!(peak > 1.0 && peak <= most, "{}, {virtual_nodes}: {peak}", nodes[0].name);

            let mut found = vec![0; hashes.len()];
            BoundedRing::new(ring, 0.05)
                .unwrap()
                .assign_hashes(&hashes, &mut found)
                .unwrap();
            let peak = peak_over_mean(&found);
            assert!(
                peak > 1.0 && peak <= 1.05,
                "{}, {virtual_nodes}, bounded: {peak}",
                nodes[0].name
            );
        }
    }
}

#[test]
fn a_node_that_joins_or_leaves_moves_its_share() {
    let hashes = hashes();
    for nodes in namings() {
        let before = ring(&nodes, 160);
        let after = before.with_node(Node::new("one more")).unwrap();
        let (from, to) = (lookup(&before, &hashes), lookup(&after, &hashes));
        let moved = from.iter().zip(&to).filter(|(from, to)| from != to).count() as f64 / KEYS as f64;
        assert!(moved > 0.008 && moved <= 0.012, "{}: {moved}", nodes[0].name);
    }
}

/// Noise is one deviation of 1 / sqrt(2 × 160 × weight) of a load; four of them are allowed.
#[test]
fn a_node_has_keys_by_its_weight() {
    let hashes = hashes();
    for mut nodes in namings() {
        let weights = [0.5, 1.0, 2.0, 4.0];
        let weight = |node: usize| weights[node % weights.len()];
        nodes
            .iter_mut()
            .enumerate()
            .for_each(|(node, it)| it.weight = weight(node));
        let total: f64 = (0..nodes.len()).map(weight).sum();
        for (node, load) in loads(&lookup(&ring(&nodes, 160), &hashes)).into_iter().enumerate() {
            let relative = load / (KEYS as f64 * weight(node) / total);
            let noise = 1.0 / (320.0 * weight(node)).sqrt();
            assert!((relative - 1.0).abs() < 4.0 * noise, "{}: {relative}", nodes[node].name);
        }
    }
}

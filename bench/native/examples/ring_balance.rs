//! How even a ring's loads are and how many keys move: a million keys, 100 nodes, 50 namings of them.
//! Prints tables, and fails if a bound in them does not hold. Knows nothing of speed: that is the bench `ring`.

use rafterdb_ring::{hash_key, moved_share, BoundedRing, Node, Options, Ring};
use std::sync::Arc;

const KEYS: usize = 1_000_000;
const NODES: usize = 100;
const NAMINGS: usize = 50;
const EPSILON: f64 = 0.05;

/// Ways to call nodes; each is drawn several times, with another seed.
const SCHEMES: [fn(usize) -> String; 5] = [
    |i| i.to_string(),
    |i| format!("node-{i}"),
    |i| format!("10.0.{}.{}:7400", i / 16, i % 16),
    |i| format!("store-{i}.eu-west-1.example.internal"),
    |i| format!("{:016x}", hash_key(&i.to_le_bytes())),
];

/// Nodes of a naming, with the seed that goes with it.
fn naming(number: usize) -> (Vec<Node>, u64) {
    let name = SCHEMES[number % SCHEMES.len()];
    let nodes = (0..=NODES).map(|i| Node::new(name(i))).collect();
    (nodes, (number / SCHEMES.len()) as u64)
}

fn main() {
    let hashes: Vec<u64> = (0..KEYS).map(|i| hash_key(format!("key:{i:012}").as_bytes())).collect();
    println!("{KEYS} keys, {NODES} nodes, {NAMINGS} namings (5 schemes, 10 seeds each)\n");
    let held = [peaks(&hashes), moves(&hashes), weights(&hashes)];
    assert!(held.iter().all(|held| *held), "a bound does not hold");
}

fn peaks(hashes: &[u64]) -> bool {
    println!("| fullest node / mean | virtual nodes | min | median | p90 | max | bound | above it |");
    println!("|---|---|---|---|---|---|---|---|");
    // 80 virtual nodes have the 160 points that a ring of one point for each of 160 would have.
    let plain = [(80, None), (160, Some(1.25)), (1_000, Some(1.12))];
    let mut held = true;
    for (virtual_nodes, bound) in plain {
        let peaks = namings(|nodes, seed| peak(&lookup(&ring(&nodes[..NODES], seed, virtual_nodes), hashes)));
        held &= row("consistent hashing", &virtual_nodes.to_string(), &peaks, bound, 3);
    }
    let bounded = namings(|nodes, seed| peak(&assign(ring(&nodes[..NODES], seed, 160), hashes)));
    held & row("bounded loads, epsilon 0.05", "160", &bounded, Some(1.0 + EPSILON), 4)
}

fn moves(hashes: &[u64]) -> bool {
    println!("\n| keys moved, % | virtual nodes | min | median | p90 | max | bound | above it |");
    println!("|---|---|---|---|---|---|---|---|");
    let share = |before: &[u32], after: &[u32]| {
        let moved = before
            .iter()
            .zip(after)
            .filter(|(before, after)| before != after)
            .count();
        100.0 * moved as f64 / hashes.len() as f64
    };
    let mut held = true;
    for virtual_nodes in [160, 1_000] {
        let shares = namings(|nodes, seed| {
            let (fewer, more) = (
                ring(&nodes[..NODES], seed, virtual_nodes),
                ring(nodes, seed, virtual_nodes),
            );
            let moved = share(&lookup(&fewer, hashes), &lookup(&more, hashes));
            let ranges = 100.0 * moved_share(&Ring::diff(&fewer, &more));
            assert!((ranges - moved).abs() < 0.06, "ranges {ranges} %, keys {moved} %");
            moved
        });
        held &= row("100 to 101 nodes", &virtual_nodes.to_string(), &shares, Some(1.2), 3);
    }
    let removal = namings(|nodes, seed| {
        let (more, fewer) = (ring(&nodes[..NODES], seed, 160), ring(&nodes[..NODES - 1], seed, 160));
        share(&lookup(&more, hashes), &lookup(&fewer, hashes))
    });
    row("100 to 99 nodes", "160", &removal, None, 3);
    for (what, nodes_after) in [
        ("100 to 101 nodes, bounded", NODES + 1),
        ("100 to 99 nodes, bounded", NODES - 1),
    ] {
        let shares = namings(|nodes, seed| {
            let before = assign(ring(&nodes[..NODES], seed, 160), hashes);
            share(&before, &assign(ring(&nodes[..nodes_after], seed, 160), hashes))
        });
        row(what, "160", &shares, None, 3);
    }
    held
}

/// A quarter of the nodes each has the weight 0.5, 1, 2 and 4: how far their loads are from their shares.
fn weights(hashes: &[u64]) -> bool {
    println!("\n| weight | its nodes' keys / share: mean | deviation | expected deviation |");
    println!("|---|---|---|---|");
    let weights = [0.5, 1.0, 2.0, 4.0];
    let weight = |node: usize| weights[node % weights.len()];
    let total: f64 = (0..NODES).map(weight).sum();
    let mut relative: [Vec<f64>; 4] = Default::default();
    for number in 0..NAMINGS {
        let (mut nodes, seed) = naming(number);
        nodes
            .iter_mut()
            .enumerate()
            .for_each(|(node, it)| it.weight = weight(node));
        let found = loads(&lookup(&ring(&nodes[..NODES], seed, 160), hashes));
        for (node, load) in found.into_iter().enumerate() {
            relative[node % weights.len()].push(load / (KEYS as f64 * weight(node) / total));
        }
    }
    let mut held = true;
    for (weight, values) in weights.into_iter().zip(relative) {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;
        let expected = (320.0 * weight).sqrt().recip();
        println!("| {weight} | {mean:.4} | {:.4} | {expected:.4} |", variance.sqrt());
        held &= (mean - 1.0).abs() < 0.01 && variance.sqrt() < 1.2 * expected;
    }
    held
}

fn ring(nodes: &[Node], seed: u64, virtual_nodes: u32) -> Ring {
    Ring::new(nodes, Options { virtual_nodes, seed }).expect("within bounds")
}

fn lookup(ring: &Ring, hashes: &[u64]) -> Vec<u32> {
    let mut found = vec![0; hashes.len()];
    ring.lookup_hashes(hashes, &mut found).expect("as long");
    found
}

fn assign(ring: Ring, hashes: &[u64]) -> Vec<u32> {
    let mut found = vec![0; hashes.len()];
    let mut bounded = BoundedRing::new(Arc::new(ring), EPSILON).expect("within bounds");
    bounded.assign_hashes(hashes, &mut found).expect("as long");
    found
}

fn loads(found: &[u32]) -> Vec<f64> {
    let mut loads = vec![0.0; NODES];
    found.iter().for_each(|node| loads[*node as usize] += 1.0);
    loads
}

fn peak(found: &[u32]) -> f64 {
    loads(found).into_iter().fold(0.0, f64::max) / (found.len() as f64 / NODES as f64)
}

/// What each naming gives, ascending.
fn namings(measure: impl Fn(&[Node], u64) -> f64) -> Vec<f64> {
    let each = |number| {
        let (nodes, seed) = naming(number);
        measure(&nodes, seed)
    };
    let mut values: Vec<f64> = (0..NAMINGS).map(each).collect();
    values.sort_by(f64::total_cmp);
    values
}

/// Prints a distribution; whether all of it keeps the bound.
fn row(what: &str, virtual_nodes: &str, sorted: &[f64], bound: Option<f64>, digits: usize) -> bool {
    let at = |share: usize| sorted[(sorted.len() - 1) * share / 100];
    let above = bound.map(|bound| sorted.iter().filter(|value| **value > bound).count());
    let [bound, count] = [
        bound.map(|bound| bound.to_string()),
        above.map(|above| above.to_string()),
    ];
    let [bound, count] = [bound, count].map(|text| text.unwrap_or_else(|| "-".to_owned()));
    println!(
        "| {what} | {virtual_nodes} | {:.digits$} | {:.digits$} | {:.digits$} | {:.digits$} | {bound} | {count} |",
        at(0),
        at(50),
        at(90),
        at(100)
    );
    above.unwrap_or(0) == 0
}

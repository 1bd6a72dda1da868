//! The ring as its documentation defines it, in the plainest way: all points in one list, searched from the start.
#![allow(dead_code)] // Each test uses its own part.

use proptest::prelude::*;
use rafterdb_hash::xxh3_64;
use rafterdb_ring::{Node, Options, Ring};

/// Every point with its node's name and index, ascending, equal ones by name.
pub struct Naive {
    pub points: Vec<(u64, String, u32)>,
}

impl Naive {
    pub fn new(nodes: &[Node], options: Options) -> Self {
        let mut points = Vec::new();
        for (index, node) in (0..).zip(nodes) {
            for number in 0..(node.weight * f64::from(options.virtual_nodes)).round() as u32 {
                let hash = xxh3_64(&[node.name.as_bytes(), &number.to_le_bytes()].concat(), options.seed);
                points.push((hash, node.name.clone(), index));
                points.push((u64::from(hash as u32) << 32 | hash >> 32, node.name.clone(), index));
            }
        }
        points.sort();
        Self { points }
    }

    /// Owners of all points, clockwise from the hash.
    pub fn clockwise(&self, hash: u64) -> impl Iterator<Item = u32> + '_ {
        let first = self.points.iter().position(|point| point.0 >= hash).unwrap_or(0);
        self.points
            .iter()
            .cycle()
            .skip(first)
            .take(self.points.len())
            .map(|point| point.2)
    }

    pub fn owner(&self, hash: u64) -> u32 {
        self.clockwise(hash).next().expect("a ring has points")
    }

    /// Where an answer may change: each point and its neighbours, and the ends of the circle.
    pub fn edges(&self) -> Vec<u64> {
        let around = |point: u64| [point.wrapping_sub(1), point, point.wrapping_add(1)];
        let points = self.points.iter().flat_map(|point| around(point.0));
        points.chain(around(0)).chain(around(u64::MAX)).collect()
    }
}

/// 1 to `most` nodes with names of any kind, weights from a quarter to four, and some in one of three zones.
pub fn any_nodes(most: usize) -> impl Strategy<Value = Vec<Node>> {
    let node = (1u32..=16, prop::option::of(0u8..3));
    prop::collection::btree_map("[a-c]{1,3}|\\PC{1,20}", node, 1..=most)
        .prop_map(|nodes| {
            let make = |(name, (quarters, zone)): (String, (u32, Option<u8>))| {
                let node = Node::new(name).weight(f64::from(quarters) / 4.0);
                match zone {
                    Some(zone) => node.zone(format!("zone {zone}")),
                    None => node,
                }
            };
            nodes.into_iter().map(make).collect::<Vec<_>>()
        })
        .prop_shuffle()
}

pub fn any_options() -> impl Strategy<Value = Options> {
    (2u32..40, any::<u64>()).prop_map(|(virtual_nodes, seed)| Options { virtual_nodes, seed })
}

pub fn ring(nodes: &[Node], options: Options) -> Ring {
    Ring::new(nodes, options).expect("within bounds")
}

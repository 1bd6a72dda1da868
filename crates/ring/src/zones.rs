//! Which nodes of a ring fail together. Knows no keys.

use std::collections::HashMap;

use crate::bounds::REPLICAS_MAX;
use crate::Node;

/// Which nodes fail together.
#[derive(Debug)]
pub(crate) struct Zones {
    /// For each node a number that its zone's other nodes have too.
    pub(crate) of_node: Vec<u32>,
    /// How many zones have more than `r` nodes, for `r` in `0..REPLICAS_MAX`, as far as there are any.
    pub(crate) larger_than: Vec<usize>,
}

impl Zones {
    pub(crate) fn new(nodes: &[Node]) -> Self {
        let mut numbers: HashMap<&str, u32> = HashMap::new();
        let mut sizes: Vec<usize> = Vec::new();
        let mut of_node = Vec::with_capacity(nodes.len());
        for node in nodes {
            let next = sizes.len() as u32;
            let number = node
                .zone
                .as_deref()
                .map_or(next, |zone| *numbers.entry(zone).or_insert(next));
            if number == next {
                sizes.push(0);
            }
            sizes[number as usize] += 1;
            of_node.push(number);
        }
        let larger_than = (0..REPLICAS_MAX)
            .map(|round| sizes.iter().filter(|size| **size > round).count())
            .take_while(|zones| *zones > 0)
            .collect();
        Self { of_node, larger_than }
    }
}

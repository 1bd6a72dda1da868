//! What a ring is made of: nodes, options, and the bounds they must keep. Knows no hashing.

use crate::bounds::{NAME_BYTES_MAX, NODES_MAX, NODE_VIRTUAL_NODES_MAX, RING_VIRTUAL_NODES_MAX};
use crate::RingError;

/// One node of a ring.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its name, unique in the ring, 1 to [`NAME_BYTES_MAX`] bytes. The name alone decides where its points are.
    pub name: String,
    /// Its share of the keys relative to the other nodes' weights: finite, above 0, 1 by default.
    pub weight: f64,
    /// Nodes of one zone fail together, so replicas avoid sharing one. `None` by default: a zone of its own.
    pub zone: Option<String>,
}

impl Node {
    /// A node of weight 1, in no zone.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            weight: 1.0,
            zone: None,
        }
    }

    /// The same node with this weight.
    #[must_use]
    pub fn weight(mut self, weight: f64) -> Self {
        self.weight = weight;
        self
    }

    /// The same node in this zone.
    #[must_use]
    pub fn zone(mut self, zone: impl Into<String>) -> Self {
        self.zone = Some(zone.into());
        self
    }
}

/// How a ring is laid out. All who must agree about a key need the same options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Virtual nodes per unit of weight; 160 by default. More make the shares more even and the ring bigger.
    pub virtual_nodes: u32,
    /// Seed of the points (not of the keys); 0 by default. Rings of different seeds are independent of each other.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            virtual_nodes: 160,
            seed: 0,
        }
    }
}

/// How many virtual nodes each node has, or the first bound that is broken. All of them is at most [`RING_VIRTUAL_NODES_MAX`].
pub(crate) fn count_virtual_nodes(nodes: &[Node], options: Options) -> Result<Vec<u32>, RingError> {
    if nodes.is_empty() {
        return Err(RingError::NoNodes);
    }
    if nodes.len() > NODES_MAX {
        return Err(RingError::TooManyNodes { nodes: nodes.len() });
    }
    let counts = nodes
        .iter()
        .enumerate()
        .map(|(index, node)| virtual_nodes_of(index, node, options))
        .collect::<Result<Vec<u32>, RingError>>()?;
    let virtual_nodes = counts.iter().map(|count| u64::from(*count)).sum();
    if virtual_nodes > u64::from(RING_VIRTUAL_NODES_MAX) {
        return Err(RingError::TooManyRingVirtualNodes { virtual_nodes });
    }
    Ok(counts)
}

fn virtual_nodes_of(index: usize, node: &Node, options: Options) -> Result<u32, RingError> {
    let name = || node.name.clone();
    if node.name.is_empty() {
        return Err(RingError::EmptyName { index });
    }
    for (what, text) in [("name", Some(&node.name)), ("zone", node.zone.as_ref())] {
        let bytes = text.map_or(0, String::len);
        if bytes > NAME_BYTES_MAX {
            return Err(RingError::NameTooLong { what, index, bytes });
        }
    }
    if !(node.weight.is_finite() && node.weight > 0.0) {
        return Err(RingError::BadWeight {
            name: name(),
            weight: node.weight,
        });
    }
    // IEEE 754 defines products and rounding to the bit, so every machine counts the same.
    let virtual_nodes = node.weight * f64::from(options.virtual_nodes);
    if virtual_nodes > f64::from(NODE_VIRTUAL_NODES_MAX) {
        return Err(RingError::TooManyVirtualNodes {
            name: name(),
            virtual_nodes,
        });
    }
    let rounded = virtual_nodes.round() as u32;
    if rounded == 0 {
        return Err(RingError::WeightTooSmall {
            name: name(),
            weight: node.weight,
            virtual_nodes: options.virtual_nodes,
        });
    }
    Ok(rounded)
}

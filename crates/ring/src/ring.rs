//! The ring: names become points, and keys find their nodes. Knows nothing of loads. Never changes once built.
//!
//! A point is the XXH3-64, seeded with [`Options::seed`], of
//! ```text
//! ┌─────────────────────────┬──────────────────────────────────────────────┐
//! │ the node's name (UTF-8) │ number of the point from 0: u32, little-endian│
//! └─────────────────────────┴──────────────────────────────────────────────┘
//! ```
//! and a node has round(weight × virtual nodes × [`POINTS_PER_VIRTUAL_NODE`](crate::POINTS_PER_VIRTUAL_NODE)) of them.
//! A key belongs to the first point at or after its hash, clockwise; of equal points, to the node first by its name's bytes.

use crate::circle::Circle;
use crate::node::count_points;
use crate::replicas::Zones;
use crate::{hash_key, Keys, Node, Options, RingError, NAME_BYTES_MAX};
use rafterdb_hash::xxh3_64;

/// A consistent-hash ring. Share it in an `Arc`; a change of membership is a new ring.
///
/// Nodes come out as their index in the slice that was passed to [`Ring::new`]. Where a key goes depends on the nodes'
/// names, weights and the options alone, never on the order of the nodes.
#[derive(Debug)]
pub struct Ring {
    nodes: Vec<Node>,
    options: Options,
    /// How many points each node has: its weight in whole numbers.
    pub(crate) node_points: Vec<u32>,
    pub(crate) circle: Circle,
    pub(crate) zones: Zones,
}

impl Ring {
    /// Builds a ring: O(points), a few milliseconds for 100 nodes with 1,000 virtual nodes each.
    ///
    /// # Errors
    /// If a bound of this crate is broken, a weight is not a finite number above 0, two names are equal, or there is no node.
    pub fn new(nodes: &[Node], options: Options) -> Result<Self, RingError> {
        let node_points = count_points(nodes, options)?;
        let order = order_by_name(nodes)?;
        let points = place(nodes, &node_points, &order, options.seed);
        Ok(Self {
            nodes: nodes.to_vec(),
            options,
            node_points,
            circle: Circle::new(&points, &order),
            zones: Zones::new(nodes),
        })
    }

    /// A new ring with one node more; it has the highest index.
    ///
    /// # Errors
    /// As [`Ring::new`].
    pub fn with_node(&self, node: Node) -> Result<Self, RingError> {
        let mut nodes = self.nodes.clone();
        nodes.push(node);
        Self::new(&nodes, self.options)
    }

    /// A new ring without this node; indexes above its own fall by one.
    ///
    /// # Errors
    /// [`RingError::UnknownName`], or [`RingError::NoNodes`] if it was the last one.
    pub fn without_node(&self, name: &str) -> Result<Self, RingError> {
        let mut nodes = self.nodes.clone();
        nodes.retain(|node| node.name != name);
        if nodes.len() == self.nodes.len() {
            return Err(RingError::UnknownName { name: name.to_owned() });
        }
        Self::new(&nodes, self.options)
    }

    /// The nodes, by index.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The options it was built with.
    #[must_use]
    pub fn options(&self) -> Options {
        self.options
    }

    /// The node of a key.
    #[inline]
    #[must_use]
    pub fn lookup(&self, key: &[u8]) -> u32 {
        self.lookup_hash(hash_key(key))
    }

    /// The node of the key with this [`hash_key`].
    #[inline]
    #[must_use]
    pub fn lookup_hash(&self, hash: u64) -> u32 {
        self.circle.owner(hash)
    }

    /// The nodes of many keys: `out[i]` for key `i`.
    ///
    /// # Errors
    /// [`RingError::OutputLength`] unless `out` is as long as there are keys.
    pub fn lookup_many(&self, keys: Keys<'_>, out: &mut [u32]) -> Result<(), RingError> {
        check_length(keys.len(), out)?;
        for (key, node) in keys.iter().zip(out) {
            *node = self.lookup(key);
        }
        Ok(())
    }

    /// The nodes of many keys by their [`hash_key`]: `out[i]` for hash `i`.
    ///
    /// # Errors
    /// [`RingError::OutputLength`] unless `out` is as long as `hashes`.
    pub fn lookup_hashes(&self, hashes: &[u64], out: &mut [u32]) -> Result<(), RingError> {
        check_length(hashes.len(), out)?;
        for (hash, node) in hashes.iter().zip(out) {
            *node = self.lookup_hash(*hash);
        }
        Ok(())
    }
}

pub(crate) fn check_length(expected: usize, out: &[u32]) -> Result<(), RingError> {
    if out.len() == expected {
        Ok(())
    } else {
        Err(RingError::OutputLength {
            expected,
            found: out.len(),
        })
    }
}

/// The indexes of the nodes in the order of their names.
fn order_by_name(nodes: &[Node]) -> Result<Vec<u32>, RingError> {
    let name = |index: &u32| nodes[*index as usize].name.as_str();
    let mut order: Vec<u32> = (0..nodes.len() as u32).collect();
    order.sort_unstable_by_key(name);
    match order.windows(2).find(|pair| name(&pair[0]) == name(&pair[1])) {
        Some(pair) => Err(RingError::DuplicateName {
            name: name(&pair[0]).to_owned(),
        }),
        None => Ok(order),
    }
}

/// All points, each with its node's rank by name: the rank, not the index, decides between equal points.
fn place(nodes: &[Node], node_points: &[u32], order: &[u32], seed: u64) -> Vec<(u64, u32)> {
    let mut points = Vec::with_capacity(node_points.iter().sum::<u32>() as usize);
    let mut input = Vec::with_capacity(NAME_BYTES_MAX + size_of::<u32>());
    for (rank, index) in (0u32..).zip(order) {
        let name = nodes[*index as usize].name.as_bytes();
        for number in 0..node_points[*index as usize] {
            input.clear();
            input.extend_from_slice(name);
            input.extend_from_slice(&number.to_le_bytes());
            points.push((xxh3_64(&input, seed), rank));
        }
    }
    points
}

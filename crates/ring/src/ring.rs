//! The ring: names become points, and keys find their nodes. Knows nothing of loads. Never changes once built.
//!
//! A node has round(weight × [`Options::virtual_nodes`]) virtual nodes. The hash of one is the XXH3-64, seeded with
//! [`Options::seed`], of
//! ```text
//! ┌───────────────────────────┬──────────────────────────────────────────────────────┐
//! │ the node's name, in UTF-8 │ the virtual node's number from 0: u32, little-endian │
//! └───────────────────────────┴──────────────────────────────────────────────────────┘
//! ```
//! and its two points are that hash, and that hash with its upper and lower 32 bits swapped.
//! A key belongs to the first point at or after its own hash, clockwise; of equal points, to the node whose name comes
//! first, byte by byte.

use crate::circle::Circle;
use crate::node::count_virtual_nodes;
use crate::zones::Zones;
use crate::{hash_key, Keys, Node, Options, RingError, POINTS_PER_VIRTUAL_NODE};
use rafterdb_hash::xxh3_64;

/// Keys that are hashed before their nodes are looked up.
const HASHES_AT_ONCE: usize = 128;

/// A consistent-hash ring. Share it in an `Arc`; a change of membership is a new ring.
///
/// Nodes come out as their index in the slice that was passed to [`Ring::new`]. Where a key goes depends on the nodes'
/// names, weights and the options alone, never on the order of the nodes.
#[derive(Debug)]
pub struct Ring {
    nodes: Vec<Node>,
    options: Options,
    /// How many virtual nodes each node has: its weight in whole numbers.
    pub(crate) virtual_nodes: Vec<u32>,
    pub(crate) circle: Circle,
    pub(crate) zones: Zones,
}

impl Ring {
    /// Builds a ring: O(points), a few milliseconds for 100 nodes with 1,000 virtual nodes each.
    ///
    /// # Errors
    /// If a bound of this crate is broken, a weight is not a finite number above 0, two names are equal, or there is no node.
    pub fn new(nodes: &[Node], options: Options) -> Result<Self, RingError> {
        let virtual_nodes = count_virtual_nodes(nodes, options)?;
        let order = order_by_name(nodes)?;
        let points = place(nodes, &virtual_nodes, &order, options.seed);
        Ok(Self {
            nodes: nodes.to_vec(),
            options,
            virtual_nodes,
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
        // Hashing and searching do not wait for each other's memory when they come in turns.
        let mut hashes = [0; HASHES_AT_ONCE];
        let mut keys = keys.iter();
        for out in out.chunks_mut(HASHES_AT_ONCE) {
            hashes
                .iter_mut()
                .zip(keys.by_ref())
                .for_each(|(hash, key)| *hash = hash_key(key));
            for (hash, node) in hashes.iter().zip(out) {
                *node = self.lookup_hash(*hash);
            }
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
fn place(nodes: &[Node], virtual_nodes: &[u32], order: &[u32], seed: u64) -> Vec<(u64, u32)> {
    let sum: u32 = virtual_nodes.iter().sum();
    let mut points = Vec::with_capacity((sum * POINTS_PER_VIRTUAL_NODE) as usize);
    for (rank, index) in (0u32..).zip(order) {
        let mut input = nodes[*index as usize].name.clone().into_bytes();
        let name_bytes = input.len();
        for number in 0..virtual_nodes[*index as usize] {
            input.truncate(name_bytes);
            input.extend_from_slice(&number.to_le_bytes());
            let hash = xxh3_64(&input, seed);
            points.push((hash, rank));
            points.push((hash.rotate_left(32), rank));
        }
    }
    points
}

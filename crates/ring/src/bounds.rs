//! The bounds of a ring, of its nodes and of what is asked of it. Knows no nodes.

/// Most nodes in a ring.
pub const NODES_MAX: usize = 65_536;
/// Longest name of a node or of a zone, in bytes.
pub const NAME_BYTES_MAX: usize = 255;
/// Most virtual nodes that one node may have (its weight times [`crate::Options::virtual_nodes`]).
pub const NODE_VIRTUAL_NODES_MAX: u32 = 65_536;
/// Most virtual nodes of a ring, all nodes together. One takes 28 to 32 bytes.
pub const RING_VIRTUAL_NODES_MAX: u32 = 1 << 23;
/// Points on the circle for one virtual node.
///
/// Two, because of luck: a node's load deviates by 1 / sqrt(its points). With one point, 160 virtual nodes and 100
/// nodes, the fullest node of every seventh naming has more than 1.25 times the mean; with two, of one in a thousand.
/// One point in each of 160 equal arcs was tried too, and is hardly better than 160 anywhere: the spread comes from
/// the gaps between neighbours, whose points are drawn independently, and not from how a node's own are spread.
pub const POINTS_PER_VIRTUAL_NODE: u32 = 2;

const _: () = assert!(NODE_VIRTUAL_NODES_MAX <= RING_VIRTUAL_NODES_MAX);
const _: () = assert!((RING_VIRTUAL_NODES_MAX as u64 * POINTS_PER_VIRTUAL_NODE as u64) < 1 << 31);

/// Most replicas of a key.
pub const REPLICAS_MAX: usize = 64;
/// Least epsilon: less room would make keys go far around the circle.
pub const EPSILON_MIN: f64 = 0.001;
/// Greatest epsilon.
pub const EPSILON_MAX: f64 = 1_000.0;

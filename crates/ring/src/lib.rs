//! A consistent-hash ring: weighted virtual nodes, replicas in distinct zones, bounded loads, and what moves when
//! nodes come and go. Knows no network and no members. Nodes go in by name and come out by their index.
//!
//! After Karger et al., "Consistent Hashing and Random Trees" (STOC 1997), and Mirrokni, Thorup and Zadimoghaddam,
//! "Consistent Hashing with Bounded Loads" (2016). Figures: `cargo run --release -p rafterdb-bench --example ring_balance`.
//!
//! ```
//! use rafterdb_ring::{Node, Options, Ring};
//!
//! let nodes = [Node::new("a").zone("east"), Node::new("b").zone("west"), Node::new("c").zone("west").weight(2.0)];
//! let ring = Ring::new(&nodes, Options::default())?;
//! let node = &ring.nodes()[ring.lookup(b"some key") as usize];
//! assert!(["a", "b", "c"].contains(&node.name.as_str()));
//! # Ok::<(), rafterdb_ring::RingError>(())
//! ```

#![forbid(unsafe_code)]

mod bounded;
mod bounds;
mod circle;
mod diff;
mod error;
mod keys;
mod node;
mod replicas;
mod ring;
mod zones;

pub use bounded::BoundedRing;
pub use bounds::{
    EPSILON_MAX, EPSILON_MIN, NAME_BYTES_MAX, NODES_MAX, NODE_VIRTUAL_NODES_MAX, POINTS_PER_VIRTUAL_NODE, REPLICAS_MAX,
    RING_VIRTUAL_NODES_MAX,
};
pub use diff::{moved_share, Move};
pub use error::RingError;
pub use keys::hash_key;
pub use node::{Node, Options};
pub use rafterdb_hash::{Keys, KeysError};
pub use replicas::NO_NODE;
pub use ring::Ring;

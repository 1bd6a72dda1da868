//! What may be wrong with what a caller passes. Each text says what was found and what would do.

use crate::{
    EPSILON_MAX, EPSILON_MIN, NAME_BYTES_MAX, NODES_MAX, NODE_VIRTUAL_NODES_MAX, REPLICAS_MAX, RING_VIRTUAL_NODES_MAX,
};

/// Why a ring could not be built, or a call not be answered. Nothing has changed when one is returned.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RingError {
    #[error("a ring needs at least one node")]
    NoNodes,
    #[error("{nodes} nodes; a ring takes at most {NODES_MAX}")]
    TooManyNodes { nodes: usize },
    #[error("node {index} has an empty name")]
    EmptyName { index: usize },
    #[error("the {what} of node {index} has {bytes} bytes; at most {NAME_BYTES_MAX} are allowed")]
    NameTooLong {
        what: &'static str,
        index: usize,
        bytes: usize,
    },
    #[error("two nodes are called {name:?}")]
    DuplicateName { name: String },
    #[error("node {name:?} has the weight {weight}; a weight is a finite number above 0")]
    BadWeight { name: String, weight: f64 },
    #[error("node {name:?} would have no virtual node: weight {weight} times {virtual_nodes} a unit; raise one")]
    WeightTooSmall {
        name: String,
        weight: f64,
        virtual_nodes: u32,
    },
    #[error(
        "node {name:?} would have {virtual_nodes} virtual nodes, at most {NODE_VIRTUAL_NODES_MAX} are allowed; lower its \
         weight or the virtual nodes per unit of weight"
    )]
    TooManyVirtualNodes { name: String, virtual_nodes: f64 },
    #[error("the nodes would have {virtual_nodes} virtual nodes together, at most {RING_VIRTUAL_NODES_MAX} are allowed; lower them")]
    TooManyRingVirtualNodes { virtual_nodes: u64 },
    #[error("no node is called {name:?}")]
    UnknownName { name: String },
    #[error("no node has the index {index}; there are {nodes} nodes")]
    UnknownIndex { index: u32, nodes: usize },
    #[error("the output has room for {found} numbers; it must have room for exactly {expected}")]
    OutputLength { expected: usize, found: usize },
    #[error("{replicas} replicas; at most {REPLICAS_MAX} are allowed")]
    TooManyReplicas { replicas: usize },
    #[error("{keys} keys in one batch; at most {} are allowed", u32::MAX)]
    TooManyKeys { keys: usize },
    #[error("epsilon is {epsilon}; it must be between {EPSILON_MIN} and {EPSILON_MAX}")]
    BadEpsilon { epsilon: f64 },
    #[error("node {index} holds no key, so none can be released")]
    NothingToRelease { index: u32 },
}

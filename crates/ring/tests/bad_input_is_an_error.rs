//! Goal: whatever a caller passes, the answer is an error that says what was found and what would do, never a panic.

use rafterdb_ring::{
    BoundedRing, Keys, Node, Options, Ring, RingError, EPSILON_MAX, EPSILON_MIN, NAME_BYTES_MAX, NODES_MAX,
    NODE_VIRTUAL_NODES_MAX, REPLICAS_MAX,
};
use std::sync::Arc;

fn error(nodes: &[Node], virtual_nodes: u32) -> RingError {
    Ring::new(nodes, Options { virtual_nodes, seed: 0 }).expect_err("out of bounds")
}

fn ring() -> Ring {
    Ring::new(&[Node::new("a"), Node::new("b")], Options::default()).expect("within bounds")
}

#[test]
fn nodes() {
    assert_eq!(error(&[], 160), RingError::NoNodes);
    assert_eq!(
        error(&[Node::new("a"), Node::new("")], 160),
        RingError::EmptyName { index: 1 }
    );
    assert_eq!(
        error(&[Node::new("b"), Node::new("a"), Node::new("b")], 160),
        RingError::DuplicateName { name: "b".into() }
    );
    let too_many: Vec<Node> = (0..=NODES_MAX).map(|i| Node::new(i.to_string())).collect();
    assert_eq!(error(&too_many, 1), RingError::TooManyNodes { nodes: NODES_MAX + 1 });
    assert!(Ring::new(
        &too_many[1..],
        Options {
            virtual_nodes: 1,
            seed: 0
        }
    )
    .is_ok());

    let longest = "n".repeat(NAME_BYTES_MAX);
    assert!(Ring::new(&[Node::new(&longest).zone(&longest)], Options::default()).is_ok());
    let longer = longest + "n";
    let bytes = NAME_BYTES_MAX + 1;
    assert_eq!(
        error(&[Node::new(&longer)], 160),
        RingError::NameTooLong {
            what: "name",
            index: 0,
            bytes
        }
    );
    assert_eq!(
        error(&[Node::new("a").zone(longer)], 160),
        RingError::NameTooLong {
            what: "zone",
            index: 0,
            bytes
        }
    );
    assert_eq!(
        ring().without_node("c").unwrap_err().to_string(),
        "no node is called \"c\""
    );
    assert_eq!(
        ring().without_node("a").unwrap().without_node("b").unwrap_err(),
        RingError::NoNodes
    );
}

#[test]
fn weights() {
    for weight in [0.0, -0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let found = error(&[Node::new("a").weight(weight)], 160);
        assert!(matches!(found, RingError::BadWeight { .. }), "{weight}: {found}");
    }
    let light = error(&[Node::new("a").weight(0.003)], 160);
    assert_eq!(
        light.to_string(),
        "node \"a\" would have no virtual node: weight 0.003 times 160 a unit; raise one"
    );
    assert!(matches!(error(&[Node::new("a")], 0), RingError::WeightTooSmall { .. }));

    let most = f64::from(NODE_VIRTUAL_NODES_MAX);
    assert!(Ring::new(
        &[Node::new("a").weight(most)],
        Options {
            virtual_nodes: 1,
            seed: 0
        }
    )
    .is_ok());
    for weight in [most + 1.0, f64::MAX] {
        let found = error(&[Node::new("a").weight(weight)], 1);
        assert!(
            matches!(found, RingError::TooManyVirtualNodes { .. }),
            "{weight}: {found}"
        );
    }
    let nodes: Vec<Node> = (0..129).map(|i| Node::new(i.to_string())).collect();
    assert_eq!(
        error(&nodes, NODE_VIRTUAL_NODES_MAX),
        RingError::TooManyRingVirtualNodes {
            virtual_nodes: 129 * u64::from(NODE_VIRTUAL_NODES_MAX)
        }
    );
}

#[test]
fn outputs() {
    let wrong = Err(RingError::OutputLength { expected: 2, found: 3 });
    let keys = Keys::new(b"ab", &[0, 1, 2]).unwrap();
    let mut out = [9; 3];
    assert_eq!(ring().lookup_many(keys, &mut out), wrong);
    assert_eq!(ring().lookup_hashes(&[1, 2], &mut out), wrong);
    let mut bounded = BoundedRing::new(Arc::new(ring()), 0.1).unwrap();
    assert_eq!(bounded.assign_many(keys, &mut out), wrong);
    assert_eq!(bounded.assign_hashes(&[1, 2], &mut out), wrong);
    assert_eq!(bounded.loads(), [0, 0]);
    assert_eq!(
        ring().replicas_many(keys, 2, &mut out),
        Err(RingError::OutputLength { expected: 4, found: 3 })
    );
    assert_eq!(
        ring().replicas_many(keys, usize::MAX, &mut out),
        Err(RingError::TooManyReplicas { replicas: usize::MAX })
    );
    assert_eq!(out, [9; 3]);
}

#[test]
fn replicas_and_epsilon() {
    let replicas = REPLICAS_MAX + 1;
    assert_eq!(
        ring().replicas(b"a", &mut vec![0; replicas]),
        Err(RingError::TooManyReplicas { replicas })
    );
    assert_eq!(ring().replicas(b"a", &mut [0; REPLICAS_MAX]), Ok(2));
    assert_eq!(ring().replicas(b"a", &mut []), Ok(0));
    let ring = Arc::new(ring());
    for epsilon in [0.0, -1.0, EPSILON_MIN / 2.0, EPSILON_MAX * 2.0, f64::NAN, f64::INFINITY] {
        let found = BoundedRing::new(ring.clone(), epsilon).unwrap_err();
        assert!(matches!(found, RingError::BadEpsilon { .. }), "{epsilon}: {found}");
    }
    for epsilon in [EPSILON_MIN, EPSILON_MAX] {
        let capacities = BoundedRing::new(ring.clone(), epsilon).unwrap().capacities(u64::MAX);
        assert!(
            capacities.iter().all(|capacity| *capacity > u64::MAX / 2),
            "{capacities:?}"
        );
    }
}

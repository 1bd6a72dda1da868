//! Goal: the layout of the points never changes by accident. The values come from another program: Python's xxhash,
//! its points in a sorted list.

use rafterdb_ring::{hash_key, moved_share, Move, Node, Options, Ring};

/// One virtual node each: the hashes of "a" and "b" with four bytes of zero, and the same with their halves swapped.
#[test]
fn the_points_of_two_nodes() {
    let options = Options {
        virtual_nodes: 1,
        seed: 0,
    };
    let a = Ring::new(&[Node::new("a")], options).unwrap();
    let both = a.with_node(Node::new("b")).unwrap();
    let moves = Ring::diff(&a, &both);
    let expected = Move {
        start: 0x4dd0_77b7_d214_0f2c,
        end: 0x851c_fef8_7cdc_97ec,
        from: 0,
        to: 1,
    };
    assert_eq!(moves, [expected]);
    assert!(
        (moved_share(&moves) - 0.216_011).abs() < 0.000_01,
        "{}",
        moved_share(&moves)
    );

    let b = both.without_node("a").unwrap();
    let moves = Ring::diff(&b, &both);
    let [low, high] = moves[..] else { panic!("{moves:x?}") };
    assert_eq!((low.start, low.end), (0, 0x4dd0_77b7_d214_0f2b));
    assert_eq!((high.start, high.end), (0x851c_fef8_7cdc_97ed, u64::MAX));
    assert_eq!(both.lookup_hash(0xd214_0f2b_4dd0_77b7), 0);
}

#[test]
fn keys_on_three_weighted_nodes() {
    let nodes = [
        Node::new("alpha"),
        Node::new("beta").weight(2.0),
        Node::new("gamma").weight(0.5),
    ];
    let ring = Ring::new(
        &nodes,
        Options {
            virtual_nodes: 160,
            seed: 42,
        },
    )
    .unwrap();
    let keys = [
        ("", 0x2d06_8005_38d3_94c2, "alpha"),
        ("a", 0xe6c6_32b6_1e96_4e1f, "alpha"),
        ("user:1", 0x3b57_7afd_7fed_9501, "beta"),
        ("user:2", 0x69a0_366b_760b_5c02, "alpha"),
        ("user:3", 0x5e7c_378e_945d_b807, "alpha"),
        ("order/2024/17", 0xc004_6e8c_ff95_d3b2, "beta"),
        ("ключ", 0x9a13_7c08_c1e5_5ede, "alpha"),
        ("0123456789abcdef", 0x6443_9946_d8fa_212d, "alpha"),
        (
            "the quick brown fox jumps over the lazy dog",
            0xe454_1a9c_acf5_45aa,
            "gamma",
        ),
    ];
    let name = |node: u32| nodes[node as usize].name.as_str();
    for (key, hash, node) in keys {
        assert_eq!(hash_key(key.as_bytes()), hash, "{key}");
        assert_eq!(name(ring.lookup(key.as_bytes())), node, "{key}");
    }
    let sixteenths: String = (0..16).map(|i| &name(ring.lookup_hash(i << 60))[..1]).collect();
    assert_eq!(sixteenths, "abgbagbgbbaabgga");
    // The last point, and around the circle to the first one.
    assert_eq!(name(ring.lookup_hash(0xff8d_3540_7e41_9115)), "beta");
    assert_eq!(name(ring.lookup_hash(0xff8d_3540_7e41_9116)), "alpha");
    assert_eq!(name(ring.lookup_hash(u64::MAX)), "alpha");
    assert_eq!(name(ring.lookup_hash(0x0008_95cd_109f_c7fa)), "alpha");
}

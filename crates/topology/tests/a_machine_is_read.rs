//! Goal: of a machine with two NUMA nodes, threads that share cores and a CPU that is offline, everything is read; and this
//! machine agrees with what else is known of it.

mod machine;

use rafterdb_topology::{Cache, CacheKind, Core, Node, Topology};

#[test]
fn two_nodes() {
    let machine = machine::two_nodes();
    let found = Topology::read_from(machine.root(), &[1, 2, 3, 7]);
    assert_eq!(found.cpus, [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(found.allowed, [1, 2, 3], "7 is offline");
    let node = |id, cpus: &[u32], total, free| Node {
        id,
        cpus: cpus.to_vec(),
        memory_total: Some(total),
        memory_free: Some(free),
    };
    assert_eq!(
        found.nodes,
        [
            node(0, &[0, 1, 4, 5], 1_024_000, 102_400),
            node(1, &[2, 3, 6], 2_048_000, 307_200)
        ]
    );
    let core = |package, cpus: &[u32]| Core {
        package: Some(package),
        cpus: cpus.to_vec(),
    };
    assert_eq!(
        found.cores,
        [core(0, &[0, 4]), core(0, &[1, 5]), core(1, &[2, 6]), core(1, &[3])]
    );
    assert_eq!(
        found.caches.len(),
        4 * 3 + 2,
        "a cache that several CPUs share is there once"
    );
    let cache = |level, kind, size, cpus: &[u32]| Cache {
        level,
        kind,
        size,
        line: Some(64),
        cpus: cpus.to_vec(),
    };
    assert_eq!(found.caches[0], cache(1, CacheKind::Data, 48 << 10, &[0, 4]));
    assert_eq!(
        found.caches[7],
        cache(1, CacheKind::Instruction, 32 << 10, &[3]),
        "7 is offline"
    );
    assert_eq!(found.caches[8], cache(2, CacheKind::Unified, 2 << 20, &[0, 4]));
    assert_eq!(found.caches[13], cache(3, CacheKind::Unified, 36 << 20, &[2, 3, 6]));
}

#[test]
fn the_roomiest_node_is_the_one_with_most_free_memory_among_those_that_may_be_used() {
    let machine = machine::two_nodes();
    let choose = |allowed: &[u32]| {
        let found = Topology::read_from(machine.root(), allowed);
        found.roomiest_node().map(|(node, cpus)| (node.id, cpus))
    };
    assert_eq!(choose(&[0, 1, 2, 3, 4, 5, 6]), Some((1, vec![2, 3, 6])));
    assert_eq!(choose(&[0, 3]), Some((1, vec![3])));
    assert_eq!(choose(&[0, 1]), None, "one node is left: there is nothing to choose");
    machine.node(0, "0-1,4-5", 1000, 300);
    assert_eq!(choose(&[0, 3]), Some((0, vec![0])), "of equals the first");
    machine.file("node/online", "0");
    assert_eq!(choose(&[0, 3]), None);
}

#[test]
fn a_node_of_memory_alone_is_a_node_and_is_not_chosen() {
    let machine = machine::two_nodes();
    machine.file("node/online", "0-2").node(2, "", 9000, 9000);
    let found = Topology::read_from(machine.root(), &[0, 2]);
    assert_eq!(found.nodes[2].cpus, []);
    assert_eq!(found.nodes[2].memory_total, Some(9000 << 10));
    assert_eq!(found.roomiest_node().map(|(node, _)| node.id), Some(1));
}

#[test]
fn this_machine() {
    let found = Topology::read();
    assert!(!found.allowed.is_empty() && found.allowed.iter().all(|cpu| found.cpus.contains(cpu)));
    let mut by_node: Vec<u32> = found.nodes.iter().flat_map(|node| node.cpus.clone()).collect();
    let mut by_core: Vec<u32> = found.cores.iter().flat_map(|core| core.cpus.clone()).collect();
    by_node.sort_unstable();
    by_core.sort_unstable();
    assert_eq!((&by_node, &by_core), (&found.cpus, &found.cpus));
    // Never more than what may be used: the standard library also looks at quotas.
    assert!(std::thread::available_parallelism().unwrap().get() <= found.allowed.len());
    if cfg!(target_os = "linux") {
        let total: u64 = found.nodes.iter().filter_map(|node| node.memory_total).sum();
        assert!(total > 1 << 26, "{total} bytes of memory");
    }
}

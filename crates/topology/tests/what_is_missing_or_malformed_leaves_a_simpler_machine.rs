//! Goal: whatever is missing or malformed in the files, nothing panics, every CPU is in one node and one core, and what can be
//! read still is.

mod machine;

use std::collections::BTreeSet;
use std::fs;

use machine::Machine;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use rafterdb_topology::{Core, Topology};

/// What holds of every machine.
fn check(found: &Topology) -> Result<(), String> {
    let online: BTreeSet<u32> = found.cpus.iter().copied().collect();
    let is_partition = |parts: Vec<&Vec<u32>>| {
        let all: Vec<u32> = parts.into_iter().flatten().copied().collect();
        all.len() == online.len() && all.into_iter().collect::<BTreeSet<_>>() == online
    };
    if online.is_empty() || found.nodes.is_empty() || found.allowed.is_empty() {
        return Err("something is empty".into());
    }
    if !is_partition(found.nodes.iter().map(|node| &node.cpus).collect()) {
        return Err("a CPU is not in one node".into());
    }
    if !is_partition(found.cores.iter().map(|core| &core.cpus).collect()) {
        return Err("a CPU is not in one core".into());
    }
    let mut cached = found.caches.iter().flat_map(|cache| &cache.cpus);
    if !cached.all(|cpu| online.contains(cpu)) || !found.allowed.iter().all(|cpu| online.contains(cpu)) {
        return Err("a CPU that is offline".into());
    }
    Ok(())
}

#[test]
fn without_any_file_the_allowed_cpus_are_one_node() {
    let found = Topology::read_from(Machine::new().root(), &[2, 3]);
    check(&found).unwrap();
    assert_eq!((&found.cpus[..], &found.nodes[0].cpus[..]), (&[2, 3][..], &[2, 3][..]));
    assert_eq!((found.nodes.len(), found.cores.len(), found.caches.len()), (1, 2, 0));
    assert_eq!((found.nodes[0].memory_total, found.nodes[0].memory_free), (None, None));
    let nothing = Topology::read_from(Machine::new().root(), &[]);
    assert_eq!(nothing.cpus, [0]);
    check(&nothing).unwrap();
}

#[test]
fn without_nodes_the_memory_is_that_of_the_machine() {
    let machine = Machine::new();
    machine.write(
        "proc/meminfo",
        b"MemTotal:       16 kB\nMemFree:  4 kB\nMemAvailable:  9 kB\n",
    );
    let found = Topology::read_from(machine.root(), &[0]);
    assert_eq!(
        (found.nodes[0].memory_total, found.nodes[0].memory_free),
        (Some(16 << 10), Some(4 << 10))
    );
}

#[test]
fn a_cpu_that_no_node_lists_or_two_is_in_one() {
    let machine = machine::two_nodes();
    machine.file("node/node1/cpulist", "what?");
    let found = Topology::read_from(machine.root(), &[0]);
    check(&found).unwrap();
    assert_eq!(found.nodes[0].cpus, [0, 1, 2, 3, 4, 5, 6]);
    machine.file("node/node1/cpulist", "0-3,6");
    let found = Topology::read_from(machine.root(), &[0]);
    check(&found).unwrap();
    assert_eq!(found.nodes[1].cpus, [2, 3, 6]);
}

#[test]
fn the_old_name_of_the_siblings_is_known() {
    let machine = Machine::new();
    machine
        .file("cpu/online", "0-1")
        .file("cpu/cpu0/topology/thread_siblings_list", "0-1");
    let found = Topology::read_from(machine.root(), &[0]);
    let core = Core {
        package: None,
        cpus: vec![0, 1],
    };
    assert_eq!(found.cores, [core]);
}

#[test]
fn a_cache_that_says_too_little_is_left_out() {
    let machine = Machine::new();
    machine
        .file("cpu/online", "0")
        .cache(0, &[0], ["1", "Data", "32X", "64", "0"])
        .cache(1, &[0], ["one", "Data", "32K", "64", "0"])
        .cache(2, &[0], ["1", "Trace", "32K", "64", "0"])
        .cache(3, &[0], ["1", "Data", "99999999999999999999K", "64", "0"])
        .cache(4, &[0], ["2", "Unified", "512", "", ""]);
    let found = Topology::read_from(machine.root(), &[0]);
    assert_eq!(found.caches.len(), 1);
    let last = &found.caches[0];
    assert_eq!((last.size, last.line, &last.cpus[..]), (512, None, &[0][..]));
}

#[test]
fn the_check_finds_a_machine_that_is_wrong() {
    let machine = machine::two_nodes();
    let right = Topology::read_from(machine.root(), &[0]);
    check(&right).unwrap();
    let wrong: [fn(&mut Topology); 5] = [
        |t| t.nodes[0].cpus.push(2),
        |t| drop(t.nodes.pop()),
        |t| drop(t.cores.pop()),
        |t| t.caches[0].cpus.push(7),
        |t| t.allowed.clear(),
    ];
    for (index, spoil) in wrong.iter().enumerate() {
        let mut spoiled = right.clone();
        spoil(&mut spoiled);
        assert!(check(&spoiled).is_err(), "{index}");
    }
}

/// Every file of a machine that is looked at.
const FILES: [&str; 12] = [
    "cpu/online",
    "cpu/cpu0/topology/core_cpus_list",
    "cpu/cpu4/topology/physical_package_id",
    "cpu/cpu1/cache/index0/level",
    "cpu/cpu1/cache/index1/type",
    "cpu/cpu1/cache/index2/size",
    "cpu/cpu2/cache/index0/shared_cpu_list",
    "cpu/cpu2/cache/index0/coherency_line_size",
    "node/online",
    "node/node0/cpulist",
    "node/node1/cpulist",
    "node/node0/meminfo",
];

#[test]
fn nothing_panics() {
    let machine = machine::two_nodes();
    let spoiled = prop::collection::vec((0..FILES.len(), content()), 1..5);
    let mut runner = TestRunner::new(ProptestConfig::with_cases(300));
    let played = runner.run(&spoiled, |spoiled| {
        let path = |file: usize| format!("sys/devices/system/{}", FILES[file]);
        let whole: Vec<_> = spoiled
            .iter()
            .map(|(file, _)| (path(*file), fs::read(machine.root().join(path(*file))).unwrap()))
            .collect();
        for (file, content) in &spoiled {
            machine.write(&path(*file), content);
        }
        let found = check(&Topology::read_from(machine.root(), &[0, 3]));
        for (path, content) in whole {
            machine.write(&path, &content);
        }
        prop_assert!(found.is_ok(), "{}", found.unwrap_err());
        Ok(())
    });
    played.unwrap();
}

fn content() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        "[0-9,\\-]{0,6}".prop_map(String::into_bytes),
        "[0-9]{1,3}-[0-9]{1,3}(,[0-9]-[0-9])?".prop_map(String::into_bytes),
        "(Node 0 )?MemTotal: *[0-9]{0,25} ?(kB)?".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..20),
    ]
}

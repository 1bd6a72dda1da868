//! How fast a ring of 100 nodes is: keys of 16 bytes, 160 and 1,000 virtual nodes each.
//! Knows nothing of how even the loads are: that is the example `ring_balance`.

use criterion::{criterion_group, criterion_main, BenchmarkId, Criterion, Throughput};
use rafterdb_ring::{hash_key, BoundedRing, Keys, Node, Options, Ring};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

const NODES: usize = 100;
const KEYS: usize = 65_536;
const KEY_BYTES: usize = 16;
const BATCH: usize = 1_000_000;

fn nodes() -> Vec<Node> {
    (0..NODES)
        .map(|i| Node::new(format!("node-{i}")).zone(format!("zone-{}", i % 5)))
        .collect()
}

fn options(virtual_nodes: u32) -> Options {
    Options {
        virtual_nodes,
        ..Options::default()
    }
}

/// Keys of 16 bytes in one buffer, with their offsets.
fn keys(count: usize) -> (Vec<u8>, Vec<u32>) {
    let buffer = (0..count).flat_map(|i| format!("key:{i:012}").into_bytes()).collect();
    let offsets = (0..=count as u32).map(|i| i * KEY_BYTES as u32).collect();
    (buffer, offsets)
}

fn lookups(criterion: &mut Criterion) {
    let (buffer, offsets) = keys(KEYS);
    let keys = Keys::new(&buffer, &offsets).expect("well-formed");
    let hashes: Vec<u64> = keys.iter().map(hash_key).collect();
    let mut out = vec![0; KEYS];
    let mut replicas = vec![0; 3 * KEYS];
    let mut group = criterion.benchmark_group("ring");
    group.throughput(Throughput::Elements(KEYS as u64));
    for virtual_nodes in [160, 1000] {
        let ring = Ring::new(&nodes(), options(virtual_nodes)).expect("within bounds");
        group.bench_function(BenchmarkId::new("lookup", virtual_nodes), |bench| {
            bench.iter(|| {
                keys.iter().for_each(|key| {
                    black_box(ring.lookup(black_box(key)));
                });
            });
        });
        group.bench_function(BenchmarkId::new("lookup_many", virtual_nodes), |bench| {
            bench.iter(|| ring.lookup_many(black_box(keys), &mut out));
        });
        group.bench_function(BenchmarkId::new("lookup_hashes", virtual_nodes), |bench| {
            bench.iter(|| ring.lookup_hashes(black_box(&hashes), &mut out));
        });
        group.bench_function(BenchmarkId::new("replicas_many_3_of_5_zones", virtual_nodes), |bench| {
            bench.iter(|| ring.replicas_many(black_box(keys), 3, &mut replicas));
        });
    }
}

fn builds(criterion: &mut Criterion) {
    let nodes = nodes();
    let mut group = criterion.benchmark_group("ring");
    for virtual_nodes in [160, 1000] {
        group.throughput(Throughput::Elements(u64::from(virtual_nodes) * NODES as u64));
        group.bench_function(BenchmarkId::new("build", virtual_nodes), |bench| {
            bench.iter(|| Ring::new(black_box(&nodes), options(virtual_nodes)));
        });
    }
    let before = Ring::new(&nodes, options(160)).expect("within bounds");
    let after = before.with_node(Node::new("one more")).expect("within bounds");
    group.throughput(Throughput::Elements(160 * NODES as u64));
    group.bench_function(BenchmarkId::new("diff", 160), |bench| {
        bench.iter(|| Ring::diff(black_box(&before), black_box(&after)));
    });
}

fn bounded(criterion: &mut Criterion) {
    let (buffer, offsets) = keys(BATCH);
    let keys = Keys::new(&buffer, &offsets).expect("well-formed");
    let ring = Arc::new(Ring::new(&nodes(), Options::default()).expect("within bounds"));
    let empty = BoundedRing::new(ring, 0.05).expect("within bounds");
    let mut out = vec![0; BATCH];
    let mut group = criterion.benchmark_group("ring");
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function(BenchmarkId::new("assign_many", BATCH), |bench| {
        bench.iter(|| empty.clone().assign_many(black_box(keys), &mut out));
    });
    group.bench_function(BenchmarkId::new("assign", BATCH), |bench| {
        bench.iter(|| {
            let mut bounded = empty.clone();
            keys.iter().for_each(|key| {
                black_box(bounded.assign(key));
            });
        });
    });
}

fn reference(criterion: &mut Criterion) {
    rafterdb_bench::reference(criterion, "ring");
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(20);
    targets = reference, lookups, builds, bounded
}
criterion_main!(benches);

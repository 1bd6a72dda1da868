//! CRC-32C: each path of this machine and two crates, by size; many short keys in one call and one by one; the combination.
//! Knows the public API only. Ids: `crc32c/<path or crate>/<bytes>`.

use criterion::{criterion_group, criterion_main, BenchmarkId, Criterion, Throughput};
use rafterdb_hash::{crc32c, crc32c_append_on, crc32c_combine, crc32c_many, crc32c_many_on, Path};
use std::hint::black_box;
use std::time::Duration;

const SIZES: [usize; 12] = [8, 16, 32, 64, 128, 256, 512, 777, 1 << 10, 4 << 10, 64 << 10, 1 << 20];
const KEYS: usize = 1000;
const KEY_BYTES: usize = 32;

fn bytes(length: u32) -> Vec<u8> {
    (0..length)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect()
}

/// `rafterdb` is the call that everyone makes; the paths by name pay for the check that the machine has them.
fn by_size(c: &mut Criterion) {
    let mut group = c.benchmark_group("crc32c");
    let bytes = bytes(1 << 20);
    for size in SIZES {
        let bytes = &bytes[..size];
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::new("rafterdb", size), |b| {
            b.iter(|| crc32c(black_box(bytes)))
        });
        for path in Path::ALL {
            if crc32c_append_on(path, 0, b"").is_some() {
                group.bench_function(BenchmarkId::new(path.name(), size), |b| {
                    b.iter(|| crc32c_append_on(path, 0, black_box(bytes)));
                });
            }
        }
        group.bench_function(BenchmarkId::new("crate_crc32c", size), |b| {
            b.iter(|| crc32c::crc32c(black_box(bytes)));
        });
        group.bench_function(BenchmarkId::new("crate_crc_fast", size), |b| {
            b.iter(|| crc_fast::crc32_iscsi(black_box(bytes)));
        });
    }
}

fn many(c: &mut Criterion) {
    let mut group = c.benchmark_group("crc32c_many");
    group.throughput(Throughput::Elements(KEYS as u64));
    let buffer = bytes((KEYS * KEY_BYTES) as u32);
    let offsets: Vec<u32> = (0..=KEYS).map(|key| (key * KEY_BYTES) as u32).collect();
    let mut out = vec![0; KEYS];
    group.bench_function(BenchmarkId::new("rafterdb", KEYS), |b| {
        b.iter(|| crc32c_many(black_box(&buffer), black_box(&offsets), &mut out));
    });
    for path in Path::ALL {
        if crc32c_append_on(path, 0, b"").is_some() {
            group.bench_function(BenchmarkId::new(path.name(), KEYS), |b| {
                b.iter(|| crc32c_many_on(path, black_box(&buffer), black_box(&offsets), &mut out));
            });
        }
    }
    let mut one_by_one = |name: &str, crc: fn(&[u8]) -> u32| {
        group.bench_function(BenchmarkId::new(name, KEYS), |b| {
            b.iter(|| {
                for (key, out) in black_box(&buffer).chunks_exact(KEY_BYTES).zip(&mut out) {
                    *out = crc(key);
                }
            });
        });
    };
    one_by_one("one_by_one", crc32c);
    one_by_one("crate_crc32c", crc32c::crc32c);
    one_by_one("crate_crc_fast", crc_fast::crc32_iscsi);
}

fn combine(c: &mut Criterion) {
    let mut group = c.benchmark_group("crc32c_combine");
    for size in [32u64, 4096, (1 << 30) - 1] {
        group.bench_function(BenchmarkId::new("rafterdb", size), |b| {
            b.iter(|| crc32c_combine(black_box(1), black_box(2), black_box(size)));
        });
        group.bench_function(BenchmarkId::new("crate_crc32c", size), |b| {
            b.iter(|| crc32c::crc32c_combine(black_box(1), black_box(2), black_box(size as usize)));
        });
    }
}

fn reference(criterion: &mut Criterion) {
    rafterdb_bench::reference(criterion, "crc32c");
}

criterion_group! {
    name = benches;
    // Short, as there are more than a hundred.
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(50))
        .measurement_time(Duration::from_millis(200))
        .sample_size(20);
    targets = reference, by_size, many, combine
}
criterion_main!(benches);

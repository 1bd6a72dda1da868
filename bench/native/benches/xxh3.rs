//! XXH3 at once, 64 and 128 bits, on each path of this machine and in two other crates; many keys in one call; streams.
//! Ids: `xxh3_64/avx512/1024` is 1,024 bytes. `chosen` is what callers get who name no path. On a machine that others use
//! too, `cargo run --release -p rafterdb-hash --example xxh3_table` compares better.

use std::hash::Hasher;
use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{criterion_group, criterion_main, BatchSize, BenchmarkGroup, BenchmarkId, Criterion, Throughput};
use rafterdb_hash::{xxh3_128, xxh3_128_on, xxh3_64, xxh3_64_many, xxh3_64_on, Path, Xxh3};
use twox_hash::{XxHash3_128, XxHash3_64};

const SIZES: [usize; 7] = [8, 32, 256, 1 << 10, 4 << 10, 64 << 10, 1 << 20];
const SEED: u64 = 0;
const KEYS: usize = 1000;
const KEY_BYTES: usize = 32;

fn bytes(length: usize) -> Vec<u8> {
    (0..length as u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect()
}

fn paths() -> impl Iterator<Item = Path> {
    Path::ALL.into_iter().filter(|path| xxh3_64_on(*path, b"", 0).is_some())
}

fn each_size<T>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, hash: impl Fn(&[u8], u64) -> T) {
    let input = bytes(1 << 20);
    for size in SIZES {
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_with_input(BenchmarkId::new(name, size), &input[..size], |bench, input| {
            bench.iter(|| hash(black_box(input), black_box(SEED)));
        });
    }
}

fn at_once_64(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("xxh3_64");
    each_size(&mut group, "chosen", xxh3_64);
    for path in paths() {
        each_size(&mut group, path.name(), |bytes, seed| xxh3_64_on(path, bytes, seed));
    }
    each_size(&mut group, "twox-hash", |bytes, seed| {
        XxHash3_64::oneshot_with_seed(seed, bytes)
    });
    each_size(&mut group, "xxhash-rust", xxhash_rust::xxh3::xxh3_64_with_seed);
}

fn at_once_128(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("xxh3_128");
    each_size(&mut group, "chosen", xxh3_128);
    for path in paths() {
        each_size(&mut group, path.name(), |bytes, seed| xxh3_128_on(path, bytes, seed));
    }
    each_size(&mut group, "twox-hash", |bytes, seed| {
        XxHash3_128::oneshot_with_seed(seed, bytes)
    });
    each_size(&mut group, "xxhash-rust", xxhash_rust::xxh3::xxh3_128_with_seed);
}

fn many(criterion: &mut Criterion) {
    let buffer = bytes(KEYS * KEY_BYTES);
    let offsets: Vec<u32> = (0..=KEYS).map(|i| (i * KEY_BYTES) as u32).collect();
    let mut out = vec![0; KEYS];
    let mut group = criterion.benchmark_group("xxh3_64_many");
    group.throughput(Throughput::Elements(KEYS as u64));
    let size = format!("{KEYS}x{KEY_BYTES}");
    group.bench_function(BenchmarkId::new("many", &size), |bench| {
        bench.iter(|| xxh3_64_many(black_box(&buffer), black_box(&offsets), SEED, black_box(&mut out)));
    });
    one_by_one(&mut group, "one-by-one", &size, xxh3_64);
    one_by_one(&mut group, "twox-hash", &size, |bytes, seed| {
        XxHash3_64::oneshot_with_seed(seed, bytes)
    });
    one_by_one(&mut group, "xxhash-rust", &size, xxhash_rust::xxh3::xxh3_64_with_seed);
}

fn one_by_one(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, size: &str, hash: impl Fn(&[u8], u64) -> u64) {
    let buffer = bytes(KEYS * KEY_BYTES);
    let mut out = vec![0; KEYS];
    group.bench_function(BenchmarkId::new(name, size), |bench| {
        bench.iter(|| {
            for (key, out) in black_box(&buffer).chunks_exact(KEY_BYTES).zip(black_box(&mut out)) {
                *out = hash(key, black_box(SEED));
            }
        });
    });
}

/// 64 KiB in parts of 4,096 bytes, and in parts of 100 bytes, which fill no block.
fn stream(criterion: &mut Criterion) {
    let input = bytes(64 << 10);
    let mut group = criterion.benchmark_group("xxh3_stream");
    group.throughput(Throughput::Bytes(input.len() as u64));
    for part in [100, 4096] {
        group.bench_function(BenchmarkId::new("chosen", part), |bench| {
            bench.iter(|| {
                let mut hash = Xxh3::new(black_box(SEED));
                input.chunks(part).for_each(|part| hash.update(part));
                hash.digest_64()
            });
        });
        // Its constructor allocates, which is not measured.
        group.bench_function(BenchmarkId::new("twox-hash", part), |bench| {
            let new = || XxHash3_64::with_seed(black_box(SEED));
            let run = |mut hash: XxHash3_64| {
                input.chunks(part).for_each(|part| hash.write(part));
                hash.finish()
            };
            bench.iter_batched(new, run, BatchSize::SmallInput);
        });
        group.bench_function(BenchmarkId::new("xxhash-rust", part), |bench| {
            bench.iter(|| {
                let mut hash = xxhash_rust::xxh3::Xxh3::with_seed(black_box(SEED));
                input.chunks(part).for_each(|part| hash.update(part));
                hash.digest()
            });
        });
    }
}

fn reference(criterion: &mut Criterion) {
    rafterdb_bench::reference(criterion, "xxh3");
}

criterion_group! {
    name = benches;
    // Shorter than elsewhere: there are a hundred of them.
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(250))
        .sample_size(20);
    targets = reference, at_once_64, at_once_128, many, stream
}
criterion_main!(benches);

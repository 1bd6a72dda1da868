//! What taking, sharing and dropping buffers costs: the pool against the allocator and against a locked list of blocks.
//! Each figure is one buffer's way, or one round of two threads that work at the same time.

use std::hint::black_box;
use std::sync::{Arc, Barrier, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{criterion_group, criterion_main, BenchmarkId, Criterion, Throughput};
use rafterdb_pool::{Options, Pool, TIERS};

/// What the pool was before: a locked list for each size.
#[derive(Default)]
struct Locked([Mutex<Vec<Vec<u8>>>; TIERS.len()]);

impl Locked {
    fn take(&self, tier: usize) -> Vec<u8> {
        let kept = self.0[tier].lock().expect("no holder panics").pop();
        kept.unwrap_or_else(|| vec![0; TIERS[tier]])
    }

    fn give(&self, tier: usize, block: Vec<u8>) {
        self.0[tier].lock().expect("no holder panics").push(block);
    }
}

/// A way to have a buffer for a moment: taken, first and last byte written, dropped.
type Use = Arc<dyn Fn(usize) + Send + Sync>;

fn touch(bytes: &mut [u8]) {
    let bytes = black_box(bytes);
    let last = bytes.len() - 1;
    bytes[0] = 1;
    bytes[last] = 1;
}

fn ways() -> [(&'static str, Use); 3] {
    let (pool, locked) = (Pool::new(), Locked::default());
    // For both threads, so that nobody grows the pool while it is measured.
    pool.prewarm([64, 64, 16, 4]);
    [
        ("pool", Arc::new(move |tier: usize| touch(&mut pool.take(TIERS[tier])))),
        (
            "malloc",
            Arc::new(|tier: usize| {
                let mut buffer: Vec<u8> = Vec::with_capacity(TIERS[tier]);
                let bytes = black_box(&mut buffer).spare_capacity_mut();
                let last = bytes.len() - 1;
                bytes[0].write(1);
                bytes[last].write(1);
            }),
        ),
        (
            "locked",
            Arc::new(move |tier: usize| {
                let mut block = locked.take(tier);
                touch(&mut block);
                locked.give(tier, block);
            }),
        ),
    ]
}

/// Time of `rounds` on each of two threads that start together.
fn on_two_threads(rounds: u64, run: &Arc<dyn Fn() + Send + Sync>) -> Duration {
    let barrier = Arc::new(Barrier::new(3));
    let threads: Vec<_> = (0..2)
        .map(|_| {
            let (barrier, run) = (Arc::clone(&barrier), Arc::clone(run));
            std::thread::spawn(move || {
                barrier.wait();
                for _ in 0..rounds {
                    run();
                }
            })
        })
        .collect();
    barrier.wait();
    let start = Instant::now();
    for thread in threads {
        thread.join().expect("the thread does not panic");
    }
    start.elapsed()
}

fn take(criterion: &mut Criterion) {
    let ways = ways();
    let mut group = criterion.benchmark_group("pool");
    group.throughput(Throughput::Elements(1));
    for (tier, bytes) in TIERS.into_iter().enumerate() {
        for (name, way) in &ways {
            group.bench_function(BenchmarkId::new(format!("take-{name}"), bytes), |bencher| {
                bencher.iter(|| way(tier));
            });
        }
    }
    group.throughput(Throughput::Elements(2));
    for (tier, bytes) in TIERS.into_iter().enumerate() {
        for (name, way) in &ways {
            let way = Arc::clone(way);
            let run: Arc<dyn Fn() + Send + Sync> = Arc::new(move || way(tier));
            group.bench_function(BenchmarkId::new(format!("take-2-threads-{name}"), bytes), |bencher| {
                bencher.iter_custom(|rounds| on_two_threads(rounds, &run));
            });
        }
    }
    group.finish();
}

/// Sixteen buffers at a time: past what a thread keeps for itself.
fn hold(criterion: &mut Criterion) {
    const HELD: usize = 16;
    let pool = Pool::new();
    pool.prewarm([64, 64, 64, 0]);
    let mut group = criterion.benchmark_group("pool");
    group.throughput(Throughput::Elements(HELD as u64));
    for bytes in &TIERS[..3] {
        let mut held = Vec::with_capacity(HELD);
        group.bench_function(BenchmarkId::new("hold-16-pool", bytes), |bencher| {
            bencher.iter(|| {
                held.extend((0..HELD).map(|_| {
                    let mut buffer = pool.take(*bytes);
                    touch(&mut buffer);
                    buffer
                }));
                held.clear();
            });
        });
        let mut held: Vec<Vec<u8>> = Vec::with_capacity(HELD);
        group.bench_function(BenchmarkId::new("hold-16-malloc", bytes), |bencher| {
            bencher.iter(|| {
                held.extend((0..HELD).map(|_| {
                    let mut buffer = Vec::with_capacity(*bytes);
                    let spare = black_box(&mut buffer).spare_capacity_mut();
                    let last = spare.len() - 1;
                    spare[0].write(1);
                    spare[last].write(1);
                    buffer
                }));
                held.clear();
            });
        });
    }
    group.finish();
}

/// A payload of 300 bytes becomes immutable, is cloned for a second holder, and both drop it.
fn share(criterion: &mut Criterion) {
    const BYTES: usize = 300;
    let payload = [7; BYTES];
    let pool = Pool::new();
    pool.prewarm([64, 0, 0, 0]);
    let mut group = criterion.benchmark_group("pool");
    group.throughput(Throughput::Elements(1));
    group.bench_function(BenchmarkId::new("share-slice", BYTES), |bencher| {
        bencher.iter(|| {
            let mut buffer = pool.take(BYTES);
            buffer[..BYTES].copy_from_slice(black_box(&payload));
            let slice = buffer.freeze(BYTES);
            drop(black_box(slice.clone()));
            drop(black_box(slice));
        });
    });
    group.bench_function(BenchmarkId::new("share-bytes", BYTES), |bencher| {
        bencher.iter(|| {
            let mut buffer = Vec::with_capacity(BYTES);
            buffer.extend_from_slice(black_box(&payload));
            let bytes = Bytes::from(buffer);
            drop(black_box(bytes.clone()));
            drop(black_box(bytes));
        });
    });
    group.bench_function(BenchmarkId::new("share-slice-as-bytes", BYTES), |bencher| {
        bencher.iter(|| {
            let mut buffer = pool.take(BYTES);
            buffer[..BYTES].copy_from_slice(black_box(&payload));
            let bytes = Bytes::from(buffer.freeze(BYTES));
            drop(black_box(bytes.clone()));
            drop(black_box(bytes));
        });
    });
    let slice = pool.take(BYTES).freeze(BYTES);
    group.bench_function(BenchmarkId::new("clone-slice", BYTES), |bencher| {
        bencher.iter(|| black_box(slice.clone()));
    });
    let bytes = Bytes::from(payload.to_vec());
    drop(bytes.clone());
    group.bench_function(BenchmarkId::new("clone-bytes", BYTES), |bencher| {
        bencher.iter(|| black_box(bytes.clone()));
    });
    group.finish();
}

/// 64 MiB, a quarter in each tier, with all pages there.
fn prewarm(criterion: &mut Criterion) {
    let counts = TIERS.map(|bytes| (16 << 20) / bytes);
    let mut group = criterion.benchmark_group("pool");
    group.throughput(Throughput::Bytes(64 << 20)).sample_size(10);
    group.bench_function(BenchmarkId::new("prewarm", 64 << 20), |bencher| {
        bencher.iter_with_large_drop(|| {
            let pool = Pool::with(Options::default());
            assert_eq!(pool.prewarm(counts), 64 << 20);
            pool
        });
    });
    group.finish();
}

fn reference(criterion: &mut Criterion) {
    rafterdb_bench::reference(criterion, "pool");
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(20);
    targets = reference, take, hold, share, prewarm
}
criterion_main!(benches);

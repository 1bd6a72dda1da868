//! Items a second through the batcher: the state machine alone, and the queue with one and with two producers beside the thread
//! that takes, which does nothing (the worst case: it sleeps and wakes all the time) or works 20 µs on each batch, as a write
//! would. Beside it a plain bounded channel of the standard library, whose items come one by one.

#![allow(clippy::unwrap_used)] // A bench fails by panicking.

use std::hint::black_box;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, Instant};

use criterion::{criterion_group, criterion_main, BenchmarkId, Criterion, Throughput};
use rafterdb_batcher::{BatchQueue, Batcher, Bounds};

/// Items of one measured run.
const ITEMS: u64 = 100_000;

fn machine(c: &mut Criterion) {
    let mut group = c.benchmark_group("batcher");
    for depth in [1_u64, 100, 10_000] {
        group.throughput(Throughput::Elements(ITEMS));
        group.bench_function(BenchmarkId::new("machine", depth), |b| {
            let mut batcher = Batcher::new(Bounds::default()).unwrap();
            let mut batch = Vec::new();
            b.iter(|| {
                for round in 0..ITEMS / depth {
                    for item in 0..depth {
                        batcher.push(item, 8, round).unwrap();
                    }
                    while !batcher.is_empty() {
                        batch.clear();
                        batcher.next(round, &mut batch);
                        black_box(&batch);
                        batcher.done();
                    }
                }
            });
        });
    }
    group.finish();
}

/// Runs a body on each of `producers` threads with its share of the items.
fn produce(producers: u64, body: impl Fn(u64) + Sync) {
    thread::scope(|scope| {
        for _ in 0..producers {
            scope.spawn(|| (0..ITEMS / producers).for_each(&body));
        }
    });
}

/// All items through a queue whose batches take so long.
fn through_queue(producers: u64, work: Duration) {
    let queue = BatchQueue::new(Bounds::default()).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut batch = Vec::new();
            while let Some(_turn) = queue.take(&mut batch) {
                black_box(&batch);
                let began = Instant::now();
                while began.elapsed() < work {
                    std::hint::spin_loop();
                }
            }
        });
        produce(producers, |mut item| {
            while let Err(refused) = queue.push(item, 8) {
                item = refused.into_inner();
                thread::yield_now();
            }
        });
        queue.close();
    });
}

fn through_channel(producers: u64) {
    let (sender, receiver) = sync_channel(1 << 16);
    thread::scope(|scope| {
        scope.spawn(|| {
            for item in receiver {
                black_box::<u64>(item);
            }
        });
        produce(producers, |item| sender.send(item).unwrap());
        drop(sender);
    });
}

fn queue(c: &mut Criterion) {
    let mut group = c.benchmark_group("batcher");
    group.throughput(Throughput::Elements(ITEMS));
    group.bench_function(BenchmarkId::new("queue_alone", 100), |b| {
        let queue = BatchQueue::new(Bounds::default()).unwrap();
        let mut batch = Vec::new();
        b.iter(|| {
            for _ in 0..ITEMS / 100 {
                (0..100).for_each(|item| queue.push(item, 8).unwrap());
                black_box(queue.take(&mut batch));
            }
        });
    });
    for producers in [1, 2] {
        group.bench_function(BenchmarkId::new("queue", producers), |b| {
            b.iter(|| through_queue(producers, Duration::ZERO));
        });
        group.bench_function(BenchmarkId::new("queue_at_work", producers), |b| {
            b.iter(|| through_queue(producers, Duration::from_micros(20)));
        });
        group.bench_function(BenchmarkId::new("channel", producers), |b| {
            b.iter(|| through_channel(producers));
        });
    }
    group.finish();
}

fn reference(criterion: &mut Criterion) {
    rafterdb_bench::reference(criterion, "batcher");
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = reference, machine, queue
}
criterion_main!(benches);

//! Items a second through the batcher: the state machine alone, and the queue with one and with two producers beside the thread
//! that takes; beside it a plain bounded channel of the standard library.

#![allow(clippy::unwrap_used)] // A bench fails by panicking.

use std::hint::black_box;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

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

fn queue(c: &mut Criterion) {
    let mut group = c.benchmark_group("batcher");
    group.throughput(Throughput::Elements(ITEMS));
    for producers in [1, 2] {
        group.bench_function(BenchmarkId::new("queue", producers), |b| {
            b.iter(|| {
                let queue = BatchQueue::new(Bounds::default()).unwrap();
                thread::scope(|scope| {
                    scope.spawn(|| {
                        let mut batch = Vec::new();
                        while let Some(_turn) = queue.take(&mut batch) {
                            black_box(&batch);
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
            });
        });
        group.bench_function(BenchmarkId::new("channel", producers), |b| {
            b.iter(|| {
                let (sender, receiver) = sync_channel(1 << 16);
                thread::scope(|scope| {
                    scope.spawn(|| receiver.into_iter().for_each(|item: u64| drop(black_box(item))));
                    produce(producers, |item| sender.send(item).unwrap());
                    drop(sender);
                });
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = machine, queue
}
criterion_main!(benches);

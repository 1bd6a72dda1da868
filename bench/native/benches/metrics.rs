//! What it costs to count: on the hot path it must stay one relaxed atomic operation, or two.
//! Each figure is one call, alone, or while another thread counts with the same metric.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use criterion::{criterion_group, criterion_main, Criterion};
use rafterdb_metrics::{Counter, Gauge, Histogram};

static COUNTER: Counter = Counter::new();
static GAUGE: Gauge = Gauge::new();

fn costs(criterion: &mut Criterion) {
    let histogram = Histogram::default();
    let mut group = criterion.benchmark_group("metrics");
    group.bench_function("counter", |bench| bench.iter(|| COUNTER.add(black_box(1))));
    group.bench_function("gauge", |bench| bench.iter(|| GAUGE.set(black_box(1))));
    group.bench_function("histogram", |bench| {
        bench.iter(|| histogram.observe(black_box(Duration::from_micros(130))));
    });
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                COUNTER.increment();
            }
        });
        group.bench_function("counter, shared by two threads", |bench| {
            bench.iter(|| COUNTER.add(black_box(1)));
        });
        stop.store(true, Ordering::Relaxed);
    });
    group.finish();
}

criterion_group!(benches, costs);
criterion_main!(benches);

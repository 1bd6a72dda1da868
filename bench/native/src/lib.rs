//! What the benches of the native crates share: the reference kernel that figures are related to, so that they can be compared
//! between machines and days. It never changes, or every baseline is void.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion};

/// Measures the reference kernel, as `reference/<bench>`: 1,024 multiplications, each of which needs the one before.
pub fn reference(criterion: &mut Criterion, bench: &str) {
    let mut group = criterion.benchmark_group("reference");
    group.bench_function(BenchmarkId::from_parameter(bench), |bencher| {
        bencher.iter(|| {
            (0..1024u64).fold(black_box(1u64), |state, i| {
                (state ^ (state >> 29))
                    .wrapping_mul(0xbf58_476d_1ce4_e5b9)
                    .wrapping_add(i)
            })
        });
    });
}

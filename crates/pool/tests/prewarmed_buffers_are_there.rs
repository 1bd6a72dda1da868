//! Goal: a pool that was prewarmed serves so many buffers without growing, up to its bound.

use rafterdb_pool::{Options, Pool, TIERS};

#[test]
fn as_many_as_were_asked_for() {
    let pool = Pool::new();
    let counts = [200, 100, 70, 9];
    let bytes: usize = counts.iter().zip(TIERS).map(|(count, bytes)| count * bytes).sum();
    assert_eq!(pool.prewarm(counts), bytes);
    assert_eq!(pool.prewarm(counts), 0, "they are there already");
    assert_eq!(pool.prewarm([201, 0, 0, 0]), TIERS[0], "one more");
    let held: Vec<_> = (0..4)
        .flat_map(|tier| (0..counts[tier]).map(move |_| TIERS[tier]))
        .map(|bytes| pool.take(bytes))
        .collect();
    let stats = pool.stats();
    for (tier, count) in counts.into_iter().enumerate() {
        let of = stats.tiers[tier];
        assert_eq!((of.misses, of.hits, of.in_use), (0, count as u64, count as u64));
    }
    assert!(held
        .iter()
        .all(|buffer| buffer.iter().step_by(1000).all(|byte| *byte == 0)));
}

#[test]
fn no_more_than_the_bound_allows() {
    let pool = Pool::with(Options {
        bytes_max: 3 << 20,
        ..Options::default()
    });
    assert_eq!(pool.prewarm([0, 0, 16, 100]), 3 << 20);
    assert_eq!(pool.stats().tiers.map(|tier| tier.slots), [0, 0, 16, 2]);
}

//! Goal: a tier that is used up grows by its factor, twofold while it is small and by a tenth when it is large; the pool
//! never holds more than its bound, and serves what is asked for all the same.

use rafterdb_pool::{Options, Pool, GROWTH_PERCENT, SLOTS_FIRST, TIERS};

fn pool(bytes_max: usize) -> std::sync::Arc<Pool> {
    Pool::with(Options {
        bytes_max,
        ..Options::default()
    })
}

#[test]
fn each_growth_is_the_factor_of_what_there_was() {
    assert_eq!(GROWTH_PERCENT.map(|(_, percent)| percent), [200, 150, 120, 110]);
    for (tier, bytes) in TIERS.into_iter().enumerate() {
        let pool = pool(1 << 30);
        let slots = || pool.stats().tiers[tier].slots as usize;
        let mut seen = Vec::new();
        let (mut held, mut before) = (Vec::new(), 0);
        while slots() * bytes < 200 << 20 {
            held.push(pool.take(bytes));
            let after = slots();
            if after == before {
                continue;
            }
            assert_eq!(held.len(), before + 1, "no growth before all are in use");
            if before == 0 {
                assert_eq!(after, SLOTS_FIRST[tier]);
            } else {
                let (_, percent) = GROWTH_PERCENT
                    .iter()
                    .find(|(below, _)| before * bytes < *below)
                    .unwrap();
                assert_eq!(after, (before * percent).div_ceil(100), "from {before}");
                seen.push(*percent);
            }
            before = after;
        }
        seen.dedup();
        assert_eq!(seen, [200, 150, 120, 110], "tier of {bytes}");
    }
}

#[test]
fn beyond_the_bound_buffers_are_made_to_measure() {
    for (tier, bytes) in TIERS.into_iter().enumerate() {
        let pool = pool(10 * bytes + bytes / 2);
        let mut held: Vec<_> = (0..30).map(|_| pool.take(bytes)).collect();
        for (n, buffer) in held.iter_mut().enumerate() {
            buffer.fill(n as u8);
        }
        assert!(held.iter().enumerate().all(|(n, buffer)| buffer[bytes - 1] == n as u8));
        let stats = pool.stats();
        assert_eq!((stats.bytes, stats.tiers[tier].slots), (10 * bytes, 10));
        assert_eq!(stats.tiers[tier].in_use, 10);
        drop(held);
        let stats = pool.stats();
        assert_eq!(
            (stats.bytes, stats.tiers[tier].in_use),
            (10 * bytes, 0),
            "what was made to measure is gone"
        );
        // Another tier finds no room, and is served.
        assert_eq!(pool.take(TIERS[3 - tier]).len(), TIERS[3 - tier]);
        assert!(pool.stats().bytes <= 10 * bytes + bytes / 2);
    }
}

#[test]
fn a_pool_without_room_serves_everything() {
    let pool = pool(0);
    for bytes in TIERS {
        assert_eq!(pool.take(bytes).len(), bytes);
    }
    assert_eq!(pool.prewarm([1; 4]), 0);
    assert_eq!(pool.stats().bytes, 0);
}

//! Goal: the counters are exact: what was asked for, what was served from the pool, what is in use, from one thread or many.

use std::sync::{Arc, Barrier};

use rafterdb_pool::{Options, Pool, ASKED_BYTES, SLOTS_FIRST, TIERS};

#[test]
fn sizes_are_counted_by_powers_of_two() {
    assert_eq!(ASKED_BYTES[..3], [64, 128, 256]);
    assert_eq!(ASKED_BYTES[14..], [1 << 20, usize::MAX]);
    for (class, largest) in ASKED_BYTES.into_iter().enumerate().take(15) {
        let pool = Pool::new();
        let smallest = if class == 0 { 0 } else { ASKED_BYTES[class - 1] + 1 };
        drop((pool.take(smallest), pool.take(largest), pool.take(largest + 1)));
        let mut expected = [0; 16];
        expected[class] = 2;
        expected[class + 1] = 1;
        assert_eq!(pool.stats().asked, expected, "{smallest} to {largest}");
    }
}

#[test]
fn hits_and_misses_are_all_that_was_asked() {
    let pool = Pool::new();
    for (tier, bytes) in TIERS.into_iter().enumerate() {
        let count = SLOTS_FIRST[tier] + 1;
        for _ in 0..3 {
            drop((0..count).map(|_| pool.take(bytes)).collect::<Vec<_>>());
        }
        let stats = pool.stats().tiers[tier];
        assert_eq!(stats.hits + stats.misses, 3 * count as u64, "tier of {bytes}");
        assert_eq!(stats.misses, 2, "tier of {bytes}");
        assert_eq!((stats.in_use, stats.peak_in_use), (0, count as u64));
    }
    drop(pool.take(TIERS[3] + 1));
    assert_eq!(pool.stats().asked[15], 1);
}

#[test]
fn the_peak_of_one_thread_is_exact() {
    let pool = Pool::new();
    let mut held = Vec::new();
    for (target, peak) in [(7, 7), (3, 7), (200, 200), (0, 200), (150, 200), (201, 201)] {
        held.truncate(target);
        held.resize_with(target, || pool.take(10));
        let stats = pool.stats().tiers[0];
        assert_eq!((stats.in_use, stats.peak_in_use), (target as u64, peak));
    }
}

#[test]
fn a_peak_that_nobody_looked_at_is_nearly_right() {
    let pool = Pool::new();
    pool.prewarm([1000, 0, 0, 0]);
    for count in [700, 100, 650] {
        drop((0..count).map(|_| pool.take(10)).collect::<Vec<_>>());
    }
    let peak = pool.stats().tiers[0].peak_in_use;
    assert!((692..=701).contains(&peak), "{peak}");
}

#[test]
fn many_threads_lose_no_count() {
    const THREADS: usize = 40;
    const ROUNDS: usize = 300;
    let pool = Pool::with(Options {
        bytes_max: 64 << 20,
        ..Options::default()
    });
    // Enough for all, and for what each keeps.
    pool.prewarm([800, 400, 300, 0]);
    // More threads than lanes at a time, and twice, so that lanes pass from one thread to the next.
    for _ in 0..2 {
        let barrier = Arc::new(Barrier::new(THREADS));
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                let (pool, barrier) = (Arc::clone(&pool), Arc::clone(&barrier));
                std::thread::spawn(move || {
                    barrier.wait();
                    for round in 0..ROUNDS {
                        let first = pool.take(TIERS[round % 3]);
                        drop((pool.take(100), first));
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
    }
    let stats = pool.stats();
    let rounds = (2 * THREADS * ROUNDS) as u64;
    assert_eq!(stats.asked[1], rounds);
    for tier in 0..3 {
        let of = stats.tiers[tier];
        let asked = rounds / 3 + if tier == 0 { rounds } else { 0 };
        assert_eq!(of.hits + of.misses, asked, "{of:?}");
        assert!(of.in_use == 0 && of.peak_in_use <= of.grown, "{of:?}");
        assert_eq!(of.misses, 0, "{of:?}");
    }
    let held: usize = (0..4).map(|tier| stats.tiers[tier].slots as usize * TIERS[tier]).sum();
    assert_eq!(stats.bytes, held);
}

//! Goal: `trim` gives back the memory of chunks that were idle long enough, of no others, and the pool grows again later.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rafterdb_pool::{Options, Pool, TIERS};

const IDLE: Duration = Duration::from_secs(10);

fn pool() -> (Arc<Pool>, Instant) {
    let pool = Pool::with(Options {
        idle_after: IDLE,
        ..Options::default()
    });
    (pool, Instant::now())
}

#[test]
fn what_is_idle_long_enough_goes_and_comes_again() {
    for (tier, bytes) in TIERS.into_iter().enumerate() {
        let (pool, start) = pool();
        for round in 0..3u32 {
            let start = start + round * 10 * IDLE;
            let held: Vec<_> = (0..100).map(|_| pool.take(bytes)).collect();
            let grown = pool.stats().bytes;
            assert!(grown >= 100 * bytes);
            drop(held);
            assert_eq!(pool.trim(start), 0, "it was in use a moment ago");
            assert_eq!(pool.trim(start + IDLE / 2), 0);
            assert_eq!(pool.trim(start + IDLE), grown);
            let stats = pool.stats();
            assert_eq!(stats.bytes, 0);
            assert_eq!((stats.tiers[tier].slots, stats.tiers[tier].in_use), (0, 0));
            assert_eq!(stats.tiers[tier].grown, stats.tiers[tier].returned);
            assert_eq!(pool.trim(start + 3 * IDLE), 0);
        }
    }
}

#[test]
fn what_is_in_use_stays() {
    let (pool, start) = pool();
    let mut held: Vec<_> = (0..500).map(|_| pool.take(1)).collect();
    for (n, buffer) in held.iter_mut().enumerate() {
        buffer.fill(n as u8);
    }
    // One of each chunk or so is kept.
    let mut n = 0;
    held.retain(|_| {
        n += 1;
        n % 60 == 0
    });
    let before = pool.stats().bytes;
    for seconds in 0..100 {
        pool.trim(start + Duration::from_secs(seconds));
    }
    assert!(pool.stats().bytes <= before);
    for (n, buffer) in held.iter().enumerate() {
        let mark = ((n + 1) * 60 - 1) as u8;
        assert!(buffer.iter().all(|byte| *byte == mark), "{n}");
    }
    assert_eq!(pool.stats().tiers[0].in_use, held.len() as u64);
}

#[test]
fn what_is_used_now_and_then_stays() {
    let (pool, start) = pool();
    for round in 0..20 {
        // Through this thread's lane, past the words: it counts as use all the same.
        for _ in 0..3 {
            drop(pool.take(TIERS[2]));
        }
        assert_eq!(pool.trim(start + round * IDLE / 2), 0, "{round}");
    }
    assert_eq!(pool.trim(start + 20 * IDLE / 2), 0, "idle since half of the time");
    assert!(pool.trim(start + 22 * IDLE / 2) > 0);
}

#[test]
fn the_chunks_at_the_back_become_idle() {
    let (pool, start) = pool();
    drop((0..1000).map(|_| pool.take(TIERS[1])).collect::<Vec<_>>());
    let before = pool.stats().bytes;
    let mut given_back = 0;
    for seconds in 0..30 {
        // A little of it is used all the time.
        drop((0..10).map(|_| pool.take(TIERS[1])).collect::<Vec<_>>());
        given_back += pool.trim(start + Duration::from_secs(seconds));
    }
    assert!(given_back >= before * 9 / 10, "{given_back} of {before}");
    assert!(pool.stats().bytes >= 10 * TIERS[1]);
}

#[test]
fn time_may_stand_still_or_go_back() {
    let (pool, start) = pool();
    drop(pool.take(1));
    pool.trim(start + IDLE);
    assert_eq!(pool.trim(start), 0);
    assert!(pool.trim(start + 2 * IDLE) > 0);
}

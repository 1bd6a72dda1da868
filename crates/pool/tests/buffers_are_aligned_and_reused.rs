//! Goal: every buffer is large enough and aligned, is given to one holder at a time, and comes back.

use std::sync::Arc;

use rafterdb_pool::{Pool, ALIGNMENT, KEPT_BYTES_MAX, TIERS};

#[test]
fn every_size_is_served_aligned() {
    let pool = Pool::new();
    for bytes in [
        0,
        1,
        1024,
        1025,
        8192,
        8193,
        65_536,
        65_537,
        1 << 20,
        (1 << 20) + 1,
        5_000_000,
    ] {
        let buffer = pool.take(bytes);
        assert!(buffer.len() >= bytes, "{bytes}");
        assert_eq!(buffer.as_ptr() as usize % ALIGNMENT, 0, "{bytes}");
    }
}

#[test]
fn a_dropped_buffer_is_reused_and_few_are_kept() {
    let pool = Pool::new();
    let first = pool.take(4096).as_ptr();
    assert_eq!(pool.kept(4096), 1);
    assert_eq!(pool.take(8000).as_ptr(), first);
    let many: Vec<_> = (0..KEPT_BYTES_MAX / TIERS[3] + 5).map(|_| pool.take(1 << 20)).collect();
    drop(many);
    assert_eq!(pool.kept(1 << 20), KEPT_BYTES_MAX / TIERS[3]);
    drop(pool.take(3 << 20));
    assert_eq!(pool.kept(3 << 20), 0);
}

#[test]
fn threads_never_share_a_buffer() {
    let pool = Pool::new();
    let workers: Vec<_> = (0..4u8)
        .map(|mark| {
            let pool = Arc::clone(&pool);
            std::thread::spawn(move || {
                for round in 0..500 {
                    let mut buffer = pool.take(1000);
                    buffer.fill(mark);
                    if round % 16 == 0 {
                        std::thread::yield_now();
                    }
                    assert!(buffer.iter().all(|byte| *byte == mark));
                }
            })
        })
        .collect();
    for worker in workers {
        worker.join().unwrap();
    }
}

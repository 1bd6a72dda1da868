//! Goal: with many threads that take, hand over, clone and drop while the pool grows and is trimmed, what a thread has
//! written into a buffer of its own stays there until it drops it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rafterdb_pool::{Buffer, Options, Pool, Slice, TIERS};

fn mark(buffer: &mut Buffer, mark: u64) {
    let last = buffer.len() - 8;
    buffer[..8].copy_from_slice(&mark.to_le_bytes());
    buffer[last..].copy_from_slice(&mark.to_le_bytes());
}

fn assert_marked(bytes: &[u8], mark: u64) {
    assert_eq!(bytes[..8], mark.to_le_bytes());
    assert_eq!(bytes[bytes.len() - 8..], mark.to_le_bytes());
}

#[test]
fn while_the_pool_grows_and_is_trimmed() {
    const THREADS: u64 = 4;
    const ROUNDS: u64 = 4_000;
    let pool = Pool::with(Options {
        bytes_max: 8 << 20,
        idle_after: Duration::ZERO,
    });
    let is_done = Arc::new(AtomicBool::new(false));
    let trimmer = {
        let (pool, is_done) = (Arc::clone(&pool), Arc::clone(&is_done));
        std::thread::spawn(move || {
            while !is_done.load(Ordering::Relaxed) {
                pool.trim(Instant::now());
                std::thread::yield_now();
            }
        })
    };
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..THREADS).map(|_| sync_channel::<(Slice, u64)>(64)).unzip();
    let threads: Vec<_> = receivers
        .into_iter()
        .enumerate()
        .map(|(thread, receiver)| {
            let pool = Arc::clone(&pool);
            let next = senders[(thread + 1) % senders.len()].clone();
            std::thread::spawn(move || {
                let mut held = Vec::new();
                for round in 0..ROUNDS {
                    let number = (thread as u64) << 32 | round;
                    let mut buffer = pool.take(TIERS[(round % 7 % 4) as usize]);
                    mark(&mut buffer, number);
                    if round % 3 == 0 {
                        held.push((buffer, number));
                    } else {
                        let length = buffer.len();
                        let slice = buffer.freeze(length);
                        // A full neighbour does without.
                        let _ = next.try_send((slice.clone(), number));
                        std::thread::yield_now();
                        assert_marked(&slice, number);
                    }
                    for (slice, number) in receiver.try_iter() {
                        assert_marked(&slice, number);
                        if let Ok(mut buffer) = slice.try_into_mut() {
                            mark(&mut buffer, !number);
                            assert_marked(&buffer, !number);
                        }
                    }
                    if held.len() > 20 + thread * 5 {
                        for (buffer, number) in held.drain(..) {
                            assert_marked(&buffer, number);
                        }
                    }
                }
            })
        })
        .collect();
    drop(senders);
    for thread in threads {
        thread.join().unwrap();
    }
    is_done.store(true, Ordering::Relaxed);
    trimmer.join().unwrap();
    let stats = pool.stats();
    assert!(stats.tiers.iter().all(|tier| tier.in_use == 0), "{stats:?}");
    assert!(stats.tiers.iter().any(|tier| tier.returned > 0), "{stats:?}");
    assert!(stats.bytes <= 8 << 20);
}

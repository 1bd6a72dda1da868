//! Goal: of what many threads put in, each item is taken once by one of the threads that take, each producer's in its order;
//! a full queue refuses; closing lets the rest out and ends the wait; nobody sleeps while there is something to take.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use rafterdb_batcher::{BatchQueue, Bounds, Refused};

/// How long anything may take before the test gives up; far above what it takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Puts `each` items in from each of `producers` threads and takes them with `consumers`; what each consumer saw, in order.
fn run(bounds: Bounds, producers: u32, consumers: u32, each: u32) -> Vec<Vec<(u32, u32)>> {
    let queue = BatchQueue::new(bounds).unwrap();
    thread::scope(|scope| {
        let takers: Vec<_> = (0..consumers)
            .map(|_| {
                scope.spawn(|| {
                    let (mut batch, mut seen) = (Vec::new(), Vec::new());
                    while let Some(_turn) = queue.take(&mut batch) {
                        assert!(!batch.is_empty() && batch.len() <= bounds.items_max);
                        seen.extend_from_slice(&batch);
                    }
                    seen
                })
            })
            .collect();
        let givers: Vec<_> = (0..producers)
            .map(|producer| {
                let queue = &queue;
                scope.spawn(move || {
                    for item in 0..each {
                        let mut next = (producer, item);
                        while let Err(refused) = queue.push(next, 8) {
                            assert!(matches!(refused, Refused::Busy(_)));
                            next = refused.into_inner();
                            thread::yield_now();
                        }
                    }
                })
            })
            .collect();
        for giver in givers {
            giver.join().unwrap();
        }
        queue.close();
        takers.into_iter().map(|taker| taker.join().unwrap()).collect()
    })
}

/// That every item is there once, and each consumer saw each producer's in order.
fn check(seen: &[Vec<(u32, u32)>], producers: u32, each: u32) -> Result<(), String> {
    let mut all: Vec<_> = seen.concat();
    all.sort_unstable();
    let expected = (0..producers).flat_map(|producer| (0..each).map(move |item| (producer, item)));
    if !all.iter().copied().eq(expected) {
        return Err("an item is missing, or there twice".into());
    }
    for (consumer, seen) in seen.iter().enumerate() {
        for producer in 0..producers {
            let own = seen.iter().filter(|item| item.0 == producer).map(|item| item.1);
            if !own.is_sorted() {
                return Err(format!("consumer {consumer} saw producer {producer} out of order"));
            }
        }
    }
    Ok(())
}

#[test]
fn every_item_is_taken_once_and_in_order() {
    for (consumers, wait_max) in [(1, None), (2, None), (3, Some(50_000))] {
        let bounds = Bounds {
            items_max: 64,
            queued_items_max: 1_000,
            in_flight_max: consumers as usize,
            wait_max,
            ..Bounds::default()
        };
        let seen = run(bounds, 3, consumers, 50_000);
        check(&seen, 3, 50_000).unwrap();
    }
}

#[test]
fn the_check_finds_what_is_wrong() {
    let right = vec![vec![(0, 0), (1, 0)], vec![(1, 1), (0, 1)]];
    check(&right, 2, 2).unwrap();
    let mut lost = right.clone();
    lost[0].pop();
    let mut twice = right.clone();
    twice[1].push((0, 0));
    let turned = vec![vec![(0, 1), (0, 0)], vec![(1, 0), (1, 1)]];
    for wrong in [lost, twice, turned] {
        assert!(check(&wrong, 2, 2).is_err(), "{wrong:?}");
    }
}

#[test]
fn a_thread_that_waits_wakes_for_one_item_and_for_the_end() {
    let queue = BatchQueue::new(Bounds::default()).unwrap();
    let (tell, told) = channel();
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut batch = Vec::new();
            while let Some(_turn) = queue.take(&mut batch) {
                tell.send(batch.clone()).unwrap();
            }
            tell.send(vec![u32::MAX]).unwrap();
        });
        for item in 0..100 {
            queue.push(item, 1).unwrap();
            assert_eq!(told.recv_timeout(PATIENCE).unwrap(), [item]);
        }
        queue.close();
        assert_eq!(told.recv_timeout(PATIENCE).unwrap(), [u32::MAX]);
    });
    assert_eq!(queue.push(1, 1), Err(Refused::Closed(1)));
}

#[test]
fn an_item_waits_beside_a_batch_under_way_no_longer_than_it_may() {
    let wait = Duration::from_millis(30);
    let bounds = Bounds {
        wait_max: Some(30_000_000),
        in_flight_max: 2,
        ..Bounds::default()
    };
    let queue = BatchQueue::new(bounds).unwrap();
    let (mut first, mut second) = (Vec::new(), Vec::new());
    queue.push('a', 1).unwrap();
    let _under_way = queue.take(&mut first);
    thread::scope(|scope| {
        let taker = scope.spawn(|| {
            let turn = queue.take(&mut second);
            (turn.is_some(), Instant::now())
        });
        // Most often the other thread waits already, and must be told that there is a time to watch.
        thread::sleep(Duration::from_millis(20));
        let pushed = Instant::now();
        queue.push('b', 1).unwrap();
        let (taken, at) = taker.join().unwrap();
        assert!(taken && at >= pushed + wait && at < pushed + PATIENCE);
    });
    assert_eq!(second, ['b']);
}

#[test]
fn a_batch_ends_when_a_panic_unwinds() {
    let queue = BatchQueue::new(Bounds::default()).unwrap();
    queue.push(1, 1).unwrap();
    thread::scope(|scope| {
        let dies = scope.spawn(|| {
            let mut batch = Vec::new();
            let _turn = queue.take(&mut batch);
            panic!("on purpose: the work of a batch fails");
        });
        assert!(dies.join().is_err());
    });
    queue.push(2, 1).unwrap();
    let mut batch = Vec::new();
    assert!(queue.take(&mut batch).is_some());
    assert_eq!(batch, [2]);
}

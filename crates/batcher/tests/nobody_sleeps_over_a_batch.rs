//! Goal: a thread that waits for a batch wakes when one may go: because another batch ended, or because there are more batches
//! than the thread that was woken can take.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rafterdb_batcher::{BatchQueue, Bounds};

/// How long anything may take before the test gives up; far above what it takes.
const PATIENCE: Duration = Duration::from_secs(10);

/// A thread that takes batches, tells of each, and works on each until it is told to end.
fn taker(queue: &Arc<BatchQueue<u32>>, tell: &Sender<u32>, ends: &Arc<Mutex<Receiver<()>>>) {
    let (queue, tell, ends) = (queue.clone(), tell.clone(), ends.clone());
    thread::spawn(move || {
        let mut batch = Vec::new();
        while let Some(_turn) = queue.take(&mut batch) {
            tell.send(batch.iter().sum()).unwrap();
            let _ = ends.lock().unwrap().recv();
        }
    });
}

#[test]
fn the_end_of_a_batch_wakes_who_waits_for_the_next() {
    let queue = Arc::new(BatchQueue::new(Bounds::default()).unwrap());
    let ((tell, told), (end, ends)) = (channel(), channel());
    let mut first = Vec::new();
    queue.push(1, 1).unwrap();
    let turn = queue.take(&mut first);
    taker(&queue, &tell, &Arc::new(Mutex::new(ends)));
    queue.push(2, 1).unwrap();
    // Most often the thread sleeps by now.
    assert!(
        told.recv_timeout(Duration::from_millis(30)).is_err(),
        "one batch at a time"
    );
    drop(turn);
    assert_eq!(told.recv_timeout(PATIENCE), Ok(2));
    end.send(()).unwrap();
    queue.close();
}

#[test]
fn each_of_several_batches_finds_a_thread() {
    let bounds = Bounds {
        items_max: 1,
        in_flight_max: 3,
        ..Bounds::default()
    };
    let queue = Arc::new(BatchQueue::new(bounds).unwrap());
    let ((tell, told), (end, ends)) = (channel(), channel());
    let ends = Arc::new(Mutex::new(ends));
    for _ in 0..3 {
        taker(&queue, &tell, &ends);
    }
    for round in 0..50 {
        // Most often the threads sleep by now, and all three are pushed before the first that wakes has taken one.
        thread::sleep(Duration::from_millis(2));
        for item in 0..3 {
            queue.push(item, 1).unwrap();
        }
        let sum: u32 = (0..3).map_while(|_| told.recv_timeout(PATIENCE).ok()).sum();
        assert_eq!(sum, 3, "round {round}: a thread sleeps while a batch may go");
        (0..3).for_each(|_| end.send(()).unwrap());
    }
    queue.close();
}

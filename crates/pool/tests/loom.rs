//! Goal: under every order of events that loom finds, a buffer has one owner who sees all that was done before, and a pool
//! is freed once. Each ordering the pool relies on, weakened, is caught by one of the same models.
#![cfg(loom)]

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

use loom::thread;
use rafterdb_pool::{weaken, Options, Pool, Step, TIERS};

/// The tier of the models: it starts with one buffer and grows to two.
const BYTES: usize = TIERS[3];

const IDLE: Duration = Duration::from_secs(1);

/// Runs a model with up to three preemptions, which is where such errors show.
fn model(run: fn()) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(run);
}

/// A pool with so many free buffers, none of them in a lane, and the time at which they were seen idle.
fn pool(buffers: usize) -> (Arc<Pool>, Instant) {
    let pool = Pool::with(Options {
        bytes_max: 2 * BYTES,
        idle_after: IDLE,
    });
    let taken: Vec<_> = (0..buffers).map(|_| pool.take(BYTES)).collect();
    drop(taken);
    let now = Instant::now();
    // The first call finds that they were in use, the second that they have not been since.
    assert_eq!((pool.trim(now), pool.trim(now)), (0, 0));
    assert_eq!(pool.stats().tiers[3].slots, buffers as u64);
    (pool, now)
}

fn spawn(pool: &Arc<Pool>, run: impl FnOnce(&Pool) + 'static) -> thread::JoinHandle<()> {
    let pool = Arc::clone(pool);
    thread::spawn(move || run(&pool))
}

/// Takes, writes, drops. Loom panics if the write is not ordered with everything else done to the buffer.
fn use_one(pool: &Pool) {
    pool.take(BYTES)[0] = 1;
}

/// Two threads want the only free buffer.
fn threads_never_share_a_buffer() {
    let (pool, _) = pool(1);
    let other = spawn(&pool, use_one);
    use_one(&pool);
    other.join().unwrap();
    use_one(&pool);
}

/// A buffer is taken and dropped, and taken again, while another thread is about to take it.
fn a_buffer_that_comes_back_is_not_given_twice() {
    let (pool, _) = pool(2);
    let other = spawn(&pool, |pool| {
        let (mut first, mut second) = (pool.take(BYTES), pool.take(BYTES));
        first[0] = 1;
        drop(first);
        second[0] = 1;
        pool.take(BYTES)[0] = 1;
    });
    let mut mine = pool.take(BYTES);
    mine[0] = 2;
    other.join().unwrap();
    mine[0] = 3;
}

/// A buffer dropped by one thread is kept in its lane, where another fetches it.
fn what_a_thread_keeps_can_be_fetched_by_another() {
    let (pool, _) = pool(0);
    let mut buffer = pool.take(BYTES);
    let other = spawn(&pool, move |_| {
        buffer[0] = 1;
        drop(buffer);
    });
    use_one(&pool);
    other.join().unwrap();
    assert_eq!(pool.stats().tiers[3].in_use, 0);
}

/// Handles of one buffer are dropped by two threads; whoever takes it next writes.
fn the_last_handle_gives_the_buffer_back() {
    let (pool, _) = pool(1);
    let mut buffer = pool.take(BYTES);
    buffer[0] = 7;
    let slice = buffer.freeze(8);
    let copy = slice.clone();
    let other = spawn(&pool, move |pool| {
        assert_eq!(copy.len(), 8);
        drop(copy);
        use_one(pool);
    });
    assert_eq!(slice.len(), 8);
    drop(slice);
    use_one(&pool);
    other.join().unwrap();
    let stats = pool.stats().tiers[3];
    assert_eq!(stats.in_use, 0, "{stats:?}");
}

/// Whoever finds their handle the only one may write.
fn the_only_handle_may_write() {
    let (pool, _) = pool(1);
    let slice = pool.take(BYTES).freeze(8);
    let copy = slice.clone();
    let other = thread::spawn(move || assert_eq!(copy.len(), 8));
    match slice.try_into_mut() {
        Ok(mut buffer) => buffer[0] = 1,
        Err(slice) => assert_eq!(slice.len(), 8),
    }
    other.join().unwrap();
}

/// What is left of a buffer that was split goes back with the last of its parts.
fn the_last_part_gives_the_buffer_back() {
    let (pool, _) = pool(1);
    let mut rest = pool.take(BYTES);
    let front = rest.split_to(8);
    let other = thread::spawn(move || {
        let _ = front[0];
        drop(front);
    });
    drop(rest);
    other.join().unwrap();
    use_one(&pool);
    assert_eq!(pool.stats().tiers[3].in_use, 0);
}

/// Two threads find an empty pool and both grow it, or one makes to measure meanwhile.
fn growing_races_with_taking() {
    let (pool, _) = pool(0);
    let other = spawn(&pool, use_one);
    use_one(&pool);
    other.join().unwrap();
    let slots = pool.stats().tiers[3].slots;
    assert!((1..=2).contains(&slots), "{slots}");
}

/// A chunk's memory is given back while a thread takes the buffer in it, and the chunk is filled again.
fn trimming_races_with_taking() {
    let (pool, now) = pool(1);
    let other = spawn(&pool, use_one);
    pool.trim(now + IDLE);
    other.join().unwrap();
    use_one(&pool);
    let stats = pool.stats();
    assert_eq!(stats.tiers[3].slots, 1, "{stats:?}");
    assert_eq!(stats.bytes, BYTES);
}

/// A pool goes while its buffers come back: it is freed by the last, once.
fn the_pool_goes_with_its_last_buffer() {
    let (pool, _) = pool(2);
    let (first, second) = (pool.take(BYTES), pool.take(BYTES));
    let others = [thread::spawn(move || drop(first)), thread::spawn(move || drop(second))];
    drop(pool);
    for other in others {
        other.join().unwrap();
    }
}

macro_rules! models {
    ($($name:ident)*) => {
        mod models {
            $(#[test] fn $name() { super::model(super::$name); })*
        }
        const MODELS: &[(&str, fn())] = &[$((stringify!($name), $name)),*];
    };
}

models! {
    threads_never_share_a_buffer
    a_buffer_that_comes_back_is_not_given_twice
    what_a_thread_keeps_can_be_fetched_by_another
    the_last_handle_gives_the_buffer_back
    the_only_handle_may_write
    the_last_part_gives_the_buffer_back
    growing_races_with_taking
    trimming_races_with_taking
    the_pool_goes_with_its_last_buffer
}

/// The canary: with any ordering weakened, some model fails.
#[test]
fn every_weakened_ordering_is_caught() {
    let steps = [
        Step::Claim,
        Step::GiveBack,
        Step::Fetch,
        Step::Keep,
        Step::Drop,
        Step::Alone,
        Step::Announce,
    ];
    for step in steps {
        weaken(Some(step));
        let caught = MODELS
            .iter()
            .find(|(_, run)| catch_unwind(AssertUnwindSafe(|| model(*run))).is_err());
        weaken(None);
        let (name, _) = caught.unwrap_or_else(|| panic!("no model notices a weak {step:?}"));
        println!("a weak {step:?} is caught by {name}");
    }
}

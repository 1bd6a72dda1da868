//! Goal: under every order of events that loom finds, a buffer has one owner who sees all that was done before. Each
//! ordering that the pool relies on, weakened, is caught by one of the same models.
#![cfg(loom)]

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use loom::thread;
use rafterdb_pool::{weaken, Options, Pool, Step, TIERS};

/// The tier of the models: it starts with one buffer and grows to two.
const BYTES: usize = TIERS[3];

const STEPS: [Step; 9] = [
    Step::Claim,
    Step::GiveBack,
    Step::Drop,
    Step::Alone,
    Step::Announce,
    Step::Look,
    Step::List,
    Step::Enter,
    Step::Leave,
];

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

fn join(thread: thread::JoinHandle<()>) {
    thread.join().expect("no thread of a model panics");
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
    join(other);
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
    join(other);
    mine[0] = 3;
}

/// Threads come and go, and have a lane after each other; what they kept is there for others when they are gone.
fn lanes_pass_from_thread_to_thread() {
    let (pool, now) = pool(2);
    let (first, mut second) = (pool.take(BYTES), pool.take(BYTES));
    drop(first);
    pool.trim(now);
    // One thread ends with the second in its lane, the other then uses the first: nothing in common but the lane.
    let others = [
        spawn(&pool, move |pool| {
            use_one(pool);
            second[0] = 1;
            drop(second);
        }),
        spawn(&pool, use_one),
    ];
    for other in others {
        join(other);
    }
    use_one(&pool);
}

/// A thread that ends empties its lanes in all pools, while another adds a pool.
fn pools_are_made_while_threads_end() {
    let (pool, _) = pool(1);
    let other = spawn(&pool, use_one);
    let second = Pool::new();
    use_one(&second);
    join(other);
    use_one(&pool);
}

/// A pool is dropped while its buffer comes back and the next pool gets its tables.
fn tables_pass_from_pool_to_pool() {
    let (first, _) = pool(1);
    let mut buffer = first.take(BYTES);
    let other = thread::spawn(move || {
        buffer[0] = 1;
        drop(buffer);
    });
    let opener = thread::spawn(|| {
        let second = Pool::new();
        use_one(&second);
    });
    drop(first);
    join(other);
    join(opener);
    let third = Pool::new();
    use_one(&third);
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
    join(other);
}

/// Two threads clone their handles at the same time; none of them is lost.
fn handles_are_counted_by_all() {
    let (pool, _) = pool(1);
    let slice = pool.take(BYTES).freeze(8);
    let copy = slice.clone();
    let other = spawn(&pool, move |pool| {
        let third = copy.clone();
        drop(copy);
        assert_eq!(third.len(), 8);
        drop(third);
        use_one(pool);
    });
    let second = slice.clone();
    drop(slice);
    assert_eq!(second.len(), 8);
    drop(second);
    use_one(&pool);
    join(other);
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
    join(other);
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
    join(other);
    use_one(&pool);
}

/// Two threads find an empty pool and both grow it, or one makes to measure meanwhile.
fn growing_races_with_taking() {
    let (pool, _) = pool(0);
    let other = spawn(&pool, use_one);
    use_one(&pool);
    join(other);
    let slots = pool.stats().tiers[3].slots;
    assert!((1..=2).contains(&slots), "{slots}");
}

/// A chunk's memory is given back while a thread takes the buffer in it, and the chunk is filled again.
fn trimming_races_with_taking() {
    let (pool, now) = pool(1);
    let other = spawn(&pool, use_one);
    pool.trim(now + IDLE);
    join(other);
    use_one(&pool);
    let stats = pool.stats();
    assert_eq!(stats.tiers[3].slots, 1, "{stats:?}");
    assert_eq!(stats.bytes, BYTES);
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
    lanes_pass_from_thread_to_thread
    pools_are_made_while_threads_end
    tables_pass_from_pool_to_pool
    the_last_handle_gives_the_buffer_back
    handles_are_counted_by_all
    the_only_handle_may_write
    the_last_part_gives_the_buffer_back
    growing_races_with_taking
    trimming_races_with_taking
}

/// What tells a child of `every_weakened_ordering_is_caught` its model and step.
const MODEL: &str = "RAFTERDB_POOL_MODEL";
const WEAK: &str = "RAFTERDB_POOL_WEAK";

/// Whether a model holds with a step weakened. In a process of its own, as a pool that is broken may end it.
fn holds(model: &str, step: &str) -> bool {
    let child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "every_weakened_ordering_is_caught"])
        .envs([(MODEL, model), (WEAK, step)])
        .output()
        .expect("this program runs");
    child.status.success()
}

/// The part of the child: one model, with one step weakened.
fn run_alone(name: &str) {
    let step = std::env::var(WEAK).unwrap();
    weaken(STEPS.into_iter().find(|weak| format!("{weak:?}") == step));
    let (_, run) = MODELS.iter().find(|(model, _)| *model == name).unwrap();
    model(*run);
}

/// The canary: each model holds as it is, and with any ordering weakened, some model fails.
#[test]
fn every_weakened_ordering_is_caught() {
    if let Ok(name) = std::env::var(MODEL) {
        return run_alone(&name);
    }
    for (model, _) in MODELS {
        assert!(holds(model, "nothing"), "{model}");
    }
    for step in STEPS {
        let caught = MODELS.iter().find(|(model, _)| !holds(model, &format!("{step:?}")));
        let (model, _) = caught.unwrap_or_else(|| panic!("no model notices a weak {step:?}"));
        println!("a weak {step:?} is caught by {model}");
    }
}

//! A number that only grows, and one that goes up and down. Relaxed: they are for people, never for decisions.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// How often something has happened, or how much of it there was, since the start.
#[derive(Debug, Default)]
#[repr(transparent)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One at 0.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// It has happened once more.
    #[inline]
    pub fn increment(&self) {
        self.add(1);
    }

    /// It has happened so many times more.
    #[inline]
    pub fn add(&self, by: u64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }

    /// What it stands at.
    #[inline]
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How much of something there is now.
#[derive(Debug, Default)]
#[repr(transparent)]
pub struct Gauge(AtomicI64);

impl Gauge {
    /// One at 0.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicI64::new(0))
    }

    /// There is so much now.
    #[inline]
    pub fn set(&self, value: i64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// There is so much more, or less.
    #[inline]
    pub fn add(&self, by: i64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }

    /// What it stands at.
    #[inline]
    #[must_use]
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::thread;

    #[test]
    fn threads_that_count_at_once_lose_nothing() {
        // More than a thread counts in its time alone, and all at once: else a count that is no single step would pass.
        const TIMES: u32 = 2_000_000;
        let (counter, gauge, all) = (Counter::new(), Gauge::new(), Barrier::new(3));
        thread::scope(|scope| {
            for by in [1, 2, 3] {
                let (counter, gauge, all) = (&counter, &gauge, &all);
                scope.spawn(move || {
                    all.wait();
                    for _ in 0..TIMES {
                        counter.increment();
                        counter.add(by);
                        gauge.add(2);
                        gauge.add(-1);
                    }
                });
            }
        });
        assert_eq!(
            (counter.get(), gauge.get()),
            (u64::from(9 * TIMES), i64::from(3 * TIMES))
        );
        gauge.set(-7);
        assert_eq!(gauge.get(), -7);
    }
}

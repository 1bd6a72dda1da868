//! How long the work under way on a member's threads takes. Knows nothing of what the work is.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// Work that may wait for a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// A write to the log, with its sync.
    Log,
    /// Entries that are applied.
    Apply,
    /// What watches that are behind are sent.
    Watches,
    /// Reads, on one read thread or the other.
    Read0,
    Read1,
    /// A received part of a snapshot.
    Receive,
    /// A snapshot that takes the place of a store: takes as long as it takes, and is not told.
    Install,
    /// A store's last flush, at a close.
    Close,
}

impl Work {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Log,
        Self::Apply,
        Self::Watches,
        Self::Read0,
        Self::Read1,
        Self::Receive,
        Self::Install,
        Self::Close,
    ];

    /// The work of each read thread.
    pub const READS: [Self; 2] = [Self::Read0, Self::Read1];

    /// What it is called, for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Log => "a write to the log",
            Self::Apply => "applying entries to the store",
            Self::Watches => "reading history for watches",
            Self::Read0 | Self::Read1 => "reading the store",
            Self::Receive => "writing a snapshot that is received",
            Self::Install => "installing a snapshot",
            Self::Close => "the last flush of a store",
        }
    }
}

/// What is under way. One thread at a time does each kind of work.
pub struct Stalls {
    start: Instant,
    /// When each kind of work was begun, in ms from `start`; 0: it is not under way.
    began: [AtomicU64; Work::ALL.len()],
    closing: Mutex<bool>,
    changed: Condvar,
}

/// Work under way; done when it is dropped.
pub struct UnderWay<'a> {
    began: &'a AtomicU64,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.began.store(0, Ordering::Relaxed);
    }
}

impl Default for Stalls {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            began: Default::default(),
            closing: Mutex::new(false),
            changed: Condvar::new(),
        }
    }
}

impl Stalls {
    /// Notes that work begins, at `now`.
    pub fn begin(&self, work: Work, now: Instant) -> UnderWay<'_> {
        let began = &self.began[work as usize];
        began.store(self.ms(now), Ordering::Relaxed);
        UnderWay { began }
    }

    /// From 1 on.
    fn ms(&self, at: Instant) -> u64 {
        let ms = at.saturating_duration_since(self.start).as_millis();
        u64::try_from(ms).unwrap_or(u64::MAX).saturating_add(1)
    }

    /// The work that has been under way for longest.
    #[must_use]
    pub fn longest(&self) -> Option<(Work, Duration)> {
        let now = self.ms(Instant::now());
        let under_way = |work: Work| {
            let began = self.began[work as usize].load(Ordering::Relaxed);
            (began != 0).then(|| (work, Duration::from_millis(now.saturating_sub(began))))
        };
        Work::ALL
            .into_iter()
            .filter_map(under_way)
            .max_by_key(|(_, time)| *time)
    }

    /// When work of a kind was begun, in ms from the start; 0: it is not under way.
    #[must_use]
    pub fn began(&self, work: Work) -> u64 {
        self.began[work as usize].load(Ordering::Relaxed)
    }

    /// Now, as `began` counts.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.ms(Instant::now())
    }

    /// Waits for so long, or until it is closed; whether it was.
    pub fn wait_for_close(&self, time: Duration) -> bool {
        let mut closing = self.closing.lock();
        if !*closing {
            self.changed.wait_for(&mut closing, time);
        }
        *closing
    }

    /// Lets the thread that looks end.
    pub fn close(&self) {
        *self.closing.lock() = true;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_work_under_way_is_found() {
        let stalls = Stalls::default();
        assert!(stalls.longest().is_none());
        let log = stalls.begin(Work::Log, Instant::now());
        std::thread::sleep(Duration::from_millis(20));
        let _apply = stalls.begin(Work::Apply, Instant::now());
        assert_eq!(stalls.longest().map(|(work, _)| work), Some(Work::Log));
        drop(log);
        assert_eq!(stalls.longest().map(|(work, _)| work), Some(Work::Apply));
    }
}

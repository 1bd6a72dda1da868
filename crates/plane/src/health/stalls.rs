//! How long the work under way on a member's threads takes, told in its log while it lasts: a disk that hangs answers nothing, so
//! the thread that waits for it can tell nobody. Owns the thread that looks; knows nothing of what the work is.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::health::disk_room;
use crate::member::life::Member;

/// Work that takes so long is told.
const SLOW_MIN: Duration = Duration::from_secs(1);
/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How often it is told that something still is not done, and at most how often that something is slow.
const TOLD_EVERY: Duration = Duration::from_secs(10);

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
    const ALL: [Self; 8] = [
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

    /// Lets the thread end.
    pub fn close(&self) {
        *self.closing.lock() = true;
        self.changed.notify_all();
    }
}

/// What was told of one kind of work.
#[derive(Clone, Copy, Default)]
struct Told {
    /// When the work began that is told of, as `Stalls` counts; 0: there is none.
    began: u64,
    /// When a line was last written.
    at: u64,
}

impl Told {
    /// Looks at work that began at `began` (0: none is under way). Returns what to tell.
    fn look(&mut self, work: Work, began: u64, now: u64) -> Option<String> {
        let every = ms_of(TOLD_EVERY);
        if self.began != 0 && self.began != began {
            let took = now.saturating_sub(self.began);
            self.began = 0;
            return Some(format!("{} is done; it took {}", work.name(), seconds(took)));
        }
        let takes = now.saturating_sub(began);
        if began == 0 || takes < ms_of(SLOW_MIN) || (self.at != 0 && now - self.at < every) {
            return None;
        }
        (self.began, self.at) = (began, now);
        Some(format!(
            "{} has taken {} so far: the disk hangs, or is very slow",
            work.name(),
            seconds(takes)
        ))
    }
}

fn ms_of(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1000, ms % 1000 / 100)
}

/// The thread's body.
pub fn run(member: &Arc<Member>) {
    let stalls = &member.stalls;
    let mut told = [Told::default(); Work::ALL.len()];
    let mut looked = Instant::now();
    let mut closing = stalls.closing.lock();
    while !*closing {
        stalls.changed.wait_for(&mut closing, LOOK_EVERY);
        if looked.elapsed() >= LOOK_EVERY {
            looked = Instant::now();
            disk_room::look(member);
        }
        let now = stalls.ms(Instant::now());
        for work in Work::ALL.into_iter().filter(|work| *work != Work::Install) {
            let began = stalls.began[work as usize].load(Ordering::Relaxed);
            if let Some(line) = told[work as usize].look(work, began, now) {
                member.warn(&line);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_work_is_told_while_it_lasts_and_when_it_is_done() {
        let mut told = Told::default();
        assert_eq!(told.look(Work::Log, 0, 5_000), None);
        assert_eq!(told.look(Work::Log, 5_001, 5_900), None, "not slow yet");
        let first = told.look(Work::Log, 5_001, 6_201).unwrap();
        assert!(first.contains("a write to the log has taken 1.2 s so far"), "{first}");
        assert_eq!(told.look(Work::Log, 5_001, 9_000), None, "told already");
        assert!(told.look(Work::Log, 5_001, 16_300).unwrap().contains("11.2 s so far"));
        let done = told.look(Work::Log, 17_000, 17_001).unwrap();
        assert!(done.contains("is done; it took 12.0 s"), "{done}");
        assert_eq!(
            told.look(Work::Log, 17_000, 19_000),
            None,
            "no more than a line every ten seconds"
        );
        assert_eq!(
            told.look(Work::Log, 0, 19_100),
            None,
            "what was not told is not told to be done"
        );
        assert!(told.look(Work::Log, 25_000, 26_400).is_some());
    }

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

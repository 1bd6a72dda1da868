//! How long entries took: by the clock on the wall, of the processor, and of that what they waited for. What is left of the first was
//! neither: others had the processor. Knows no entries.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::thread_time::thread_time;
use crate::waits::{waited, Wait, Waits};

/// An entry that took no longer is taken to have had the processor all the time.
const SHORT: Duration = Duration::from_millis(1);

/// How often the thread's clock is looked at, which takes up to a microsecond: what is told of an entry may be too much by as much.
const LOOK_EVERY: Duration = SHORT;

/// The longest times that an entry took since the machine was made; each may be of another entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LongestApply {
    /// From begin to end, with the flush that it asked for.
    pub wall: Duration,
    /// The same, of the processor; up to a millisecond too much.
    pub processor: Duration,
    /// What it waited for each.
    pub waits: [(Wait, Duration); Wait::ALL.len()],
}

/// The longest times, in nanoseconds.
#[derive(Debug, Default)]
pub(super) struct ApplyTimes {
    wall: AtomicU64,
    processor: AtomicU64,
    waits: [AtomicU64; Wait::ALL.len()],
}

impl ApplyTimes {
    /// An entry is done.
    pub(super) fn applied(&self, timer: &Timer) {
        let wall = timer.began.elapsed();
        raise(&self.wall, wall);
        // No more than that in any case: the clock is looked at for long ones alone.
        let processor = if wall > SHORT { timer.processor(wall) } else { wall };
        raise(&self.processor, processor);
        self.waited(timer);
    }

    /// What the entry needed is done, whatever it was.
    pub(super) fn waited(&self, timer: &Timer) {
        let waits = waited();
        if waits == timer.waited {
            return;
        }
        for ((longest, now), before) in self.waits.iter().zip(waits).zip(timer.waited) {
            raise(longest, now - before);
        }
    }

    pub(super) fn longest(&self) -> LongestApply {
        let read = |nanos: &AtomicU64| Duration::from_nanos(nanos.load(Ordering::Relaxed));
        LongestApply {
            wall: read(&self.wall),
            processor: read(&self.processor),
            waits: Wait::ALL.map(|wait| (wait, read(&self.waits[wait as usize]))),
        }
    }
}

fn raise(longest: &AtomicU64, time: Duration) {
    let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    // A look is cheaper than a change, which hardly ever follows.
    if nanos > longest.load(Ordering::Relaxed) {
        longest.fetch_max(nanos, Ordering::Relaxed);
    }
}

/// Where a thread stood when an entry began.
pub(super) struct Timer {
    began: Instant,
    waited: Waits,
    processor: Option<Duration>,
}

thread_local! {
    /// When this thread looked at its clock last, and what it saw.
    static LAST_LOOK: Cell<Option<(Instant, Duration)>> = const { Cell::new(None) };
}

impl Timer {
    pub(super) fn begin() -> Self {
        let began = Instant::now();
        let last = LAST_LOOK.get().filter(|(at, _)| began - *at < LOOK_EVERY);
        let last = last.or_else(|| {
            let now = thread_time().map(|processor| (began, processor));
            LAST_LOOK.set(now);
            now
        });
        Self {
            began,
            waited: waited(),
            processor: last.map(|(_, processor)| processor),
        }
    }

    /// Of the processor since it began; all of `wall` where threads have no clock.
    fn processor(&self, wall: Duration) -> Duration {
        let now = self.processor.zip(thread_time());
        now.map_or(wall, |(before, now)| now.saturating_sub(before).min(wall))
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use crate::waits::timed;

    const LONG: Duration = Duration::from_millis(10);

    fn measured(body: impl FnOnce()) -> LongestApply {
        let times = ApplyTimes::default();
        let timer = Timer::begin();
        body();
        times.applied(&timer);
        times.longest()
    }

    #[test]
    fn what_sleeps_takes_time_and_no_processor() {
        let longest = measured(|| std::thread::sleep(LONG));
        assert!(longest.wall >= LONG && longest.processor < LONG / 2, "{longest:?}");
        assert!(longest.waits.iter().all(|(_, time)| time.is_zero()));
    }

    #[test]
    fn what_works_takes_the_processor() {
        let began = thread_time().unwrap();
        let longest = measured(|| while thread_time().unwrap() - began < LONG {});
        assert!(
            longest.processor >= LONG / 2 && longest.processor <= longest.wall,
            "{longest:?}"
        );
    }

    #[test]
    fn what_was_waited_before_is_of_another_entry() {
        timed(Wait::Tables, || std::thread::sleep(LONG));
        let longest = measured(|| timed(Wait::Flush, || std::thread::sleep(LONG)));
        let of = |wait: Wait| longest.waits[wait as usize].1;
        assert!(of(Wait::Flush) >= LONG, "{longest:?}");
        assert_eq!(of(Wait::Tables), Duration::ZERO);
    }
}

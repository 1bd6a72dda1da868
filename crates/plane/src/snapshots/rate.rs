//! How many bytes of snapshots go out in a second, all that a member sends together. Knows nothing of what they are.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// How much of the time in which nothing was sent may be made up for: a thread that wakes up late keeps the rate.
const MADE_UP_MAX: Duration = Duration::from_millis(100);

/// Shares out a rate.
pub struct SendRate {
    /// Bytes a second; 0: as many as there are.
    bytes_per_second: u64,
    /// When all that was given out so far is used up.
    free_at: Mutex<Instant>,
}

impl SendRate {
    /// So many bytes a second; 0: as many as there are.
    #[must_use]
    pub fn new(bytes_per_second: u64) -> Self {
        Self {
            bytes_per_second,
            free_at: Mutex::new(Instant::now()),
        }
    }

    /// When so many more bytes may go out. They count, whether they do or not.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "a rate need not be exact")]
    pub fn turn(&self, bytes: usize, now: Instant) -> Instant {
        if self.bytes_per_second == 0 {
            return now;
        }
        let mut free_at = self.free_at.lock();
        let begin = free_at.max(now.checked_sub(MADE_UP_MAX).unwrap_or(now));
        *free_at = begin + Duration::from_secs_f64(bytes as f64 / self.bytes_per_second as f64);
        begin
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_out_keeps_the_rate_whoever_asks() {
        let rate = SendRate::new(1_000_000);
        let began = Instant::now();
        let turns: Vec<_> = (0..100).map(|_| rate.turn(250_000, began)).collect();
        assert!(turns[0] <= began, "the first goes at once");
        let last = (turns[99] - began).as_secs_f64();
        assert!((24.6..=24.8).contains(&last), "{last} s for 24.75 MB");
    }

    #[test]
    fn a_pause_is_not_made_up_for() {
        let rate = SendRate::new(1_000_000);
        let later = Instant::now() + Duration::from_secs(60);
        let (first, second) = (rate.turn(1_000_000, later), rate.turn(1, later));
        assert_eq!(first + MADE_UP_MAX, later);
        assert_eq!(second, first + Duration::from_secs(1));
    }

    #[test]
    fn without_a_rate_nothing_waits() {
        let (rate, now) = (SendRate::new(0), Instant::now());
        assert!((0..100).all(|_| rate.turn(usize::MAX, now) == now));
    }
}

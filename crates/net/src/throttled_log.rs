//! Log lines that repeat are said once in a while, with the number of those left out: a stranger who sends garbage, or a
//! member with wrong settings, must not fill the log.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::config::{Level, Log};

/// Time within which a line of one key is not repeated; doubled each time that it comes back, and the first again once it has
/// stayed away for as long.
const QUIET: Duration = Duration::from_secs(10);

/// Longest such time.
const QUIET_MAX: Duration = Duration::from_secs(600);

/// Lines of one key within `QUIET` that are normal life: peers come and go, and each time is told, but not for ever.
const OFTEN: u32 = 3;

/// Keys remembered; beyond it all are forgotten, which costs a repeated line at most.
const KEYS_MAX: usize = 256;

struct Seen {
    at: Instant,
    /// For how long the line is not repeated.
    quiet: Duration,
    /// How often it was said since it was first said after a quiet time.
    said: u32,
    left_out: u32,
}

/// A log that does not repeat itself.
pub(crate) struct ThrottledLog {
    log: Log,
    seen: Mutex<HashMap<String, Seen>>,
}

impl ThrottledLog {
    pub(crate) fn new(log: Log) -> Self {
        Self {
            log,
            seen: Mutex::default(),
        }
    }

    /// Logs a line.
    pub(crate) fn line(&self, level: Level, text: String) {
        (self.log)(level, text);
    }

    /// Logs a line unless one of the same key was logged a short time ago.
    pub(crate) fn seldom(&self, key: String, level: Level, text: String) {
        self.at_most(1, key, level, text);
    }

    /// Logs a line unless some of the same key were logged a short time ago.
    pub(crate) fn often(&self, key: String, level: Level, text: String) {
        self.at_most(OFTEN, key, level, text);
    }

    fn at_most(&self, most: u32, key: String, level: Level, text: String) {
        let now = Instant::now();
        let mut seen = self.seen.lock();
        let left_out = match seen.get_mut(&key) {
            None => {
                if seen.len() >= KEYS_MAX {
                    seen.clear();
                }
                let (quiet, said, left_out) = (QUIET, 1, 0);
                seen.insert(
                    key,
                    Seen {
                        at: now,
                        quiet,
                        said,
                        left_out,
                    },
                );
                0
            }
            Some(last) => {
                let left_out = last.take(now, most);
                let Some(left_out) = left_out else { return };
                left_out
            }
        };
        drop(seen);
        let text = if left_out > 0 {
            format!("{text} ({left_out} more like this)")
        } else {
            text
        };
        (self.log)(level, text);
    }
}

impl Seen {
    /// Whether the line is said again at `now`, and then how many of it were left out.
    fn take(&mut self, now: Instant, most: u32) -> Option<u32> {
        let since = now.duration_since(self.at);
        if since < self.quiet {
            if self.said < most {
                self.said += 1;
                return Some(0);
            }
            self.left_out = self.left_out.saturating_add(1);
            return None;
        }
        self.quiet = if self.left_out > 0 && since < self.quiet * 2 {
            (self.quiet * 2).min(QUIET_MAX)
        } else {
            QUIET
        };
        self.at = now;
        self.said = 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_goes_on_is_said_less_and_less_often() {
        let start = Instant::now();
        let (quiet, said, left_out) = (QUIET, 1, 0);
        let mut seen = Seen {
            at: start,
            quiet,
            said,
            left_out,
        };
        let told: Vec<u64> = (1..=3_600)
            .filter(|second| seen.take(start + Duration::from_secs(*second), 1).is_some())
            .collect();
        assert_eq!(told[..4], [10, 30, 70, 150], "twice the time each time");
        assert!(told.len() < 14, "{} lines in an hour", told.len());
        let back = start + Duration::from_secs(9_000);
        assert!(seen.take(back, 1).is_some());
        assert!(seen.take(back + QUIET, 1).is_some(), "it had stayed away");
    }

    #[test]
    fn what_happens_now_and_then_is_told_each_time_and_what_flaps_is_not() {
        let start = Instant::now();
        let (quiet, said, left_out) = (QUIET, 1, 0);
        let mut seen = Seen {
            at: start,
            quiet,
            said,
            left_out,
        };
        let told = (1..100)
            .filter(|n| seen.take(start + Duration::from_millis(50 * n), OFTEN).is_some())
            .count();
        assert_eq!(told, 2, "three with the first");
        assert_eq!(seen.take(start + QUIET, OFTEN), Some(97));
    }
}

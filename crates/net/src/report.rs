//! Log lines that repeat are said once in a while, with the number of those left out: a stranger who sends garbage, or a
//! member with wrong settings, must not fill the log.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::config::{Level, Log};

/// Time within which a line of one key is not repeated.
const QUIET: Duration = Duration::from_secs(10);

/// Keys remembered; beyond it all are forgotten, which costs a repeated line at most.
const KEYS_MAX: usize = 256;

struct Seen {
    at: Instant,
    left_out: u32,
}

/// A log that does not repeat itself.
pub(crate) struct Reporter {
    log: Log,
    seen: Mutex<HashMap<String, Seen>>,
}

impl Reporter {
    pub(crate) fn new(log: Log) -> Self {
        Self {
            log,
            seen: Mutex::default(),
        }
    }

    /// Logs a line.
    pub(crate) fn log(&self, level: Level, text: String) {
        (self.log)(level, text);
    }

    /// Logs a line unless one of the same key was logged a short time ago.
    pub(crate) fn log_seldom(&self, key: String, level: Level, text: String) {
        let now = Instant::now();
        let mut seen = self.seen.lock();
        if let Some(last) = seen.get_mut(&key) {
            if now.duration_since(last.at) < QUIET {
                last.left_out = last.left_out.saturating_add(1);
                return;
            }
        }
        if seen.len() >= KEYS_MAX {
            seen.clear();
        }
        let left_out = seen
            .insert(key, Seen { at: now, left_out: 0 })
            .map_or(0, |last| last.left_out);
        drop(seen);
        let text = if left_out > 0 {
            format!("{text} ({left_out} more like this)")
        } else {
            text
        };
        (self.log)(level, text);
    }
}

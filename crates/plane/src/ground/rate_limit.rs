//! A line for the member's log that others can cause: said now and then, with how often it was left out, so that whoever
//! sends nonsense does not fill the disk with it.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::ground::clock::now_ms;

/// Between two lines, ms.
const QUIET_MS: f64 = 10_000.0;

/// Lines of one kind.
#[derive(Debug, Default)]
pub struct RateLimited {
    /// When the last one was said, ms of the clock.
    last: Mutex<Option<f64>>,
    left_out: AtomicU64,
}

impl RateLimited {
    /// Says a line, unless one was said a short time ago. Only then is the text made.
    pub fn say(&self, text: impl FnOnce() -> String, say: impl FnOnce(&str)) {
        let now = now_ms();
        {
            let mut last = self.last.lock();
            if last.is_some_and(|last| now - last < QUIET_MS) {
                self.left_out.fetch_add(1, Ordering::Relaxed);
                return;
            }
            *last = Some(now);
        }
        match self.left_out.swap(0, Ordering::Relaxed) {
            0 => say(&text()),
            more => say(&format!("{} ({more} more like this)", text())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_in_a_row_are_one_line() {
        let seldom = RateLimited::default();
        let mut lines = Vec::new();
        for n in 0..1000 {
            seldom.say(|| format!("line {n}"), |line| lines.push(line.to_owned()));
        }
        assert_eq!(lines, ["line 0"]);
        *seldom.last.lock() = None;
        seldom.say(|| "again".to_owned(), |line| lines.push(line.to_owned()));
        assert_eq!(lines[1], "again (999 more like this)");
    }
}

//! Where a member's lines for people go. Knows nothing of what is told.

use std::sync::Arc;

use rafterdb_net::Level;

use crate::ground::log_line::line;
use crate::ground::rate_limit::RateLimited;

/// Called with a line for the member's log.
pub type OnLine = Arc<dyn Fn(&str) + Send + Sync>;

/// The way to a member's log.
pub struct MemberLog {
    on_line: OnLine,
    /// Lines about what other members say and cannot mean.
    doubts: RateLimited,
}

impl MemberLog {
    /// Lines go to `on_line`.
    #[must_use]
    pub fn new(on_line: OnLine) -> Self {
        Self {
            on_line,
            doubts: RateLimited::default(),
        }
    }

    /// Says something about this member.
    pub fn info(&self, text: &str) {
        self.write(Level::Info, text);
    }

    /// A line that somebody should look at.
    pub fn warn(&self, text: &str) {
        self.write(Level::Warn, text);
    }

    /// A line at its level. All lines of the member go through here.
    pub fn write(&self, level: Level, text: &str) {
        (self.on_line)(&line(level, text));
    }

    /// A member said something that it cannot mean: it is ignored, and that is noted now and then.
    pub fn doubt(&self, peer: u64, what: &str) {
        let text = || format!("member {peer} sent what does not hold together ({what}); ignored");
        self.doubts.say(text, |text| self.warn(text));
    }
}

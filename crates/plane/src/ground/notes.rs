//! Where a member's lines for people go. Knows nothing of what is told.

use std::sync::Arc;

use rafterdb_net::Level;

use crate::ground::log_line::line;
use crate::ground::rate_limit::RateLimited;

/// Called with a line for the member's log.
pub type OnNote = Arc<dyn Fn(&str) + Send + Sync>;

/// The way to a member's log.
pub struct Notes {
    on_note: OnNote,
    /// Lines about what other members say and cannot mean.
    doubts: RateLimited,
}

impl Notes {
    /// Lines go to `on_note`.
    #[must_use]
    pub fn new(on_note: OnNote) -> Self {
        Self {
            on_note,
            doubts: RateLimited::default(),
        }
    }

    /// Says something about this member.
    pub fn note(&self, text: &str) {
        self.tell(Level::Info, text);
    }

    /// A line that somebody should look at.
    pub fn warn(&self, text: &str) {
        self.tell(Level::Warn, text);
    }

    /// A line at its level. All lines of the member go through here.
    pub fn tell(&self, level: Level, text: &str) {
        (self.on_note)(&line(level, text));
    }

    /// A member said something that it cannot mean: it is ignored, and that is noted now and then.
    pub fn doubt(&self, peer: u64, what: &str) {
        let text = || format!("member {peer} sent what does not hold together ({what}); ignored");
        self.doubts.say(text, |text| self.warn(text));
    }
}

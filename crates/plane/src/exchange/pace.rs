//! How fast the proposals of a leader go into its log: as fast as its store keeps up with. The store says how long a byte is to take;
//! so long after a chunk the core is told of the next one. What is held up waits in front of the log, where nothing depends on it: what
//! is in the log is replicated and applied without a delay, here and elsewhere. While the store keeps up nothing is held up, and no
//! clock is looked at but the worker's. Knows no entries, and nothing of what keeps a store busy.

use std::time::Duration;

use rafterdb_codec::{Event, Events};

use crate::ground::counters::Counters;
use crate::state::core_inbox::Taken;
use crate::state::group::Group;

/// How often it is looked whether a store has caught up meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// What the core was told of one group.
#[derive(Debug, Default)]
struct Told {
    /// When, ms of the clock, and how many bytes.
    at: f64,
    bytes: usize,
    /// When what is held up now was first held up.
    held_since: Option<f64>,
}

/// What is held up, and until when.
#[derive(Debug, Default)]
pub struct Pace {
    groups: Vec<Told>,
    held: Vec<u16>,
    /// When the first of them is looked at again, from the time at which it was held up.
    wait: Option<Duration>,
}

impl Pace {
    /// Tells of the proposals of a group, or of a part of them, or of none yet.
    pub fn tell_proposals(&mut self, group: &Group, counters: &Counters, now: f64, out: &mut Events<'_>) {
        let nanos = group.machine().engine().nanos_per_byte();
        let at = usize::from(group.id);
        if at >= self.groups.len() {
            self.groups.resize_with(at + 1, Told::default);
        }
        let told = &mut self.groups[at];
        let wait = left(told, nanos, now);
        if !wait.is_zero() {
            told.held_since.get_or_insert(now);
            return self.hold(group.id, wait);
        }
        if let Some(since) = told.held_since.take() {
            counters.writes_held_up.observe(from_ms(now - since));
        }
        group.proposals_wake.clear();
        (told.at, told.bytes) = (now, 0);
        let mut is_all = true;
        group.proposals.lock().report(|count, bytes| {
            is_all = nanos == 0 || told.bytes == 0;
            if is_all {
                told.bytes += bytes;
                let (count, bytes) = (count as u64, bytes as u64);
                is_all = out.tell(group.id, &Event::Proposals { count, bytes });
            }
            is_all
        });
        if !is_all {
            told.held_since = Some(now);
            let wait = left(told, nanos, now);
            self.hold(group.id, wait);
        }
    }

    fn hold(&mut self, group: u16, wait: Duration) {
        let wait = wait.min(LOOK_EVERY);
        self.held.push(group);
        self.wait = Some(self.wait.map_or(wait, |before| before.min(wait)));
    }

    /// How long to wait for what happens, at most so long.
    pub fn shorten(&self, timeout: Duration) -> Duration {
        self.wait.map_or(timeout, |wait| wait.min(timeout))
    }

    /// Has the groups whose proposals were held up looked at again, with what else is taken.
    pub fn look_again(&mut self, taken: &mut Taken<'_>) {
        self.wait = None;
        for group in self.held.drain(..) {
            taken.change(group, |facts| facts.proposals = true);
        }
    }
}

/// How long the next bytes are to wait if each byte takes so many nanoseconds.
fn left(told: &Told, nanos: u64, now: f64) -> Duration {
    let due = told.at + (told.bytes as u64 * nanos) as f64 / 1e6;
    from_ms(due - now)
}

fn from_ms(ms: f64) -> Duration {
    Duration::from_secs_f64(ms.max(0.0) / 1e3)
}

//! The thread that serves watches from history; live events come from whoever applies. Knows nothing of who watches.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rafterdb_codec::is_shortage;
use rafterdb_pool::Pool;

use crate::ground::failure::Failure;
use crate::health::stalls::{Stalls, Work};
use crate::state::group::Group;
use crate::state::groups::Groups;
use crate::watches::registry::Watches;

/// How often history that could not be opened for want of a file descriptor is tried again.
const SHORT_RETRY_EVERY: Duration = Duration::from_millis(250);
/// How often live watches that asked for it are told how far they are.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// What the thread works with.
pub struct WatchThread {
    /// Which groups are behind.
    pub watches: Arc<Watches>,
    /// The groups.
    pub groups: Arc<Groups>,
    /// How long it takes.
    pub stalls: Arc<Stalls>,
    /// What ends the member.
    pub failure: Arc<Failure>,
    /// Trimmed now and then.
    pub pool: Arc<Pool>,
}

impl WatchThread {
    /// The thread's body.
    pub fn run(&self) {
        let mut progress_at = Instant::now() + PROGRESS_EVERY;
        while let Some((mut behind, with_room)) = self.watches.take(progress_at) {
            for asker in with_room {
                let go_on = |group: &&Arc<Group>| group.machine().watch_room(asker);
                behind.extend(self.groups.iter().filter(go_on).map(|group| group.id));
            }
            for id in behind {
                let under_way = self.stalls.begin(Work::Watches, Instant::now());
                let caught_up = self.groups.get(id).machine().catch_up();
                drop(under_way);
                match caught_up {
                    Ok(false) => {}
                    Ok(true) => {
                        self.watches.stays_behind(id);
                    }
                    // No file descriptor for its history: it stays behind until there is one.
                    Err(error) if is_shortage(error.code) => {
                        self.watches.stays_behind(id);
                        std::thread::sleep(SHORT_RETRY_EVERY);
                    }
                    Err(error) => return self.failure.fail(error.into()),
                }
            }
            if Instant::now() >= progress_at {
                progress_at = Instant::now() + PROGRESS_EVERY;
                for group in &*self.groups {
                    group.machine().watch_progress();
                }
                // Nobody else comes by so seldom.
                self.pool.trim(Instant::now());
            }
        }
    }
}

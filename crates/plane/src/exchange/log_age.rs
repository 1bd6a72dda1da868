//! Groups whose needed entries are old: all groups share one log, and none of it can go before the oldest entry that one of them
//! needs. So a group is flushed, and its entries are let go, by how much log came since, not by its own bytes.
//! Decides nothing of what is kept for followers: the core is told the age, and cuts.

use std::sync::atomic::Ordering;
use std::sync::Arc;

use rafterdb_codec::is_shortage;
use rafterdb_store::Engine as _;

use crate::ground::failure::Failure;
use crate::log::reader::LogReader;
use crate::queues::apply_queue::ApplyQueue;
use crate::state::core_inbox::CoreInbox;
use crate::state::group::Group;
use crate::state::groups::Groups;

/// A group is quiet if so many times more log came since its oldest entry that is not flushed than it wrote itself. One that is
/// not fills a memtable before long.
const QUIET_FACTOR: u64 = 4;

/// When ages were last looked at.
pub struct LogAges {
    /// The groups.
    pub groups: Arc<Groups>,
    /// The log's files.
    pub log: Arc<LogReader>,
    /// Who flushes, between two entries.
    pub apply: Arc<ApplyQueue>,
    /// Who is told the age.
    pub inbox: Arc<CoreInbox>,
    /// What ends the member.
    pub failure: Arc<Failure>,
    /// Bytes of a segment.
    pub segment_bytes: u64,
    /// End of the log at that time, bytes.
    pub looked_at: u64,
}

impl LogAges {
    /// Looks at all groups, once a quarter of a segment has been written since the last time. Called now and then.
    pub fn look(&mut self) {
        let (end, step) = (self.log.files.end_bytes(), self.segment_bytes / 4);
        if end.saturating_sub(self.looked_at) < step {
            return;
        }
        self.looked_at = end;
        for group in &*self.groups {
            let persisted = group.machine().engine().persisted().index;
            if self.is_quiet(group, persisted) {
                // Like any flush it is told when it is done, and that is when its entries may go.
                let failure = self.failure.clone();
                self.apply.run(group.id, Box::new(move |group| flush(&failure, group)));
            } else if persisted > 0 && self.log.files.held_bytes(group.id) > step {
                // The core cuts when it hears how old the log is, and a group that flushes nothing tells nothing.
                self.inbox
                    .note_quietly(group.id, |facts| facts.persisted = Some(persisted));
            }
        }
    }

    /// Whether what a group has not flushed holds up a segment of log or more, nearly all of it of others.
    fn is_quiet(&self, group: &Group, persisted: u64) -> bool {
        if group.applied.load(Ordering::Acquire) <= persisted {
            return false;
        }
        let (own, all) = self.log.files.bytes_after(group.id, persisted);
        all >= self.segment_bytes && own.saturating_mul(QUIET_FACTOR) < all
    }
}

fn flush(failure: &Failure, group: &Arc<Group>) {
    let machine = group.machine();
    // Asked for twice while the first was under way, most often.
    // Or while another one is under way, for which the next entry would wait: a later look asks again.
    if machine.engine().persisted().index >= machine.applied() || machine.engine().is_flushing() {
        return;
    }
    match machine.rotate() {
        // Without room it waits: a later look asks again.
        Err(error) if !is_shortage(error.code) => failure.fail(error.into()),
        _ => {}
    }
}

//! The thread that looks how a member is, a few times a second: work that takes long is told in its log while it lasts, as a disk that
//! hangs answers nothing, so that the thread that waits for it can tell nobody; and without room on the disk the leadership is
//! handed over. Knows nothing of what the work is.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::ground::member_log::MemberLog;
use crate::health::disk_room::{Change, DiskRoom};
use crate::health::stalls::{Stalls, Work};
use crate::network::roster::Roster;
use crate::network::Network;
use crate::queues::log_queue::LogQueue;
use crate::state::core_inbox::{CoreInbox, Happening};
use crate::state::groups::Groups;
use crate::system::disk_space::free_and_total;

/// Work that takes so long is told.
const SLOW_MIN: Duration = Duration::from_secs(1);
/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How often it is told that something still is not done, and at most how often that something is slow.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// What the thread looks at.
pub struct Watchdog {
    /// The work under way.
    pub stalls: Arc<Stalls>,
    /// What is known of the disk's room.
    pub disk_room: Arc<DiskRoom>,
    /// The groups, whose stores may wait for room.
    pub groups: Arc<Groups>,
    /// The log, which may wait for room.
    pub log: Arc<LogQueue>,
    /// Who is asked to hand the leadership over.
    pub inbox: Arc<CoreInbox>,
    /// The way to other members.
    pub network: Arc<Network>,
    /// What people are told.
    pub member_log: Arc<MemberLog>,
    /// Who they are.
    pub roster: Arc<Roster>,
    /// A directory on the disk.
    pub directory: PathBuf,
    /// Bytes of a log segment.
    pub segment_bytes: u64,
    /// Bytes of memory for the stores.
    pub memory: u64,
}

impl Watchdog {
    /// The thread's body.
    pub fn run(&self) {
        let mut told = [Told::default(); Work::ALL.len()];
        let mut looked = Instant::now();
        loop {
            let is_closed = self.stalls.wait_for_close(LOOK_EVERY);
            if looked.elapsed() >= LOOK_EVERY {
                looked = Instant::now();
                self.look_for_room();
            }
            let now = self.stalls.now();
            for work in Work::ALL.into_iter().filter(|work| *work != Work::Install) {
                if let Some(line) = told[work as usize].look(work, self.stalls.began(work), now) {
                    self.member_log.warn(&line);
                }
            }
            if is_closed {
                return;
            }
        }
    }

    fn look_for_room(&self) {
        let engines_wait = self.groups.iter().fold(false, |waits, group| {
            let machine = group.machine();
            let engine = machine.engine();
            if engine.is_short() {
                engine.try_again();
            }
            waits | engine.is_short()
        });
        let (free, total) = free_and_total(&self.directory).unwrap_or((u64::MAX, u64::MAX));
        let is_waiting = engines_wait || self.log.is_short();
        match self
            .disk_room
            .look((free, total), self.segment_bytes, self.memory, is_waiting)
        {
            None => {}
            Some(Change::Enough) => self
                .member_log
                .info("there is room on the disk again: writes are taken"),
            Some(Change::Short { reserve }) => {
                self.member_log.info(&format!(
                    "WARNING: no room for writes: {} MiB are free on the disk, {} are kept for votes, flushes and compaction. Writes are \
                     refused with DISK_FULL until there is more",
                    free >> 20,
                    reserve >> 20
                ));
                self.hand_over();
            }
        }
    }

    /// Others may have room. Once for each time that writes are first refused: if they have none either, nobody is helped.
    pub(crate) fn hand_over(&self) {
        let Some(wire) = self.network.get() else { return };
        let members = self.roster.now();
        let able = members
            .others()
            .filter(|member| member.votes && !member.is_witness && wire.is_up(member.peer.id));
        let Some(best) = able.reduce(|best, one| if one.priority > best.priority { one } else { best }) else {
            return;
        };
        let peer = best.peer.id;
        for group in self.groups.iter().filter(|group| group.leads()) {
            self.inbox.push(Happening::Transfer { group: group.id, peer });
        }
    }
}

/// What was told of one kind of work.
#[derive(Clone, Copy, Default)]
struct Told {
    /// When the work began that is told of, as `Stalls` counts; 0: there is none.
    began: u64,
    /// When a line was last written.
    at: u64,
}

impl Told {
    /// Looks at work that began at `began` (0: none is under way). Returns what to tell.
    fn look(&mut self, work: Work, began: u64, now: u64) -> Option<String> {
        let every = ms_of(TOLD_EVERY);
        if self.began != 0 && self.began != began {
            let took = now.saturating_sub(self.began);
            self.began = 0;
            return Some(format!("{} is done; it took {}", work.name(), seconds(took)));
        }
        let takes = now.saturating_sub(began);
        if began == 0 || takes < ms_of(SLOW_MIN) || (self.at != 0 && now - self.at < every) {
            return None;
        }
        (self.began, self.at) = (began, now);
        Some(format!(
            "{} has taken {} so far: the disk hangs, or is very slow",
            work.name(),
            seconds(takes)
        ))
    }
}

fn ms_of(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1000, ms % 1000 / 100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bench;

    #[test]
    fn the_leadership_is_handed_to_who_is_a_voter_by_then() {
        let bench = Bench::new(1);
        bench.script("ROLE 0 2 1 a");
        let handed_over = |roster: &str| {
            bench.run(roster);
            bench.threads.watchdog.hand_over();
            bench.run("")
        };
        assert_eq!(handed_over("ROSTER 0 2 a 1 c 1"), "TRANSFER 0 c\n");
        assert_eq!(handed_over("ROSTER 0 3 a 1 c 0 b 1"), "TRANSFER 0 b\n");
        assert_eq!(handed_over("ROSTER 0 1 a 1"), "");
    }

    #[test]
    fn slow_work_is_told_while_it_lasts_and_when_it_is_done() {
        let mut told = Told::default();
        assert_eq!(told.look(Work::Log, 0, 5_000), None);
        assert_eq!(told.look(Work::Log, 5_001, 5_900), None, "not slow yet");
        let first = told.look(Work::Log, 5_001, 6_201).unwrap();
        assert!(first.contains("a write to the log has taken 1.2 s so far"), "{first}");
        assert_eq!(told.look(Work::Log, 5_001, 9_000), None, "told already");
        assert!(told.look(Work::Log, 5_001, 16_300).unwrap().contains("11.2 s so far"));
        let done = told.look(Work::Log, 17_000, 17_001).unwrap();
        assert!(done.contains("is done; it took 12.0 s"), "{done}");
        assert_eq!(
            told.look(Work::Log, 17_000, 19_000),
            None,
            "no more than a line every ten seconds"
        );
        assert_eq!(
            told.look(Work::Log, 0, 19_100),
            None,
            "what was not told is not told to be done"
        );
        assert!(told.look(Work::Log, 25_000, 26_400).is_some());
    }
}

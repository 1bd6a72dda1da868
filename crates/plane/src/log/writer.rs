//! The log's writer: what is queued becomes one durable write; what had to wait for it is released when the write returns.
//! While nothing is queued, the Raft worker does small writes itself, which spares two wake-ups. Knows nothing of whose turn it is.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::Arc;

use parking_lot::Mutex;
use rafterdb_codec::{Entries, EntryKind};
use rafterdb_net::Lane;
use rafterdb_wal::Writer;

use crate::ground::error::PlaneError;
use crate::ground::failure::Failure;
use crate::ground::member_log::MemberLog;
use crate::health::stalls::{Stalls, Work};
use crate::network::roster::Roster;
use crate::network::Network;
use crate::queues::apply_queue::ApplyQueue;
use crate::queues::log_queue::{LogQueue, LogTask, WriteTurn};
use crate::state::core_inbox::{CoreInbox, Facts};
use crate::state::groups::Groups;

/// What a member keeps of its groups beside the log, and what it must not forget of the log itself.
pub trait Marks: Send + Sync {
    /// A group is whole: its mark goes, durably.
    fn recovered(&self, group: u16) -> Result<(), PlaneError>;
    /// A write or a sync of the log has failed.
    fn log_failed(&self, error: &PlaneError);
}

/// What the writer works with.
pub struct LogParts {
    /// What is to be written.
    pub queue: Arc<LogQueue>,
    /// Whose log it is.
    pub groups: Arc<Groups>,
    /// Who is told what is durable.
    pub inbox: Arc<CoreInbox>,
    /// Who is told what may be applied.
    pub apply: Arc<ApplyQueue>,
    /// The way of frames that waited.
    pub network: Arc<Network>,
    /// Marks of new data.
    pub marks: Arc<dyn Marks>,
    /// How long a write takes.
    pub stalls: Arc<Stalls>,
    /// What ends the member.
    pub failure: Arc<Failure>,
    /// What people are told.
    pub member_log: Arc<MemberLog>,
    /// The members. Without others the core hears of its own writes at once, as no answer of another will make it look.
    pub roster: Arc<Roster>,
}

/// (epoch, index, term) by group.
type Reached = HashMap<u16, (u64, u64, u64)>;

/// The log's files and what one write to them needs.
struct Files {
    writer: Writer,
    /// Last (epoch, index, term) of each group in the write under way.
    reached: Reached,
    /// Tasks of a write that waits for room: the writer has gathered what they say.
    waiting: Vec<LogTask>,
}

/// Writes the log.
pub struct LogWriter {
    parts: LogParts,
    /// Locked by who has the right to write, and by nobody else.
    files: Mutex<Files>,
}

impl LogWriter {
    /// A writer of a log.
    #[must_use]
    pub fn new(writer: Writer, parts: LogParts) -> Self {
        let (reached, waiting) = (Reached::new(), Vec::new());
        Self {
            parts,
            files: Mutex::new(Files {
                writer,
                reached,
                waiting,
            }),
        }
    }

    /// Takes tasks, all at once, and empties `tasks`. What is small is written at once, on the caller's thread, if nothing else
    /// is being written and the last write was quick; else it is left to the log thread.
    pub fn take(&self, tasks: &mut Vec<LogTask>) {
        if tasks.is_empty() {
            return;
        }
        if let Some(turn) = self.parts.queue.begin_inline(tasks) {
            self.write_out(turn, tasks, true);
        }
    }

    /// Whether all that was ever handed over is durable.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.parts.queue.is_idle()
    }

    /// The thread's body.
    pub fn run(&self) {
        let mut tasks = Vec::new();
        while let Some(turn) = self.parts.queue.take(&mut tasks) {
            self.write_out(turn, &mut tasks, false);
        }
        let closed = self.files.lock().writer.close();
        if let Err(error) = closed.map_err(PlaneError::from) {
            self.fail(error);
        }
    }

    /// Does what waits for the thread.
    #[cfg(test)]
    pub fn step(&self) {
        let mut tasks = Vec::new();
        if self.parts.queue.has_tasks() {
            if let Some(turn) = self.parts.queue.take(&mut tasks) {
                self.write_out(turn, &mut tasks, false);
            }
        }
    }

    /// Writes tasks as one durable write and releases what waited for it; with no tasks, syncs. `here`: on the Raft worker's thread.
    fn write_out(&self, mut turn: WriteTurn<'_>, tasks: &mut Vec<LogTask>, here: bool) {
        let _under_way = self.parts.stalls.begin(Work::Log, turn.began);
        let written = {
            let mut files = self.files.lock();
            let written = files.write_out(&self.parts, tasks, here);
            turn.short = files.writer.is_short();
            turn.sync_due = files.writer.sync_due();
            written
        };
        let short = turn.short;
        if let Err(error) = written.or_else(|error| if short { Ok(()) } else { Err(error) }) {
            // Nothing of it is tried again, and nothing that waited for it goes out, now or later.
            tasks.clear();
            turn.failed = true;
            self.fail(error);
        }
    }

    fn fail(&self, error: PlaneError) {
        self.parts.marks.log_failed(&error);
        self.parts.failure.fail(error);
    }
}

impl Files {
    fn write_out(&mut self, parts: &LogParts, tasks: &mut Vec<LogTask>, here: bool) -> Result<(), PlaneError> {
        for task in tasks.iter() {
            write(&mut self.writer, task, &mut self.reached);
        }
        let written = if tasks.is_empty() && self.waiting.is_empty() {
            self.writer.sync()
        } else {
            self.writer.commit()
        };
        if written.is_err() && self.writer.is_short() {
            self.waiting.append(tasks);
        }
        written?;
        reach_configured(tasks)?;
        // Those that waited come first, as they did when they were gathered.
        let mut waited = std::mem::take(&mut self.waiting);
        for (group, reached) in self.reached.drain() {
            parts.release(group, reached, here);
        }
        for task in waited.drain(..).chain(tasks.drain(..)) {
            match task {
                LogTask::Send { peer, parts: frame } => parts.network.send(peer, Lane::Fast, frame),
                // Only what is on disk can be cut; the cut itself goes with the next write.
                LogTask::Cut { group, index } => self.writer.cut(group, index),
                LogTask::Recovered { group } => parts.remove_mark(&mut self.writer, group)?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// A fault point for entries that say who the members are: they are looked for only while it is armed.
fn reach_configured(tasks: &[LogTask]) -> Result<(), PlaneError> {
    const POINT: &str = "member.configured";
    let says_members = |task: &LogTask| match task {
        LogTask::Entries { block, .. } => Entries::new(&block.bytes)
            .flatten()
            .any(|entry| entry.kind == EntryKind::Configuration as u8),
        _ => false,
    };
    if !rafterdb_fault::is_armed(POINT) || !tasks.iter().any(says_members) {
        return Ok(());
    }
    rafterdb_fault::point(POINT).map_err(|e| PlaneError::io("write who the members are", &e))
}

fn write(writer: &mut Writer, task: &LogTask, reached: &mut Reached) {
    match task {
        LogTask::Entries { group, epoch, block } => {
            let count = u32::try_from(block.count).unwrap_or(u32::MAX);
            writer.entries(*group, block.first, block.term, count, &[&block.bytes]);
            reached.insert(*group, (*epoch, block.end() - 1, block.term));
        }
        LogTask::HardState {
            group,
            term,
            vote,
            commit,
        } => writer.hard_state(*group, *term, *vote, *commit),
        LogTask::Start {
            group,
            epoch,
            index,
            term,
        } => {
            writer.start(*group, *index, *term);
            reached.insert(*group, (*epoch, *index, *term));
        }
        LogTask::Cut { .. } | LogTask::Recovered { .. } | LogTask::Send { .. } => {}
    }
}

impl LogParts {
    /// What the member promises from here on rests on what it has on disk, so that is made sure of in every mode.
    fn remove_mark(&self, writer: &mut Writer, group: u16) -> Result<(), PlaneError> {
        writer.sync()?;
        let reach = |name| rafterdb_fault::point(name).map_err(|e| PlaneError::io("remove the mark of new data", &e));
        reach("member.recovery.whole")?;
        self.marks.recovered(group)?;
        reach("member.recovery.ended")?;
        if self.groups.get(group).last.load(Ordering::Acquire) > 0 {
            self.member_log
                .info(&format!("group {group} has caught up and votes again"));
        }
        Ok(())
    }

    /// Publishes how far a group's log is on disk: to the core, and to the apply thread. The core need not be woken for what its
    /// own thread wrote and others have been sent: what they say of it comes later, or waits already. Nor the apply thread: the
    /// Raft worker looks at the group itself, once what waited for the write is sent.
    fn release(&self, group: u16, (epoch, index, term): (u64, u64, u64), here: bool) {
        let state = self.groups.get(group);
        {
            // Told while it is locked: a cut that comes after it takes the report back, one that came before it shows here.
            let mut durable = state.durable.lock();
            if durable.epoch != epoch {
                // Some of it was cut meanwhile; what took its place is reported with its own write.
                return;
            }
            durable.index = index;
            let report = |facts: &mut Facts| facts.durable = Some((index, term));
            if here && !self.roster.now().is_alone() {
                self.inbox.note_quietly(group, report);
            } else {
                self.inbox.record(group, report);
            }
        }
        let (first, target) = state.to_apply();
        if first <= target && !here {
            self.apply.schedule(state);
        }
    }
}

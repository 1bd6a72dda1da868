//! The log thread: everything queued becomes one durable write; what had to wait for it is released when the write returns.
//! While nothing is queued, the Raft worker does small writes itself, which spares two wake-ups; one thread writes at a time.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rafterdb_net::{Lane, Parts};
use rafterdb_wal::Writer;

use crate::exchange::commands::{HERE_BYTES_MAX, HERE_TIME_MAX};
use crate::ground::error::PlaneError;
use crate::health::stalls::Work;
use crate::member::life::Member;
use crate::state::core_inbox::Facts;
use crate::state::tail::Block;

/// Something for the log thread, done in the order it was queued.
pub enum LogTask {
    /// Write a block; entries from its first on are replaced.
    Entries { group: u16, epoch: u64, block: Block },
    /// Write term, vote and commit.
    HardState {
        group: u16,
        term: u64,
        vote: u64,
        commit: u64,
    },
    /// The log now starts after an entry and holds nothing.
    Start {
        group: u16,
        epoch: u64,
        index: u64,
        term: u64,
    },
    /// Entries up to an index are no longer needed.
    Cut { group: u16, index: u64 },
    /// The group is whole: remove its mark once all that was queued before is durable.
    Recovered { group: u16 },
    /// Send a frame once all that was queued before is durable.
    Send { peer: u64, parts: Parts },
}

#[derive(Default)]
struct State {
    tasks: Vec<LogTask>,
    closing: bool,
    /// Whether tasks taken from the queue are still being written.
    writing: bool,
    /// Whether the last write took long.
    slow: bool,
    /// Whether a write has failed: what was to be written then is not on disk, and never will be.
    failed: bool,
    /// When what is written must be synced, if it is not; or when a write that waits for room is tried again.
    sync_due: Option<Instant>,
    /// Tasks that the files hold wait for room on the disk, or for a file descriptor. What comes later is left in the queue.
    short: bool,
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

/// How often a write that waits for room, or for a file descriptor, is tried again.
const SHORT_RETRY_EVERY: Duration = Duration::from_millis(250);

/// The queue in front of the log. Bounded by what may enter it: the proposals' bound and the followers' windows.
pub struct LogQueue {
    state: Mutex<State>,
    arrived: Condvar,
    /// Locked by who has set `writing`, and by nobody else.
    files: Mutex<Files>,
}

impl LogTask {
    /// Bytes it writes, about.
    fn bytes(&self) -> usize {
        match self {
            Self::Entries { block, .. } => block.bytes.len(),
            _ => 0,
        }
    }
}

impl LogQueue {
    /// A queue in front of a log.
    #[must_use]
    pub fn new(writer: Writer) -> Self {
        let (reached, waiting) = (Reached::new(), Vec::new());
        Self {
            state: Mutex::default(),
            arrived: Condvar::new(),
            files: Mutex::new(Files {
                writer,
                reached,
                waiting,
            }),
        }
    }

    /// Takes tasks, all at once, and empties `tasks`. What is small is written at once, on the caller's thread, if nothing else
    /// is being written and the last write was quick; else it is left to the log thread.
    pub fn take(&self, member: &Member, tasks: &mut Vec<LogTask>) {
        if tasks.is_empty() {
            return;
        }
        {
            let mut state = self.state.lock();
            let idle = state.tasks.is_empty() && !state.writing && !state.closing && !state.short;
            if !idle || state.slow || tasks.iter().map(LogTask::bytes).sum::<usize>() > HERE_BYTES_MAX {
                state.tasks.append(tasks);
                self.arrived.notify_one();
                return;
            }
            state.writing = true;
        }
        self.write_out(member, tasks, true);
    }

    /// Whether all that was ever queued is durable.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let state = self.state.lock();
        state.tasks.is_empty() && !state.writing && !state.failed && !state.short
    }

    /// Whether a write waits for room on the disk, or for a file descriptor.
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.state.lock().short
    }

    /// Lets the thread end once the queue is empty.
    pub fn close(&self) {
        self.state.lock().closing = true;
        self.arrived.notify_all();
    }

    /// Waits for tasks, at most until a sync is due, and takes them all, and the right to write; false when closed and empty.
    fn wait(&self, into: &mut Vec<LogTask>) -> bool {
        let mut state = self.state.lock();
        loop {
            if state.writing {
                self.arrived.wait(&mut state);
                continue;
            }
            if state.closing && state.short {
                // What waits was never acknowledged.
                return false;
            }
            if !state.tasks.is_empty() && !state.short {
                break;
            }
            if state.closing {
                return false;
            }
            match state.sync_due {
                Some(due) if due <= Instant::now() => break,
                Some(due) => drop(self.arrived.wait_until(&mut state, due)),
                None => self.arrived.wait(&mut state),
            }
        }
        state.writing = true;
        if !state.short {
            std::mem::swap(&mut state.tasks, into);
        }
        true
    }

    /// Writes tasks as one durable write and releases what waited for it; with no tasks, syncs. For who has set `writing`,
    /// which ends here. `here`: on the Raft worker's thread.
    fn write_out(&self, member: &Member, tasks: &mut Vec<LogTask>, here: bool) {
        let began = Instant::now();
        let _turn = Turn { queue: self, began };
        let _under_way = member.stalls.begin(Work::Log, began);
        let (written, short) = {
            let mut files = self.files.lock();
            let written = files.write_out(member, tasks, here);
            (written, files.writer.is_short())
        };
        self.state.lock().short = short;
        if let Err(error) = written.or_else(|error| if short { Ok(()) } else { Err(error) }) {
            // Nothing of it is tried again, and nothing that waited for it goes out, now or later.
            tasks.clear();
            self.state.lock().failed = true;
            member.data_dir.log_failed(&error);
            member.fail(error);
        }
    }
}

/// The right to write; gone with the value, also when a broken invariant unwinds.
struct Turn<'a> {
    queue: &'a LogQueue,
    began: Instant,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let sync_due = self.queue.files.lock().writer.sync_due();
        let mut state = self.queue.state.lock();
        let sync_due = if state.short {
            Some(Instant::now() + SHORT_RETRY_EVERY)
        } else {
            sync_due
        };
        state.writing = false;
        state.failed |= std::thread::panicking();
        state.slow = self.began.elapsed() > HERE_TIME_MAX;
        state.sync_due = sync_due;
        if !state.tasks.is_empty() || state.closing || sync_due.is_some() {
            self.queue.arrived.notify_one();
        }
    }
}

/// The thread's body.
pub fn run(member: &Arc<Member>) {
    let mut tasks = Vec::new();
    while member.log.wait(&mut tasks) {
        member.log.write_out(member, &mut tasks, false);
    }
    let closed = member.log.files.lock().writer.close();
    if let Err(error) = closed.map_err(PlaneError::from) {
        member.data_dir.log_failed(&error);
        member.fail(error);
    }
}

impl Files {
    fn write_out(&mut self, member: &Member, tasks: &mut Vec<LogTask>, here: bool) -> Result<(), PlaneError> {
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
        // Those that waited come first, as they did when they were gathered.
        let mut waited = std::mem::take(&mut self.waiting);
        member.count_log_write(&self.writer);
        for (group, reached) in self.reached.drain() {
            release(member, group, reached, here);
        }
        for task in waited.drain(..).chain(tasks.drain(..)) {
            match task {
                LogTask::Send { peer, parts } => member.send(peer, Lane::Fast, parts),
                // Only what is on disk can be cut; the cut itself goes with the next write.
                LogTask::Cut { group, index } => self.writer.cut(group, index),
                LogTask::Recovered { group } => remove_mark(member, &mut self.writer, group)?,
                _ => {}
            }
        }
        Ok(())
    }
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

/// What the member promises from here on rests on what it has on disk, so that is made sure of in every mode.
fn remove_mark(member: &Member, writer: &mut Writer, group: u16) -> Result<(), PlaneError> {
    writer.sync()?;
    let reach = |name| rafterdb_fault::point(name).map_err(|e| PlaneError::io("remove the mark of new data", &e));
    reach("member.recovery.whole")?;
    member.data_dir.recovered(group)?;
    reach("member.recovery.ended")?;
    if member.group(group).last.load(Ordering::Acquire) > 0 {
        member.note(&format!("group {group} has caught up and votes again"));
    }
    Ok(())
}

/// Publishes how far a group's log is on disk: to the core, and to the apply thread. The core need not be woken for what its
/// own thread wrote and others have been sent: what they say of it comes later, or waits already. Nor the apply thread: the
/// Raft worker looks at the group itself, once what waited for the write is sent.
fn release(member: &Member, group: u16, (epoch, index, term): (u64, u64, u64), here: bool) {
    let state = member.group(group);
    {
        // Told while it is locked: a cut that comes after it takes the report back, one that came before it shows here.
        let mut durable = state.durable.lock();
        if durable.epoch != epoch {
            // Some of it was cut meanwhile; what took its place is reported with its own write.
            return;
        }
        durable.index = index;
        let report = |facts: &mut Facts| facts.durable = Some((index, term));
        if here && member.config.members.len() > 1 {
            member.inbox.note_quietly(group, report);
        } else {
            member.inbox.note(group, report);
        }
    }
    let (first, target) = state.to_apply();
    if first <= target && !here {
        member.apply.note(state);
    }
}

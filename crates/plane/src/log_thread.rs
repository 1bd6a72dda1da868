//! The log thread: everything queued becomes one durable write; what had to wait for it is released when the write returns.
//! The only writer of the log's files.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};
use rafterdb_net::{Lane, Parts};
use rafterdb_wal::Writer;

use crate::member::Member;
use crate::tail::Block;

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
    /// Send a frame once all that was queued before is durable.
    Send { peer: u64, parts: Parts },
}

#[derive(Default)]
struct State {
    tasks: Vec<LogTask>,
    closing: bool,
    /// Whether tasks taken from the queue are still being written.
    writing: bool,
}

/// The queue in front of the log thread. Bounded by what may enter it: the proposals' bound and the followers' windows.
#[derive(Default)]
pub struct LogQueue {
    state: Mutex<State>,
    arrived: Condvar,
}

impl LogQueue {
    /// Queues tasks, all at once; empties `tasks`.
    pub fn push(&self, tasks: &mut Vec<LogTask>) {
        if !tasks.is_empty() {
            self.state.lock().tasks.append(tasks);
            self.arrived.notify_one();
        }
    }

    /// Whether all that was ever queued is durable.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let state = self.state.lock();
        state.tasks.is_empty() && !state.writing
    }

    /// Lets the thread end once the queue is empty.
    pub fn close(&self) {
        self.state.lock().closing = true;
        self.arrived.notify_all();
    }

    /// Waits for tasks, at most until a sync is due, and takes them all; false when closed and empty.
    fn take(&self, into: &mut Vec<LogTask>, sync_due: Option<Instant>) -> bool {
        let mut state = self.state.lock();
        state.writing = false;
        while state.tasks.is_empty() {
            if state.closing {
                return false;
            }
            match sync_due {
                Some(due) if self.arrived.wait_until(&mut state, due).timed_out() => break,
                Some(_) => {}
                None => self.arrived.wait(&mut state),
            }
        }
        state.writing = true;
        std::mem::swap(&mut state.tasks, into);
        true
    }
}

/// The thread's body.
pub fn run(member: &Arc<Member>, mut writer: Writer) {
    let mut tasks = Vec::new();
    let mut reached: BTreeMap<u16, (u64, u64, u64)> = BTreeMap::new();
    while member.log.take(&mut tasks, writer.sync_due()) {
        for task in &tasks {
            write(&mut writer, task, &mut reached);
        }
        let written = if tasks.is_empty() {
            writer.sync()
        } else {
            writer.commit()
        };
        if let Err(error) = written {
            member.fail(error.into());
            return;
        }
        member.count_log_write(&writer);
        for (group, (epoch, index, term)) in std::mem::take(&mut reached) {
            release(member, group, epoch, index, term);
        }
        for task in tasks.drain(..) {
            match task {
                LogTask::Send { peer, parts } => member.send(peer, Lane::Fast, parts),
                // Only what is on disk can be cut; the cut itself goes with the next write.
                LogTask::Cut { group, index } => writer.cut(group, index),
                _ => {}
            }
        }
    }
    if let Err(error) = writer.sync() {
        member.fail(error.into());
    }
}

fn write(writer: &mut Writer, task: &LogTask, reached: &mut BTreeMap<u16, (u64, u64, u64)>) {
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
        LogTask::Cut { .. } | LogTask::Send { .. } => {}
    }
}

/// Publishes how far a group's log is on disk: to the core, and to the apply thread.
fn release(member: &Member, group: u16, epoch: u64, index: u64, term: u64) {
    let state = member.group(group);
    {
        let mut durable = state.durable.lock();
        if durable.epoch != epoch {
            // Some of it was cut meanwhile; what took its place is reported with its own write.
            return;
        }
        durable.index = index;
    }
    member.inbox.note(group, |facts| facts.durable = Some((index, term)));
    member.apply.note(state);
}

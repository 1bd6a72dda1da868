//! What waits to be written to the log, in order, and who has the right to write: one thread at a time. Knows nothing of files.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rafterdb_net::Parts;

use crate::ground::inline_work::{INLINE_BYTES_MAX, INLINE_TIME_MAX};
use crate::state::tail::Block;

/// How often a write that waits for room, or for a file descriptor, is tried again.
const SHORT_RETRY_EVERY: Duration = Duration::from_millis(250);

/// Something for the log, done in the order it was queued.
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

impl LogTask {
    /// Bytes it writes, about.
    fn bytes(&self) -> usize {
        match self {
            Self::Entries { block, .. } => block.bytes.len(),
            _ => 0,
        }
    }
}

#[derive(Default)]
struct Waiting {
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

/// The queue in front of the log. Bounded by what may enter it: the proposals' bound and the followers' windows.
#[derive(Default)]
pub struct LogQueue {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
}

impl LogQueue {
    /// Takes the right to write tasks at once, on the caller's thread, if they are small, nothing else is being written and the
    /// last write was quick; else queues them all.
    pub fn begin_inline(&self, tasks: &mut Vec<LogTask>) -> Option<WriteTurn<'_>> {
        let mut waiting = self.waiting.lock();
        let idle = waiting.tasks.is_empty() && !waiting.writing && !waiting.closing && !waiting.short;
        if !idle || waiting.slow || tasks.iter().map(LogTask::bytes).sum::<usize>() > INLINE_BYTES_MAX {
            waiting.tasks.append(tasks);
            self.arrived.notify_one();
            return None;
        }
        waiting.writing = true;
        drop(waiting);
        Some(WriteTurn::new(self))
    }

    /// Waits for tasks, at most until a sync is due, and takes them all, and the right to write; `None` when closed and empty.
    pub fn take(&self, into: &mut Vec<LogTask>) -> Option<WriteTurn<'_>> {
        let mut waiting = self.waiting.lock();
        loop {
            if waiting.writing {
                self.arrived.wait(&mut waiting);
                continue;
            }
            if waiting.closing && waiting.short {
                // What waits was never acknowledged.
                return None;
            }
            if !waiting.tasks.is_empty() && !waiting.short {
                break;
            }
            if waiting.closing {
                return None;
            }
            match waiting.sync_due {
                Some(due) if due <= Instant::now() => break,
                Some(due) => drop(self.arrived.wait_until(&mut waiting, due)),
                None => self.arrived.wait(&mut waiting),
            }
        }
        waiting.writing = true;
        if !waiting.short {
            std::mem::swap(&mut waiting.tasks, into);
        }
        drop(waiting);
        Some(WriteTurn::new(self))
    }

    /// Whether all that was ever queued is durable.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let waiting = self.waiting.lock();
        waiting.tasks.is_empty() && !waiting.writing && !waiting.failed && !waiting.short
    }

    /// Whether a write waits for room on the disk, or for a file descriptor.
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.waiting.lock().short
    }

    /// Whether tasks wait for the thread.
    #[cfg(test)]
    pub fn has_tasks(&self) -> bool {
        !self.waiting.lock().tasks.is_empty()
    }

    /// The last write counts as quick, however busy this machine is.
    #[cfg(test)]
    pub fn set_quick(&self) {
        self.waiting.lock().slow = false;
    }

    /// Lets the thread end once the queue is empty.
    pub fn close(&self) {
        self.waiting.lock().closing = true;
        self.arrived.notify_all();
    }
}

/// The right to write; gone with the value, also when a broken invariant unwinds. Who has it says how the write ended.
pub struct WriteTurn<'a> {
    queue: &'a LogQueue,
    /// When it was taken.
    pub began: Instant,
    /// The write waits for room.
    pub short: bool,
    /// The write has failed for good.
    pub failed: bool,
    /// When what was written must be synced.
    pub sync_due: Option<Instant>,
}

impl<'a> WriteTurn<'a> {
    fn new(queue: &'a LogQueue) -> Self {
        Self {
            queue,
            began: Instant::now(),
            short: false,
            failed: false,
            sync_due: None,
        }
    }
}

impl Drop for WriteTurn<'_> {
    fn drop(&mut self) {
        let mut waiting = self.queue.waiting.lock();
        waiting.writing = false;
        waiting.short = self.short;
        waiting.failed |= self.failed || std::thread::panicking();
        waiting.slow = self.began.elapsed() > INLINE_TIME_MAX;
        waiting.sync_due = if self.short {
            Some(Instant::now() + SHORT_RETRY_EVERY)
        } else {
            self.sync_due
        };
        if !waiting.tasks.is_empty() || waiting.closing || waiting.sync_due.is_some() {
            self.queue.arrived.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(index: u64) -> LogTask {
        LogTask::Cut { group: 0, index }
    }

    fn indexes(tasks: &[LogTask]) -> Vec<u64> {
        let index = |task: &LogTask| match task {
            LogTask::Cut { index, .. } => *index,
            _ => panic!("another task"),
        };
        tasks.iter().map(index).collect()
    }

    #[test]
    fn while_one_writes_what_comes_waits_in_order() {
        let queue = LogQueue::default();
        let mut tasks = vec![cut(1)];
        let turn = queue.begin_inline(&mut tasks).expect("nobody writes");
        assert_eq!(indexes(&tasks), [1], "they stay with who writes them");
        assert!(!queue.is_idle());
        for index in [2, 3] {
            let mut more = vec![cut(index)];
            assert!(queue.begin_inline(&mut more).is_none() && more.is_empty());
        }
        drop(turn);
        let mut taken = Vec::new();
        let turn = queue.take(&mut taken).expect("two wait");
        assert_eq!(indexes(&taken), [2, 3]);
        drop(turn);
        assert!(queue.is_idle());
        queue.close();
        assert!(queue.take(&mut Vec::new()).is_none());
    }

    #[test]
    fn after_a_write_that_failed_nothing_is_durable_any_more() {
        let queue = LogQueue::default();
        let mut turn = queue.begin_inline(&mut vec![cut(1)]).expect("nobody writes");
        turn.failed = true;
        drop(turn);
        assert!(!queue.is_idle());
    }

    #[test]
    fn while_a_write_waits_for_room_what_comes_stays_in_the_queue() {
        let queue = LogQueue::default();
        let mut turn = queue.begin_inline(&mut vec![cut(1)]).expect("nobody writes");
        turn.short = true;
        drop(turn);
        assert!(queue.is_short() && !queue.is_idle());
        assert!(queue.begin_inline(&mut vec![cut(2)]).is_none());
        let mut taken = Vec::new();
        let began = Instant::now();
        let turn = queue.take(&mut taken).expect("it is tried again");
        assert!(taken.is_empty() && began.elapsed() > SHORT_RETRY_EVERY / 2);
        drop(turn);
        drop(queue.take(&mut taken).expect("there is room now"));
        assert_eq!(indexes(&taken), [2]);
    }
}

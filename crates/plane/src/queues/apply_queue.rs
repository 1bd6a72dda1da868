//! Which groups are to be looked at by who applies, what is to be done between two entries, and whose turn it is: one thread
//! works on the state machines at a time. Knows nothing of entries.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use crate::ground::inline_work::INLINE_TIME_MAX;
use crate::state::group::Group;

/// Tasks that may wait before clients' are refused.
const TASKS_MAX: usize = 64;

/// Work on a state machine that only its writer may do, between two entries.
pub type MachineTask = Box<dyn FnOnce(&Arc<Group>) + Send>;

#[derive(Default)]
struct Schedule {
    groups: Vec<u16>,
    tasks: Vec<(u16, MachineTask)>,
    closing: bool,
    /// The thread takes nothing more.
    ended: bool,
    /// Somebody is at work on the state machines.
    working: bool,
    /// Whether the last work took long.
    slow: bool,
}

/// What the thread has taken. Its room is used again.
#[derive(Default)]
pub struct ApplyWork {
    /// Groups to look at.
    pub groups: Vec<u16>,
    /// What is to be done first, each in its group.
    pub tasks: Vec<(u16, MachineTask)>,
}

/// What is to be applied, and whose turn it is.
#[derive(Default)]
pub struct ApplyQueue {
    schedule: Mutex<Schedule>,
    arrived: Condvar,
}

impl ApplyQueue {
    /// Tells the thread to look at a group: its commit or durable index has moved.
    pub fn schedule(&self, group: &Group) {
        if group.apply_wake.set() {
            self.schedule.lock().groups.push(group.id);
            self.arrived.notify_one();
        }
    }

    /// Takes the right to work, if nobody has it or waits for it, and the last work was quick.
    pub fn begin_inline(&self) -> Option<ApplyTurn<'_>> {
        let mut schedule = self.schedule.lock();
        let busy = schedule.working || schedule.slow || !schedule.groups.is_empty() || !schedule.tasks.is_empty();
        if busy || schedule.closing || schedule.ended {
            return None;
        }
        schedule.working = true;
        Some(ApplyTurn::new(self))
    }

    /// Whether so many tasks wait that no more should be asked for.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.schedule.lock().tasks.len() >= TASKS_MAX
    }

    /// Has a task run between two entries of a group. Once the thread has ended it is dropped, so that who waits for it hears.
    pub fn run(&self, group: u16, task: MachineTask) {
        let mut schedule = self.schedule.lock();
        if !schedule.ended {
            schedule.tasks.push((group, task));
            self.arrived.notify_one();
        }
    }

    /// Whether anything waits for the thread.
    #[cfg(test)]
    pub fn has_work(&self) -> bool {
        let schedule = self.schedule.lock();
        !schedule.groups.is_empty() || !schedule.tasks.is_empty()
    }

    /// The last work counts as quick, however busy this machine is.
    #[cfg(test)]
    pub fn set_quick(&self) {
        self.schedule.lock().slow = false;
    }

    /// The thread has ended: what waits is dropped.
    pub fn end(&self) {
        let dropped = {
            let mut schedule = self.schedule.lock();
            schedule.ended = true;
            std::mem::take(&mut schedule.tasks)
        };
        drop(dropped);
    }

    /// Lets the thread end.
    pub fn close(&self) {
        self.schedule.lock().closing = true;
        self.arrived.notify_all();
    }

    /// Waits for work, and takes it and the right to do it; `None` when closed and nothing is left.
    pub fn take(&self, into: &mut ApplyWork) -> Option<ApplyTurn<'_>> {
        let mut schedule = self.schedule.lock();
        while schedule.working || (schedule.groups.is_empty() && schedule.tasks.is_empty()) {
            if schedule.closing && !schedule.working {
                return None;
            }
            self.arrived.wait(&mut schedule);
        }
        schedule.working = true;
        std::mem::swap(&mut schedule.groups, &mut into.groups);
        std::mem::swap(&mut schedule.tasks, &mut into.tasks);
        Some(ApplyTurn::new(self))
    }
}

/// The right to work on the state machines; gone with the value, also when a broken invariant unwinds.
pub struct ApplyTurn<'a> {
    queue: &'a ApplyQueue,
    began: Instant,
}

impl<'a> ApplyTurn<'a> {
    fn new(queue: &'a ApplyQueue) -> Self {
        let began = Instant::now();
        Self { queue, began }
    }
}

impl Drop for ApplyTurn<'_> {
    fn drop(&mut self) {
        let mut schedule = self.queue.schedule.lock();
        schedule.working = false;
        schedule.slow = self.began.elapsed() > INLINE_TIME_MAX;
        if schedule.closing || !schedule.groups.is_empty() || !schedule.tasks.is_empty() {
            self.queue.arrived.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn one_works_at_a_time_and_what_comes_meanwhile_waits() {
        let queue = ApplyQueue::default();
        let turn = queue.begin_inline().expect("nobody works");
        assert!(queue.begin_inline().is_none());
        queue.run(0, Box::new(|_| {}));
        drop(turn);
        assert!(queue.begin_inline().is_none(), "a task has waited for longer");
        let mut work = ApplyWork::default();
        drop(queue.take(&mut work).expect("a task waits"));
        assert_eq!((work.tasks.len(), work.groups.len()), (1, 0));
        queue.close();
        assert!(queue.take(&mut work).is_none() && queue.begin_inline().is_none());
    }

    #[test]
    fn who_waits_for_a_task_that_is_never_run_hears_of_the_end() {
        let queue = ApplyQueue::default();
        for comes_late in [false, true] {
            let (told, hears) = channel::<()>();
            let task: MachineTask = Box::new(move |_| drop(told));
            if comes_late {
                queue.run(0, task);
            } else {
                queue.run(0, task);
                queue.end();
            }
            assert_eq!(hears.try_recv(), Err(std::sync::mpsc::TryRecvError::Disconnected));
        }
    }

    #[test]
    fn tasks_of_clients_are_bounded() {
        let queue = ApplyQueue::default();
        for _ in 0..TASKS_MAX {
            assert!(!queue.is_full());
            queue.run(0, Box::new(|_| {}));
        }
        assert!(queue.is_full());
    }
}

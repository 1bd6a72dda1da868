//! The apply thread: committed entries go to the state machine in order, their results to who waits for them, one delivery a
//! round for each. While nothing waits, the Raft worker applies what is small itself; one thread works at a time.

use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use rafterdb_codec::{request, Code};

use crate::clock::now_ms;
use crate::error::PlaneError;
use crate::exchange::{HERE_BYTES_MAX, HERE_TIME_MAX};
use crate::group::{Group, StoreMachine};
use crate::member::Member;
use crate::source::{write_response, Deliveries};
use crate::tail::{entry_length, Block};

/// Bytes of entries applied before their results are published and sent.
const ROUND_BYTES_MAX: usize = 512 << 10;

/// Bytes of log kept in memory for each group; older entries are read from the files.
const TAIL_BYTES_MAX: usize = 16 << 20;

/// Work on a state machine that only its writer may do, between two entries.
pub type MachineTask = Box<dyn FnOnce(&Arc<Member>, &Arc<Group>) + Send>;

#[derive(Default)]
struct State {
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

/// Groups to look at, and tasks for them.
type Work = (Vec<u16>, Vec<(u16, MachineTask)>);

/// What is to be applied, and whose turn it is.
#[derive(Default)]
pub struct ApplyQueue {
    state: Mutex<State>,
    arrived: Condvar,
    /// Locked by who has set `working`, and by nobody else.
    applier: Mutex<Applier>,
}

impl ApplyQueue {
    /// Tells the thread to look at a group: its commit or durable index has moved.
    pub fn note(&self, group: &Group) {
        if group.apply_noted.set() {
            self.state.lock().groups.push(group.id);
            self.arrived.notify_one();
        }
    }

    /// Looks at a group at once, on the caller's thread, if nobody is at work, the last work was quick and there is little to
    /// do; else tells the thread.
    pub fn look(&self, member: &Arc<Member>, group: &Arc<Group>) {
        // Most often: what is new is not committed yet, or not on disk. Who changes that says so.
        let (first, target) = group.to_apply();
        if first > target {
            return;
        }
        let Some(turn) = self.begin_here() else {
            return self.note(group);
        };
        let (first, target) = group.to_apply();
        if first > target {
            return;
        }
        let blocks = group.tail.lock().read(first, target + 1, HERE_BYTES_MAX);
        let bytes: usize = blocks.iter().map(|block| block.bytes.len()).sum();
        let is_all = blocks.last().is_some_and(|block| block.end() > target) && bytes <= HERE_BYTES_MAX;
        if !is_all || group.machine().engine().is_flushing() {
            drop(turn);
            return self.note(group);
        }
        let applied = self.applier.lock().apply(member, group, &blocks);
        if let Err(error) = applied {
            member.fail(error);
        }
    }

    /// Takes the right to work, if nobody has it or waits for it.
    fn begin_here(&self) -> Option<Turn<'_>> {
        let mut state = self.state.lock();
        let busy = state.working || state.slow || !state.groups.is_empty() || !state.tasks.is_empty();
        if busy || state.closing || state.ended {
            return None;
        }
        state.working = true;
        Some(Turn::new(self))
    }

    /// Has a task run between two entries of a group. Once the thread has ended it is dropped, so that who waits for it hears.
    pub fn run(&self, group: u16, task: MachineTask) {
        let mut state = self.state.lock();
        if !state.ended {
            state.tasks.push((group, task));
            self.arrived.notify_one();
        }
    }

    fn end(&self) {
        let dropped = {
            let mut state = self.state.lock();
            state.ended = true;
            std::mem::take(&mut state.tasks)
        };
        drop(dropped);
    }

    /// Lets the thread end.
    pub fn close(&self) {
        self.state.lock().closing = true;
        self.arrived.notify_all();
    }

    /// Waits for work, and takes it and the right to do it; `None` when closed and nothing is left.
    fn take(&self) -> Option<(Work, Turn<'_>)> {
        let mut state = self.state.lock();
        while state.working || (state.groups.is_empty() && state.tasks.is_empty()) {
            if state.closing && !state.working {
                return None;
            }
            self.arrived.wait(&mut state);
        }
        state.working = true;
        let work = (std::mem::take(&mut state.groups), std::mem::take(&mut state.tasks));
        Some((work, Turn::new(self)))
    }
}

/// The right to work on the state machines; gone with the value, also when a broken invariant unwinds.
struct Turn<'a> {
    queue: &'a ApplyQueue,
    began: Instant,
}

impl<'a> Turn<'a> {
    fn new(queue: &'a ApplyQueue) -> Self {
        let began = Instant::now();
        Self { queue, began }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.queue.state.lock();
        state.working = false;
        state.slow = self.began.elapsed() > HERE_TIME_MAX;
        if state.closing || !state.groups.is_empty() || !state.tasks.is_empty() {
            self.queue.arrived.notify_one();
        }
    }
}

/// The thread's body.
pub fn run(member: &Arc<Member>) {
    while let Some(((groups, tasks), _turn)) = member.apply.take() {
        if let Err(error) = work(member, groups, tasks) {
            member.fail(error);
            break;
        }
    }
    member.apply.end();
}

fn work(member: &Arc<Member>, groups: Vec<u16>, tasks: Vec<(u16, MachineTask)>) -> Result<(), PlaneError> {
    for (id, task) in tasks {
        task(member, member.group(id));
    }
    let mut applier = member.apply.applier.lock();
    for id in groups {
        let group = member.group(id);
        group.apply_noted.clear();
        applier.advance(member, group)?;
    }
    Ok(())
}

#[derive(Default)]
struct Applier {
    results: Vec<u8>,
    deliveries: Deliveries,
}

impl Applier {
    /// Applies one round of a group, and asks to be called again if there is more.
    fn advance(&mut self, member: &Arc<Member>, group: &Arc<Group>) -> Result<(), PlaneError> {
        let (first, target) = group.to_apply();
        if first > target {
            return Ok(());
        }
        let blocks = read_entries(member, group, first, target + 1)?;
        self.apply(member, group, &blocks)?;
        let (first, target) = group.to_apply();
        if first <= target {
            member.apply.note(group);
        }
        Ok(())
    }

    /// Applies blocks that follow what is applied, publishes them and answers who waits for them.
    fn apply(&mut self, member: &Arc<Member>, group: &Arc<Group>, blocks: &[Block]) -> Result<(), PlaneError> {
        let machine = group.machine();
        let mut applied = group.applied.load(Ordering::Acquire);
        for block in blocks {
            applied = self.apply_block(group, &machine, block)?;
        }
        machine.publish()?;
        group.applied.store(applied, Ordering::Release);
        member.deliver_all(&mut self.deliveries);
        if group.leads() && !group.has_lease(now_ms()) {
            // The lease begins with the first entry that is applied.
            member.inbox.note(group.id, |facts| facts.applied = Some(applied));
        } else {
            member
                .inbox
                .note_quietly(group.id, |facts| facts.applied = Some(applied));
        }
        member.serve_applied(group, applied);
        group.tail.lock().trim(TAIL_BYTES_MAX, group.durable.lock().index);
        Ok(())
    }

    fn apply_block(&mut self, group: &Group, machine: &StoreMachine, block: &Block) -> Result<u64, PlaneError> {
        let mut waiting = group.waiting.lock();
        let mut at = 0;
        let mut index = block.first;
        while at < block.bytes.len() {
            let entry = &block.bytes[at..at + entry_length(&block.bytes[at..])];
            self.results.clear();
            let applied = machine.apply(index, block.term, entry[4], &entry[8..], &mut self.results)?;
            if let Some(waiter) = Group::take_waiter(&mut waiting, index) {
                group.applied_bytes(entry.len());
                let out = self.deliveries.to(&waiter.source);
                write_response(
                    out,
                    request::WRITE,
                    applied.flags,
                    applied.code,
                    waiter.id,
                    &self.results,
                );
            }
            at += entry.len();
            index += 1;
        }
        assert!(
            index == block.end(),
            "block count: {} entries end at {index}",
            block.count
        );
        Ok(index - 1)
    }
}

/// Entries from memory, or from the log's files when they are older than what memory holds.
pub fn read_entries(member: &Member, group: &Group, first: u64, end: u64) -> Result<Vec<Block>, PlaneError> {
    let blocks = group.tail.lock().read(first, end, ROUND_BYTES_MAX);
    if blocks.is_empty() {
        read_files(member, group.id, first, end, ROUND_BYTES_MAX)
    } else {
        Ok(blocks)
    }
}

/// Entries from the log's files, cut into blocks by term.
pub fn read_files(
    member: &Member,
    group: u16,
    first: u64,
    end: u64,
    bytes_max: usize,
) -> Result<Vec<Block>, PlaneError> {
    let mut bytes = Vec::new();
    let read = member.log_reader.read(group, first, end, bytes_max, &mut bytes)?;
    let bytes = Bytes::from(bytes);
    let mut blocks = Vec::with_capacity(read.runs.len());
    let (mut index, mut at) = (first, 0);
    for (term, count) in read.runs {
        let count = u64::from(count);
        let mut to = at;
        for _ in 0..count {
            to += entry_length(&bytes[to..]);
        }
        blocks.push(Block {
            first: index,
            term,
            count,
            bytes: bytes.slice(at..to),
        });
        index += count;
        at = to;
    }
    if blocks.is_empty() {
        return Err(PlaneError::new(
            Code::LogCorrupt,
            format!("group {group}: entry {first} is not in the log"),
        ));
    }
    Ok(blocks)
}

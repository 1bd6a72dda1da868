//! The apply thread: committed entries go to the state machine in order, their results to who waits for them, one delivery a
//! round for each, or more if there is much to deliver. While nothing waits, the Raft worker applies what is small itself; one thread works at a time.

use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};
use rafterdb_codec::{request, Code};

use crate::apply::late_counts::Uncounted;
use crate::askers::asker::{write_response, Deliveries};
use crate::exchange::commands::{HERE_BYTES_MAX, HERE_TIME_MAX};
use crate::ground::append_buffer;
use crate::ground::clock::now_ms;
use crate::ground::error::PlaneError;
use crate::health::stalls;
use crate::member::life::Member;
use crate::requests::gate::DELIVERY_BYTES_MAX;
use crate::state::group::{Group, StoreMachine};
use crate::state::tail::{entry_length, Block};

/// Bytes of entries applied before their results are published and sent.
const ROUND_BYTES_MAX: usize = 512 << 10;

/// Bytes of log kept in memory for each group; older entries are read from the files.
const TAIL_BYTES_MAX: usize = 16 << 20;

/// Tasks that may wait before clients' are refused.
const TASKS_MAX: usize = 64;

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

/// What the thread has taken. Its room is used again.
#[derive(Default)]
struct Work {
    groups: Vec<u16>,
    tasks: Vec<(u16, MachineTask)>,
}

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
        if group.apply_wake.set() {
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
        let mut applier = self.applier.lock();
        if !applier.reads_all(group, first, target) || group.machine().engine().is_flushing() {
            applier.blocks.clear();
            drop((applier, turn));
            return self.note(group);
        }
        if let Err(error) = applier.apply(member, group) {
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

    /// Whether so many tasks wait that no more should be asked for.
    pub fn is_full(&self) -> bool {
        self.state.lock().tasks.len() >= TASKS_MAX
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
    fn take(&self, into: &mut Work) -> Option<Turn<'_>> {
        let mut state = self.state.lock();
        while state.working || (state.groups.is_empty() && state.tasks.is_empty()) {
            if state.closing && !state.working {
                return None;
            }
            self.arrived.wait(&mut state);
        }
        state.working = true;
        std::mem::swap(&mut state.groups, &mut into.groups);
        std::mem::swap(&mut state.tasks, &mut into.tasks);
        Some(Turn::new(self))
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
    let mut work = Work::default();
    while let Some(_turn) = member.apply.take(&mut work) {
        if let Err(error) = work.run(member) {
            member.fail(error);
            break;
        }
    }
    member.apply.end();
}

impl Work {
    fn run(&mut self, member: &Arc<Member>) -> Result<(), PlaneError> {
        for (id, task) in self.tasks.drain(..) {
            task(member, member.group(id));
        }
        let mut applier = member.apply.applier.lock();
        for id in self.groups.drain(..) {
            let group = member.group(id);
            group.apply_wake.clear();
            applier.advance(member, group)?;
        }
        Ok(())
    }
}

/// What applying needs, from one round to the next.
#[derive(Default)]
struct Applier {
    /// What the round is about to apply; empty between rounds, so that it holds no memory of the log.
    blocks: Vec<Block>,
    results: Vec<u8>,
    deliveries: Deliveries,
    /// Bytes of results in them.
    gathered: usize,
}

impl Applier {
    /// Applies one round of a group, and asks to be called again if there is more.
    fn advance(&mut self, member: &Arc<Member>, group: &Arc<Group>) -> Result<(), PlaneError> {
        let (first, target) = group.to_apply();
        if first > target {
            return Ok(());
        }
        if !group
            .tail
            .lock()
            .read(first, target + 1, ROUND_BYTES_MAX, &mut self.blocks)
        {
            read_files(member, group.id, first, target + 1, ROUND_BYTES_MAX, &mut self.blocks)?;
        }
        self.apply(member, group)?;
        let (first, target) = group.to_apply();
        if first <= target {
            member.apply.note(group);
        }
        Ok(())
    }

    /// Reads the blocks from `first` to `target`, if they are in memory and little.
    fn reads_all(&mut self, group: &Group, first: u64, target: u64) -> bool {
        group
            .tail
            .lock()
            .read(first, target + 1, HERE_BYTES_MAX, &mut self.blocks);
        let bytes: usize = self.blocks.iter().map(|block| block.bytes.len()).sum();
        self.blocks.last().is_some_and(|block| block.end() > target) && bytes <= HERE_BYTES_MAX
    }

    /// Applies the blocks, which follow what is applied, publishes them and answers who waits for them.
    fn apply(&mut self, member: &Arc<Member>, group: &Arc<Group>) -> Result<(), PlaneError> {
        let _under_way = member.stalls.begin(stalls::Work::Apply, Instant::now());
        rafterdb_fault::point("member.apply").map_err(|e| PlaneError::io("apply entries", &e))?;
        let machine = group.machine();
        let mut applied = group.applied.load(Ordering::Acquire);
        let mut blocks = std::mem::take(&mut self.blocks);
        for block in blocks.drain(..) {
            applied = self.apply_block(member, group, &machine, &block)?;
        }
        self.blocks = blocks;
        self.answer(member, group, &machine, applied)?;
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

    /// Publishes what is applied up to an entry, and sends what was gathered of its answers.
    fn answer(
        &mut self,
        member: &Member,
        group: &Group,
        machine: &StoreMachine,
        applied: u64,
    ) -> Result<(), PlaneError> {
        machine.publish()?;
        group.applied.store(applied, Ordering::Release);
        member.deliver_all(&mut self.deliveries);
        self.gathered = 0;
        Ok(())
    }

    fn apply_block(
        &mut self,
        member: &Member,
        group: &Arc<Group>,
        machine: &Arc<StoreMachine>,
        block: &Block,
    ) -> Result<u64, PlaneError> {
        let mut at = 0;
        let mut index = block.first;
        while at < block.bytes.len() {
            let entry = &block.bytes[at..at + entry_length(&block.bytes[at..])];
            self.results.clear();
            let applied = machine.apply(index, block.term, entry[4], &entry[8..], &mut self.results)?;
            if let Some(waiter) = group.take_waiter(index) {
                if applied.is_uncounted {
                    member.counts.push(Uncounted {
                        group: Arc::clone(group),
                        entry_bytes: entry.len(),
                        machine: Arc::clone(machine),
                        // Before the publish, after which a compaction may go on.
                        kept: machine.keep_for_counts(),
                        waiter,
                        body: entry[8..].to_vec(),
                        flags: applied.flags,
                        results: self.results.clone(),
                    });
                } else {
                    group.applied_bytes(entry.len());
                    self.gathered += self.results.len();
                    let out = self.deliveries.to(&waiter.asker);
                    write_response(
                        out,
                        request::WRITE,
                        applied.flags,
                        applied.code,
                        waiter.id,
                        &self.results,
                    );
                }
            }
            if self.gathered > DELIVERY_BYTES_MAX {
                // A small entry may be answered with much, and a round has many of them.
                self.answer(member, group, machine, index)?;
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

/// Appends entries from the log's files, cut into blocks by term; an error if there are none.
pub fn read_files(
    member: &Member,
    group: u16,
    first: u64,
    end: u64,
    bytes_max: usize,
    into: &mut Vec<Block>,
) -> Result<(), PlaneError> {
    let mut bytes = Vec::new();
    let read = member.log_reader.read(group, first, end, bytes_max, &mut bytes)?;
    if read.runs.is_empty() {
        return Err(PlaneError::new(
            Code::LogCorrupt,
            format!("group {group}: entry {first} is not in the log"),
        ));
    }
    let bytes = append_buffer::copy(&member.pool, &bytes);
    let (mut index, mut at) = (first, 0);
    for (term, count) in read.runs {
        let count = u64::from(count);
        let mut to = at;
        for _ in 0..count {
            to += entry_length(&bytes[to..]);
        }
        into.push(Block {
            first: index,
            term,
            count,
            bytes: bytes.slice(at..to),
        });
        index += count;
        at = to;
    }
    Ok(())
}

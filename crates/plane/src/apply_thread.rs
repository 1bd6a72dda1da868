//! The apply thread: committed entries go to the state machine in order, their results to who waits for them,
//! one delivery a round for each. The only writer of the state machines.

use std::sync::atomic::Ordering;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use rafterdb_codec::{request, Code};

use crate::clock::now_ms;
use crate::error::PlaneError;
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
}

/// Groups to look at, and tasks for them.
type Work = (Vec<u16>, Vec<(u16, MachineTask)>);

/// What the apply thread has not seen yet.
#[derive(Default)]
pub struct ApplyQueue {
    state: Mutex<State>,
    arrived: Condvar,
}

impl ApplyQueue {
    /// Tells the thread to look at a group: its commit or durable index has moved.
    pub fn note(&self, group: &Group) {
        if group.apply_noted.set() {
            self.state.lock().groups.push(group.id);
            self.arrived.notify_one();
        }
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

    fn take(&self) -> Option<Work> {
        let mut state = self.state.lock();
        while state.groups.is_empty() && state.tasks.is_empty() {
            if state.closing {
                return None;
            }
            self.arrived.wait(&mut state);
        }
        Some((std::mem::take(&mut state.groups), std::mem::take(&mut state.tasks)))
    }
}

/// The thread's body.
pub fn run(member: &Arc<Member>) {
    let mut worker = Applier {
        results: Vec::new(),
        deliveries: Deliveries::default(),
    };
    run_until_closed(member, &mut worker);
    member.apply.end();
}

fn run_until_closed(member: &Arc<Member>, worker: &mut Applier) {
    while let Some((groups, tasks)) = member.apply.take() {
        for (id, task) in tasks {
            task(member, member.group(id));
        }
        for id in groups {
            let group = member.group(id);
            group.apply_noted.clear();
            if let Err(error) = worker.advance(member, group) {
                member.fail(error);
                return;
            }
        }
    }
}

struct Applier {
    results: Vec<u8>,
    deliveries: Deliveries,
}

impl Applier {
    /// Applies one round of a group, and asks to be called again if there is more.
    fn advance(&mut self, member: &Arc<Member>, group: &Arc<Group>) -> Result<(), PlaneError> {
        let (first, target) = (group.applied.load(Ordering::Acquire) + 1, group.apply_target());
        if first > target {
            return Ok(());
        }
        let blocks = read_entries(member, group, first, target + 1)?;
        let machine = group.machine();
        let mut applied = first - 1;
        for block in &blocks {
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
        if applied < group.apply_target() {
            member.apply.note(group);
        }
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

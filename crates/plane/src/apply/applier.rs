//! Committed entries go to the state machine in order, their results to who waits for them, one delivery a round for each, or more
//! if there is much to deliver. While nothing waits, the Raft worker applies what is small itself. Knows nothing of whose turn it is.

use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use rafterdb_codec::{Code, Entry, EntryKind, RequestKind};

use crate::askers::answers::Answers;
use crate::askers::deliveries::{write_response, Deliveries, DELIVERY_BYTES_MAX};
use crate::config::WAY_OUT;
use crate::ground::clock::now_ms;
use crate::ground::error::PlaneError;
use crate::ground::failure::Failure;
use crate::ground::inline_work::INLINE_BYTES_MAX;
use crate::health::stalls::{Stalls, Work};
use crate::log::reader::LogReader;
use crate::queues::apply_queue::{ApplyQueue, ApplyWork};
use crate::queues::count_queue::{CountQueue, Uncounted};
use crate::serve::serving::Serving;
use crate::state::core_inbox::CoreInbox;
use crate::state::group::{Group, StoreMachine};
use crate::state::groups::Groups;
use crate::state::membership::{note_members, Membership};
use crate::state::tail::Block;

/// Bytes of entries applied before their results are published and sent.
const ROUND_BYTES_MAX: usize = 512 << 10;

/// Bytes of log kept in memory for each group; older entries are read from the files.
const TAIL_BYTES_MAX: usize = 16 << 20;

/// What the applier works with.
pub struct ApplyParts {
    /// What is to be applied, and whose turn it is.
    pub queue: Arc<ApplyQueue>,
    /// Whose entries.
    pub groups: Arc<Groups>,
    /// Who is told who the members are.
    pub membership: Arc<Membership>,
    /// Entries that memory does not hold any more.
    pub log: Arc<LogReader>,
    /// Who is told how far it is.
    pub inbox: Arc<CoreInbox>,
    /// Reads that waited for it.
    pub serving: Arc<Serving>,
    /// What is answered once it is counted.
    pub counts: Arc<CountQueue>,
    /// The way of results.
    pub answers: Arc<Answers>,
    /// How long it takes.
    pub stalls: Arc<Stalls>,
    /// What ends the member.
    pub failure: Arc<Failure>,
    /// Whether this member has no data.
    pub is_witness: bool,
}

/// Applies entries.
pub struct Applier {
    parts: ApplyParts,
    /// Locked by who has the right to apply, and by nobody else.
    round: Mutex<Round>,
}

impl Applier {
    /// An applier; nothing is applied before somebody says so.
    #[must_use]
    pub fn new(parts: ApplyParts) -> Self {
        Self {
            parts,
            round: Mutex::default(),
        }
    }

    /// Looks at a group at once, on the caller's thread, if nobody is at work, the last work was quick and there is little to
    /// do; else tells the thread.
    pub fn look(&self, group: &Arc<Group>) {
        // Most often: what is new is not committed yet, or not on disk. Who changes that says so.
        let (first, target) = group.to_apply();
        if first > target {
            return;
        }
        let Some(turn) = self.parts.queue.begin_inline() else {
            return self.parts.queue.schedule(group);
        };
        let (first, target) = group.to_apply();
        if first > target {
            return;
        }
        let mut round = self.round.lock();
        if !round.reads_all(group, first, target) || group.machine().engine().is_flushing() {
            round.blocks.clear();
            drop((round, turn));
            return self.parts.queue.schedule(group);
        }
        if let Err(error) = round.apply(&self.parts, group) {
            self.parts.failure.fail(error);
        }
    }

    /// The thread's body.
    pub fn run(&self) {
        let mut work = ApplyWork::default();
        while let Some(_turn) = self.parts.queue.take(&mut work) {
            if let Err(error) = self.work(&mut work) {
                self.parts.failure.fail(error);
                break;
            }
        }
        self.parts.queue.end();
    }

    /// Does what waits for the thread.
    #[cfg(test)]
    pub fn step(&self) {
        let mut work = ApplyWork::default();
        while self.parts.queue.has_work() {
            let _turn = self.parts.queue.take(&mut work);
            self.work(&mut work).expect("entries can be applied");
        }
    }

    fn work(&self, work: &mut ApplyWork) -> Result<(), PlaneError> {
        for (id, task) in work.tasks.drain(..) {
            task(self.parts.groups.get(id));
        }
        let mut round = self.round.lock();
        for id in work.groups.drain(..) {
            let group = self.parts.groups.get(id);
            group.apply_wake.clear();
            round.advance(&self.parts, group)?;
        }
        Ok(())
    }
}

/// What applying needs, from one round to the next.
#[derive(Default)]
struct Round {
    /// What the round is about to apply; empty between rounds, so that it holds no memory of the log.
    blocks: Vec<Block>,
    results: Vec<u8>,
    deliveries: Deliveries,
    /// Bytes of results in them.
    gathered: usize,
    /// An entry said who the members are.
    is_configured: bool,
}

impl Round {
    /// Applies one round of a group, and asks to be called again if there is more.
    fn advance(&mut self, parts: &ApplyParts, group: &Arc<Group>) -> Result<(), PlaneError> {
        let (first, target) = group.to_apply();
        if first > target {
            return Ok(());
        }
        if !group
            .tail
            .lock()
            .read(first, target + 1, ROUND_BYTES_MAX, &mut self.blocks)
        {
            parts
                .log
                .read(group.id, first, target + 1, ROUND_BYTES_MAX, &mut self.blocks)?;
        }
        self.apply(parts, group)?;
        let (first, target) = group.to_apply();
        if first <= target {
            parts.queue.schedule(group);
        }
        Ok(())
    }

    /// Reads the blocks from `first` to `target`, if they are in memory and little.
    fn reads_all(&mut self, group: &Group, first: u64, target: u64) -> bool {
        group
            .tail
            .lock()
            .read(first, target + 1, INLINE_BYTES_MAX, &mut self.blocks);
        let bytes: usize = self.blocks.iter().map(|block| block.bytes.len()).sum();
        self.blocks.last().is_some_and(|block| block.end() > target) && bytes <= INLINE_BYTES_MAX
    }

    /// Applies the blocks, which follow what is applied, publishes them and answers who waits for them.
    fn apply(&mut self, parts: &ApplyParts, group: &Arc<Group>) -> Result<(), PlaneError> {
        let _under_way = parts.stalls.begin(Work::Apply, Instant::now());
        rafterdb_fault::point("member.apply").map_err(|e| PlaneError::io("apply entries", &e))?;
        let machine = group.machine();
        let mut applied = group.applied.load(Ordering::Acquire);
        let mut blocks = std::mem::take(&mut self.blocks);
        for block in blocks.drain(..) {
            applied = self.apply_block(parts, group, &machine, &block)?;
        }
        self.blocks = blocks;
        self.answer(parts, group, &machine, applied)?;
        if group.leads() && !group.has_lease(now_ms()) {
            // The lease begins with the first entry that is applied.
            parts.inbox.record(group.id, |facts| facts.applied = Some(applied));
        } else {
            parts
                .inbox
                .note_quietly(group.id, |facts| facts.applied = Some(applied));
        }
        parts.serving.serve_applied(group, applied);
        group.tail.lock().trim(TAIL_BYTES_MAX, group.durable.lock().index);
        if std::mem::take(&mut self.is_configured) {
            // It may be the end: then all that ask this member know by now where else they can go.
            parts.serving.members.tell(group);
            // Last: who waited for an answer has it.
            note_members(&parts.membership, group.id, &machine)?;
        }
        Ok(())
    }

    /// Publishes what is applied up to an entry, and sends what was gathered of its answers.
    fn answer(
        &mut self,
        parts: &ApplyParts,
        group: &Group,
        machine: &StoreMachine,
        applied: u64,
    ) -> Result<(), PlaneError> {
        machine.publish()?;
        group.applied.store(applied, Ordering::Release);
        parts.answers.deliver_all(&mut self.deliveries);
        self.gathered = 0;
        Ok(())
    }

    fn apply_block(
        &mut self,
        parts: &ApplyParts,
        group: &Arc<Group>,
        machine: &Arc<StoreMachine>,
        block: &Block,
    ) -> Result<u64, PlaneError> {
        let mut at = 0;
        let mut index = block.first;
        while at < block.bytes.len() {
            let (entry, entry_bytes) = Entry::decode_from(&block.bytes[at..])
                .map_err(|malformed| PlaneError::new(Code::LogCorrupt, malformed.0))?;
            self.results.clear();
            self.is_configured |= entry.kind == EntryKind::Configuration as u8;
            if entry.kind == EntryKind::Stripped as u8 && !parts.is_witness {
                let text = format!("entry {index} of the log lacks what it says, as a witness's does: {WAY_OUT}");
                return Err(PlaneError::new(Code::LogCorrupt, text));
            }
            let applied = machine.apply(index, block.term, &entry, &mut self.results)?;
            if let Some(waiter) = group.take_waiter(index) {
                if applied.is_uncounted {
                    parts.counts.push(Uncounted {
                        group: Arc::clone(group),
                        entry_bytes,
                        machine: Arc::clone(machine),
                        // Before the publish, after which a compaction may go on.
                        kept: machine.keep_for_counts(),
                        waiter,
                        body: entry.body.to_vec(),
                        flags: applied.flags,
                        results: self.results.clone(),
                    });
                } else {
                    group.applied_bytes(entry_bytes);
                    self.gathered += self.results.len();
                    let out = self.deliveries.to(&waiter.asker);
                    write_response(
                        out,
                        RequestKind::Write,
                        applied.flags,
                        applied.code,
                        waiter.id,
                        &self.results,
                    );
                }
            }
            if self.gathered > DELIVERY_BYTES_MAX {
                // A small entry may be answered with much, and a round has many of them.
                self.answer(parts, group, machine, index)?;
            }
            at += entry_bytes;
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

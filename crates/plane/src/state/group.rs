//! One Raft group of this member as the plane sees it: how far its log is, who waits for what, and its state machine.
//! Decides nothing: terms, roles and commitment are told by the core.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicU8, AtomicUsize, Ordering};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use rafterdb_codec::{Configuration, Role};
use rafterdb_pool::Pool;
use rafterdb_store::{Deliver, LsmEngine, Machine};

use crate::askers::asker::Waiter;
use crate::ground::wake_flag::WakeFlag;
use crate::state::lease;
use crate::state::proposals::Proposals;
use crate::state::tail::Tail;
use crate::state::waiting_reads::WaitingReads;

/// The state machine of a group.
pub type StoreMachine = Machine<LsmEngine>;

/// How far the log is on this member's disk. `epoch` counts truncations: a write that was under way
/// when the log was cut must not move `index` past entries that are gone.
#[derive(Clone, Copy, Debug, Default)]
pub struct Durable {
    /// Truncations so far.
    pub epoch: u64,
    /// Last index on disk.
    pub index: u64,
}

/// Where a group's state machine lives, and what a new one in its place needs.
pub struct Home {
    /// Its directory.
    pub dir: PathBuf,
    /// The way of its watch events.
    pub delivery: Arc<dyn Deliver>,
}

/// A call that asked for the leadership to move, and waits for that.
#[derive(Debug)]
pub struct Transfer {
    /// To which member.
    pub target: u64,
    /// Who asked.
    pub waiter: Waiter,
    /// When, ms of the clock.
    pub at: f64,
}

/// A change of the members that the core was asked for, until it says what became of it.
#[derive(Debug)]
pub struct PendingChange {
    /// The number that it was asked for by.
    pub asker: u64,
    /// Who asked.
    pub waiter: Waiter,
    /// Who the members shall be.
    pub wanted: Arc<Configuration>,
}

/// One group.
pub struct Group {
    /// Its number.
    pub id: u16,
    /// Where its state machine lives.
    pub home: Home,
    /// Entries waiting to enter the log.
    pub proposals: Mutex<Proposals>,
    /// Whether the worker has been told that proposals wait.
    pub proposals_wake: WakeFlag,
    /// The recent log.
    pub tail: Mutex<Tail>,
    /// Who waits for entries in the log to be applied, by index, ascending. Not held while anything is applied: the worker
    /// adds to it.
    pub waiting: Mutex<VecDeque<(u64, Waiter)>>,
    /// Bytes of own proposals in the log that are not applied yet.
    pub unapplied_bytes: AtomicUsize,
    /// Who asked for the leadership to move, and to which member.
    pub transfers: Mutex<Vec<Transfer>>,
    /// The change of members that is under way, if one is.
    pub change: Mutex<Option<PendingChange>>,
    /// Reads that wait for something.
    pub reads: Mutex<WaitingReads>,
    /// How far the log is on disk.
    pub durable: Mutex<Durable>,
    /// Last index in the log. Written by the worker's thread alone.
    pub last: AtomicU64,
    /// Committed, as told by the core.
    pub commit: AtomicU64,
    /// Applied to the state machine and visible. Always ≤ commit and ≤ durable, but after a snapshot was installed.
    pub applied: AtomicU64,
    /// Current term.
    pub term: AtomicU64,
    /// `role` kind.
    role: AtomicU8,
    /// Member id of the leader; 0 if unknown.
    pub leader: AtomicU64,
    /// Milliseconds of the clock until which this member may serve reads as leader, as bits of an f64.
    lease_until: AtomicU64,
    /// Whether the apply thread has been told of this group.
    pub apply_wake: WakeFlag,
    /// The state machine; replaced when a snapshot is installed.
    machine: RwLock<Arc<StoreMachine>>,
}

impl Group {
    /// A group whose state machine stands at `applied` and whose log ends at `last`, all of it on disk. Proposals
    /// come to lie in `pool`.
    #[must_use]
    pub fn new(
        id: u16,
        home: Home,
        machine: Arc<StoreMachine>,
        applied: u64,
        last: u64,
        term: u64,
        pool: Arc<Pool>,
    ) -> Self {
        Self {
            id,
            home,
            proposals: Mutex::new(Proposals::new(pool)),
            proposals_wake: WakeFlag::default(),
            tail: Mutex::default(),
            waiting: Mutex::default(),
            unapplied_bytes: AtomicUsize::new(0),
            transfers: Mutex::default(),
            change: Mutex::default(),
            reads: Mutex::default(),
            durable: Mutex::new(Durable { epoch: 0, index: last }),
            last: AtomicU64::new(last),
            commit: AtomicU64::new(applied),
            applied: AtomicU64::new(applied),
            term: AtomicU64::new(term),
            role: AtomicU8::new(Role::Follower.into()),
            leader: AtomicU64::new(0),
            lease_until: AtomicU64::new(0),
            apply_wake: WakeFlag::default(),
            machine: RwLock::new(machine),
        }
    }

    /// The state machine as it is now.
    #[must_use]
    pub fn machine(&self) -> Arc<StoreMachine> {
        self.machine.read().clone()
    }

    /// Puts another state machine in its place, and returns the one before.
    pub fn replace_machine(&self, machine: Arc<StoreMachine>) -> Arc<StoreMachine> {
        std::mem::replace(&mut *self.machine.write(), machine)
    }

    /// How far the apply thread may go: committed, and on this disk, so that the store never runs ahead of the log.
    #[must_use]
    pub fn apply_target(&self) -> u64 {
        self.commit.load(Ordering::Acquire).min(self.durable.lock().index)
    }

    /// The next entry to apply, and the last that may be: nothing is to be done if it is before it.
    #[must_use]
    pub fn to_apply(&self) -> (u64, u64) {
        (self.applied.load(Ordering::Acquire) + 1, self.apply_target())
    }

    /// Bytes of own proposals that are not applied yet, in the log or not.
    #[must_use]
    pub fn waiting_bytes(&self) -> usize {
        self.proposals.lock().bytes() + self.unapplied_bytes.load(Ordering::Relaxed)
    }

    /// Own proposals of so many bytes have been applied.
    pub fn applied_bytes(&self, bytes: usize) {
        // Saturates: the count began anew if the leadership was lost and won back.
        let less = |waiting: usize| Some(waiting.saturating_sub(bytes));
        let _ = self
            .unapplied_bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// Whether this member leads the group.
    #[must_use]
    pub fn leads(&self) -> bool {
        self.role() == Role::Leader
    }

    /// What this member is in the group.
    #[must_use]
    pub fn role(&self) -> Role {
        Role::try_from(self.role.load(Ordering::Acquire)).unwrap_or(Role::Follower)
    }

    /// The core has told what this member is.
    pub fn set_role(&self, role: Role) {
        self.role.store(role.into(), Ordering::Release);
    }

    /// Whether this member may serve linearizable reads at `now` without asking anyone.
    #[must_use]
    pub fn has_lease(&self, now: f64) -> bool {
        lease::holds(&self.lease_until, now)
    }

    /// The index that a linearizable read beginning at `now` must see, if this member may serve it without asking anyone.
    #[must_use]
    pub fn leased_index(&self, now: f64) -> Option<u64> {
        lease::leased_index(&self.commit, &self.lease_until, now)
    }

    /// Grants the lease until a moment; 0 takes it away.
    pub fn set_lease(&self, until: f64) {
        self.lease_until.store(until.to_bits(), Ordering::Release);
    }

    /// Takes the waiters of entries from `first` on, whose entries are cut from the log.
    pub fn take_waiters_from(&self, first: u64) -> Vec<Waiter> {
        let mut waiting = self.waiting.lock();
        let kept = waiting.partition_point(|(index, _)| *index < first);
        waiting.drain(kept..).map(|(_, waiter)| waiter).collect()
    }

    /// Takes the waiters of entries up to `index`, which a snapshot has passed: nobody will apply those entries here.
    pub fn take_waiters_to(&self, index: u64) -> Vec<Waiter> {
        let mut waiting = self.waiting.lock();
        let passed = waiting.partition_point(|(waits_for, _)| *waits_for <= index);
        waiting.drain(..passed).map(|(_, waiter)| waiter).collect()
    }

    /// Takes the waiter of the entry at `index`, if there is one; waiters of older entries must have been taken.
    pub fn take_waiter(&self, index: u64) -> Option<Waiter> {
        let mut waiting = self.waiting.lock();
        let (next, _) = waiting.front()?;
        assert!(*next >= index, "waiter order: entry {next} passed by {index}");
        if *next != index {
            return None;
        }
        waiting.pop_front().map(|(_, waiter)| waiter)
    }
}

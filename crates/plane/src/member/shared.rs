//! What a member's rooms share: queues, the way of answers and of frames, what ends the member. Made before anything is recovered.
//! Knows nothing of what the rooms do with it.

use std::sync::Arc;

use rafterdb_codec::Code;
use rafterdb_pool::Pool;

use crate::askers::answers::Answers;
use crate::askers::internal::Internal;
use crate::config::Config;
use crate::ground::counters::Counters;
use crate::ground::error::PlaneError;
use crate::ground::failure::Failure;
use crate::ground::member_log::{MemberLog, OnLine};
use crate::ground::unique_ids::UniqueIds;
use crate::health::disk_room::DiskRoom;
use crate::health::stalls::Stalls;
use crate::network::roster::Roster;
use crate::network::Network;
use crate::queues::apply_queue::ApplyQueue;
use crate::queues::count_queue::CountQueue;
use crate::queues::log_queue::LogQueue;
use crate::queues::member_questions::MemberQuestions;
use crate::queues::read_lanes::ReadLanes;
use crate::snapshots::under_way::{Queues, Snapshots};
use crate::state::core_inbox::CoreInbox;
use crate::state::group::Group;
use crate::state::stores::{OnFlushed, Stores};
use crate::watches::registry::Watches;

/// Called once when the member stops because it must.
pub type OnFatal = Box<dyn Fn(&PlaneError) + Send + Sync>;

/// The parts.
pub struct Shared {
    /// Where entries, proposed or received, and answers to clients come to lie.
    pub pool: Arc<Pool>,
    /// What the Raft worker has not seen.
    pub inbox: Arc<CoreInbox>,
    /// What is not in the log yet.
    pub log: Arc<LogQueue>,
    /// What is not applied yet.
    pub apply: Arc<ApplyQueue>,
    /// Reads that may be served.
    pub lanes: Arc<ReadLanes>,
    /// Writes that are answered once they are counted.
    pub counts: Arc<CountQueue>,
    /// Watches of all groups.
    pub watches: Arc<Watches>,
    /// Who waits to hear of other members.
    pub questions: Arc<MemberQuestions>,
    /// Snapshots under way.
    pub snapshots: Arc<Snapshots>,
    /// How the groups' stores are opened.
    pub stores: Arc<Stores>,
    /// Numbers of what is asked of other members.
    pub ids: Arc<UniqueIds>,
    /// How long what is under way takes.
    pub stalls: Arc<Stalls>,
    /// Whether there is room for more.
    pub disk_room: Arc<DiskRoom>,
    /// The way to other members and to clients' connections.
    pub network: Arc<Network>,
    /// Who the members are.
    pub roster: Arc<Roster>,
    /// Writes of the member itself that wait.
    pub internal: Arc<Internal>,
    /// The way of answers.
    pub answers: Arc<Answers>,
    /// What is counted.
    pub counters: Arc<Counters>,
    /// What people are told.
    pub member_log: Arc<MemberLog>,
    /// Whether the member has failed.
    pub failure: Arc<Failure>,
}

impl Shared {
    /// Everything empty. The queues are for the threads of snapshots.
    #[must_use]
    pub fn new(config: &Config, on_fatal: OnFatal, on_line: OnLine) -> (Self, Queues) {
        let pool = Pool::new();
        let inbox = Arc::new(CoreInbox::new(usize::from(config.groups)));
        let internal = Arc::<Internal>::default();
        let (log, apply) = (Arc::<LogQueue>::default(), Arc::<ApplyQueue>::default());
        let failure = {
            let (inbox, log, apply, internal) = (inbox.clone(), log.clone(), apply.clone(), internal.clone());
            Arc::new(Failure::new(Box::new(move |error| {
                on_fatal(error);
                internal.close(error.code_of_calls(), &error.text);
                inbox.close();
                apply.close();
                log.close();
            })))
        };
        let network = Arc::<Network>::default();
        let (snapshots, queues) = Snapshots::new(config.snapshot_bytes_per_second);
        let shared = Self {
            stores: Arc::new(Stores::new(
                config.memory,
                config.groups,
                inbox.clone(),
                flush_again(&apply, &failure),
                failure.clone(),
            )),
            answers: Arc::new(Answers::new(network.clone(), pool.clone())),
            lanes: Arc::default(),
            counts: Arc::default(),
            watches: Arc::default(),
            questions: Arc::default(),
            snapshots: Arc::new(snapshots),
            ids: Arc::new(UniqueIds::new()),
            stalls: Arc::default(),
            disk_room: Arc::default(),
            counters: Arc::default(),
            member_log: Arc::new(MemberLog::new(on_line)),
            roster: Arc::new(Roster::new(
                config.id(),
                &config.members,
                config.groups,
                network.clone(),
            )),
            pool,
            inbox,
            log,
            apply,
            internal,
            network,
            failure,
        };
        (shared, queues)
    }

    /// Has every queue end once it is empty.
    pub fn close(&self) {
        self.internal.close(Code::Closed, "the member is closing");
        self.inbox.close();
        if let Some(wire) = self.network.get() {
            wire.close();
        }
        self.snapshots.close();
        self.log.close();
        self.apply.close();
        self.lanes.close();
        self.counts.close();
        self.watches.close();
        self.questions.close();
    }
}

/// Has a group flushed once more, between two entries, if that was asked for while it was flushed.
fn flush_again(apply: &Arc<ApplyQueue>, failure: &Arc<Failure>) -> OnFlushed {
    let (apply, failure) = (apply.clone(), failure.clone());
    Arc::new(move |id| {
        let failure = failure.clone();
        let task = move |group: &Arc<Group>| {
            if let Err(error) = group.machine().rotate_if_full() {
                failure.fail(error.into());
            }
        };
        apply.run(id, Box::new(task));
    })
}

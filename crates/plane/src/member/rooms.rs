//! Puts a member's rooms together: each is given just what it needs. Knows nothing of what they do with it.

use std::sync::Arc;

use rafterdb_wal::Writer;

use crate::apply::applier::{Applier, ApplyParts};
use crate::apply::late_counts::LateCounts;
use crate::config::Config;
use crate::exchange::parts::ExchangeParts;
use crate::ground::rate_limit::RateLimited;
use crate::health::watchdog::Watchdog;
use crate::log::reader::LogReader;
use crate::log::writer::{LogParts, LogWriter};
use crate::member::data_dir::DataDir;
use crate::member::recovery::{snapshot_dir, Recovered};
use crate::member::shared::Shared;
use crate::requests::forwards::{Forwarder, Forwards};
use crate::requests::gate::Gate;
use crate::serve::members::MemberNews;
use crate::serve::serving::Serving;
use crate::serve::thread::ReadThread;
use crate::snapshots::install::SnapshotInstaller;
use crate::snapshots::receive::SnapshotReceiver;
use crate::snapshots::send::SnapshotSender;
use crate::state::groups::Groups;
use crate::state::membership::Membership;
use crate::status::report::Status;
use crate::watches::thread::WatchThread;

/// The rooms that others call into.
pub struct Rooms {
    /// The groups.
    pub groups: Arc<Groups>,
    /// Whether the member still is one.
    pub membership: Arc<Membership>,
    /// The log's files.
    pub log: Arc<LogReader>,
    /// Reads whose turn has come.
    pub serving: Arc<Serving>,
    /// What the member says of itself.
    pub status: Arc<Status>,
    /// The one gate.
    pub gate: Arc<Gate>,
}

impl Rooms {
    /// The rooms of a member whose data was recovered.
    #[must_use]
    pub fn new(shared: &Shared, config: &Config, recovered: &Recovered) -> Self {
        let groups = Arc::new(Groups::new(recovered.groups.clone()));
        let log = Arc::new(LogReader {
            files: recovered.reader.clone(),
            pool: shared.pool.clone(),
        });
        let serving = Arc::new(Serving {
            lanes: shared.lanes.clone(),
            watches: shared.watches.clone(),
            members: Arc::new(MemberNews {
                id: config.id(),
                roster: shared.roster.clone(),
                groups: groups.clone(),
                questions: shared.questions.clone(),
                answers: shared.answers.clone(),
            }),
            groups: groups.clone(),
            network: shared.network.clone(),
            answers: shared.answers.clone(),
        });
        let status = Arc::new(Status {
            name: config.name.clone(),
            id: config.id(),
            is_witness: config.witness,
            roster: shared.roster.clone(),
            log_mode: recovered.mode.clone(),
            log: log.clone(),
            groups: groups.clone(),
            network: shared.network.clone(),
            member_log: shared.member_log.clone(),
            leaders: RateLimited::default(),
        });
        let gate = Arc::new(Gate {
            is_witness: config.witness,
            groups: groups.clone(),
            inbox: shared.inbox.clone(),
            serving: serving.clone(),
            lanes: shared.lanes.clone(),
            watches: shared.watches.clone(),
            apply: shared.apply.clone(),
            forwarder: Forwarder {
                forwards: Forwards::default(),
                ids: shared.ids.clone(),
                network: shared.network.clone(),
                answers: shared.answers.clone(),
                status: status.clone(),
            },
            status: status.clone(),
            disk_room: shared.disk_room.clone(),
            network: shared.network.clone(),
            ids: shared.ids.clone(),
            internal: shared.internal.clone(),
            answers: shared.answers.clone(),
            member_log: shared.member_log.clone(),
            failure: shared.failure.clone(),
            value_bytes_max: config.value_bytes_max,
        });
        Self {
            groups,
            membership: recovered.membership.clone(),
            log,
            serving,
            status,
            gate,
        }
    }

    /// What the exchange works with.
    #[must_use]
    pub fn exchange(&self, shared: &Shared, threads: &Threads, cpus: Option<Vec<u32>>) -> ExchangeParts {
        ExchangeParts {
            groups: self.groups.clone(),
            inbox: shared.inbox.clone(),
            log_writer: threads.log.clone(),
            log: self.log.clone(),
            applier: threads.applier.clone(),
            serving: self.serving.clone(),
            gate: self.gate.clone(),
            sender: SnapshotSender {
                snapshots: shared.snapshots.clone(),
                groups: self.groups.clone(),
                ids: shared.ids.clone(),
                inbox: shared.inbox.clone(),
                network: shared.network.clone(),
                roster: shared.roster.clone(),
                apply: shared.apply.clone(),
                member_log: shared.member_log.clone(),
                failure: shared.failure.clone(),
            },
            status: self.status.clone(),
            network: shared.network.clone(),
            roster: shared.roster.clone(),
            answers: shared.answers.clone(),
            pool: shared.pool.clone(),
            failure: shared.failure.clone(),
            member_log: shared.member_log.clone(),
            counters: shared.counters.clone(),
            cpus,
        }
    }
}

/// The rooms whose work threads do.
pub struct Threads {
    /// Writes the log.
    pub log: Arc<LogWriter>,
    /// Applies entries.
    pub applier: Arc<Applier>,
    /// Fills in counts.
    pub counts: LateCounts,
    /// Serves watches that are behind.
    pub watches: WatchThread,
    /// Tells who the members are.
    pub members: Arc<MemberNews>,
    /// Serves reads.
    pub reads: Arc<ReadThread>,
    /// Receives snapshots.
    pub receiver: SnapshotReceiver,
    /// Installs them.
    pub installer: Arc<SnapshotInstaller>,
    /// Looks how the member is.
    pub watchdog: Watchdog,
}

impl Threads {
    /// The threads of a member whose data was recovered.
    #[must_use]
    pub fn new(shared: &Shared, config: &Config, rooms: &Rooms, data_dir: &Arc<DataDir>, writer: Writer) -> Self {
        let log = LogParts {
            queue: shared.log.clone(),
            groups: rooms.groups.clone(),
            inbox: shared.inbox.clone(),
            apply: shared.apply.clone(),
            network: shared.network.clone(),
            marks: data_dir.clone(),
            stalls: shared.stalls.clone(),
            failure: shared.failure.clone(),
            member_log: shared.member_log.clone(),
            roster: shared.roster.clone(),
        };
        let apply = ApplyParts {
            queue: shared.apply.clone(),
            groups: rooms.groups.clone(),
            membership: rooms.membership.clone(),
            log: rooms.log.clone(),
            inbox: shared.inbox.clone(),
            serving: rooms.serving.clone(),
            counts: shared.counts.clone(),
            answers: shared.answers.clone(),
            stalls: shared.stalls.clone(),
            failure: shared.failure.clone(),
            is_witness: config.witness,
        };
        Self {
            log: Arc::new(LogWriter::new(writer, log)),
            applier: Arc::new(Applier::new(apply)),
            counts: LateCounts {
                queue: shared.counts.clone(),
                answers: shared.answers.clone(),
            },
            watches: WatchThread {
                watches: shared.watches.clone(),
                groups: rooms.groups.clone(),
                stalls: shared.stalls.clone(),
                failure: shared.failure.clone(),
                pool: shared.pool.clone(),
            },
            members: rooms.serving.members.clone(),
            reads: Arc::new(ReadThread {
                lanes: shared.lanes.clone(),
                answers: shared.answers.clone(),
                stalls: shared.stalls.clone(),
                counters: shared.counters.clone(),
            }),
            receiver: receiver(shared, config, rooms),
            installer: Arc::new(installer(shared, rooms)),
            watchdog: watchdog(shared, config, rooms),
        }
    }
}

fn receiver(shared: &Shared, config: &Config, rooms: &Rooms) -> SnapshotReceiver {
    SnapshotReceiver {
        snapshots: shared.snapshots.clone(),
        groups: rooms.groups.clone(),
        inbox: shared.inbox.clone(),
        network: shared.network.clone(),
        member_log: shared.member_log.clone(),
        stalls: shared.stalls.clone(),
        directory: snapshot_dir(config),
    }
}

fn installer(shared: &Shared, rooms: &Rooms) -> SnapshotInstaller {
    SnapshotInstaller {
        snapshots: shared.snapshots.clone(),
        groups: rooms.groups.clone(),
        membership: rooms.membership.clone(),
        stores: shared.stores.clone(),
        apply: shared.apply.clone(),
        inbox: shared.inbox.clone(),
        serving: rooms.serving.clone(),
        answers: shared.answers.clone(),
        stalls: shared.stalls.clone(),
        failure: shared.failure.clone(),
    }
}

fn watchdog(shared: &Shared, config: &Config, rooms: &Rooms) -> Watchdog {
    Watchdog {
        stalls: shared.stalls.clone(),
        disk_room: shared.disk_room.clone(),
        groups: rooms.groups.clone(),
        log: shared.log.clone(),
        inbox: shared.inbox.clone(),
        network: shared.network.clone(),
        member_log: shared.member_log.clone(),
        roster: shared.roster.clone(),
        directory: config.data_dir.clone(),
        segment_bytes: config.segment_bytes,
        memory: config.memory,
    }
}

//! What the exchange works with: the rooms that do what the core decides. Knows nothing of commands.

use std::sync::Arc;

use rafterdb_pool::Pool;

use crate::apply::applier::Applier;
use crate::askers::answers::Answers;
use crate::ground::counters::Counters;
use crate::ground::failure::Failure;
use crate::ground::member_log::MemberLog;
use crate::log::reader::LogReader;
use crate::log::writer::LogWriter;
use crate::network::roster::Roster;
use crate::network::Network;
use crate::requests::gate::Gate;
use crate::serve::serving::Serving;
use crate::snapshots::send::SnapshotSender;
use crate::state::core_inbox::CoreInbox;
use crate::state::groups::Groups;
use crate::status::report::Status;

/// The rooms.
pub struct ExchangeParts {
    /// The groups.
    pub groups: Arc<Groups>,
    /// What the core has not seen.
    pub inbox: Arc<CoreInbox>,
    /// Writes what the core appends.
    pub log_writer: Arc<LogWriter>,
    /// Old entries, for followers that are behind.
    pub log: Arc<LogReader>,
    /// Applies what the core commits.
    pub applier: Arc<Applier>,
    /// Serves what the core confirms.
    pub serving: Arc<Serving>,
    /// What waits for a leader.
    pub gate: Arc<Gate>,
    /// Sends snapshots.
    pub sender: SnapshotSender,
    /// Tells of leaders.
    pub status: Arc<Status>,
    /// The way of messages.
    pub network: Arc<Network>,
    /// Who the members are.
    pub roster: Arc<Roster>,
    /// The way of answers.
    pub answers: Arc<Answers>,
    /// Where a leader's first entry comes to lie.
    pub pool: Arc<Pool>,
    /// What ends the member.
    pub failure: Arc<Failure>,
    /// What people are told.
    pub member_log: Arc<MemberLog>,
    /// What is counted.
    pub counters: Arc<Counters>,
    /// The CPUs that the worker is bound to, if it is.
    pub cpus: Option<Vec<u32>>,
}

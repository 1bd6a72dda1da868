//! Requests in: from an app's port, a client's connection, a forwarding member or this member itself. Each is checked, then queued,
//! forwarded to the leader, or answered. Called on the asker's thread; never blocks.

use std::sync::atomic::Ordering;
use std::sync::Arc;

use rafterdb_codec::{
    limits, parse_number, validate_batch, Code, Forward, Limits, Request, RequestKind, Requests, MESSAGE_HEADER_BYTES,
};

use crate::askers::answers::Answers;
use crate::askers::asker::{Asker, Waiter};
use crate::askers::deliveries::{request_name, write_response, Deliveries, DELIVERY_BYTES_MAX};
use crate::askers::internal::{Answered, Internal};
use crate::ground::clock::now_ms;
use crate::ground::failure::Failure;
use crate::ground::member_log::MemberLog;
use crate::ground::unique_ids::UniqueIds;
use crate::health::disk_room::DiskRoom;
use crate::network::Network;
use crate::queues::apply_queue::ApplyQueue;
use crate::queues::read_lanes::ReadLanes;
use crate::requests::forwards::Forwarder;
use crate::serve::serving::Serving;
use crate::snapshots::flush::flush;
use crate::state::core_inbox::{CoreInbox, Happening};
use crate::state::group::{Group, Transfer};
use crate::state::groups::Groups;
use crate::status::report::Status;
use crate::watches::registry::Watches;

/// What a witness answers to what needs data.
pub const NO_DATA: &str =
    "this member is a witness and has no data: watch, getSync and read what is stale at another member, by its endpoint";

/// What the gate works with.
pub struct Gate {
    /// Whether this member has no data.
    pub is_witness: bool,
    /// The groups.
    pub groups: Arc<Groups>,
    /// Who is told that something waits.
    pub inbox: Arc<CoreInbox>,
    /// Reads whose turn has come.
    pub serving: Arc<Serving>,
    /// Ranges that wait for a thread.
    pub lanes: Arc<ReadLanes>,
    /// Watches.
    pub watches: Arc<Watches>,
    /// What is asked to be done between two entries.
    pub apply: Arc<ApplyQueue>,
    /// What the leader is handed.
    pub forwarder: Forwarder,
    /// What this member says of itself.
    pub status: Arc<Status>,
    /// Whether there is room for writes.
    pub disk_room: Arc<DiskRoom>,
    /// The way to other members.
    pub network: Arc<Network>,
    /// Numbers of what is asked of them.
    pub ids: Arc<UniqueIds>,
    /// Writes of the member itself that wait.
    pub internal: Arc<Internal>,
    /// The way of answers.
    pub answers: Arc<Answers>,
    /// What people are told.
    pub member_log: Arc<MemberLog>,
    /// Whether the member has failed.
    pub failure: Arc<Failure>,
    /// Largest value, bytes.
    pub value_bytes_max: usize,
}

impl Gate {
    /// Takes every request of a submission. An `Err` says that nothing was taken.
    pub fn submit(&self, asker: &Asker, submission: &[u8]) -> Result<(), Code> {
        if self.failure.why().is_some() {
            return Err(Code::Poisoned);
        }
        self.check(asker, submission)?;
        let mut out = Deliveries::default();
        for item in Requests::new(submission).flatten() {
            self.admit(asker, &item, &mut out);
            if out.bytes() > DELIVERY_BYTES_MAX {
                // A request of 16 bytes may be answered by many: what was gathered must not grow with their number.
                self.answers.deliver_all(&mut out);
            }
        }
        self.answers.deliver_all(&mut out);
        Ok(())
    }

    /// Whether a submission can be read, and the groups that it writes to have room for it. One that is full refuses no other's.
    fn check(&self, asker: &Asker, submission: &[u8]) -> Result<(), Code> {
        let is_bounded = matches!(asker, Asker::Port(_));
        let mut looked_at = None;
        for item in Requests::new(submission) {
            let item = item.map_err(|_| Code::ProtocolError)?;
            if !is_bounded || item.kind != RequestKind::Write as u8 || looked_at == Some(item.group) {
                continue;
            }
            looked_at = Some(item.group);
            let group = self.groups.find(item.group);
            if group.is_some_and(|group| group.waiting_bytes() + submission.len() > limits::PROPOSAL_BYTES_MAX) {
                return Err(Code::Busy);
            }
        }
        Ok(())
    }

    /// Takes a request that a member hands over for its client: of those, only what the leader alone can do.
    pub fn admit_forwarded(&self, peer: u64, forward: &Forward<'_>, out: &mut Deliveries) {
        let item = &forward.request;
        let asker = Asker::Peer(peer, forward.principal.into());
        match RequestKind::try_from(item.kind) {
            Ok(RequestKind::Write | RequestKind::Transfer | RequestKind::ChangeMembers) => {
                self.admit(&asker, item, out)
            }
            // It has nothing to read itself.
            Ok(RequestKind::Read) if self.comes_of_witness(peer) => self.admit(&asker, item, out),
            Ok(
                RequestKind::Read
                | RequestKind::Watch
                | RequestKind::WatchCredit
                | RequestKind::Cancel
                | RequestKind::Status
                | RequestKind::Members
                | RequestKind::Snapshot,
            )
            | Err(_) => {
                let waiter = Waiter { asker, id: item.id };
                out.fail(&waiter, item.kind, Code::ProtocolError, 0, "not a request to forward");
            }
        }
    }

    /// Takes a write of the member itself, under the checks of every write. An `Err` says that nothing was taken, and nobody is
    /// called: `POISONED`, `CLOSED`, or `BUSY` as too many wait. Whatever else becomes of it is its answer, on this thread if it is
    /// refused.
    pub fn propose(&self, group: u16, batch: &[u8], answered: Answered) -> Result<(), Code> {
        let item = Request {
            kind: RequestKind::Write.into(),
            flags: 0,
            group,
            id: self.internal.expect(answered)?,
            body: batch,
        };
        let mut out = Deliveries::default();
        self.admit(&Asker::Internal(self.internal.clone()), &item, &mut out);
        self.answers.deliver_all(&mut out);
        Ok(())
    }

    /// Takes one request; what can be answered at once goes to `out`.
    pub fn admit(&self, asker: &Asker, item: &Request<'_>, out: &mut Deliveries) {
        let waiter = Waiter {
            asker: asker.clone(),
            id: item.id,
        };
        let Some(group) = self.groups.find(item.group) else {
            let text = format!("this member hosts groups 0 to {}", self.groups.len() - 1);
            return out.fail(&waiter, item.kind, Code::GroupNotFound, 0, &text);
        };
        let kind = RequestKind::try_from(item.kind);
        if let Some((code, text)) = refusal(item) {
            if !matches!(kind, Ok(RequestKind::WatchCredit | RequestKind::Cancel)) {
                out.fail(&waiter, item.kind, code, 0, &text);
            }
            return;
        }
        let Ok(kind) = kind else {
            let text = "unknown request; the client is newer than this member";
            return out.fail(&waiter, item.kind, Code::ProtocolError, 0, text);
        };
        match kind {
            RequestKind::Write => self.write(group, waiter, item, out),
            RequestKind::Read if self.is_witness => self.forward(group, waiter, item, out),
            RequestKind::Watch if self.is_witness => out.fail(&waiter, item.kind, Code::MemberIsWitness, 0, NO_DATA),
            RequestKind::Read => self.read(group, waiter, item, out),
            RequestKind::Watch => self.watch(group, waiter, item, out),
            RequestKind::WatchCredit => self.watches.credit(group, asker, item.body),
            RequestKind::Cancel => {
                self.lanes.cancel(asker, item.body);
                self.watches.cancel(group, asker, item.body);
            }
            RequestKind::Status => {
                let status = self.status.group_json(group);
                write_response(out.to(asker), item.kind, 0, Code::Ok, item.id, status.as_bytes());
            }
            RequestKind::Members => self.serving.members.ask(group, waiter, item, out),
            RequestKind::Transfer => self.transfer(group, waiter, item, out),
            RequestKind::ChangeMembers => self.change_members(group, waiter, item, out),
            RequestKind::Snapshot if self.apply.is_full() => {
                out.fail(&waiter, item.kind, Code::Busy, 0, "too many snapshots wait; slow down");
            }
            RequestKind::Snapshot => flush(&self.apply, self.answers.clone(), group, waiter),
        }
    }

    /// An asker is gone: its watches end, and what it waits to hear is forgotten.
    pub fn close_asker(&self, number: u64) {
        self.watches.close_asker(&self.groups, number);
        self.serving.members.questions.close_asker(number);
    }

    fn comes_of_witness(&self, peer: u64) -> bool {
        let roster = self.status.roster.now();
        roster.find(peer).is_some_and(|member| member.is_witness)
    }

    fn write(&self, group: &Arc<Group>, waiter: Waiter, item: &Request<'_>, out: &mut Deliveries) {
        let bounds = Limits {
            value_bytes_max: self.value_bytes_max.min(limits::VALUE_BYTES_LARGEST),
            ..Limits::default()
        };
        if let Err((code, text)) = validate_batch(item.body, &bounds) {
            return out.fail(&waiter, item.kind, code, 0, &text);
        }
        let mut proposals = group.proposals.lock();
        if !proposals.open {
            drop(proposals);
            return self.forward(group, waiter, item, out);
        }
        if let Some(text) = self.disk_room.refusal() {
            drop(proposals);
            return out.fail(&waiter, item.kind, Code::DiskFull, 0, &text);
        }
        let waiting = proposals.bytes() + group.unapplied_bytes.load(Ordering::Relaxed);
        if waiting + item.body.len() > limits::PROPOSAL_BYTES_MAX {
            drop(proposals);
            let text = format!("{waiting} bytes of writes wait already; slow down, or wait for answers");
            return out.fail(&waiter, item.kind, Code::Busy, 0, &text);
        }
        proposals.push(item.body, waiter);
        drop(proposals);
        if group.proposals_wake.set() {
            self.inbox.record(group.id, |facts| facts.proposals = true);
        }
    }

    fn transfer(&self, group: &Arc<Group>, waiter: Waiter, item: &Request<'_>, out: &mut Deliveries) {
        let Ok(target) = parse_number(item.body) else {
            return out.fail(
                &waiter,
                item.kind,
                Code::ProtocolError,
                0,
                "transfer: the body is one member id",
            );
        };
        let roster = self.status.roster.now();
        if roster.find(target).is_some_and(|member| member.is_witness) {
            let text = "that member is a witness: it has no data, and does not lead";
            return out.fail(&waiter, item.kind, Code::MemberIsWitness, 0, text);
        }
        if !roster.find(target).is_some_and(|member| member.votes) {
            return out.fail(
                &waiter,
                item.kind,
                Code::MemberUnknown,
                0,
                "no such member in this cluster, or one that does not vote",
            );
        }
        let leader = group.leader.load(Ordering::Acquire);
        if leader == target {
            return write_response(out.to(&waiter.asker), item.kind, 0, Code::Ok, waiter.id, &[]);
        }
        if !group.leads() {
            return self.forward(group, waiter, item, out);
        }
        let mut transfers = group.transfers.lock();
        if transfers.len() >= limits::TRANSFERS_WAITING_MAX {
            drop(transfers);
            return out.fail(
                &waiter,
                item.kind,
                Code::Busy,
                0,
                "too many leader transfers wait; slow down",
            );
        }
        let at = now_ms();
        transfers.push(Transfer { target, waiter, at });
        drop(transfers);
        self.inbox.push(Happening::Transfer {
            group: group.id,
            peer: target,
        });
    }

    /// Hands a client's request to the leader, or says that there is none.
    pub fn forward(&self, group: &Group, waiter: Waiter, item: &Request<'_>, out: &mut Deliveries) {
        let leader = group.leader.load(Ordering::Acquire);
        let forwarded = matches!(waiter.asker, Asker::Peer(..));
        if leader == 0 || leader == self.status.id || forwarded {
            let code = if leader == 0 { Code::NoLeader } else { Code::NotLeader };
            let text = match code {
                Code::NoLeader => self.status.no_leader(),
                _ => format!(
                    "this member does not lead, and could not take the {}",
                    request_name(item.kind)
                ),
            };
            return out.fail(&waiter, item.kind, code, 0, &text);
        }
        self.forwarder.send(group.id, leader, waiter, item);
    }
}

/// What no request may be, whatever it asks for.
fn refusal(item: &Request<'_>) -> Option<(Code, String)> {
    let bytes = MESSAGE_HEADER_BYTES + item.body.len();
    if bytes > limits::REQUEST_BYTES_MAX {
        let most = limits::REQUEST_BYTES_MAX;
        let text = format!("the request has {bytes} bytes, at most {most} are taken: split it");
        return Some((Code::RequestTooLarge, text));
    }
    let text = "a request with unknown flags; the client is newer than this member";
    (item.flags != 0).then(|| (Code::ProtocolError, text.to_owned()))
}

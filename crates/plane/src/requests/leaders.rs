//! What waits for a leader, when there is another one, none, or no answer of it: whoever asked is told. Decides nothing.

use std::sync::atomic::Ordering;
use std::sync::Arc;

use rafterdb_codec::{Code, RequestKind};

use crate::askers::deliveries::{request_name, write_response, Deliveries};
use crate::ground::clock::now_ms;
use crate::requests::gate::Gate;
use crate::requests::reads::LEADER_CHANGED;
use crate::state::group::{Group, Transfer};

/// Milliseconds after which an unanswered question for the read index is asked again.
const ASKED_MS_MAX: f64 = 1_000.0;

/// Milliseconds after which a leader transfer that has not come about is answered with that.
const TRANSFER_MS_MAX: f64 = 10_000.0;

impl Gate {
    /// The leader of a group changed: what waited for the old one is answered, so that its askers try again.
    pub fn leader_changed(&self, group: &Arc<Group>, leader: u64) {
        let mut out = Deliveries::default();
        for (kind, waiter) in self.forwarder.forwards.take_all_but(group.id, leader) {
            let text = format!("the leader changed while the {} was under way", request_name(kind));
            out.fail(&waiter, kind, Code::LeaderLost, 0, &text);
        }
        if !group.leads() {
            let waiting = {
                let mut reads = group.reads.lock();
                let mut waiting = reads.take_leaderless();
                waiting.append(&mut reads.take_beyond(group.last.load(Ordering::Acquire)));
                waiting
            };
            for read in waiting {
                self.fail_read(group, read, Code::NoLeader, LEADER_CHANGED, &mut out);
            }
        }
        if leader != 0 {
            for Transfer { target, waiter, .. } in std::mem::take(&mut *group.transfers.lock()) {
                if target == leader {
                    let to = out.to(&waiter.asker);
                    write_response(to, RequestKind::Transfer, 0, Code::Ok, waiter.id, &[]);
                } else {
                    let text = "another member became the leader; try again";
                    out.fail(&waiter, RequestKind::Transfer, Code::LeaderLost, 0, text);
                }
            }
        }
        self.answers.deliver_all(&mut out);
    }

    /// The core goes on without a transfer to `target`: whoever waits for it is told why, or that it came about by another way.
    pub fn transfer_over(&self, group: &Arc<Group>, target: u64, code: Code) {
        let leads = group.leader.load(Ordering::Acquire) == target;
        let text = match code {
            Code::Aborted => "the transfer was replaced by one to another member",
            Code::NotLeader => "this member leads no more; try again",
            Code::MemberIsWitness => "it is a witness: it has no data, and does not lead",
            Code::MemberUnknown => "it is no member that votes, or none any more",
            _ => "the member did not take over in time; see that it runs and is up to date",
        };
        let mut out = Deliveries::default();
        let over: Vec<Transfer> = group
            .transfers
            .lock()
            .extract_if(.., |transfer| transfer.target == target)
            .collect();
        for Transfer { waiter, .. } in over {
            if leads {
                let to = out.to(&waiter.asker);
                write_response(to, RequestKind::Transfer, 0, Code::Ok, waiter.id, &[]);
            } else {
                out.fail(&waiter, RequestKind::Transfer, code, 0, text);
            }
        }
        self.answers.deliver_all(&mut out);
    }

    /// Fails what waits and is not in the log.
    pub fn fail_waiting(&self, group: &Arc<Group>, code: Code) {
        let mut out = Deliveries::default();
        let waiters = group.proposals.lock().drain();
        for waiter in waiters {
            out.fail(
                &waiter,
                RequestKind::Write,
                code,
                group.leader.load(Ordering::Acquire),
                "this member does not lead",
            );
        }
        let reads = group.reads.lock().take_leaderless();
        for read in reads {
            self.fail_read(group, read, code, "this member does not lead", &mut out);
        }
        self.answers.deliver_all(&mut out);
    }

    /// Requests that a peer cannot answer any more.
    pub fn peer_lost(&self, peer: u64) {
        let mut out = Deliveries::default();
        for (kind, waiter) in self.forwarder.forwards.take_of(peer) {
            let text = format!("the leader was lost while the {} was under way", request_name(kind));
            out.fail(&waiter, kind, Code::LeaderLost, 0, &text);
        }
        for group in &*self.groups {
            for read in group.reads.lock().take_asked_of(peer) {
                let text = "the leader was lost; try again";
                self.fail_read(group, read, Code::NoLeader, text, &mut out);
            }
        }
        self.answers.deliver_all(&mut out);
    }

    /// A peer is no member any more: what waits for it is answered.
    pub fn peer_left(&self, peer: u64) {
        self.peer_lost(peer);
        for group in &*self.groups {
            self.transfer_over(group, peer, Code::MemberUnknown);
        }
    }

    /// Resolves what was asked of peers and has had no answer in time: the answer was dropped on the way.
    pub fn give_up_overdue(&self) {
        let mut out = Deliveries::default();
        for (kind, waiter) in self.forwarder.forwards.take_overdue() {
            let text = "the leader has not answered";
            out.fail(&waiter, kind, Code::LeaderLost, 0, text);
        }
        for group in &*self.groups {
            let before = now_ms() - TRANSFER_MS_MAX;
            for transfer in group.transfers.lock().extract_if(.., |transfer| transfer.at < before) {
                let text = "the member did not become the leader in time; try again";
                out.fail(&transfer.waiter, RequestKind::Transfer, Code::Timeout, 0, text);
            }
        }
        self.answers.deliver_all(&mut out);
        for group in &*self.groups {
            if group.reads.lock().give_up_asked(now_ms() - ASKED_MS_MAX) {
                self.ask_read_index(group);
            }
        }
    }
}

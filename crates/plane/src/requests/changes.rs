//! Changes of the members: one at a time in a group, asked of the core of its leader, and answered when that says what became of it.
//! Decides nothing: who may change is the core's to say.

use std::sync::Arc;

use rafterdb_codec::{Code, ConfigurationChange, Request, RequestKind, SAFE_NUMBER_MAX};

use crate::askers::asker::Waiter;
use crate::askers::deliveries::{write_response, Deliveries};
use crate::requests::gate::Gate;
use crate::state::core_inbox::Happening;
use crate::state::group::{Group, PendingChange};

impl Gate {
    /// Asks the core for other members, or hands the request to the leader.
    pub(super) fn change_members(&self, group: &Arc<Group>, waiter: Waiter, item: &Request<'_>, out: &mut Deliveries) {
        let change = match ConfigurationChange::parse(item.body) {
            Ok(change) => change,
            Err(malformed) => return out.fail(&waiter, item.kind, Code::ProtocolError, 0, malformed.0),
        };
        if !group.leads() {
            return self.forward(group, waiter, item, out);
        }
        // Consecutive numbers, never 0, that JavaScript holds: only one is under way.
        let asker = (self.ids.next() & SAFE_NUMBER_MAX).max(1);
        let members = change.wanted.parts();
        let mut pending = group.change.lock();
        if pending.is_some() {
            drop(pending);
            let (code, text) = (Code::MembersChanging, text_of(Code::MembersChanging));
            return out.fail(&waiter, item.kind, code, 0, text);
        }
        *pending = Some(PendingChange {
            asker,
            waiter,
            wanted: Arc::new(change.wanted),
        });
        drop(pending);
        self.inbox.push(Happening::Change {
            group: group.id,
            asker,
            from: change.from,
            is_forced: change.is_forced,
            members,
        });
    }

    /// The core says what became of a change: whoever asked for it is told.
    pub fn change_over(&self, group: &Group, asker: u64, code: Code) {
        let over = group.change.lock().take_if(|pending| pending.asker == asker);
        let Some(PendingChange { waiter, .. }) = over else {
            return;
        };
        let (kind, mut out) = (RequestKind::ChangeMembers, Deliveries::default());
        if code == Code::Ok {
            write_response(out.to(&waiter.asker), kind, 0, Code::Ok, waiter.id, &[]);
        } else {
            out.fail(&waiter, kind, code, 0, text_of(code));
        }
        self.answers.deliver_all(&mut out);
    }
}

/// What a person is told of it.
const fn text_of(code: Code) -> &'static str {
    match code {
        Code::MembersChanging => "the members were changed meanwhile, or are being changed: list them again",
        Code::MemberBehind => "a member that is to vote has not caught up yet: try again",
        Code::QuorumAtRisk => "too few of the members that would vote answer now: see that they run, or force it",
        Code::LeaderLost => "the leader was lost while the members were changed: list them to see whether it was done",
        Code::NotLeader => "this member leads no more; try again",
        _ => "these cannot become the members: at most membersMax with those that leave, and who votes does not become a learner",
    }
}

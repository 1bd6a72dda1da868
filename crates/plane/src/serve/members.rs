//! Who the members of a group are and who leads, for whoever asks, and for whoever waits until there is something else to say. Changes
//! nothing.

use std::sync::atomic::Ordering;
use std::sync::Arc;

use rafterdb_codec::{Code, ConfigurationEntry, ConfiguredMember, KnownMembers, Request, RequestKind};
use serde_json::json;

use crate::askers::answers::Answers;
use crate::askers::asker::Waiter;
use crate::askers::deliveries::{write_response, Deliveries};
use crate::network::roster::Roster;
use crate::queues::member_questions::{MemberQuestions, Question};
use crate::state::group::Group;
use crate::state::groups::Groups;

/// What it tells, and whom.
pub struct MemberNews {
    /// This member's number.
    pub id: u64,
    /// The members.
    pub roster: Arc<Roster>,
    /// The groups.
    pub groups: Arc<Groups>,
    /// Who waits.
    pub questions: Arc<MemberQuestions>,
    /// The way of answers.
    pub answers: Arc<Answers>,
}

impl MemberNews {
    /// The thread's body: an answer to each of thousands of clients would keep whoever changes the members from what is urgent then.
    pub fn run(&self) {
        while let Some(changed) = self.questions.next() {
            for group in changed {
                self.tell(self.groups.get(group));
            }
        }
    }

    /// Answers whoever asks: at once, or when what it knows is not the newest any more.
    pub fn ask(&self, group: &Group, waiter: Waiter, item: &Request<'_>, out: &mut Deliveries) {
        let known = match KnownMembers::parse(item.body) {
            Ok(known) => known,
            Err(malformed) => return out.fail(&waiter, item.kind, Code::ProtocolError, 0, malformed.0),
        };
        let Some(known) = known.filter(|known| !self.now(group).0.is_news_to(known)) else {
            return self.answer(group, &waiter, out);
        };
        let before = self.questions.push(group.id, Question::new(waiter, known));
        if let Some(Question { waiter, .. }) = before {
            self.answer(group, &waiter, out);
        }
        // There may have been news before the question was there to be seen.
        self.tell(group);
    }

    fn answer(&self, group: &Group, waiter: &Waiter, out: &mut Deliveries) {
        let (kind, answer) = (RequestKind::Members, self.json(group));
        write_response(out.to(&waiter.asker), kind, 0, Code::Ok, waiter.id, answer.as_bytes());
    }

    /// Answers those that wait for what there is now.
    pub fn tell(&self, group: &Group) {
        let told = self.questions.take(group.id, &self.now(group).0);
        if told.is_empty() {
            return;
        }
        let answer = self.json(group);
        let mut response = Vec::new();
        for Question { waiter, .. } in told {
            response.clear();
            let kind = RequestKind::Members;
            write_response(&mut response, kind, 0, Code::Ok, waiter.id, answer.as_bytes());
            self.answers.deliver(&waiter.asker, &response);
        }
    }

    /// The members and the leader, as FORMATS.md MEMBERS.
    #[must_use]
    pub fn json(&self, group: &Group) -> String {
        let (KnownMembers { index, term, leader }, current) = self.now(group);
        let member = |member: &ConfiguredMember| json!({"id": member.id, "name": member.name, "endpoint": member.endpoint, "part": member.part, "priority": member.priority});
        let members: Vec<_> = current.configuration.members.iter().map(member).collect();
        json!({
            "members": members,
            "index": index,
            "configurationTerm": term,
            "leader": leader,
            "term": group.term.load(Ordering::Acquire),
            "cluster": self.groups.cluster(),
            "self": self.id,
        })
        .to_string()
    }

    fn now(&self, group: &Group) -> (KnownMembers, Arc<ConfigurationEntry>) {
        let mut current = self.roster.current(group.id);
        // A snapshot is in place, and reads that waited for it are served, before the core makes its configuration the one in force.
        let applied = group.machine().status().configuration;
        if let Some(applied) = applied.filter(|applied| applied.index > current.index) {
            current = applied;
        }
        let now = KnownMembers {
            index: current.index,
            term: current.term,
            leader: group.leader.load(Ordering::Acquire),
        };
        (now, current)
    }
}

#[cfg(test)]
impl MemberNews {
    /// Does what the thread would do now.
    pub fn step(&self) {
        for group in self.questions.changed_now() {
            self.tell(self.groups.get(group));
        }
    }
}

#[cfg(test)]
mod tests;

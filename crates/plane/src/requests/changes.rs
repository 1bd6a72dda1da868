//! Changes of the members: one at a time in a group, asked of the core of its leader, and answered when that says what became of it.
//! Decides nothing: who may change is the core's to say.

use std::sync::Arc;

use rafterdb_codec::{
    Code, Configuration, ConfigurationChange, ConfiguredMember, Request, RequestKind, SAFE_NUMBER_MAX,
};

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
        let before = self.status.roster.current(group.id);
        if let Err((code, text)) = check(&change.wanted, &before.configuration) {
            return out.fail(&waiter, item.kind, code, 0, text);
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

/// Whether who is new, or elsewhere than before, can be called so and be found there: names and endpoints stay in every member's log and
/// are printed. What was taken before is not asked about again.
fn check(wanted: &Configuration, before: &Configuration) -> Result<(), (Code, &'static str)> {
    let is_as_before = |member: &&ConfiguredMember| {
        let found = before.find(member.id);
        found.is_some_and(|found| (&found.name, &found.endpoint) == (&member.name, &member.endpoint))
    };
    for member in wanted.members.iter().filter(|member| !is_as_before(member)) {
        if member.name.chars().any(char::is_control) {
            return Err((Code::InvalidArgument, "the name of a member has control characters"));
        }
        if !is_reachable(&member.endpoint) {
            let text = "the endpoint of a member is not host:port, with a port that is not 0";
            return Err((Code::AddressInvalid, text));
        }
        let has_it = |other: &&ConfiguredMember| other.endpoint == member.endpoint;
        if wanted.members.iter().filter(has_it).count() > 1 {
            return Err((Code::InvalidArgument, "two members would have one endpoint"));
        }
    }
    Ok(())
}

/// Whether others may find a member there, as `src/endpoint.ts` says it.
fn is_reachable(endpoint: &str) -> bool {
    let is_said = |c: char| !c.is_control() && !c.is_whitespace() && !",=/".contains(c);
    let Some((host, port)) = endpoint.rsplit_once(':') else {
        return false;
    };
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_host = match inner {
        Some(inner) => inner.chars().all(|c| c.is_ascii_hexdigit() || ":.".contains(c)),
        None => host.chars().all(|c| is_said(c) && !":[]".contains(c)),
    };
    let is_port = port.len() <= 5 && port.bytes().all(|digit| digit.is_ascii_digit());
    is_host && !inner.unwrap_or(host).is_empty() && is_port && port.parse::<u16>().is_ok_and(|port| port > 0)
}

/// What a person is told of it.
const fn text_of(code: Code) -> &'static str {
    match code {
        Code::MembersChanging => "the members were changed meanwhile, or are being changed: list them again",
        Code::MemberBehind => "a member that is to vote has not caught up yet: try again",
        Code::QuorumAtRisk => "too few of the members that would vote answer now: see that they run, or force it",
        Code::LeaderLost => "the leader was lost while the members were changed: list them to see whether it was done",
        Code::NotLeader => "this member leads no more; try again",
        _ => {
            "these cannot become the members: at most membersMax with those that leave, who votes does not become a learner, a witness stays \
             one, and fewer than a majority are witnesses"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(all: &[(u64, &str, &str)]) -> Configuration {
        let member = |(id, name, endpoint): &(u64, &str, &str)| ConfiguredMember {
            id: *id,
            part: 1,
            priority: 0,
            name: (*name).to_owned(),
            endpoint: (*endpoint).to_owned(),
        };
        Configuration {
            members: all.iter().map(member).collect(),
        }
    }

    fn code(wanted: &[(u64, &str, &str)], before: &[(u64, &str, &str)]) -> Option<Code> {
        check(&members(wanted), &members(before)).err().map(|(code, _)| code)
    }

    #[test]
    fn who_is_new_or_elsewhere_has_a_name_and_an_endpoint_that_can_be_printed_and_found() {
        let solo = (1, "solo\u{7}", "");
        for endpoint in ["host:7101", "10.0.0.1:1", "[::1]:65535", "[fe80::1.2.3.4]:80"] {
            assert_eq!(code(&[solo, (2, "b", endpoint)], &[solo]), None, "{endpoint}");
        }
        for endpoint in [
            "",
            ":7101",
            "[]:7101",
            "host",
            "host:",
            "host:0",
            "host:65536",
            "host:+1",
            "a b:1",
            "a\n:1",
            "a\u{1b}[2J:1",
            "a:b:1",
            "::1:7101",
            "[x]:1",
            "unix:/a",
            "a,b:1",
            "a=b:1",
            "host:123456",
        ] {
            let refused = Some(Code::AddressInvalid);
            assert_eq!(code(&[solo, (2, "b", endpoint)], &[solo]), refused, "{endpoint:?}");
            assert_eq!(
                code(&[(1, "a", endpoint)], &[(1, "a", "host:1")]),
                refused,
                "{endpoint:?}"
            );
            assert_eq!(code(&[(1, "a", endpoint)], &[(1, "a", endpoint)]), None, "as it was");
        }
        for name in ["\0", "a\nb", "\u{1b}[31m", "\u{85}"] {
            assert_eq!(
                code(&[(2, name, "host:1")], &[]),
                Some(Code::InvalidArgument),
                "{name:?}"
            );
        }
        let twice = [(1, "a", "host:1"), (2, "b", "host:1")];
        assert_eq!(code(&twice, &twice[..1]), Some(Code::InvalidArgument));
        assert_eq!(code(&twice, &twice), None);
    }
}

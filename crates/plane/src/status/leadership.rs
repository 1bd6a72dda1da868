//! Who leads, and why nobody does, as far as this member can tell: whom it does not reach, and what they or the system said.
//! Decides nothing.

use rafterdb_net::PeerStats;
use serde_json::{json, Value};

use crate::ground::log_line::escaped;
use crate::network::Wire;
use crate::state::group::Group;
use crate::status::report::Status;

/// Between the text of an error and its details.
const DETAILS: char = '\0';

impl Status {
    /// The text of `NO_LEADER`: who is not reached and why; and the same as JSON behind it (FORMATS.md, requests and responses).
    #[must_use]
    pub fn no_leader(&self) -> String {
        let peers = self.peer_stats();
        let reasons: Vec<_> = peers.iter().filter_map(|peer| self.reason(peer)).collect();
        let text = match (self.reaches_majority(&peers), reasons.is_empty()) {
            (false, _) => format!("no leader: {}", reasons.join(", ")),
            (true, true) => "no leader yet: all members are reached, and have not elected one".to_owned(),
            (true, false) => format!(
                "no leader yet: a majority is reached and has not elected one; {}",
                reasons.join(", ")
            ),
        };
        format!("{text}{DETAILS}{}", json!({ "members": self.peers_json(&peers) }))
    }

    /// Whether more than half of those that vote are reached, this member among them.
    fn reaches_majority(&self, peers: &[PeerStats]) -> bool {
        let is_reached = |id| id == self.id || peers.iter().any(|peer| peer.id == id && peer.reached);
        let members = self.roster.now();
        let voters = members.iter().filter(|member| member.votes);
        let reached = voters.clone().filter(|member| is_reached(member.peer.id)).count();
        reached * 2 > voters.count()
    }

    /// Tells who leads a group from now on. Of many groups only now and then: they change together.
    pub fn note_leader(&self, group: &Group, term: u64, leader: u64) {
        let text = || {
            let of = if self.groups.len() == 1 {
                String::new()
            } else {
                format!("group {}: ", group.id)
            };
            match self.roster.now().find(leader) {
                Some(member) => format!("{of}{} leads in term {term}", member.peer.name),
                None => format!("{of}no leader in term {term}"),
            }
        };
        if self.groups.len() == 1 {
            self.member_log.info(&text());
        } else {
            self.leaders.say(text, |text| self.member_log.info(text));
        }
    }

    /// How it stands with every other member: `PeerStatus` of src/client/api.ts.
    #[must_use]
    pub fn peers_json(&self, peers: &[PeerStats]) -> Vec<Value> {
        peers
            .iter()
            .map(|peer| {
                let failure = peer.failure.as_ref().filter(|_| !peer.reached);
                json!({
                    "name": peer.name,
                    "endpoint": self.endpoint_of(peer.id),
                    "connected": peer.reached,
                    "code": failure.map(|error| error.code.name()),
                    "message": failure.map(|error| escaped(&error.text)),
                })
            })
            .collect()
    }

    /// How it stands with the others, by name.
    #[must_use]
    pub fn peer_stats(&self) -> Vec<PeerStats> {
        let mut peers = self.network.get().map(Wire::peer_stats).unwrap_or_default();
        peers.sort_by(|one, other| one.name.cmp(&other.name));
        peers
    }

    /// Why a member is not reached; `None`: it is.
    fn reason(&self, peer: &PeerStats) -> Option<String> {
        if peer.reached {
            return None;
        }
        let endpoint = self.endpoint_of(peer.id);
        let name = &peer.name;
        Some(match &peer.failure {
            None => format!("{name} at {endpoint} has not answered yet"),
            Some(error) => {
                let text = escaped(&error.text);
                // Most of them begin with it.
                let text = text.strip_prefix(&endpoint).unwrap_or(&text).trim_start();
                format!("{name} at {endpoint} {text} ({})", error.code.name())
            }
        })
    }

    fn endpoint_of(&self, id: u64) -> String {
        let members = self.roster.now();
        members
            .find(id)
            .map_or_else(String::new, |member| member.peer.endpoint.clone())
    }
}

//! Who the members are, at which addresses: a value that is replaced as a whole when the core says so, and that everybody else reads
//! without a lock. Tells the network; knows nothing of what waits for a member that has left.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use parking_lot::Mutex;
use rafterdb_codec::{Code, ConfigurationEntry};
use rafterdb_net::PeerConfig;

use crate::config::{hash_of_names, Peer};
use crate::ground::error::PlaneError;
use crate::network::configurations::Configurations;
use crate::network::Network;

/// One of the members.
#[derive(Clone, Debug)]
pub struct RosterMember {
    /// Its name and address.
    pub peer: Peer,
    /// Whether it votes in any group; else it only learns.
    pub votes: bool,
    /// Whether it has no data.
    pub is_witness: bool,
    /// Of those that can lead the one with the highest should.
    pub priority: u8,
}

/// The members at one moment, this one too, in the order of their numbers. The roster of a member that was removed lacks it.
#[derive(Debug)]
pub struct Members {
    me: u64,
    all: Vec<RosterMember>,
}

impl Members {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &RosterMember> + Clone {
        self.all.iter()
    }

    /// All but this one.
    pub fn others(&self) -> impl Iterator<Item = &RosterMember> {
        self.all.iter().filter(|member| member.peer.id != self.me)
    }

    /// One of them.
    #[must_use]
    pub fn find(&self, id: u64) -> Option<&RosterMember> {
        self.all.iter().find(|member| member.peer.id == id)
    }

    /// Whether there are no others.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.others().next().is_none()
    }

    /// All of them as users see them.
    #[must_use]
    pub fn peers(&self) -> Vec<&Peer> {
        self.all.iter().map(|member| &member.peer).collect()
    }

    /// What members that do not know their cluster's identity yet compare (FORMATS.md, hello).
    #[must_use]
    pub fn hash(&self) -> u64 {
        hash_of_names(self.all.iter().map(|member| member.peer.name.clone()).collect())
    }

    /// The others as the network is told of them.
    #[must_use]
    pub fn peer_configs(&self) -> Vec<PeerConfig> {
        let config = |member: &RosterMember| PeerConfig {
            id: member.peer.id,
            name: member.peer.name.clone(),
            endpoint: member.peer.endpoint.clone(),
        };
        self.others().map(config).collect()
    }
}

/// What is known of one group's members.
struct OfGroup {
    /// What its log says, with names and endpoints.
    configurations: Configurations,
    /// Whom the core named last, and whether they vote.
    members: Vec<(u64, bool)>,
}

impl OfGroup {
    /// A member's name, where it is, and what.
    fn find(&self, id: u64, votes: bool) -> Option<RosterMember> {
        let member = self.configurations.current().configuration.find(id)?;
        Some(RosterMember {
            peer: Peer {
                id,
                name: member.name.clone(),
                endpoint: member.endpoint.clone(),
            },
            votes,
            is_witness: member.is_witness(),
            priority: member.priority,
        })
    }
}

/// What changes are made of.
struct Known {
    groups: Vec<OfGroup>,
}

impl Known {
    /// Who is a member of any group.
    fn members(&self, me: u64) -> Result<Members, PlaneError> {
        let mut votes = BTreeMap::<u64, bool>::new();
        for (id, does) in self.groups.iter().flat_map(|group| &group.members) {
            *votes.entry(*id).or_default() |= does;
        }
        let member = |(id, votes): (u64, bool)| {
            // Where groups differ, as one is changed after the other, any will do: a later one is told soon.
            self.groups.iter().find_map(|group| group.find(id, votes))
        };
        let all: Option<_> = votes.into_iter().map(member).collect();
        let all = all.ok_or_else(|| PlaneError::new(Code::Internal, "roster: a member that no configuration names"))?;
        Ok(Members { me, all })
    }
}

/// The members.
pub struct Roster {
    me: u64,
    now: ArcSwap<Members>,
    /// Locked over a change, so that the network is told of changes in their order.
    known: Mutex<Known>,
    network: Arc<Network>,
}

impl Roster {
    /// The members at the start, who vote in all of so many groups.
    #[must_use]
    pub fn new(me: u64, peers: &[Peer], groups: u16, network: Arc<Network>) -> Self {
        let all = peers.iter().map(|peer| RosterMember {
            peer: peer.clone(),
            votes: true,
            is_witness: false,
            priority: 0,
        });
        let all = all.collect();
        let votes: Vec<_> = peers.iter().map(|peer| (peer.id, true)).collect();
        let group = |_| OfGroup {
            configurations: Configurations::new(peers),
            members: votes.clone(),
        };
        let known = Known {
            groups: (0..groups).map(group).collect(),
        };
        Self {
            me,
            now: ArcSwap::from_pointee(Members { me, all }),
            known: Mutex::new(known),
            network,
        }
    }

    /// Who is a member now. No lock; a caller that looks twice may see two moments.
    #[must_use]
    pub fn now(&self) -> Guard<Arc<Members>> {
        self.now.load()
    }

    /// The configuration of a group that is in force: the last one of its log, committed or not.
    #[must_use]
    pub fn current(&self, group: u16) -> Arc<ConfigurationEntry> {
        self.known.lock().groups[usize::from(group)]
            .configurations
            .current()
            .clone()
    }

    /// What a group's store and log have at the start, before the network begins. Errors: none that can be; see `set`.
    pub fn open(&self, group: u16, entries: Vec<ConfigurationEntry>) -> Result<(), PlaneError> {
        self.change(group, |configurations| configurations.open(entries));
        let current = self.current(group);
        let members = current.configuration.members.iter();
        let votes = members.map(|member| (member.id, member.votes())).collect();
        self.set(group, votes).map(|_| ())
    }

    /// An entry of a group's log is a configuration. The core names its members next. `commit`: what is committed.
    pub fn append(&self, group: u16, entry: ConfigurationEntry, commit: u64) {
        self.change(group, |configurations| configurations.append(entry, commit));
    }

    /// A group's log was cut from `first` on.
    pub fn truncate(&self, group: u16, first: u64) {
        self.change(group, |configurations| configurations.truncate(first));
    }

    /// A group's log begins anew after a snapshot that has this configuration.
    pub fn reset(&self, group: u16, entry: Option<Arc<ConfigurationEntry>>) {
        self.change(group, |configurations| configurations.reset(entry));
    }

    fn change(&self, group: u16, change: impl FnOnce(&mut Configurations)) {
        change(&mut self.known.lock().groups[usize::from(group)].configurations);
    }

    /// A group's members, and whether they vote, are these from now on, with the names and endpoints of its configuration in force; who
    /// is a member of any group is connected. Returns who was a member and is none any more: what waits for them waits in vain. Errors:
    /// `INTERNAL`, somebody whom no configuration names; then all is as it was.
    pub fn set(&self, group: u16, members: Vec<(u64, bool)>) -> Result<Vec<u64>, PlaneError> {
        let mut known = self.known.lock();
        let before = std::mem::replace(&mut known.groups[usize::from(group)].members, members);
        let after = match known.members(self.me) {
            Ok(after) => Arc::new(after),
            Err(error) => {
                known.groups[usize::from(group)].members = before;
                return Err(error);
            }
        };
        let before = self.now.swap(after.clone());
        if let Some(wire) = self.network.get() {
            wire.set_peers(after.hash(), &after.peer_configs());
        }
        let others = before.others().map(|member| member.peer.id);
        Ok(others.filter(|id| after.find(*id).is_none()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roster() -> Roster {
        let peer = |id| Peer {
            id,
            name: format!("member-{id}"),
            endpoint: format!("127.0.0.1:{id}"),
        };
        Roster::new(1, &[peer(1), peer(2)], 2, Arc::new(Network::default()))
    }

    #[test]
    fn members_of_whom_one_is_unknown_change_nothing() {
        let roster = roster();
        let refused = roster.set(0, vec![(1, true), (9, true)]).map_err(|error| error.code);
        assert_eq!(refused, Err(Code::Internal));
        // Nor is it held against what is said next, of any group.
        assert_eq!(
            roster.set(1, vec![(1, true)]).ok(),
            Some(vec![]),
            "group 0 still has both"
        );
        assert_eq!(roster.set(0, vec![(1, true)]).ok(), Some(vec![2]));
    }
}

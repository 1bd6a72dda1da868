//! One group's configurations, as its log has them: who the members are from which entry on, with their names and endpoints, back to the
//! one that is committed for certain. Knows no network, and of no entry more than that.

use std::sync::Arc;

use rafterdb_codec::{Configuration, ConfigurationEntry, ConfiguredMember, PART_INCOMING};

use crate::config::Peer;

/// The last one is in force, whether it is committed or not.
pub struct Configurations {
    /// What `open` was given: what the group returns to when all else is cut.
    founding: Arc<ConfigurationEntry>,
    /// Ascending. All but the first may still be cut off the log.
    kept: Vec<Arc<ConfigurationEntry>>,
}

impl Configurations {
    /// Of a group whose log tells nothing of members: all of these vote.
    #[must_use]
    pub fn new(founders: &[Peer]) -> Self {
        let member = |peer: &Peer| ConfiguredMember {
            id: peer.id,
            part: PART_INCOMING,
            priority: 0,
            name: peer.name.clone(),
            endpoint: peer.endpoint.clone(),
        };
        let founding = Arc::new(ConfigurationEntry {
            index: 0,
            term: 0,
            configuration: Configuration {
                members: founders.iter().map(member).collect(),
            },
        });
        Self {
            kept: vec![founding.clone()],
            founding,
        }
    }

    /// The one in force.
    #[must_use]
    pub fn current(&self) -> &Arc<ConfigurationEntry> {
        self.kept.last().expect("invariant: one is always kept")
    }

    /// Takes what store and log have at the start. Where a member is by what `open` was given counts more: so a cluster starts again whose
    /// addresses all changed while it was down.
    pub fn open(&mut self, entries: Vec<ConfigurationEntry>) {
        for mut entry in entries {
            for member in &mut entry.configuration.members {
                let mut given = self.founding.configuration.members.iter();
                if let Some(given) = given.find(|given| given.name == member.name && !given.endpoint.is_empty()) {
                    member.endpoint.clone_from(&given.endpoint);
                }
            }
            self.kept.push(Arc::new(entry));
        }
    }

    /// The log's newest entry is one. Forgets what it can never return to, as all up to `commit` is committed.
    pub fn append(&mut self, entry: ConfigurationEntry, commit: u64) {
        assert!(
            entry.index > self.current().index,
            "configurations ascend: {} after {}",
            entry.index,
            self.current().index
        );
        let settled = self.kept.iter().rposition(|kept| kept.index <= commit).unwrap_or(0);
        self.kept.drain(..settled);
        self.kept.push(Arc::new(entry));
    }

    /// The log was cut from `first` on.
    pub fn truncate(&mut self, first: u64) {
        let kept = self.kept.partition_point(|kept| kept.index < first);
        self.kept.truncate(kept.max(1));
    }

    /// The log begins anew after a snapshot, whose configuration this is; `None`: it knows of no change.
    pub fn reset(&mut self, entry: Option<Arc<ConfigurationEntry>>) {
        self.kept.clear();
        self.kept.push(entry.unwrap_or_else(|| self.founding.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configurations() -> Configurations {
        Configurations::new(&[peer("a", "given:1"), peer("b", "")])
    }

    fn peer(name: &str, endpoint: &str) -> Peer {
        Peer {
            id: crate::config::id_of(name),
            name: name.to_owned(),
            endpoint: endpoint.to_owned(),
        }
    }

    /// A configuration of `a` and `b`, both at an endpoint of its own.
    fn entry(index: u64) -> ConfigurationEntry {
        let endpoint = format!("log:{index}");
        let peers = [peer("a", &endpoint), peer("b", &endpoint)];
        let founding = Configurations::new(&peers).founding;
        ConfigurationEntry {
            index,
            term: 1,
            configuration: founding.configuration.clone(),
        }
    }

    /// Its index and the endpoint of `a` and `b` in it.
    fn current(configurations: &Configurations) -> (u64, String, String) {
        let current = configurations.current();
        let [a, b] = &current.configuration.members[..] else {
            panic!("there are two members");
        };
        (current.index, a.endpoint.clone(), b.endpoint.clone())
    }

    fn of(index: u64, a: &str, b: &str) -> (u64, String, String) {
        (index, a.to_owned(), b.to_owned())
    }

    #[test]
    fn an_endpoint_that_open_was_given_counts_more_than_the_logs_and_less_than_a_later_one() {
        let mut kept = configurations();
        kept.open(vec![entry(2), entry(4)]);
        assert_eq!(current(&kept), of(4, "given:1", "log:4"));
        kept.append(entry(6), 3);
        assert_eq!(current(&kept), of(6, "log:6", "log:6"));
        kept.truncate(6);
        assert_eq!(current(&kept), of(4, "given:1", "log:4"));
    }

    #[test]
    fn what_is_cut_gives_way_to_the_one_before_and_what_is_committed_is_not_cut() {
        let mut kept = configurations();
        kept.append(entry(2), 0);
        kept.append(entry(4), 1);
        kept.truncate(5);
        assert_eq!(kept.current().index, 4);
        kept.truncate(4);
        assert_eq!(kept.current().index, 2);
        kept.truncate(1);
        assert_eq!(kept.current().index, 0, "the founding one");
        kept.append(entry(2), 0);
        kept.append(entry(4), 2);
        assert_eq!(kept.kept.len(), 2, "what nobody returns to is forgotten");
        kept.append(entry(6), 5);
        assert_eq!(kept.kept.len(), 2);
    }

    #[test]
    fn a_snapshot_brings_its_own_or_the_founding_one() {
        let mut kept = configurations();
        kept.append(entry(2), 0);
        kept.reset(Some(Arc::new(entry(9))));
        assert_eq!(current(&kept), of(9, "log:9", "log:9"));
        kept.reset(None);
        assert_eq!(current(&kept), of(0, "given:1", ""));
    }
}

//! Which snapshots are sent, and which wait for their turn: so many at a time, and no two of one group to one member. Knows nothing of
//! how they are sent.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use rafterdb_codec::limits;

use crate::snapshots::outgoing::Outgoing;

const _: () = assert!(
    limits::SNAPSHOTS_SENT_TO_ONE_MAX * (limits::MEMBERS_MAX - 1) <= limits::SNAPSHOTS_RECEIVED_MAX
        && limits::SNAPSHOTS_SENT_TO_ONE_MAX * limits::SNAPSHOT_WINDOW_BYTES_MAX <= limits::SEND_QUEUE_BYTES_MAX,
    "whoever keeps to the bounds of sending is refused by nobody"
);

/// A snapshot that is sent.
struct Sent {
    outgoing: Arc<Outgoing>,
    /// It was asked for again: nobody wants to hear how this one ends.
    is_superseded: bool,
}

/// Snapshots that are sent, by their number of the member, and those that wait.
#[derive(Default)]
pub struct Turns {
    sent: HashMap<u64, Sent>,
    /// Group and peer of each, in the order in which they were asked for.
    waiting: VecDeque<(u16, u64)>,
}

impl Turns {
    /// A snapshot is wanted. One that is being sent there ends for it: the core that asked has forgotten it.
    pub fn ask(&mut self, group: u16, peer: u64) {
        for sent in self.sent.values_mut() {
            if (sent.outgoing.group, sent.outgoing.peer) == (group, peer) {
                sent.is_superseded = true;
                sent.outgoing.give_up();
            }
        }
        if !self.waiting.contains(&(group, peer)) {
            self.waiting.push_back((group, peer));
        }
    }

    /// The next one whose turn it is, which is sent from now on as number `id`.
    pub fn next(&mut self, id: impl FnOnce() -> u64) -> Option<(u64, Arc<Outgoing>)> {
        if self.sent.len() >= limits::SNAPSHOTS_SENT_MAX {
            return None;
        }
        let at = self
            .waiting
            .iter()
            .position(|(group, peer)| self.may_begin(*group, *peer))?;
        let (group, peer) = self.waiting.remove(at)?;
        let (id, outgoing) = (id(), Arc::new(Outgoing::new(group, peer)));
        self.add(id, outgoing.clone());
        Some((id, outgoing))
    }

    fn may_begin(&self, group: u16, peer: u64) -> bool {
        let to_peer = || self.sent.values().filter(|sent| sent.outgoing.peer == peer);
        to_peer().count() < limits::SNAPSHOTS_SENT_TO_ONE_MAX && to_peer().all(|sent| sent.outgoing.group != group)
    }

    /// One is sent as number `id`.
    pub fn add(&mut self, id: u64, outgoing: Arc<Outgoing>) {
        let is_superseded = false;
        self.sent.insert(
            id,
            Sent {
                outgoing,
                is_superseded,
            },
        );
    }

    /// The one of that number.
    #[must_use]
    pub fn get(&self, id: u64) -> Option<Arc<Outgoing>> {
        self.sent.get(&id).map(|sent| sent.outgoing.clone())
    }

    /// All that are sent.
    pub fn sent(&self) -> impl Iterator<Item = &Outgoing> {
        self.sent.values().map(|sent| &*sent.outgoing)
    }

    /// One has ended. Whether the core is to hear of it.
    pub fn end(&mut self, id: u64) -> bool {
        self.sent.remove(&id).is_some_and(|sent| !sent.is_superseded)
    }

    /// The peer is no member any more; `None`: nobody is.
    pub fn forget(&mut self, peer: Option<u64>) {
        let is_meant = |other: u64| peer.is_none_or(|peer| peer == other);
        self.waiting.retain(|(_, peer)| !is_meant(*peer));
        for outgoing in self.sent().filter(|outgoing| is_meant(outgoing.peer)) {
            outgoing.give_up();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(turns: &mut Turns, first_id: u64) -> Vec<(u16, u64)> {
        let mut ids = first_id..;
        std::iter::from_fn(|| turns.next(|| ids.next().unwrap()))
            .map(|(_, outgoing)| (outgoing.group, outgoing.peer))
            .collect()
    }

    #[test]
    fn so_many_are_sent_at_a_time_and_the_others_in_turn() {
        let mut turns = Turns::default();
        for (group, peer) in [(0, 1), (1, 1), (2, 1), (3, 1), (0, 2), (0, 3), (0, 4)] {
            turns.ask(group, peer);
        }
        assert_eq!(begun(&mut turns, 10), [(0, 1), (1, 1), (0, 2), (0, 3)]);
        assert!(turns.end(10));
        assert_eq!(begun(&mut turns, 20), [(2, 1)], "whoever asked first");
        assert!(turns.end(12));
        assert_eq!(begun(&mut turns, 30), [(0, 4)], "2 go to the first peer already");
    }

    #[test]
    fn one_that_is_asked_for_again_takes_the_place_of_the_one_before() {
        let mut turns = Turns::default();
        turns.ask(0, 1);
        turns.ask(0, 1);
        assert_eq!(begun(&mut turns, 10), [(0, 1)]);
        turns.ask(0, 1);
        assert_eq!(begun(&mut turns, 20), [], "not before the first has ended");
        let silence = std::time::Duration::ZERO;
        assert!(
            turns.get(10).unwrap().wait(None, 0, silence).is_err(),
            "it was given up"
        );
        assert!(!turns.end(10), "the core waits for the second one");
        assert_eq!(begun(&mut turns, 20), [(0, 1)]);
        assert!(turns.end(20));
    }

    #[test]
    fn who_is_no_member_any_more_is_sent_nothing() {
        let mut turns = Turns::default();
        for (group, peer) in [(0, 1), (1, 1), (2, 1), (0, 2)] {
            turns.ask(group, peer);
        }
        assert_eq!(begun(&mut turns, 10), [(0, 1), (1, 1), (0, 2)]);
        turns.forget(Some(1));
        let silence = std::time::Duration::ZERO;
        let ends = [10, 11, 12].map(|id| turns.get(id).unwrap().wait(None, 0, silence).unwrap_err().kind());
        let (broken, silent) = (std::io::ErrorKind::BrokenPipe, std::io::ErrorKind::TimedOut);
        assert_eq!(ends, [broken, broken, silent]);
        assert!(turns.end(10) && turns.end(11));
        assert_eq!(begun(&mut turns, 20), [], "nor what waited");
    }
}

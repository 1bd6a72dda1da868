//! How a leader with a lease knows what a linearizable read must see. Two facts, told by the core at different moments, that
//! must agree: whoever may lead has all that was committed before. Generic over the words, so that a model can try every order.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that one thread writes and others read: the real one, or that of a model.
pub trait Word {
    /// Reads it, with all that was written before it.
    fn load(&self) -> u64;
}

impl Word for AtomicU64 {
    fn load(&self) -> u64 {
        Self::load(self, Ordering::Acquire)
    }
}

/// Whether the lease, whose end is given as the bits of an f64 in ms of the clock, holds at `now`.
pub fn holds(lease_until: &impl Word, now: f64) -> bool {
    now < f64::from_bits(lease_until.load())
}

/// The committed index that a read which begins at `now` must see; `None` if somebody must be asked, as the lease does not hold.
///
/// The lease is looked at first. It is granted when the leader's first entry is applied, so what is read of `commit` after that
/// covers all that earlier leaders committed. An index that was read before may be a follower's, from long before the election.
pub fn leased_index(commit: &impl Word, lease_until: &impl Word, now: f64) -> Option<u64> {
    holds(lease_until, now).then(|| commit.load())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use loom::sync::atomic::AtomicU64 as ModelWord;

    impl Word for ModelWord {
        fn load(&self) -> u64 {
            Self::load(self, Ordering::Acquire)
        }
    }

    /// What another leader has committed when the read begins; this member, still a follower then, has heard of less.
    const COMMITTED: u64 = 7;
    const HEARD_OF: u64 = 3;

    #[derive(Default)]
    struct Group {
        commit: ModelWord,
        lease_until: ModelWord,
    }

    type Index = fn(&Group) -> Option<u64>;

    fn ours(group: &Group) -> Option<u64> {
        leased_index(&group.commit, &group.lease_until, 0.0)
    }

    /// The canary: the index before the lease.
    fn index_first(group: &Group) -> Option<u64> {
        let commit = Word::load(&group.commit);
        holds(&group.lease_until, 0.0).then_some(commit)
    }

    /// A member becomes leader beside a read: it commits its own first entry, and with it all before, then has a lease.
    fn a_read_sees_what_was_committed_before_it(index: Index) {
        loom::model(move || {
            let group = Arc::new(Group::default());
            group.commit.store(HEARD_OF, Ordering::Release);
            let worker = loom::thread::spawn({
                let group = Arc::clone(&group);
                move || {
                    group.commit.fetch_max(COMMITTED + 1, Ordering::AcqRel);
                    group.lease_until.store(1f64.to_bits(), Ordering::Release);
                }
            });
            let index = index(&group);
            assert!(index.is_none_or(|index| index >= COMMITTED), "a read at {index:?}");
            worker.join().expect("the worker ends");
        });
    }

    #[test]
    fn a_read_beside_an_election_sees_all_that_was_committed() {
        a_read_sees_what_was_committed_before_it(ours);
    }

    #[test]
    #[should_panic(expected = "a read at Some(3)")]
    fn an_index_from_before_the_lease_is_noticed() {
        a_read_sees_what_was_committed_before_it(index_first);
    }
}

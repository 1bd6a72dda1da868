//! Whether this member still is one, and who was one, by what is applied: nothing else is for good. Knows nothing of what follows from it.

use std::sync::Arc;

use parking_lot::Mutex;
use rafterdb_codec::Code;

use crate::ground::error::PlaneError;
use crate::state::group::StoreMachine;
use crate::state::groups::IDENTITY_GROUP;

/// What a member must know of itself in its next life. Durable when it returns.
pub trait Memory: Send + Sync {
    /// The configuration at that index of the first group is applied here, and has this member: said once a life, the first counts.
    fn joined(&self, index: u64) -> Result<(), PlaneError>;
    /// The configuration at that index of the first group is committed and lacks it, for good.
    fn removed(&self, index: u64) -> Result<(), PlaneError>;
}

/// Who is a member by the last configuration of a group that was applied.
struct Applied {
    index: u64,
    members: Vec<u64>,
}

struct Known {
    /// Index, in the first group, of an applied configuration that has this member: every later one that lacks it came after its removal, as
    /// nobody gets a number twice. A founder's is 0. `None`: there was none yet, and those without it say nothing.
    joined: Option<u64>,
    /// Whether the memory was told of one in this life.
    is_told: bool,
    /// Of each group; `None`: its members never changed.
    applied: Vec<Option<Applied>>,
}

impl Known {
    /// The index, in the first group, of the configuration by which somebody is in no group any more.
    fn removed(&self, id: u64) -> Option<u64> {
        let lacks = |applied: &Option<Applied>| applied.as_ref().is_some_and(|last| !last.members.contains(&id));
        let first = self.applied[usize::from(IDENTITY_GROUP)].as_ref()?;
        self.applied.iter().all(lacks).then_some(first.index)
    }
}

/// What the applied configurations of all groups say.
pub struct Membership {
    id: u64,
    name: String,
    known: Mutex<Known>,
    memory: Arc<dyn Memory>,
}

impl Membership {
    /// Of the member `id` of so many groups; `joined`: as [`Memory::joined`] was told last, 0 of a founder.
    #[must_use]
    pub fn new((id, name): (u64, &str), groups: u16, joined: Option<u64>, memory: Arc<dyn Memory>) -> Self {
        let applied = (0..groups).map(|_| None).collect();
        Self {
            id,
            name: name.to_owned(),
            known: Mutex::new(Known {
                joined,
                is_told: false,
                applied,
            }),
            memory,
        }
    }

    /// The last configuration that is applied in a group has these members. Errors: `MEMBER_REMOVED`, by it this member is none any more;
    /// those of the memory.
    pub fn applied(&self, group: u16, index: u64, members: Vec<u64>) -> Result<(), PlaneError> {
        let removed = {
            let mut known = self.known.lock();
            if group == IDENTITY_GROUP && !known.is_told && members.contains(&self.id) {
                known.is_told = true;
                known.joined.get_or_insert(index);
                drop(known);
                reach("member.joined")?;
                self.memory.joined(index)?;
                known = self.known.lock();
            }
            known.applied[usize::from(group)] = Some(Applied { index, members });
            known
                .removed(self.id)
                .filter(|removed| known.joined.is_some_and(|joined| joined <= *removed))
        };
        removed.map_or(Ok(()), |index| Err(self.end(index)))
    }

    /// Another member says that the configuration at `index` of the first group is committed and lacks this one: why it must end, if that
    /// is news. It is none from before it joined.
    #[must_use]
    pub fn told_removed(&self, index: u64) -> Option<PlaneError> {
        let is_later = self.known.lock().joined.is_some_and(|joined| joined <= index);
        is_later.then(|| self.end(index))
    }

    /// Whether another one is no member of any group any more, or was none up to what is applied here: the index of the first group's
    /// configuration that says so.
    #[must_use]
    pub fn removed(&self, id: u64) -> Option<u64> {
        self.known.lock().removed(id)
    }

    /// It is over: what to say.
    fn end(&self, index: u64) -> PlaneError {
        let noted = reach("member.removed")
            .and_then(|()| self.memory.removed(index))
            .and_then(|()| reach("member.removed.noted"));
        if let Err(error) = noted {
            return error;
        }
        PlaneError::new(Code::MemberRemoved, removed_text(&self.name, index))
    }
}

/// A fault point between two steps.
fn reach(name: &str) -> Result<(), PlaneError> {
    rafterdb_fault::point(name).map_err(|e| PlaneError::io("note who the members are", &e))
}

/// Tells who the members are by what a group's machine has applied. Errors: as [`Membership::applied`].
pub fn note_members(membership: &Membership, group: u16, machine: &StoreMachine) -> Result<(), PlaneError> {
    let Some(last) = machine.status().configuration else {
        return Ok(());
    };
    let members = last.configuration.members.iter().map(|member| member.id).collect();
    membership.applied(group, last.index, members)
}

/// What is said of a member that was removed.
#[must_use]
pub fn removed_text(name: &str, index: u64) -> String {
    format!(
        "{name} was removed from its cluster (entry {index}). Its data directory is of no use to it any more; to join again, it \
         needs a new one"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Remembered {
        joined: Mutex<Vec<u64>>,
        removed: Mutex<Vec<u64>>,
    }

    impl Memory for Remembered {
        fn joined(&self, index: u64) -> Result<(), PlaneError> {
            self.joined.lock().push(index);
            Ok(())
        }

        fn removed(&self, index: u64) -> Result<(), PlaneError> {
            self.removed.lock().push(index);
            Ok(())
        }
    }

    fn member(groups: u16, joined: Option<u64>) -> (Membership, Arc<Remembered>) {
        let memory = Arc::<Remembered>::default();
        (Membership::new((4, "d"), groups, joined, memory.clone()), memory)
    }

    fn code(result: Result<(), PlaneError>) -> Option<Code> {
        result.err().map(|error| error.code)
    }

    #[test]
    fn what_lacks_a_member_before_it_joined_says_nothing_and_what_lacks_it_later_ends_it() {
        let (member, memory) = member(1, None);
        assert_eq!(
            code(member.applied(0, 10, vec![1, 2, 3])),
            None,
            "it only learns of the past"
        );
        assert!(member.told_removed(15).is_none(), "nor does who is behind");
        assert_eq!(code(member.applied(0, 20, vec![1, 2, 3, 4])), None);
        assert_eq!(code(member.applied(0, 25, vec![1, 2, 4])), None);
        assert!(member.told_removed(19).is_none());
        assert_eq!(*memory.joined.lock(), [20], "once");
        assert_eq!(code(member.applied(0, 30, vec![1, 2])), Some(Code::MemberRemoved));
        assert_eq!(*memory.removed.lock(), [30]);
    }

    #[test]
    fn a_founder_is_removed_by_whatever_lacks_it() {
        let (member, memory) = member(1, Some(0));
        assert_eq!(code(member.applied(0, 10, vec![1, 2, 4])), None);
        assert!(member.told_removed(12).is_some());
        assert_eq!(
            (&memory.joined.lock()[..], &memory.removed.lock()[..]),
            (&[10][..], &[12][..])
        );
        let (again, _) = self::member(1, Some(0));
        assert_eq!(code(again.applied(0, 10, vec![1, 2])), Some(Code::MemberRemoved));
    }

    #[test]
    fn who_is_left_in_one_group_is_a_member() {
        let (member, _) = member(2, Some(0));
        assert_eq!(
            code(member.applied(0, 10, vec![1, 2])),
            None,
            "nobody has changed the other group"
        );
        assert_eq!(member.removed(3), None);
        assert_eq!(code(member.applied(1, 90, vec![1, 2, 4])), None);
        assert_eq!(member.removed(3), Some(10), "by the first group");
        assert_eq!(code(member.applied(1, 95, vec![1, 2])), Some(Code::MemberRemoved));
    }

    #[test]
    fn nobody_was_removed_where_members_never_changed() {
        let (member, _) = member(1, Some(0));
        assert_eq!(member.removed(9), None);
    }
}

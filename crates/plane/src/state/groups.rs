//! All groups of a member, by number. Knows nothing of what happens in them.

use std::sync::Arc;

use crate::state::group::Group;

/// The group whose state machine keeps the cluster's identity: every leader's first entry there offers one, and the first that
/// is applied counts. In all else it is a group like any other.
pub const IDENTITY_GROUP: u16 = 0;

/// The groups.
pub struct Groups(Vec<Arc<Group>>);

impl Groups {
    /// Each at the place of its number.
    #[must_use]
    pub const fn new(groups: Vec<Arc<Group>>) -> Self {
        Self(groups)
    }

    /// The group of a number that the core or the log knows.
    #[must_use]
    pub fn get(&self, id: u16) -> &Arc<Group> {
        &self.0[usize::from(id)]
    }

    /// The group of a number that somebody else gave.
    #[must_use]
    pub fn find(&self, id: u16) -> Option<&Arc<Group>> {
        self.0.get(usize::from(id))
    }

    /// All of them, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Arc<Group>> {
        self.0.iter()
    }

    /// How many.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// The cluster's identity; 0: this member has not learnt it yet.
    #[must_use]
    pub fn cluster(&self) -> u64 {
        self.get(IDENTITY_GROUP).machine().status().cluster
    }
}

impl<'a> IntoIterator for &'a Groups {
    type Item = &'a Arc<Group>;
    type IntoIter = std::slice::Iter<'a, Arc<Group>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

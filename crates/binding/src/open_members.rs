//! The open members of the process, by number, from every thread. Knows no environments and no calls.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};

use napi::{Result, Status};
use parking_lot::RwLock;
use rafterdb_plane::Member;

static MEMBERS: LazyLock<RwLock<HashMap<u32, Arc<Member>>>> = LazyLock::new(RwLock::default);
static NEXT: AtomicU32 = AtomicU32::new(1);

/// A number that no member has had.
pub fn next_number() -> u32 {
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Puts a member on the list.
pub fn insert(number: u32, member: Arc<Member>) {
    MEMBERS.write().insert(number, member);
}

/// The member of a number; a number that is not known is a bug of the caller.
pub fn find(member: u32) -> Result<Arc<Member>> {
    let found = MEMBERS.read().get(&member).cloned();
    found.ok_or_else(|| napi::Error::new(Status::InvalidArg, format!("no member {member} is open")))
}

/// Takes a member off the list, for whoever closes it; `None` if somebody has.
pub fn forget(member: u32) -> Option<Arc<Member>> {
    MEMBERS.write().remove(&member)
}

//! Watches of all groups: between the state machines, which know watches by number, and their askers. A watch may wait for its turn
//! to begin (`Read::Watch`): until then it is in no state machine, and what is said about it meanwhile is kept here.

use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

use parking_lot::{Condvar, Mutex};
use rafterdb_codec::{parse_number, parse_watch_credit, Code, RequestKind, WatchRequest};
use rafterdb_store::{StoreError, WatchId};

use crate::askers::asker::{Asker, Waiter};
use crate::askers::deliveries::Deliveries;
use crate::ground::directory_names::named;
use crate::state::group::Group;
use crate::state::groups::Groups;

/// What a watch takes beside its key and end, which are kept twice: bytes, rounded up.
const WATCH_HELD_BYTES: usize = 512;

#[derive(Default)]
struct Known {
    /// Askers with watches, by the number that the state machines know.
    askers: HashMap<u64, Asker>,
    /// Groups with watches that are behind.
    behind: BTreeSet<u16>,
    /// Askers that have read, whose watches were held up until they would.
    with_room: Vec<u64>,
    closing: bool,
}

/// Watches of all groups of a member.
#[derive(Default)]
pub struct Watches {
    /// Watches that have not begun, with the events they were granted meanwhile. Locked while one begins, and by whatever
    /// ends watches or grants them events: these find it either here or in its state machine. Locked before `known`.
    waiting: Mutex<HashMap<WatchId, u32>>,
    known: Mutex<Known>,
    arrived: Condvar,
}

/// The identity that a watch is told, if it may begin: its revisions are those of one cluster.
fn check_cluster(asked: u64, own: u64) -> Result<u64, StoreError> {
    if own == 0 {
        let text = "this member does not know yet which cluster it is of; try again";
        return Err(StoreError::new(Code::NoLeader, text));
    }
    if asked != 0 && asked != own {
        let text = format!(
            "the data under this watch is of cluster {asked:x}, this member is of cluster {own:x}: it was founded anew; \
            read the keys again and watch from there"
        );
        return Err(StoreError::new(Code::ClusterMismatch, text));
    }
    Ok(own)
}

fn id_of(asker: &Asker, request: u64) -> WatchId {
    WatchId {
        connection: asker.number(),
        request,
    }
}

impl Watches {
    /// The asker of a watch, if it has not gone.
    pub fn asker_of(&self, watch: WatchId) -> Option<Asker> {
        self.known.lock().askers.get(&watch.connection).cloned()
    }

    /// Notes a watch that will begin or be given up; false if one of its id waits already.
    pub fn expect(&self, waiter: &Waiter) -> bool {
        let id = id_of(&waiter.asker, waiter.id);
        let mut waiting = self.waiting.lock();
        if waiting.contains_key(&id) {
            return false;
        }
        waiting.insert(id, 0);
        let mut known = self.known.lock();
        known
            .askers
            .entry(id.connection)
            .or_insert_with(|| waiter.asker.clone());
        true
    }

    /// Begins a watch that was expected, in a member of this cluster, unless it was ended meanwhile; its first response is delivered before this returns.
    pub fn begin(&self, cluster: u64, group: &Group, waiter: &Waiter, body: &[u8], out: &mut Deliveries) {
        let id = id_of(&waiter.asker, waiter.id);
        let mut waiting = self.waiting.lock();
        let Some(granted) = waiting.remove(&id) else { return };
        let begun = WatchRequest::parse(body)
            .map_err(|malformed| StoreError::new(malformed.code(), malformed.0))
            .and_then(|request| {
                let cluster = check_cluster(request.cluster, cluster)?;
                let bytes = WATCH_HELD_BYTES + 2 * (request.key.len() + request.end.len());
                let request = WatchRequest {
                    credit: request.credit.saturating_add(granted),
                    cluster,
                    ..request
                };
                group
                    .machine()
                    .watch_holding(id, &request, Box::new(waiter.asker.hold(bytes)))
            });
        drop(waiting);
        if let Err(error) = begun {
            out.fail(
                waiter,
                RequestKind::Watch,
                error.code,
                error.detail,
                &named(&error.text),
            );
        }
    }

    /// A watch that was expected does not begin; its asker is told, unless it has ended the watch itself.
    pub fn give_up(&self, waiter: &Waiter, code: Code, text: &str, out: &mut Deliveries) {
        if self.waiting.lock().remove(&id_of(&waiter.asker, waiter.id)).is_some() {
            out.fail(waiter, RequestKind::Watch, code, 0, text);
        }
    }

    /// Lets more events of a watch be sent.
    pub fn credit(&self, group: &Group, asker: &Asker, body: &[u8]) {
        if let Ok((watch, events)) = parse_watch_credit(body) {
            let id = id_of(asker, watch);
            let mut waiting = self.waiting.lock();
            match waiting.get_mut(&id) {
                Some(granted) => *granted = granted.saturating_add(events),
                None => group.machine().watch_credit(id, events),
            }
        }
    }

    /// Ends a watch.
    pub fn cancel(&self, group: &Group, asker: &Asker, body: &[u8]) {
        if let Ok(watch) = parse_number(body) {
            let id = id_of(asker, watch);
            if self.waiting.lock().remove(&id).is_none() {
                group.machine().cancel_watch(id);
            }
        }
    }

    /// Ends all watches of an asker that is gone.
    pub fn close_asker(&self, groups: &Groups, number: u64) {
        // From here on none of them begins any more.
        self.waiting.lock().retain(|id, _| id.connection != number);
        if self.known.lock().askers.remove(&number).is_some() {
            for group in groups {
                group.machine().cancel_watches_of(number);
            }
        }
    }

    /// An asker has read: its watches go on. Called by whoever wrote to it, whatever that thread has locked.
    pub fn note_room(&self, asker: u64) {
        self.known.lock().with_room.push(asker);
        self.arrived.notify_one();
    }

    /// Lets the thread end.
    pub fn close(&self) {
        self.known.lock().closing = true;
        self.arrived.notify_all();
    }

    /// A group has watches that are behind.
    pub fn note_behind(&self, group: u16) {
        self.known.lock().behind.insert(group);
        self.arrived.notify_one();
    }

    /// The same, of a group that the thread itself comes back to.
    pub fn stays_behind(&self, group: u16) {
        self.known.lock().behind.insert(group);
    }

    /// Waits for groups that are behind or askers that have read; `None` when closed. Empty when it is time to tell progress.
    pub fn take(&self, until: Instant) -> Option<(BTreeSet<u16>, Vec<u64>)> {
        let mut known = self.known.lock();
        while known.behind.is_empty() && known.with_room.is_empty() && !known.closing {
            if self.arrived.wait_until(&mut known, until).timed_out() {
                break;
            }
        }
        (!known.closing).then(|| (std::mem::take(&mut known.behind), std::mem::take(&mut known.with_room)))
    }
}

#[cfg(test)]
mod tests;

//! Watches: between the state machines, which know watches by number, and their askers. Owns the thread that serves
//! watches from history; live events come from the apply thread. A watch may wait for its turn to begin (`Read::Watch`):
//! until then it is in no state machine, and what is said about it meanwhile is kept here.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rafterdb_codec::{is_shortage, parse_number, parse_watch_credit, request, Code, WatchRequest};
use rafterdb_store::{Deliver, StoreError, WatchId};

use crate::askers::asker::{write_response, Asker, Deliveries, Waiter};
use crate::health::stalls::Work;
use crate::member::life::Member;
use crate::state::group::Group;
use crate::system::held_directory::named;

/// How often history that could not be opened for want of a file descriptor is tried again.
const SHORT_RETRY_EVERY: Duration = Duration::from_millis(250);
/// What a watch takes beside its key and end, which are kept twice: bytes, rounded up.
const WATCH_HELD_BYTES: usize = 512;
/// How often live watches that asked for it are told how far they are.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// The way of one group's events to their askers.
#[derive(Default)]
pub struct Delivery {
    to: OnceLock<(Weak<Member>, u16)>,
}

impl Deliver for Delivery {
    fn deliver(&self, watch: WatchId, code: Code, body: &[u8]) {
        let Some(member) = self.member() else { return };
        if let Some(asker) = member.watches.asker_of(watch) {
            let mut response = Vec::with_capacity(16 + body.len());
            write_response(&mut response, request::WATCH, 0, code, watch.request, body);
            member.deliver(&asker, &response);
        }
    }

    fn takes_more(&self, watch: WatchId) -> bool {
        let Some(member) = self.member() else { return true };
        match member.watches.asker_of(watch) {
            Some(Asker::Port(port)) => port.has_room(),
            Some(Asker::Connection(client)) => member.net().is_none_or(|net| net.has_room(&client)),
            Some(Asker::Peer(_)) | None => true,
        }
    }

    fn behind(&self) {
        let Some((member, group)) = self.to.get() else { return };
        if let Some(member) = member.upgrade() {
            member.watches.state.lock().behind.insert(*group);
            member.watches.arrived.notify_one();
        }
    }
}

impl Delivery {
    fn member(&self) -> Option<Arc<Member>> {
        self.to.get()?.0.upgrade()
    }

    /// Connects it to its member, once.
    pub fn connect(&self, member: &Arc<Member>, group: u16) {
        // A group that is opened again, after a snapshot, is connected already.
        let _ = self.to.set((Arc::downgrade(member), group));
    }
}

#[derive(Default)]
struct State {
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
    /// ends watches or grants them events: these find it either here or in its state machine. Locked before `state`.
    waiting: Mutex<HashMap<WatchId, u32>>,
    state: Mutex<State>,
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
    fn asker_of(&self, watch: WatchId) -> Option<Asker> {
        self.state.lock().askers.get(&watch.connection).cloned()
    }

    /// Notes a watch that will begin or be given up; false if one of its id waits already.
    pub fn expect(&self, waiter: &Waiter) -> bool {
        let id = id_of(&waiter.asker, waiter.id);
        let mut waiting = self.waiting.lock();
        if waiting.contains_key(&id) {
            return false;
        }
        waiting.insert(id, 0);
        let mut state = self.state.lock();
        state
            .askers
            .entry(id.connection)
            .or_insert_with(|| waiter.asker.clone());
        true
    }

    /// Begins a watch that was expected, unless it was ended meanwhile; its first response is delivered before this returns.
    pub fn begin(&self, member: &Member, group: &Group, waiter: &Waiter, body: &[u8], out: &mut Deliveries) {
        let id = id_of(&waiter.asker, waiter.id);
        let mut waiting = self.waiting.lock();
        let Some(granted) = waiting.remove(&id) else { return };
        let begun = WatchRequest::parse(body)
            .map_err(|malformed| StoreError::new(malformed.code(), malformed.0))
            .and_then(|request| {
                let cluster = check_cluster(request.cluster, member.cluster())?;
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
            out.fail(waiter, request::WATCH, error.code, error.detail, &named(&error.text));
        }
    }

    /// A watch that was expected does not begin; its asker is told, unless it has ended the watch itself.
    pub fn give_up(&self, waiter: &Waiter, code: Code, text: &str, out: &mut Deliveries) {
        if self.waiting.lock().remove(&id_of(&waiter.asker, waiter.id)).is_some() {
            out.fail(waiter, request::WATCH, code, 0, text);
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
    pub fn close_asker(&self, member: &Member, number: u64) {
        // From here on none of them begins any more.
        self.waiting.lock().retain(|id, _| id.connection != number);
        if self.state.lock().askers.remove(&number).is_some() {
            for group in &member.groups {
                group.machine().cancel_watches_of(number);
            }
        }
    }

    /// An asker has read: its watches go on. Called by whoever wrote to it, whatever that thread has locked.
    pub fn note_room(&self, asker: u64) {
        self.state.lock().with_room.push(asker);
        self.arrived.notify_one();
    }

    /// Lets the thread end.
    pub fn close(&self) {
        self.state.lock().closing = true;
        self.arrived.notify_all();
    }

    /// Waits for groups that are behind or askers that have read; `None` when closed. Empty when it is time to tell progress.
    fn take(&self, until: Instant) -> Option<(BTreeSet<u16>, Vec<u64>)> {
        let mut state = self.state.lock();
        while state.behind.is_empty() && state.with_room.is_empty() && !state.closing {
            if self.arrived.wait_until(&mut state, until).timed_out() {
                break;
            }
        }
        (!state.closing).then(|| (std::mem::take(&mut state.behind), std::mem::take(&mut state.with_room)))
    }
}

/// The thread's body.
pub fn run(member: &Arc<Member>) {
    let mut progress_at = Instant::now() + PROGRESS_EVERY;
    while let Some((mut behind, with_room)) = member.watches.take(progress_at) {
        for asker in with_room {
            let go_on = |group: &&Arc<Group>| group.machine().watch_room(asker);
            behind.extend(member.groups.iter().filter(go_on).map(|group| group.id));
        }
        for id in behind {
            let under_way = member.stalls.begin(Work::Watches, Instant::now());
            let caught_up = member.group(id).machine().catch_up();
            drop(under_way);
            match caught_up {
                Ok(false) => {}
                Ok(true) => {
                    member.watches.state.lock().behind.insert(id);
                }
                // No file descriptor for its history: it stays behind until there is one.
                Err(error) if is_shortage(error.code) => {
                    member.watches.state.lock().behind.insert(id);
                    std::thread::sleep(SHORT_RETRY_EVERY);
                }
                Err(error) => return member.fail(error.into()),
            }
        }
        if Instant::now() >= progress_at {
            progress_at = Instant::now() + PROGRESS_EVERY;
            for group in &member.groups {
                group.machine().watch_progress();
            }
            // Nobody else comes by so seldom.
            member.pool.trim(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests;

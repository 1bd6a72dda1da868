//! Watches: between the state machines, which know watches by number, and their askers. Owns the thread that serves
//! watches from history; live events come from the apply thread.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rafterdb_codec::{parse_number, parse_watch_credit, request, Code, WatchRequest};
use rafterdb_store::{Deliver, StoreError, WatchId};

use crate::group::Group;
use crate::member::Member;
use crate::place::named;
use crate::source::{write_response, Deliveries, Source, Waiter};
use crate::stalls::Work;

/// How often live watches that asked for it are told how far they are.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// The way of one group's events to their askers.
#[derive(Default)]
pub struct Delivery {
    to: OnceLock<(Weak<Member>, u16)>,
}

impl Deliver for Delivery {
    fn deliver(&self, watch: WatchId, code: Code, body: &[u8]) {
        let Some(member) = self.to.get().and_then(|(member, _)| member.upgrade()) else {
            return;
        };
        let source = member.watches.state.lock().sources.get(&watch.connection).cloned();
        if let Some(source) = source {
            let mut response = Vec::with_capacity(16 + body.len());
            write_response(&mut response, request::WATCH, 0, code, watch.request, body);
            member.deliver(&source, &response);
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
    /// Connects it to its member, once.
    pub fn connect(&self, member: &Arc<Member>, group: u16) {
        // A group that is opened again, after a snapshot, is connected already.
        let _ = self.to.set((Arc::downgrade(member), group));
    }
}

#[derive(Default)]
struct State {
    /// Askers with watches, by the number that the state machines know.
    sources: HashMap<u64, Source>,
    /// Groups with watches that are behind.
    behind: BTreeSet<u16>,
    closing: bool,
}

/// Watches of all groups of a member.
#[derive(Default)]
pub struct Watches {
    state: Mutex<State>,
    arrived: Condvar,
}

/// Ports and connections share the state machines' numbers: odd and even.
fn number_of(source: &Source) -> u64 {
    match source {
        Source::Port(port) => port.id() << 1 | 1,
        Source::Connection(id) | Source::Peer(id) => id << 1,
    }
}

impl Watches {
    /// Starts a watch; its first response is delivered before this returns.
    pub fn open(&self, group: &Group, waiter: &Waiter, body: &[u8], out: &mut Deliveries) {
        let id = WatchId {
            connection: number_of(&waiter.source),
            request: waiter.id,
        };
        self.state
            .lock()
            .sources
            .entry(id.connection)
            .or_insert_with(|| waiter.source.clone());
        let started = WatchRequest::parse(body)
            .map_err(|malformed| StoreError::new(malformed.code(), malformed.0))
            .and_then(|request| group.machine().watch(id, &request));
        if let Err(error) = started {
            out.fail(waiter, request::WATCH, error.code, error.detail, &named(&error.text));
        }
    }

    /// Lets more events of a watch be sent.
    pub fn credit(&self, group: &Group, source: &Source, body: &[u8]) {
        if let Ok((watch, events)) = parse_watch_credit(body) {
            let id = WatchId {
                connection: number_of(source),
                request: watch,
            };
            group.machine().watch_credit(id, events);
        }
    }

    /// Ends a watch.
    pub fn cancel(&self, group: &Group, source: &Source, body: &[u8]) {
        if let Ok(watch) = parse_number(body) {
            group.machine().cancel_watch(WatchId {
                connection: number_of(source),
                request: watch,
            });
        }
    }

    /// Ends all watches of an asker that is gone.
    pub fn close_source(&self, member: &Member, source: &Source) {
        let number = number_of(source);
        if self.state.lock().sources.remove(&number).is_some() {
            for group in &member.groups {
                group.machine().cancel_watches_of(number);
            }
        }
    }

    /// Lets the thread end.
    pub fn close(&self) {
        self.state.lock().closing = true;
        self.arrived.notify_all();
    }

    /// Waits for groups that are behind; `None` when closed. Empty when it is time to tell progress.
    fn take(&self, until: Instant) -> Option<BTreeSet<u16>> {
        let mut state = self.state.lock();
        while state.behind.is_empty() && !state.closing {
            if self.arrived.wait_until(&mut state, until).timed_out() {
                break;
            }
        }
        (!state.closing).then(|| std::mem::take(&mut state.behind))
    }
}

/// The thread's body.
pub fn run(member: &Arc<Member>) {
    let mut progress_at = Instant::now() + PROGRESS_EVERY;
    while let Some(behind) = member.watches.take(progress_at) {
        for id in behind {
            let under_way = member.stalls.begin(Work::Watches, Instant::now());
            let caught_up = member.group(id).machine().catch_up();
            drop(under_way);
            match caught_up {
                Ok(false) => {}
                Ok(true) => {
                    member.watches.state.lock().behind.insert(id);
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

//! Watches: between the state machines, which know watches by number, and their askers. Owns the thread that serves
//! watches from history; live events come from the apply thread. A watch may wait for its turn to begin (`Read::Watch`):
//! until then it is in no state machine, and what is said about it meanwhile is kept here. Long with its tests, which look inside.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rafterdb_codec::{is_shortage, parse_number, parse_watch_credit, request, Code, WatchRequest};
use rafterdb_store::{Deliver, StoreError, WatchId};

use crate::group::Group;
use crate::member::Member;
use crate::place::named;
use crate::source::{write_response, Deliveries, Source, Waiter};
use crate::stalls::Work;

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
        if let Some(source) = member.watches.source_of(watch) {
            let mut response = Vec::with_capacity(16 + body.len());
            write_response(&mut response, request::WATCH, 0, code, watch.request, body);
            member.deliver(&source, &response);
        }
    }

    fn takes_more(&self, watch: WatchId) -> bool {
        let Some(member) = self.member() else { return true };
        match member.watches.source_of(watch) {
            Some(Source::Port(port)) => port.has_room(),
            Some(Source::Connection(client)) => member.net().is_none_or(|net| net.has_room(&client)),
            Some(Source::Peer(_)) | None => true,
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
    sources: HashMap<u64, Source>,
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

fn id_of(source: &Source, request: u64) -> WatchId {
    WatchId {
        connection: source.number(),
        request,
    }
}

impl Watches {
    fn source_of(&self, watch: WatchId) -> Option<Source> {
        self.state.lock().sources.get(&watch.connection).cloned()
    }

    /// Notes a watch that will begin or be given up; false if one of its id waits already.
    pub fn expect(&self, waiter: &Waiter) -> bool {
        let id = id_of(&waiter.source, waiter.id);
        let mut waiting = self.waiting.lock();
        if waiting.contains_key(&id) {
            return false;
        }
        waiting.insert(id, 0);
        let mut state = self.state.lock();
        state
            .sources
            .entry(id.connection)
            .or_insert_with(|| waiter.source.clone());
        true
    }

    /// Begins a watch that was expected, unless it was ended meanwhile; its first response is delivered before this returns.
    pub fn begin(&self, member: &Member, group: &Group, waiter: &Waiter, body: &[u8], out: &mut Deliveries) {
        let id = id_of(&waiter.source, waiter.id);
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
                    .watch_holding(id, &request, Box::new(waiter.source.hold(bytes)))
            });
        drop(waiting);
        if let Err(error) = begun {
            out.fail(waiter, request::WATCH, error.code, error.detail, &named(&error.text));
        }
    }

    /// A watch that was expected does not begin; its asker is told, unless it has ended the watch itself.
    pub fn give_up(&self, waiter: &Waiter, code: Code, text: &str, out: &mut Deliveries) {
        if self.waiting.lock().remove(&id_of(&waiter.source, waiter.id)).is_some() {
            out.fail(waiter, request::WATCH, code, 0, text);
        }
    }

    /// Lets more events of a watch be sent.
    pub fn credit(&self, group: &Group, source: &Source, body: &[u8]) {
        if let Ok((watch, events)) = parse_watch_credit(body) {
            let id = id_of(source, watch);
            let mut waiting = self.waiting.lock();
            match waiting.get_mut(&id) {
                Some(granted) => *granted = granted.saturating_add(events),
                None => group.machine().watch_credit(id, events),
            }
        }
    }

    /// Ends a watch.
    pub fn cancel(&self, group: &Group, source: &Source, body: &[u8]) {
        if let Ok(watch) = parse_number(body) {
            let id = id_of(source, watch);
            if self.waiting.lock().remove(&id).is_none() {
                group.machine().cancel_watch(id);
            }
        }
    }

    /// Ends all watches of an asker that is gone.
    pub fn close_source(&self, member: &Member, number: u64) {
        // From here on none of them begins any more.
        self.waiting.lock().retain(|id, _| id.connection != number);
        if self.state.lock().sources.remove(&number).is_some() {
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
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;
    use std::sync::atomic::Ordering;

    use rafterdb_codec::{command, entry, role, Request, Responses};

    use crate::config::Config;
    use crate::port::Port;

    const CLUSTER: u64 = 0xfade;

    /// A member of one that leads and has no lease: what is asked of it waits until the core confirms.
    struct Led {
        member: Arc<Member>,
        port: Arc<Port>,
        _dir: tempfile::TempDir,
    }

    impl Led {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let config = serde_json::json!({
                "name": "solo", "dataDir": dir.path(), "members": [{ "name": "solo", "endpoint": "" }], "listen": null,
                "durability": "os", "durabilityInterval": 10, "memory": 32 << 20, "valueBytesMax": 1 << 20, "groups": 1,
                "segmentBytes": 1 << 20, "cpuAffinity": null,
            });
            let config = Config::parse(&config.to_string()).unwrap();
            let id = config.id();
            let member = Member::open(config, Box::new(|_| {}), Arc::new(|_| {})).unwrap();
            let port = member.port(Box::new(|| {}));
            let led = Self {
                member,
                port,
                _dir: dir,
            };
            led.command(&[u64::from(command::ROLE), 0, u64::from(role::LEADER), 1, id]);
            led
        }

        /// One whose cluster has an identity.
        fn named() -> Self {
            let led = Self::new();
            let machine = led.member.groups[0].machine();
            let mut results = Vec::new();
            machine
                .apply(1, 1, entry::NOOP, &CLUSTER.to_le_bytes(), &mut results)
                .unwrap();
            machine.publish().unwrap();
            led
        }

        #[allow(clippy::cast_precision_loss, reason = "fields below 2^53")]
        fn command(&self, fields: &[u64]) {
            let commands: Vec<f64> = fields.iter().map(|field| *field as f64).collect();
            self.member.exchange(&commands, &mut [0.0; 256], Duration::ZERO);
        }

        fn submit(&self, kind: u8, id: u64, body: &[u8]) {
            let (flags, group) = (0, 0);
            let mut submission = Vec::new();
            Request {
                kind,
                flags,
                group,
                id,
                body,
            }
            .encode(&mut submission);
            self.member.submit(&self.port, &submission).unwrap();
        }

        fn watch(&self, id: u64, credit: u32) {
            self.watch_of(0, 0, id, credit);
        }

        fn watch_of(&self, cluster: u64, start_revision: u64, id: u64, credit: u32) {
            let mut body = Vec::new();
            let (key, end) = (&b"\0"[..], &b"\0"[..]);
            WatchRequest {
                flags: 0,
                start_revision,
                credit,
                cluster,
                key,
                end,
            }
            .encode(&mut body);
            self.submit(request::WATCH, id, &body);
        }

        /// The core confirms what waits.
        fn confirm(&self) {
            let sequence = self.member.groups[0].reads.lock().sequence;
            self.command(&[u64::from(command::SERVE_READS), 0, sequence, 0]);
        }

        /// Code and body of each response so far.
        fn responses(&self) -> Vec<(u64, Code, Vec<u8>)> {
            let mut bytes = vec![0; 1 << 16];
            let length = usize::try_from(self.port.drain(&mut bytes)).unwrap();
            let responses = Responses::new(&bytes[..length]).map(Result::unwrap);
            responses.map(|r| (r.id, r.code, r.body.to_vec())).collect()
        }

        fn count(&self) -> (usize, usize) {
            let waiting = self.member.watches.waiting.lock().len();
            (waiting, self.member.groups[0].machine().watch_count())
        }
    }

    impl Drop for Led {
        fn drop(&mut self) {
            let _ = self.member.close();
        }
    }

    #[test]
    fn a_watch_from_now_on_begins_when_the_core_has_confirmed_it() {
        let led = Led::named();
        led.watch(7, 10);
        assert_eq!((led.count(), led.responses().len()), ((1, 0), 0));
        led.confirm();
        assert_eq!(led.count(), (0, 1));
        let [(7, Code::Ok, _)] = led.responses()[..] else {
            panic!("it is told that it has begun")
        };
    }

    #[test]
    fn one_that_is_cancelled_while_it_waits_never_begins() {
        let led = Led::named();
        led.watch(7, 10);
        led.submit(request::CANCEL, 8, &7_u64.to_le_bytes());
        led.confirm();
        assert_eq!((led.count(), led.responses().len()), ((0, 0), 0));
        // Its id is free again.
        led.watch(7, 10);
        led.confirm();
        assert_eq!(led.count(), (0, 1));
    }

    #[test]
    fn one_whose_asker_goes_away_while_it_waits_never_begins() {
        let led = Led::named();
        led.watch(7, 10);
        led.member.close_port(&led.port);
        led.confirm();
        assert_eq!(led.count(), (0, 0));
        assert!(led.member.watches.state.lock().sources.is_empty());
    }

    #[test]
    fn credit_that_comes_while_it_waits_counts() {
        let led = Led::named();
        led.watch(7, 0);
        let credit = [&7_u64.to_le_bytes()[..], &2_u32.to_le_bytes()].concat();
        led.submit(request::WATCH_CREDIT, 8, &credit);
        led.confirm();
        let machine = led.member.groups[0].machine();
        let mut results = Vec::new();
        for index in 2..=4_u64 {
            let mut batch = vec![0; 28];
            batch.extend_from_slice(&1_u32.to_le_bytes());
            batch.extend_from_slice(&[1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, b'k']);
            machine.apply(index, 1, 1, &batch, &mut results).unwrap();
            machine.publish().unwrap();
        }
        let events: usize = led.responses().iter().map(|(_, _, body)| usize::from(body[8])).sum();
        assert_eq!(events, 2);
    }

    #[test]
    fn one_without_a_leader_is_told_so_and_may_ask_again() {
        let led = Led::named();
        led.watch(7, 10);
        led.command(&[u64::from(command::ROLE), 0, u64::from(role::FOLLOWER), 2, 0]);
        let [(7, Code::NoLeader, _)] = led.responses()[..] else {
            panic!("it is told that there is no leader")
        };
        led.watch(8, 10);
        let [(8, Code::NoLeader, _)] = led.responses()[..] else {
            panic!("so is the next one")
        };
        assert_eq!(led.count(), (0, 0));
    }

    #[test]
    fn it_is_told_whose_data_it_watches() {
        let led = Led::named();
        led.watch_of(CLUSTER, 1, 7, 10);
        let [(7, Code::Ok, ref body)] = led.responses()[..] else {
            panic!("from a revision it begins at once")
        };
        assert_eq!(body[12..], CLUSTER.to_le_bytes());
    }

    #[test]
    fn one_of_another_clusters_data_does_not_begin() {
        let led = Led::named();
        for start_revision in [0, 1] {
            led.watch_of(0xbad, start_revision, 7 + start_revision, 10);
        }
        led.confirm();
        let codes: Vec<Code> = led.responses().iter().map(|(_, code, _)| *code).collect();
        assert_eq!((codes, led.count()), (vec![Code::ClusterMismatch; 2], (0, 0)));
    }

    #[test]
    fn one_at_a_member_that_does_not_know_its_cluster_waits_to_be_confirmed() {
        let led = Led::new();
        led.watch_of(0xbad, 1, 7, 10);
        assert_eq!((led.count(), led.responses().len()), ((1, 0), 0));
        // Confirmed by a leader of an older version.
        led.confirm();
        let [(7, Code::NoLeader, _)] = led.responses()[..] else {
            panic!("it is to ask again")
        };
    }

    /// Ends and grants race with the beginning, on other threads: nothing is left over, whichever comes first.
    #[test]
    fn one_that_ends_as_it_begins_leaves_nothing_behind() {
        let led = Led::named();
        let ended = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while ended.load(Ordering::Relaxed) < 500 {
                    led.confirm();
                }
            });
            for id in 1..=500_u64 {
                led.watch(id, 10);
                led.submit(request::CANCEL, 1000 + id, &id.to_le_bytes());
                ended.fetch_add(1, Ordering::Relaxed);
            }
        });
        led.confirm();
        assert_eq!(led.count(), (0, 0));
    }
}

//! One member: what its threads share, how it opens and closes, and where answers go.
//! The threads' own work is in the files named after them.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use rafterdb_codec::{limits, request, role, Code, Request};
use rafterdb_net::{Lane, Level, Net, Parts};
use rafterdb_pool::Pool;
use rafterdb_wal::{Reader, Writer};

use crate::apply;
use crate::apply::late_counts::{self, CountQueue};
use crate::apply::thread::ApplyQueue;
use crate::askers::app_port::{Notify, Port};
use crate::askers::asker::{number_of_port, request_name, Asker, Deliveries, Waiter};
use crate::config::Config;
use crate::exchange::commands::Exchange;
use crate::ground::error::PlaneError;
use crate::ground::log_line::line;
use crate::ground::rate_limit::RateLimited;
use crate::ground::unique_ids::UniqueIds;
use crate::health::disk_room::DiskRoom;
use crate::health::stalls::{self, Stalls};
use crate::log;
use crate::log::thread::LogQueue;
use crate::member::data_dir::DataDir;
use crate::member::recovery::{self, Opened};
use crate::peers::handler::Peers;
use crate::queues::read_lanes::ReadLanes;
use crate::requests::forwards::Forwards;
use crate::requests::gate::{self, fail_read};
use crate::serve;
use crate::snapshots::install;
use crate::snapshots::receive;
use crate::snapshots::under_way::{Queues, Snapshots};
use crate::state::core_inbox::CoreInbox;
use crate::state::group::{Group, Transfer};
use crate::system::affinity;
use crate::watches::registry::{self, Watches};

/// Called once when the member stops because it must.
pub type OnFatal = Box<dyn Fn(&PlaneError) + Send + Sync>;

/// Called with a line for the member's log.
pub type OnNote = Arc<dyn Fn(&str) + Send + Sync>;

/// Counters that the benches and `status` print.
#[derive(Debug, Default)]
pub struct Counters {
    /// Calls of `exchange`.
    pub exchanges: AtomicU64,
    /// Calls of `submit` by apps in this process.
    pub submissions: AtomicU64,
    /// Calls of `drain` by apps in this process.
    pub drains: AtomicU64,
    /// Slices of reads that were served.
    pub read_slices: AtomicU64,
    /// Bytes written to the log.
    pub log_bytes: AtomicU64,
    /// Durable writes of the log.
    pub log_writes: AtomicU64,
}

/// One member of a cluster, in this process.
pub struct Member {
    /// What it was opened with.
    pub config: Config,
    /// Hash over the names of all members: who is configured with others is no peer.
    pub roster: u64,
    /// Where entries, proposed or received, and answers to clients come to lie.
    pub pool: Arc<Pool>,
    /// Its groups, by number.
    pub groups: Vec<Arc<Group>>,
    /// What the Raft worker has not seen.
    pub inbox: CoreInbox,
    /// What the log thread has not written.
    pub log: LogQueue,
    /// Entries older than memory holds.
    pub log_reader: Arc<Reader>,
    /// How the log writes, and what recovery did.
    pub log_mode: String,
    /// What opening had to say.
    pub notes: Vec<String>,
    /// The CPUs that its threads run on, if they are bound.
    pub cpus: Option<Vec<u32>>,
    /// What the apply thread has not seen.
    pub apply: ApplyQueue,
    /// Reads that may be served.
    pub reads: ReadLanes,
    /// Writes that are answered once they are counted.
    pub counts: CountQueue,
    /// Watches of all groups.
    pub watches: Watches,
    /// Numbers of what is asked of other members.
    pub ids: UniqueIds,
    /// Lines about what other members say and cannot mean.
    pub doubts: RateLimited,
    /// Changes of leaders of other groups than the first.
    pub leaders: RateLimited,
    /// Requests forwarded to the leader.
    pub forwards: Forwards,
    /// Snapshots under way.
    pub snapshots: Snapshots,
    /// How long what is under way takes.
    pub stalls: Stalls,
    /// Whether there is room for more.
    pub disk_room: DiskRoom,
    /// Where each group stood at open, until the worker has been told.
    pub opened: Mutex<Vec<Opened>>,
    /// Counters.
    pub counters: Counters,
    net: OnceLock<Net>,
    exchange: Mutex<Exchange>,
    failure: OnceLock<PlaneError>,
    on_fatal: OnFatal,
    /// Where lines for the member's log go.
    pub on_note: OnNote,
    pub(crate) threads: Mutex<Vec<JoinHandle<()>>>,
    pub(crate) stall_thread: Mutex<Option<JoinHandle<()>>>,
    /// Where all of it is kept.
    pub data_dir: DataDir,
}

/// What one of a member's threads does until the member closes.
pub type ThreadBody = Box<dyn FnOnce(&Arc<Member>) + Send>;

/// Runs a thread's body; a broken invariant in it stops the member instead of leaving it without that thread.
pub fn guard(member: &Arc<Member>, body: ThreadBody) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| body(member))) {
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied());
        member.fail(PlaneError::new(
            Code::Internal,
            format!("a bug in rafterdb: {}", text.unwrap_or("a thread panicked")),
        ));
    }
}

impl Member {
    /// Opens the data directory, recovers the log and the stores, listens, and starts the threads.
    /// The worker must then call `exchange` until it returns a CLOSE event.
    pub fn open(mut config: Config, on_fatal: OnFatal, on_note: OnNote) -> Result<Arc<Self>, PlaneError> {
        // Until this returns: all that is started here inherits it.
        let mut bound = affinity::bind(config.cpu_affinity.as_ref())?;
        let data_dir = DataDir::open(&config)?;
        // Whatever it is given as: from here on it means one directory.
        data_dir.path().clone_into(&mut config.data_dir);
        let pool = Pool::new();
        let (mut recovered, writer) = recovery::recover(&config, &data_dir, &pool)?;
        recovered.notes.extend(bound.note.take());
        let (snapshots, queues) = Snapshots::new();
        let member = Arc::new(Self {
            roster: config.roster(),
            pool,
            inbox: CoreInbox::new(recovered.groups.len()),
            log: LogQueue::new(writer),
            log_reader: recovered.reader,
            log_mode: recovered.mode,
            notes: recovered.notes,
            cpus: bound.cpus.clone(),
            apply: ApplyQueue::default(),
            reads: ReadLanes::default(),
            counts: CountQueue::default(),
            watches: Watches::default(),
            ids: UniqueIds::new(),
            doubts: RateLimited::default(),
            leaders: RateLimited::default(),
            forwards: Forwards::default(),
            snapshots,
            stalls: Stalls::default(),
            disk_room: DiskRoom::default(),
            opened: Mutex::new(recovered.opened),
            counters: Counters::default(),
            net: OnceLock::new(),
            exchange: Mutex::default(),
            failure: OnceLock::new(),
            on_fatal,
            on_note,
            threads: Mutex::default(),
            stall_thread: Mutex::default(),
            data_dir,
            groups: recovered.groups,
            config,
        });
        for group in &member.groups {
            recovery::observe(&member, group);
        }
        if let Err(error) = member.listen().and_then(|()| member.start(queues)) {
            // It has done nothing yet: what kept it from starting is the news.
            let _ = member.close();
            return Err(error);
        }
        Ok(member)
    }

    fn listen(self: &Arc<Self>) -> Result<(), PlaneError> {
        if self.config.listen.is_empty() && self.config.members.len() == 1 {
            return Ok(());
        }
        let net = Net::start(crate::peers::handler::net_config(self), Arc::new(Peers::new(self)))?;
        // Cannot be set already: `open` alone comes here, once.
        let _ = self.net.set(net);
        Ok(())
    }

    fn start(self: &Arc<Self>, queues: Queues) -> Result<(), PlaneError> {
        let spawn = |name: &str, body: ThreadBody| {
            let member = self.clone();
            rafterdb_fault::point("thread.start")
                .and_then(|()| {
                    std::thread::Builder::new()
                        .name(format!("rafterdb-{name}"))
                        .spawn(move || guard(&member, body))
                })
                .map(|handle| self.threads.lock().push(handle))
                .map_err(|e| PlaneError::io("start a thread (is a limit of threads or of memory reached?)", &e))
        };
        spawn("log", Box::new(log::thread::run))?;
        spawn("apply", Box::new(apply::thread::run))?;
        spawn("watch", Box::new(registry::run))?;
        spawn("counts", Box::new(late_counts::run))?;
        let Queues { incoming, received } = queues;
        spawn("snapshot", Box::new(move |m| receive::receive(m, &incoming)))?;
        spawn("install", Box::new(move |m| install::install(m, &received)))?;
        spawn("stalls", Box::new(stalls::run))?;
        // The last to end: it tells of a close that takes long.
        *self.stall_thread.lock() = self.threads.lock().pop();
        for work in stalls::Work::READS {
            spawn("read", Box::new(move |m| serve::thread::run(m, work)))?;
        }
        Ok(())
    }

    /// One exchange with the Raft core; see FORMATS.md. Returns the doubles written to `events`.
    pub fn exchange(self: &Arc<Self>, commands: &[f64], events: &mut [f64], timeout: Duration) -> usize {
        self.counters.exchanges.fetch_add(1, Ordering::Relaxed);
        self.exchange.lock().run(self, commands, events, timeout)
    }

    /// A port for an app in this process.
    #[must_use]
    pub fn port(&self, notify: Notify) -> Arc<Port> {
        Arc::new(Port::new(notify))
    }

    /// Takes a submission from a port. `Err`: nothing was taken.
    pub fn submit(self: &Arc<Self>, port: &Arc<Port>, submission: &[u8]) -> Result<(), Code> {
        self.counters.submissions.fetch_add(1, Ordering::Relaxed);
        gate::submit(self, &Asker::Port(port.clone()), submission)
    }

    /// Copies whole responses of a port; see `Port::drain`.
    pub fn drain(&self, port: &Port, into: &mut [u8]) -> i64 {
        self.counters.drains.fetch_add(1, Ordering::Relaxed);
        let drained = port.drain(into);
        if port.gains_room() {
            self.watches.note_room(number_of_port(port.id()));
        }
        drained
    }

    /// An app in this process is done: its watches end.
    pub fn close_port(self: &Arc<Self>, port: &Arc<Port>) {
        port.close();
        self.watches.close_asker(self, number_of_port(port.id()));
    }

    /// The cluster's identity, which group 0 keeps; 0: this member has not learnt it yet.
    #[must_use]
    pub fn cluster(&self) -> u64 {
        self.groups[0].machine().status().cluster
    }

    /// Says something about this member, for people.
    pub fn note(&self, text: &str) {
        self.tell(Level::Info, text);
    }

    /// A line that somebody should look at.
    pub fn warn(&self, text: &str) {
        self.tell(Level::Warn, text);
    }

    /// A line at its level. All lines of the member go through here.
    pub fn tell(&self, level: Level, text: &str) {
        (self.on_note)(&line(level, text));
    }

    /// Whether the first group's queue has no room for so many bytes more.
    #[must_use]
    pub fn is_full(&self, bytes: usize) -> bool {
        let group = &self.groups[0];
        let waiting = group.proposals.lock().bytes() + group.unapplied_bytes.load(Ordering::Relaxed);
        waiting + bytes > limits::PROPOSAL_BYTES_MAX
    }

    /// The group of a number the core or the log knows.
    #[must_use]
    pub fn group(&self, id: u16) -> &Arc<Group> {
        &self.groups[usize::from(id)]
    }

    /// The group of a number that a client gave.
    #[must_use]
    pub fn find_group(&self, id: u16) -> Option<&Arc<Group>> {
        self.groups.get(usize::from(id))
    }

    /// The network, if this member has one.
    pub fn net(&self) -> Option<&Net> {
        self.net.get()
    }

    /// Sends a frame to a peer; a frame that cannot be sent now is lost, and Raft copes.
    pub fn send(&self, peer: u64, lane: Lane, parts: Parts) {
        if let Some(net) = self.net() {
            net.send_peer(peer, lane, parts);
        }
    }

    /// Sends what was gathered to each of its askers.
    pub fn deliver_all(&self, deliveries: &mut Deliveries) {
        deliveries.send(|asker, responses| self.deliver(asker, responses));
    }

    /// Sends whole responses to one asker.
    pub fn deliver(&self, asker: &Asker, responses: &[u8]) {
        match asker {
            Asker::Port(port) => port.deliver(responses),
            Asker::Connection(client) => crate::peers::handler::answer_client(self, client.id(), responses),
            Asker::Peer(peer) => crate::peers::handler::answer_peer(self, *peer, responses),
        }
    }

    /// The leader of a group changed: what waited for the old one is answered, so that its askers try again.
    pub fn leader_changed(self: &Arc<Self>, group: &Arc<Group>, leader: u64) {
        let mut out = Deliveries::default();
        for waiter in self.forwards.take_all_but(group.id, leader) {
            let text = "the leader changed while the write was under way";
            out.fail(&waiter, request::WRITE, Code::LeaderLost, 0, text);
        }
        if !group.leads() {
            let waiting = {
                let mut reads = group.reads.lock();
                let mut waiting = reads.take_leaderless();
                waiting.append(&mut reads.take_beyond(group.last.load(Ordering::Acquire)));
                waiting
            };
            for read in waiting {
                let text = "the leader changed; try again";
                fail_read(self, group, read, Code::NoLeader, text, &mut out);
            }
        }
        if leader != 0 {
            for Transfer { target, waiter, .. } in std::mem::take(&mut *group.transfers.lock()) {
                if target == leader {
                    let to = out.to(&waiter.asker);
                    crate::askers::asker::write_response(to, request::TRANSFER, 0, Code::Ok, waiter.id, &[]);
                } else {
                    let text = "another member became the leader; try again";
                    out.fail(&waiter, request::TRANSFER, Code::LeaderLost, 0, text);
                }
            }
        }
        self.deliver_all(&mut out);
    }

    /// The core goes on without a transfer to `target`: whoever waits for it is told why, or that it came about by another way.
    pub fn transfer_over(self: &Arc<Self>, group: &Arc<Group>, target: u64, code: Code) {
        let leads = group.leader.load(Ordering::Acquire) == target;
        let text = match code {
            Code::Aborted => "the transfer was replaced by one to another member",
            Code::NotLeader => "this member leads no more; try again",
            _ => "the member did not take over in time; see that it runs and is up to date",
        };
        let mut out = Deliveries::default();
        let over: Vec<Transfer> = group
            .transfers
            .lock()
            .extract_if(.., |transfer| transfer.target == target)
            .collect();
        for Transfer { waiter, .. } in over {
            if leads {
                let to = out.to(&waiter.asker);
                crate::askers::asker::write_response(to, request::TRANSFER, 0, Code::Ok, waiter.id, &[]);
            } else {
                out.fail(&waiter, request::TRANSFER, code, 0, text);
            }
        }
        self.deliver_all(&mut out);
    }

    /// Fails what waits and is not in the log.
    pub fn fail_waiting(self: &Arc<Self>, group: &Arc<Group>, code: Code) {
        let mut out = Deliveries::default();
        let waiters = group.proposals.lock().drain();
        for waiter in waiters {
            out.fail(
                &waiter,
                request::WRITE,
                code,
                group.leader.load(Ordering::Acquire),
                "this member does not lead",
            );
        }
        let reads = group.reads.lock().take_leaderless();
        for read in reads {
            fail_read(self, group, read, code, "this member does not lead", &mut out);
        }
        self.deliver_all(&mut out);
    }

    /// Hands a client's request to the leader, or says that there is none.
    pub fn forward(&self, group: &Group, waiter: Waiter, item: &Request<'_>, out: &mut Deliveries) {
        let leader = group.leader.load(Ordering::Acquire);
        let forwarded = matches!(waiter.asker, Asker::Peer(_));
        if leader == 0 || leader == self.config.id() || forwarded {
            let code = if leader == 0 { Code::NoLeader } else { Code::NotLeader };
            let text = match code {
                Code::NoLeader => self.no_leader(),
                _ => format!(
                    "this member does not lead, and could not take the {}",
                    request_name(item.kind)
                ),
            };
            return out.fail(&waiter, item.kind, code, 0, &text);
        }
        self.forwards.send(self, group.id, leader, waiter, item);
    }

    /// The member stops: nothing that follows could be trusted. Every waiting and later call fails.
    pub fn fail(&self, error: PlaneError) {
        if self.failure.set(error.clone()).is_ok() {
            (self.on_fatal)(&error);
            self.inbox.close();
            self.apply.close();
            self.log.close();
        }
    }

    /// Why the member stopped, if it did.
    #[must_use]
    pub fn failure(&self) -> Option<&PlaneError> {
        self.failure.get()
    }

    /// Notes what the log thread wrote.
    pub fn count_log_write(&self, writer: &Writer) {
        let stats = writer.stats();
        self.counters.log_bytes.store(stats.bytes, Ordering::Relaxed);
        self.counters.log_writes.store(stats.batches, Ordering::Relaxed);
    }

    /// Name of a role as `status` prints it.
    #[must_use]
    pub const fn role_name(kind: u8) -> &'static str {
        match kind {
            role::LEADER => "leader",
            role::CANDIDATE => "candidate",
            role::LEARNER => "learner",
            _ => "follower",
        }
    }
}

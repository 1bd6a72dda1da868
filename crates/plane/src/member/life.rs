//! One member: how it opens, and what an app and the Raft worker call. How it closes is in close.rs.
//! Knows nothing of what its rooms do.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use rafterdb_codec::{Code, Principal};
use rafterdb_net::{Net, NetConfig, NetLimits};

use crate::askers::app_port::{Notify, Port};
use crate::askers::asker::{number_of_port, Asker};
use crate::askers::internal::Answered;
use crate::config::Config;
use crate::exchange::commands::Exchange;
use crate::exchange::events::Opening;
use crate::exchange::log_age::LogAges;
use crate::exchange::parts::ExchangeParts;
use crate::ground::counters::Counters;
use crate::ground::error::PlaneError;
use crate::ground::member_log::OnLine;
use crate::health::stalls::Work;
use crate::member::data_dir::DataDir;
use crate::member::recovery;
use crate::member::rooms::{Rooms, Threads};
use crate::member::shared::{OnFatal, Shared};
use crate::network::Wire;
use crate::peers::handler::{Incoming, Peers};
use crate::requests::gate::{Gate, NO_DATA};
use crate::serve::sync_read::{read_sync, refuse_sync};
use crate::serve::thread;
use crate::snapshots::install::install;
use crate::snapshots::receive::receive;
use crate::snapshots::under_way::Queues;
use crate::state::group::Group;
use crate::state::groups::Groups;
use crate::system::{affinity, descriptors};

/// One member of a cluster, in this process.
pub struct Member {
    /// What it was opened with.
    pub(super) config: Config,
    /// What its rooms share.
    pub(crate) shared: Shared,
    /// Its groups.
    pub(super) groups: Arc<Groups>,
    gate: Arc<Gate>,
    /// What comes in over the network; the network refers to it as long as the member lives.
    incoming: Arc<Incoming>,
    /// What is measured of the log.
    pub(super) log_metrics: Arc<rafterdb_wal::Metrics>,
    exchange: Mutex<Exchange>,
    pub(super) exchange_parts: ExchangeParts,
    /// What opening had to say.
    pub(super) opening_notes: Vec<String>,
    pub(super) threads: Mutex<Vec<JoinHandle<()>>>,
    /// The last to end: it tells of a close that takes long.
    pub(super) watchdog: Mutex<Option<JoinHandle<()>>>,
    /// Where all of it is kept.
    pub(super) data_dir: Arc<DataDir>,
}

impl Member {
    /// Opens the data directory, recovers the log and the stores, listens, and starts the threads.
    /// The worker must then call `exchange` until it returns a CLOSE event.
    pub fn open(mut config: Config, on_fatal: OnFatal, on_line: OnLine) -> Result<Arc<Self>, PlaneError> {
        // Until this returns: all that is started here inherits it.
        let mut bound = affinity::bind(config.cpu_affinity.as_ref())?;
        let data_dir = Arc::new(DataDir::open(&config)?);
        // Whatever it is given as: from here on it means one directory.
        data_dir.path().clone_into(&mut config.data_dir);
        if let Some(drawn) = data_dir.drawn() {
            config.be(drawn);
        }
        config.witness = data_dir.is_witness();
        let (shared, queues) = Shared::new(&config, on_fatal, on_line);
        let (mut recovered, writer) = recovery::recover(&config, &data_dir, &shared)?;
        recovered.notes.extend(bound.note.take());
        let rooms = Rooms::new(&shared, &config, &recovered);
        let log_metrics = writer.metrics();
        let threads = Threads::new(&shared, &config, &rooms, &data_dir, writer);
        let ages = LogAges {
            groups: rooms.groups.clone(),
            log: rooms.log.clone(),
            apply: shared.apply.clone(),
            inbox: shared.inbox.clone(),
            failure: shared.failure.clone(),
            segment_bytes: config.segment_bytes,
            looked_at: 0,
        };
        let incoming = Incoming {
            gate: rooms.gate.clone(),
            snapshots: shared.snapshots.clone(),
            membership: rooms.membership.clone(),
            is_witness: config.witness,
            cluster_joined: data_dir.cluster_joined(),
        };
        let member = Arc::new(Self {
            exchange: Mutex::new(Exchange::new(Opening::new(recovered.opened), ages)),
            exchange_parts: rooms.exchange(&shared, &threads, bound.cpus.clone()),
            gate: rooms.gate,
            groups: rooms.groups,
            log_metrics,
            incoming: Arc::new(incoming),
            opening_notes: recovered.notes,
            threads: Mutex::default(),
            watchdog: Mutex::default(),
            data_dir,
            shared,
            config,
        });
        for group in &*member.groups {
            member.shared.stores.observe(group);
        }
        if let Err(error) = member.listen().and_then(|()| member.start(threads, queues)) {
            // It has done nothing yet: what kept it from starting is the news.
            let _ = member.close();
            return Err(error);
        }
        Ok(member)
    }

    fn listen(&self) -> Result<(), PlaneError> {
        if self.config.listen.is_empty() && self.shared.roster.now().is_alone() {
            return Ok(());
        }
        let net = Net::start(net_config(&self.config, &self.shared), Arc::new(self.handler()))?;
        self.shared.network.begin(Box::new(net));
        Ok(())
    }

    /// What the network calls.
    #[must_use]
    pub fn handler(&self) -> Peers {
        Peers(Arc::downgrade(&self.incoming))
    }

    fn start(&self, threads: Threads, queues: Queues) -> Result<(), PlaneError> {
        let Threads {
            log,
            applier,
            counts,
            watches,
            members,
            reads,
            receiver,
            installer,
            watchdog,
        } = threads;
        let Queues { incoming, received } = queues;
        self.spawn("log", move || log.run())?;
        self.spawn("apply", move || applier.run())?;
        self.spawn("watch", move || watches.run())?;
        self.spawn("members", move || members.run())?;
        self.spawn("counts", move || counts.run())?;
        self.spawn("snapshot", move || receive(&receiver, &incoming))?;
        self.spawn("install", move || install(&installer, &received))?;
        self.spawn("stalls", move || watchdog.run())?;
        *self.watchdog.lock() = self.threads.lock().pop();
        for work in Work::READS {
            let reads = reads.clone();
            self.spawn("read", move || thread::run(&reads, work))?;
        }
        Ok(())
    }

    fn spawn(&self, name: &str, body: impl FnOnce() + Send + 'static) -> Result<(), PlaneError> {
        let failure = self.shared.failure.clone();
        rafterdb_fault::point("thread.start")
            .and_then(|()| {
                std::thread::Builder::new()
                    .name(format!("rafterdb-{name}"))
                    .spawn(move || failure.guard(body))
            })
            .map(|handle| self.threads.lock().push(handle))
            .map_err(|e| PlaneError::io("start a thread (is a limit of threads or of memory reached?)", &e))
    }

    /// What it was opened with.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Its groups.
    #[must_use]
    pub fn groups(&self) -> &Groups {
        &self.groups
    }

    /// What it counts.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// The network, if this member has one.
    #[must_use]
    pub fn network(&self) -> Option<&dyn Wire> {
        self.shared.network.get()
    }

    /// One exchange with the Raft core; see FORMATS.md. Returns the doubles written to `events`.
    pub fn exchange(&self, commands: &[f64], events: &mut [f64], timeout: Duration) -> usize {
        self.shared.counters.exchanges.increment();
        self.exchange
            .lock()
            .run(&self.exchange_parts, commands, events, timeout)
    }

    /// Has the worker's next exchange return a CLOSE event.
    pub fn stop_worker(&self) {
        self.shared.inbox.close();
    }

    /// A port for an app in this process, and whoever is behind it.
    #[must_use]
    pub fn port(&self, principal: Principal<'_>, notify: Notify) -> Arc<Port> {
        Arc::new(Port::new(principal, notify))
    }

    /// Takes a write from inside this process that needs no port: a batch, for a group. `answered` is called once with its answer, on
    /// whichever thread has it, and must not block: also when the member closes (`CLOSED`) or fails (`POISONED`) first, and then
    /// the write may be done. `Err`: nothing was taken, and it is not called. `BUSY` as too many wait, `CLOSED`, `POISONED`.
    pub fn propose(&self, group: u16, batch: &[u8], answered: Answered) -> Result<(), Code> {
        self.gate.propose(group, batch, answered)
    }

    /// Takes a submission from a port. `Err`: nothing was taken.
    pub fn submit(&self, port: &Arc<Port>, submission: &[u8]) -> Result<(), Code> {
        self.shared.counters.submissions.increment();
        self.gate.submit(&Asker::Port(port.clone()), submission)
    }

    /// Copies whole responses of a port; see `Port::drain`.
    pub fn drain(&self, port: &Port, into: &mut [u8]) -> i64 {
        self.shared.counters.drains.increment();
        let drained = port.drain(into);
        if port.gains_room() {
            self.shared.watches.note_room(number_of_port(port.id()));
        }
        drained
    }

    /// An app in this process is done.
    pub fn close_port(&self, port: &Port) {
        port.close();
        self.gate.close_asker(number_of_port(port.id()));
    }

    /// A read of one key on the caller's thread; see FORMATS.md.
    pub fn read_sync(&self, request: &[u8], into: &mut [u8]) -> i64 {
        if self.config.witness {
            return refuse_sync(Code::MemberIsWitness, NO_DATA, into);
        }
        let bound = |group: &Arc<Group>, staleness| self.gate.await_fresh(group, staleness);
        read_sync(&self.groups, &self.shared.failure, &bound, request, into)
    }

    /// The member stops: every waiting and later call fails.
    pub fn fail(&self, error: PlaneError) {
        self.shared.failure.fail(error);
    }

    /// Why the member stopped, if it did.
    #[must_use]
    pub fn failure(&self) -> Option<&PlaneError> {
        self.shared.failure.why()
    }
}

/// The network's settings of a member.
fn net_config(config: &Config, shared: &Shared) -> NetConfig {
    let members = shared.roster.now();
    NetConfig {
        listen: config.listen.clone(),
        roster: members.hash(),
        token: config.cluster_token.as_ref().map(|token| token.0.clone()),
        member_id: config.id(),
        name: config.name.clone(),
        peers: members.peer_configs(),
        log: {
            let member_log = shared.member_log.clone();
            Arc::new(move |level, text| member_log.write(level, &text))
        },
        pool: shared.pool.clone(),
        limits: NetLimits {
            clients_bytes_max: config.connection_memory,
            connections_max: descriptors::connections_max(NetLimits::default().connections_max),
            ..NetLimits::default()
        },
    }
}

//! One peer as a value: how each of its connections stands, what is queued on them, and when it is up, which is told.
//! Knows nothing of how a connection comes to be.
//!
//! A peer is **up** while all four stand: as soon as one is lost, frames may be lost in either direction, and that is told.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use rafterdb_codec::Code;
use tokio::sync::Notify;

use crate::config::{Level, PeerConfig};
use crate::error::NetError;
use crate::frame::Parts;
use crate::lane::Lane;
use crate::queue::{Refused, SendQueue};
use crate::shared::Shared;

/// Attempts in a row that fail before a peer counts as disconnected.
const PROBES: u32 = 3;

/// An accepted connection on which no ping came for so many times their interval may be that of a process that is gone.
const PINGS_MISSED: u32 = 3;

/// How it stands with a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerState {
    /// Connected on both lanes, both ways.
    Healthy,
    /// Not, and the first attempts to connect are under way.
    Probing,
    /// Several attempts have failed; they go on with a pause between them.
    Disconnected,
}

/// What is known of a peer.
#[derive(Clone, Debug)]
pub struct PeerStats {
    /// Its member id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// How it stands.
    pub state: PeerState,
    /// Smoothed round-trip time of the fast lane, µs; 0 if never measured.
    pub rtt_micros: u32,
    /// Bytes waiting to be written, by lane.
    pub queued_bytes: [usize; 2],
    /// Whether this member is connected to it on both lanes.
    pub reached: bool,
    /// Why it is not, as of the last attempt.
    pub failure: Option<NetError>,
}

/// A connection that the peer has made.
pub(crate) struct Incoming {
    /// Its number.
    connection: u64,
    /// The process that made it, as that says itself; 0: it does not.
    life: u64,
    /// When a ping came last.
    heard: Instant,
    /// Carries answers to pings.
    queue: Arc<SendQueue>,
}

impl Incoming {
    /// One that was made just now.
    pub(crate) fn new(connection: u64, life: u64, queue: Arc<SendQueue>) -> Self {
        Self {
            connection,
            life,
            heard: Instant::now(),
            queue,
        }
    }
}

#[derive(Default)]
struct Links {
    outgoing: [bool; 2],
    incoming: [Option<Incoming>; 2],
    up: bool,
    /// Why each lane is not connected: the last attempt's error.
    error: [Option<NetError>; 2],
    /// Attempts in a row that failed, of the lane that has more of them.
    failures: [u32; 2],
    /// Last failure of each lane that was logged, so that a retry which fails alike is not.
    reported: [Option<Code>; 2],
}

/// A peer as its own member sees it.
pub(crate) struct Peer {
    pub(crate) config: PeerConfig,
    links: Mutex<Links>,
    queues: [RwLock<Option<Arc<SendQueue>>>; 2],
    retry: [Notify; 2],
    removed: AtomicBool,
    /// Told to each lane once `removed` is set.
    removal: [Notify; 2],
    rtt_micros: AtomicU32,
}

impl Peer {
    pub(crate) fn new(config: PeerConfig) -> Self {
        Self {
            config,
            links: Mutex::default(),
            queues: Default::default(),
            retry: Default::default(),
            removed: AtomicBool::new(false),
            removal: Default::default(),
            rtt_micros: AtomicU32::new(0),
        }
    }

    /// Tells a lane's dialer that an attempt would succeed now.
    pub(crate) const fn retry(&self, lane: Lane) -> &Notify {
        &self.retry[lane as usize]
    }

    /// Tells a lane's dialer that it is no member any more.
    pub(crate) const fn removal(&self, lane: Lane) -> &Notify {
        &self.removal[lane as usize]
    }

    /// Queues or writes a frame.
    pub(crate) fn send(&self, lane: Lane, parts: Parts) -> Result<(), Refused> {
        let queue = self.queues[lane as usize].read().clone();
        queue.map_or(Err(Refused::Closed), |queue| queue.send(parts))
    }

    pub(crate) fn is_up(&self) -> bool {
        self.links.lock().up
    }

    /// The queues of all connections that there are now.
    pub(crate) fn queues(&self) -> Vec<Arc<SendQueue>> {
        let mut queues = self.outgoing();
        let links = self.links.lock();
        queues.extend(links.incoming.iter().flatten().map(|incoming| incoming.queue.clone()));
        queues
    }

    fn outgoing(&self) -> Vec<Arc<SendQueue>> {
        self.queues.iter().filter_map(|queue| queue.read().clone()).collect()
    }

    pub(crate) fn stats(&self) -> PeerStats {
        let links = self.links.lock();
        let state = match (links.up, links.failures.iter().all(|failures| *failures < PROBES)) {
            (true, _) => PeerState::Healthy,
            (false, true) => PeerState::Probing,
            (false, false) => PeerState::Disconnected,
        };
        let reached = links.outgoing == [true; 2];
        let failure = if reached {
            None
        } else {
            links.error.iter().flatten().next().cloned()
        };
        drop(links);
        PeerStats {
            reached,
            failure,
            id: self.config.id,
            name: self.config.name.clone(),
            state,
            rtt_micros: self.rtt_micros.load(Ordering::Relaxed),
            queued_bytes: Lane::BOTH.map(|lane| {
                self.queues[lane as usize]
                    .read()
                    .as_ref()
                    .map_or(0, |queue| queue.amounts().0)
            }),
        }
    }

    /// Notes a connection that the peer has made; an older one of that lane is lost, and so is what was under way on it.
    pub(crate) fn accepted(&self, shared: &Shared, lane: Lane, incoming: Incoming) {
        let mut older = None;
        self.change(shared, |links| older = links.incoming[lane as usize].take());
        if let Some(older) = older {
            older.queue.close();
        }
        self.change(shared, |links| links.incoming[lane as usize] = Some(incoming));
        for retry in &self.retry {
            retry.notify_one();
        }
    }

    /// It is no member any more: writes what is queued for it, hears nothing more of it, and lets its connections end. On the
    /// network's thread only, as `change`.
    pub(crate) fn remove(&self, shared: &Shared) {
        self.removed.store(true, Ordering::Release);
        let mut incoming = [None, None];
        self.change(shared, |links| incoming = std::mem::take(&mut links.incoming));
        for incoming in incoming.into_iter().flatten() {
            incoming.queue.close();
        }
        for queue in self.outgoing() {
            queue.finish();
        }
        for lane in &self.removal {
            lane.notify_one();
        }
    }

    pub(crate) fn is_removed(&self) -> bool {
        self.removed.load(Ordering::Acquire)
    }

    /// Whether another process than that of `life` is connected as this peer, and lives. Two processes with one name would else
    /// take each other's place for ever, since each dials again at once. One that was restarted is let in as soon as the
    /// connections of its earlier life have ended or fallen silent.
    pub(crate) fn is_another(&self, shared: &Shared, life: u64) -> bool {
        if life == 0 {
            return false;
        }
        let silent = shared.config.limits.ping_every * PINGS_MISSED;
        let links = self.links.lock();
        let mut incoming = links.incoming.iter().flatten();
        incoming.any(|incoming| ![0, life].contains(&incoming.life) && incoming.heard.elapsed() < silent)
    }

    /// A ping came on an accepted connection.
    pub(crate) fn heard(&self, lane: Lane, connection: u64) {
        let mut links = self.links.lock();
        let incoming = links.incoming[lane as usize].as_mut();
        if let Some(incoming) = incoming.filter(|incoming| incoming.connection == connection) {
            incoming.heard = Instant::now();
        }
    }

    /// Whether frames of an accepted connection count: not any more once the peer has made a newer one.
    pub(crate) fn is_current(&self, lane: Lane, connection: u64) -> bool {
        let links = self.links.lock();
        let incoming = links.incoming[lane as usize].as_ref();
        incoming.is_some_and(|incoming| incoming.connection == connection)
    }

    /// Notes that an accepted connection has ended.
    pub(crate) fn accepted_ended(&self, shared: &Shared, lane: Lane, connection: u64) {
        self.change(shared, |links| {
            links.incoming[lane as usize].take_if(|incoming| incoming.connection == connection);
        });
    }

    /// Notes that a lane to the peer is connected.
    pub(crate) fn dialed(&self, shared: &Shared, lane: Lane, queue: Arc<SendQueue>) {
        *self.queues[lane as usize].write() = Some(queue);
        self.change(shared, |links| {
            links.outgoing[lane as usize] = true;
            links.failures[lane as usize] = 0;
            links.error[lane as usize] = None;
        });
    }

    /// Notes that a lane to the peer has ended, and why.
    pub(crate) fn dialed_ended(&self, shared: &Shared, lane: Lane, error: &NetError) {
        *self.queues[lane as usize].write() = None;
        self.change(shared, |links| links.outgoing[lane as usize] = false);
        self.links.lock().error[lane as usize] = Some(error.clone());
        if !shared.is_closing() && !self.is_removed() {
            self.report(shared, lane, error);
        }
    }

    /// Notes that a lane could not be connected, and why.
    pub(crate) fn dial_failed(&self, shared: &Shared, lane: Lane, error: &NetError) {
        let mut links = self.links.lock();
        links.failures[lane as usize] += 1;
        links.error[lane as usize] = Some(error.clone());
        drop(links);
        self.report(shared, lane, error);
    }

    /// Notes how long a frame and its answer took, of the fast lane.
    pub(crate) fn round_trip(&self, time: Duration) {
        let micros = u32::try_from(time.as_micros()).unwrap_or(u32::MAX).max(1);
        let old = self.rtt_micros.load(Ordering::Relaxed);
        // The smoothing of RFC 6298: one eighth of the new value.
        let smooth = if old == 0 { micros } else { old - old / 8 + micros / 8 };
        self.rtt_micros.store(smooth.max(1), Ordering::Relaxed);
    }

    /// Changes what stands, and tells the handler when that makes the peer up or down. On the network's thread only, so
    /// that the handler hears of it in order.
    fn change(&self, shared: &Shared, change: impl FnOnce(&mut Links)) {
        let up = {
            let mut links = self.links.lock();
            change(&mut links);
            let up = links.outgoing == [true; 2] && links.incoming.iter().all(Option::is_some);
            if up == links.up {
                return;
            }
            links.up = up;
            if shared.is_closing() {
                return;
            }
            if up {
                links.reported = [None; 2];
            }
            up
        };
        let PeerConfig { name, endpoint, .. } = &self.config;
        if up {
            let text = format!("connected to {name} at {endpoint}");
            shared.log.often(format!("{name} connected"), Level::Info, text);
        } else {
            let text = format!("lost {name} at {endpoint}");
            shared.log.often(format!("{name} lost"), Level::Warn, text);
        }
        shared
            .handler
            .peer_state(self.config.id, up, self.rtt_micros.load(Ordering::Relaxed));
    }

    /// Logs why a lane is not there, once for each kind of reason.
    fn report(&self, shared: &Shared, lane: Lane, error: &NetError) {
        if self.links.lock().reported[lane as usize].replace(error.code) == Some(error.code) {
            return;
        }
        let level = match error.code {
            Code::ClusterMismatch
            | Code::TokenMismatch
            | Code::NameInUse
            | Code::ProtocolVersion
            | Code::AddressInvalid => Level::Error,
            _ => Level::Warn,
        };
        let text = format!(
            "{}: {}: {}; trying again",
            self.config.name,
            error.code.name(),
            error.text
        );
        // Both lanes fail alike, most often: that is one line.
        shared
            .log
            .seldom(format!("{} {}", self.config.name, error.code.name()), level, text);
    }
}

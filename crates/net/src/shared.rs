//! What every task of a network sees: its settings, whom it tells, its clients, how it ends. Knows nothing of peers.

use std::collections::HashMap;
use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::Arc;

use parking_lot::RwLock;
use rafterdb_codec::{encode_refusal, Code};
use tokio::sync::Notify;

use crate::budget::{Budget, Share};
use crate::config::{Level, NetConfig};
use crate::counters::Counters;
use crate::frame::Parts;
use crate::guard::caught;
use crate::handler::Handler;
use crate::queue::{QueueLimits, Refused, SendQueue};
use crate::throttled_log::ThrottledLog;

/// What every task of a network sees.
pub(crate) struct Shared {
    pub(crate) config: NetConfig,
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) log: ThrottledLog,
    pub(crate) counters: Arc<Counters>,
    /// What all clients hold together.
    pub(crate) budget: Arc<Budget>,
    pub(crate) clients: RwLock<HashMap<u64, Arc<SendQueue>>>,
    /// Tells this process from another that runs under the same name; not 0.
    pub(crate) life: u64,
    connections: AtomicU64,
    open: Arc<AtomicUsize>,
    closing: AtomicBool,
    close: Notify,
}

/// Counts an accepted connection for as long as it lives.
pub(crate) struct Open(Arc<AtomicUsize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Shared {
    pub(crate) fn new(config: NetConfig, handler: Arc<dyn Handler>) -> Self {
        Self {
            log: ThrottledLog::new(config.log.clone()),
            handler,
            counters: Arc::default(),
            budget: Budget::new(config.limits.clients_bytes_max),
            clients: RwLock::default(),
            life: RandomState::new().hash_one(std::process::id()) | 1,
            connections: AtomicU64::new(0),
            open: Arc::default(),
            closing: AtomicBool::new(false),
            close: Notify::new(),
            config,
        }
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// Runs a task; a broken invariant in it ends the whole network, and is told.
    pub(crate) async fn guard(&self, task: impl Future<Output = ()>) {
        if let Err(text) = caught(task).await {
            self.log
                .line(Level::Error, format!("the network stops: a bug in rafterdb: {text}"));
            self.stop();
            self.handler.broken(&text);
        }
    }

    /// Makes the thread end.
    pub(crate) fn stop(&self) {
        self.closing.store(true, Ordering::Release);
        self.close.notify_one();
    }

    /// Returns once `stop` was called; for one task.
    pub(crate) async fn stopped(&self) {
        self.close.notified().await;
    }

    /// A number for a connection, from 1, never used again.
    pub(crate) fn next_connection(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Counts a connection in, unless too many are open or the network is closing.
    pub(crate) fn open_connection(&self) -> Option<Open> {
        if self.is_closing() || self.open_count() >= self.config.limits.connections_max {
            return None;
        }
        self.open.fetch_add(1, Ordering::AcqRel);
        Some(Open(self.open.clone()))
    }

    pub(crate) fn open_count(&self) -> usize {
        self.open.load(Ordering::Acquire)
    }

    pub(crate) fn new_queue(&self, bytes_max: usize, share: Arc<Share>) -> SendQueue {
        let limits = QueueLimits {
            bytes_max,
            frame_bytes_max: self.config.limits.frame_bytes_max,
            pause_bytes: self.config.limits.client_pause_bytes,
        };
        SendQueue::new(limits, self.counters.clone(), share)
    }

    /// Disconnects the clients that hold most, while all hold more than they may.
    pub(crate) fn relieve(&self) {
        while self.budget.excess() > 0 {
            let clients = self.clients.read();
            let held = |queue: &Arc<SendQueue>| queue.share().bytes();
            let total: usize = clients.values().map(held).sum();
            let largest = clients.iter().max_by_key(|(_, queue)| held(queue));
            let Some((connection, queue)) = largest.filter(|_| total > self.config.limits.clients_bytes_max) else {
                // Those that were cut give back what they hold as they end.
                break;
            };
            let text = format!(
                "all clients together hold {total} bytes of requests and unread answers, more than they may: client {connection} \
                with {} was disconnected",
                held(queue)
            );
            let queue = queue.clone();
            // What follows writes to a socket, and tells others.
            drop(clients);
            self.log.seldom("clients hold".to_owned(), Level::Warn, text);
            let reason = "the member is short of memory for its clients, and this one held most: read answers sooner";
            queue.cut(Parts::new(encode_refusal(Code::Busy, 0, reason)));
        }
    }

    /// Turns an outcome into the senders' bool; a frame that nobody could ever send is said aloud.
    pub(crate) fn sent(&self, to: &str, outcome: Result<(), Refused>) -> bool {
        if outcome == Err(Refused::TooLong) {
            let text = format!(
                "a frame for {to} is longer than {} bytes: dropped",
                self.config.limits.frame_bytes_max
            );
            self.log.seldom("too long".to_owned(), Level::Error, text);
        }
        outcome.is_ok()
    }
}

//! The other side of a client connection: a process without data that sends submissions and gets deliveries.
//! All of a process share one background thread, started with the first.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rafterdb_codec::limits::SEND_QUEUE_BYTES_MAX;
use rafterdb_codec::{Code, Hello, HelloKind, PROOF_BYTES};
use rafterdb_pool::{Pool, Slice};
use tokio::runtime::{Builder, Handle};
use tokio::time::timeout;

use crate::budget::Share;
use crate::config::NetLimits;
use crate::connection::{end_asked, run, End, Side, Sink};
use crate::counters::Counters;
use crate::dial::dial;
use crate::error::NetError;
use crate::frame::Parts;
use crate::guard::caught;
use crate::queue::{QueueLimits, SendQueue};

static SHARED_POOL: LazyLock<Arc<Pool>> = LazyLock::new(Pool::new);

/// What a client connection tells. Called on the shared thread; must not block.
pub trait RemoteHandler: Send + Sync + 'static {
    /// The member has answered the hello.
    fn connected(&self, member: RemoteMember);

    /// A delivery.
    fn frame(&self, body: Slice);

    /// The connection could not be made, or is lost: the last call, made once, and not at all after `close`.
    /// Codes: `UNREACHABLE`, `TIMEOUT`, `ADDRESS_INVALID`, `CLUSTER_MISMATCH`, `PROTOCOL_VERSION`, `PROTOCOL_ERROR`, `IO`.
    fn lost(&self, error: NetError);
}

/// Who answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteMember {
    /// Identity of its cluster; 0: it does not know it yet.
    pub cluster: u64,
    /// Its id.
    pub member_id: u64,
    /// Its name.
    pub name: String,
}

/// Settings of a client connection.
#[derive(Clone, Debug)]
pub struct RemoteConfig {
    /// Where a member listens, as [`crate::Endpoint`] is written.
    pub endpoint: String,
    /// Identity of the cluster it must belong to; 0: any.
    pub cluster: u64,
    /// This client's name, for the member's log.
    pub name: String,
    /// Time for the connection and the hello together.
    pub timeout: Duration,
    /// Bounds and times.
    pub limits: NetLimits,
    /// Where what is received comes to lie. Default: a pool that all clients of this process share.
    pub pool: Arc<Pool>,
}

impl Default for RemoteConfig {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            cluster: 0,
            name: String::new(),
            timeout: Duration::from_secs(2),
            limits: NetLimits::default(),
            pool: SHARED_POOL.clone(),
        }
    }
}

/// A client's connection to one member. Dropping it closes it.
pub struct RemoteClient {
    queue: Arc<SendQueue>,
    closed: Arc<AtomicBool>,
}

impl fmt::Debug for RemoteClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteClient")
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}

impl RemoteClient {
    /// Starts to connect, and returns at once: the outcome goes to `handler`. What is sent meanwhile is sent when the
    /// connection stands. Errors: `IO` if the shared thread cannot be started.
    pub fn connect(config: RemoteConfig, handler: Arc<dyn RemoteHandler>) -> Result<Self, NetError> {
        let runtime = shared_runtime()?;
        let limits = QueueLimits {
            bytes_max: SEND_QUEUE_BYTES_MAX,
            frame_bytes_max: config.limits.frame_bytes_max,
            pause_bytes: config.limits.client_pause_bytes,
        };
        let counters = Arc::<Counters>::default();
        let queue = Arc::new(SendQueue::new(limits, counters.clone(), Share::uncounted()));
        let closed = Arc::new(AtomicBool::new(false));
        let client = Self {
            queue: queue.clone(),
            closed: closed.clone(),
        };
        runtime.spawn(async move {
            // Closed even when the handler panics: sends must not seem to go somewhere.
            let queue = CloseOnDrop(queue);
            let error = caught(live(&config, &queue.0, &closed, handler.as_ref(), &counters))
                .await
                .unwrap_or_else(|text| NetError::new(Code::Internal, format!("a bug in rafterdb: {text}")));
            drop(queue);
            if !closed.swap(true, Ordering::AcqRel) {
                handler.lost(error);
            }
        });
        Ok(client)
    }

    /// Sends a submission, from any thread, without blocking. `false`: the connection is lost or closed, or its queue is full.
    pub fn send(&self, parts: Parts) -> bool {
        assert!(!parts.is_empty(), "frame body: empty ones are the network's own");
        self.queue.send(parts).is_ok()
    }

    /// Ends the connection once what is queued has been written, for at most `flush_timeout`. The handler is not called any
    /// more, but for a call that is under way.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.queue.finish();
    }
}

impl Drop for RemoteClient {
    fn drop(&mut self) {
        self.close();
    }
}

struct CloseOnDrop(Arc<SendQueue>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close();
    }
}

struct Deliveries<'a> {
    handler: &'a dyn RemoteHandler,
    closed: &'a AtomicBool,
}

impl Sink for Deliveries<'_> {
    fn frame(&self, body: Slice) {
        if !self.closed.load(Ordering::Acquire) {
            self.handler.frame(body);
        }
    }
}

/// A connection's life. Returns why it ended.
async fn live(
    config: &RemoteConfig,
    queue: &SendQueue,
    closed: &AtomicBool,
    handler: &dyn RemoteHandler,
    counters: &Arc<Counters>,
) -> NetError {
    let endpoint = &config.endpoint;
    let hello = Hello {
        kind: HelloKind::Client,
        roster: 0,
        cluster: config.cluster,
        member_id: 0,
        to: 0,
        has_token: false,
        proof: [0; PROOF_BYTES],
        name: config.name.clone(),
    };
    let dialed = tokio::select! {
        outcome = timeout(config.timeout, dial(endpoint, &hello, None, &config.limits, &config.pool, counters)) => match outcome {
            Ok(Ok(dialed)) => dialed,
            Ok(Err(error)) => return error,
            Err(_) => {
                let text = format!("{endpoint} has not answered within {} ms", config.timeout.as_millis());
                return NetError::new(Code::Timeout, text);
            }
        },
        () = end_asked(queue, &config.limits) => return End::Here.into_error(endpoint),
    };
    if !closed.load(Ordering::Acquire) {
        let Hello {
            cluster,
            member_id,
            name,
            ..
        } = dialed.hello;
        handler.connected(RemoteMember {
            cluster,
            member_id,
            name,
        });
    }
    let sink = Deliveries { handler, closed };
    run(dialed.reader, dialed.socket, queue, Side::Dialer, &config.limits, &sink)
        .await
        .into_error(endpoint)
}

/// How often the memory of a burst is looked for that has been idle since: nobody else comes by in a process of clients.
const TRIM_EVERY: Duration = Duration::from_secs(5);

/// The runtime of all clients of this process. Its thread never ends: it has nothing to lose when the process does.
fn shared_runtime() -> Result<&'static Handle, NetError> {
    static RUNTIME: OnceLock<Handle> = OnceLock::new();
    static STARTING: Mutex<()> = Mutex::new(());
    if let Some(handle) = RUNTIME.get() {
        return Ok(handle);
    }
    // One at a time; and a failure is not remembered: what was short then may be there when the next client comes.
    let _starting = STARTING.lock();
    if let Some(handle) = RUNTIME.get() {
        return Ok(handle);
    }
    let handle = start_runtime()
        .map_err(|error| NetError::new(Code::Io, format!("cannot start the clients' thread: {error}")))?;
    Ok(RUNTIME.get_or_init(|| handle))
}

fn start_runtime() -> std::io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
    let handle = runtime.handle().clone();
    let run = move || {
        runtime.block_on(async {
            loop {
                tokio::time::sleep(TRIM_EVERY).await;
                SHARED_POOL.trim(Instant::now());
            }
        });
    };
    rafterdb_fault::point("thread.start")?;
    thread::Builder::new().name("rafterdb-clients".to_owned()).spawn(run)?;
    Ok(handle)
}

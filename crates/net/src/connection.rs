//! One connection after its hello: reads, writes and looks whether the other side is still there, until any of them ends.
//! Knows no members and no retries.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rafterdb_codec::{decode_refusal, Code};
use rafterdb_pool::Slice;
use tokio::io::AsyncRead;

use crate::config::NetLimits;
use crate::error::NetError;
use crate::frame::Parts;
use crate::queue::{SendQueue, WriteEnd};
use crate::reader::{FrameReader, ReadError};
use crate::socket::WriteHalf;

/// How often an accepted connection is looked at.
const IDLE_LOOKS: u32 = 5;

/// Why a connection ended.
#[derive(Debug)]
pub(crate) enum End {
    /// This side closed it.
    Here,
    /// The other side closed it.
    There,
    /// The other side said why it closes it.
    Refused(NetError),
    /// What arrived is no frame.
    Bad(String),
    Io(std::io::Error),
    /// Nothing was heard for too long.
    Silent(Duration),
}

impl End {
    /// As an error for the side that dialed `endpoint`.
    pub(crate) fn into_error(self, endpoint: &str) -> NetError {
        let (code, text) = match self {
            Self::Here => (Code::Closed, "the connection was closed".to_owned()),
            Self::There => (Code::Unreachable, format!("{endpoint} closed the connection")),
            Self::Refused(error) => return error,
            Self::Bad(text) => (Code::ProtocolError, format!("{endpoint} sent {text}")),
            Self::Io(error) => (
                Code::Unreachable,
                format!("the connection to {endpoint} was lost: {error}"),
            ),
            Self::Silent(time) => (
                Code::Unreachable,
                format!("{endpoint} has not answered for {} ms", time.as_millis()),
            ),
        };
        NetError::new(code, text)
    }
}

impl From<ReadError> for End {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Closed(_) => Self::There,
            ReadError::Io(error) => Self::Io(error),
            ReadError::Bad(text) => Self::Bad(text),
        }
    }
}

/// What a side does with frames.
pub(crate) trait Sink: Send + Sync {
    /// Takes a frame's body, never empty.
    fn frame(&self, body: Slice);

    /// The accepter is told of each ping: the dialer lives.
    fn ping(&self) {}

    /// Told after the answer to a ping.
    fn round_trip(&self, _time: Duration) {}

    /// Whether a frame may be handed over now; asked again about every millisecond while it may not.
    fn ready(&self) -> bool {
        true
    }
}

/// Which side of the connection this is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Dialer,
    /// Stops reading while its own answers are not read, if told to.
    Accepter {
        pause: bool,
    },
}

/// Pause before asking again whether a frame may be read.
const READY_POLL: Duration = Duration::from_millis(1);

#[derive(Default)]
struct Ping {
    /// When the ping under way was sent.
    sent: Option<Instant>,
    /// `taken` of the queue when it was sent: once so many bytes are written, it has left.
    leaves_at: u64,
}

/// Runs a connection until it ends. The caller closes the queue.
pub(crate) async fn run<S: AsyncRead + Unpin>(
    mut reader: FrameReader<S>,
    socket: Arc<WriteHalf>,
    queue: &SendQueue,
    side: Side,
    limits: &NetLimits,
    sink: &dyn Sink,
) -> End {
    let received = reader.received();
    let ping = Mutex::new(Ping::default());
    tokio::select! {
        end = read(&mut reader, queue, side, sink, &ping) => end,
        end = queue.run(socket) => match end {
            WriteEnd::Closed => End::Here,
            WriteEnd::Io(error) => End::Io(error),
        },
        silent = watch(queue, side, limits, &received, &ping) => End::Silent(silent),
        () = end_asked(queue, limits) => End::Here,
    }
}

/// Returns when `finish` was called and the time for writing what is queued is over.
pub(crate) async fn end_asked(queue: &SendQueue, limits: &NetLimits) {
    queue.finishing().await;
    tokio::time::sleep(limits.flush_timeout).await;
}

async fn read<S: AsyncRead + Unpin>(
    reader: &mut FrameReader<S>,
    queue: &SendQueue,
    side: Side,
    sink: &dyn Sink,
    ping: &Mutex<Ping>,
) -> End {
    loop {
        let body = match reader.next().await {
            Ok(body) => body,
            Err(error) => return error.into(),
        };
        // After the wait for a frame, not before it: much may have been queued meanwhile.
        if side == (Side::Accepter { pause: true }) {
            queue.room().await;
        }
        while !sink.ready() {
            tokio::time::sleep(READY_POLL).await;
        }
        match (body.is_empty(), side) {
            // An empty answer that finds the queue full is not worth keeping: the dialer waits for bytes anyway.
            (true, Side::Accepter { .. }) => {
                sink.ping();
                let _ = queue.send(Parts::default());
            }
            (true, Side::Dialer) => {
                if let Some(sent) = ping.lock().sent.take() {
                    sink.round_trip(sent.elapsed());
                }
            }
            (false, Side::Dialer) => match decode_refusal(&body) {
                Some((code, detail, text)) => return End::Refused(NetError::new(code, text).with_detail(detail)),
                None => sink.frame(body),
            },
            (false, Side::Accepter { .. }) => sink.frame(body),
        }
    }
}

/// Returns when the other side seems to be gone, with the time for which nothing was heard.
async fn watch(
    queue: &SendQueue,
    side: Side,
    limits: &NetLimits,
    received: &AtomicU64,
    ping: &Mutex<Ping>,
) -> Duration {
    match side {
        Side::Dialer => ping_regularly(queue, limits, received, ping).await,
        Side::Accepter { .. } => watch_idle(queue, limits, received).await,
    }
}

/// The dialer's part. Whatever arrives is a sign of life; and while a long queue is still being written the ping cannot have
/// arrived, so that progress counts too.
async fn ping_regularly(queue: &SendQueue, limits: &NetLimits, received: &AtomicU64, ping: &Mutex<Ping>) -> Duration {
    let mut alive = Instant::now();
    let mut last = (0, 0);
    loop {
        tokio::time::sleep(limits.ping_every).await;
        let now = (received.load(Ordering::Relaxed), queue.written());
        let mut state = ping.lock();
        let leaving = last.1 < state.leaves_at && now.1 > last.1;
        if state.sent.is_none() || leaving || now.0 > last.0 {
            alive = Instant::now();
        } else if alive.elapsed() >= limits.dead_after {
            return alive.elapsed();
        }
        last = now;
        if state.sent.is_none() {
            // A full queue takes no ping; its progress is looked at all the same.
            let _ = queue.send(Parts::default());
            *state = Ping {
                sent: Some(alive),
                leaves_at: queue.amounts().1,
            };
        }
    }
}

/// The accepter's part: a dialer that lives sends a ping now and then, or reads what is written to it.
async fn watch_idle(queue: &SendQueue, limits: &NetLimits, received: &AtomicU64) -> Duration {
    let mut last = (0, 0);
    let mut alive = Instant::now();
    loop {
        tokio::time::sleep(limits.idle_after / IDLE_LOOKS).await;
        let now = (received.load(Ordering::Relaxed), queue.written());
        if now != last {
            last = now;
            alive = Instant::now();
        } else if alive.elapsed() >= limits.idle_after {
            return alive.elapsed();
        }
    }
}

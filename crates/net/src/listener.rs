//! Accepted connections: the hello is checked within its time, then frames of peers and of clients go to the handler.
//! A stranger gets one line of refusal, and costs one line of log in a while.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rafterdb_codec::Code;
use rafterdb_pool::Slice;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use crate::config::{Level, NetError};
use crate::connection::{run, End, Side, Sink};
use crate::counters::add;
use crate::dial::write_whole;
use crate::frame::Parts;
use crate::hello::{encode_refusal, Hello, HelloKind, HELLO_BYTES_MAX};
use crate::net::{Shared, StopOnPanic};
use crate::peer::{Lane, Peer};
use crate::queue::SendQueue;
use crate::reader::{FrameReader, ReadError};

/// Pause after the operating system refused to hand out a connection (too many open files, most often).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections for as long as the network lives.
pub(crate) async fn accept(shared: Arc<Shared>, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, from)) => {
                add(&shared.counters.accepts, 1);
                let Some(open) = shared.open_connection() else {
                    let text = format!(
                        "{} connections are open, no more are taken: {from} was turned away",
                        shared.open_count()
                    );
                    shared.report.log_seldom("full".to_owned(), Level::Warn, text);
                    continue;
                };
                let shared = shared.clone();
                tokio::spawn(async move {
                    let _open = open;
                    let _stop = StopOnPanic(shared.clone());
                    greet(&shared, stream, from).await;
                });
            }
            Err(error) => {
                let text = format!("cannot accept connections: {error}; trying again");
                shared.report.log_seldom("accept".to_owned(), Level::Error, text);
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// What a hello admits its sender to.
enum Admitted {
    Client,
    Peer(Arc<Peer>, Lane),
}

async fn greet(shared: &Arc<Shared>, stream: TcpStream, from: SocketAddr) {
    // Small frames must not wait for the acknowledgement of earlier ones; a socket that cannot is still a connection.
    let _ = stream.set_nodelay(true);
    let (read_half, mut write_half) = stream.into_split();
    let mut reader = FrameReader::new(
        read_half,
        HELLO_BYTES_MAX,
        shared.config.pool.clone(),
        shared.counters.clone(),
    );
    let limits = &shared.config.limits;
    let greeted = timeout(limits.hello_timeout, async {
        let body = match reader.next().await {
            Ok(body) => body,
            // Somebody looked whether the port is open.
            Err(ReadError::Closed(false) | ReadError::Io(_)) => return None,
            Err(ReadError::Closed(true)) => return Some(Err(NetError::new(Code::ProtocolError, "half a frame"))),
            Err(ReadError::Bad(text)) => return Some(Err(NetError::new(Code::ProtocolError, text))),
        };
        Some(Hello::decode(&body).and_then(|hello| admit(shared, &hello).map(|admitted| (hello, admitted))))
    });
    let refusal = match greeted.await {
        Ok(None) => return,
        Ok(Some(Ok((hello, admitted)))) => {
            let answer = Hello {
                kind: hello.kind,
                cluster_id: shared.config.cluster_id,
                member_id: shared.config.member_id,
                to: hello.member_id,
                name: shared.config.name.clone(),
            };
            if !matches!(
                timeout(limits.hello_timeout, write_whole(&mut write_half, answer.encode())).await,
                Ok(Ok(()))
            ) {
                return;
            }
            reader.set_frame_bytes_max(limits.frame_bytes_max);
            let socket = Arc::new(write_half);
            return match admitted {
                Admitted::Client => serve_client(shared, reader, socket, from).await,
                Admitted::Peer(peer, lane) => serve_peer(shared, &peer, lane, reader, socket, from).await,
            };
        }
        Ok(Some(Err(error))) => error,
        Err(_) => NetError::new(
            Code::Timeout,
            format!("no hello within {} ms", limits.hello_timeout.as_millis()),
        ),
    };
    add(&shared.counters.frames_bad, 1);
    report_bad(shared, from, &refusal);
    // The other side may be anything, even gone: it has its chance to read why, and no more.
    let _ = timeout(
        limits.hello_timeout,
        write_whole(&mut write_half, encode_refusal(&refusal)),
    )
    .await;
}

fn report_bad(shared: &Shared, from: SocketAddr, error: &NetError) {
    let key = format!("{} {}", from.ip(), error.code.name());
    let text = format!("closed the connection of {from}: {}: {}", error.code.name(), error.text);
    shared.report.log_seldom(key, Level::Warn, text);
}

/// Checks that a hello is meant for this member, and from somebody it speaks to.
fn admit(shared: &Shared, hello: &Hello) -> Result<Admitted, NetError> {
    let us = &shared.config;
    let lane = match hello.kind {
        HelloKind::Client => None,
        HelloKind::PeerFast => Some(Lane::Fast),
        HelloKind::PeerBulk => Some(Lane::Bulk),
    };
    if hello.cluster_id != us.cluster_id && (lane.is_some() || hello.cluster_id != 0) {
        let text = format!(
            "{} is of cluster {:x}, this member ({}) of cluster {:x}: check the list of members and the data directory",
            hello.name, hello.cluster_id, us.name, us.cluster_id
        );
        return Err(NetError::new(Code::ClusterMismatch, text));
    }
    if hello.to != us.member_id && (lane.is_some() || hello.to != 0) {
        let text = format!(
            "{} looks for member {:x}, this is {} ({:x}): check the endpoints of the members",
            hello.name, hello.to, us.name, us.member_id
        );
        return Err(NetError::new(Code::MemberUnknown, text));
    }
    let Some(lane) = lane else { return Ok(Admitted::Client) };
    match shared.peers.get(&hello.member_id) {
        Some(peer) => Ok(Admitted::Peer(peer.clone(), lane)),
        None => {
            let text = format!(
                "{} ({:x}) is not among the members that {} knows: check the list of members",
                hello.name, hello.member_id, us.name
            );
            Err(NetError::new(Code::MemberUnknown, text))
        }
    }
}

struct FromPeer<'a> {
    shared: &'a Shared,
    peer: &'a Peer,
    lane: Lane,
    connection: u64,
}

impl Sink for FromPeer<'_> {
    fn frame(&self, body: Slice) {
        if self.peer.is_current(self.lane, self.connection) {
            self.shared.handler.peer_frame(self.peer.config.id, self.lane, body);
        }
    }

    fn ready(&self) -> bool {
        self.shared.handler.ready(self.peer.config.id, self.lane)
    }
}

async fn serve_peer(
    shared: &Arc<Shared>,
    peer: &Arc<Peer>,
    lane: Lane,
    reader: FrameReader<OwnedReadHalf>,
    socket: Arc<OwnedWriteHalf>,
    from: SocketAddr,
) {
    let connection = shared.next_connection();
    let queue = Arc::new(shared.new_queue(shared.config.limits.peer_queue_bytes_max));
    shared.answers.lock().insert(connection, queue.clone());
    peer.accepted(shared, lane, connection);
    let sink = FromPeer {
        shared,
        peer,
        lane,
        connection,
    };
    let end = run(
        reader,
        socket,
        &queue,
        Side::Accepter { pause: false },
        &shared.config.limits,
        &sink,
    )
    .await;
    peer.accepted_ended(shared, lane, connection);
    shared.answers.lock().remove(&connection);
    finish(shared, &queue, end, from);
}

struct FromClient<'a> {
    shared: &'a Shared,
    connection: u64,
}

impl Sink for FromClient<'_> {
    fn frame(&self, body: Slice) {
        self.shared.handler.client_frame(self.connection, body);
    }
}

async fn serve_client(
    shared: &Arc<Shared>,
    reader: FrameReader<OwnedReadHalf>,
    socket: Arc<OwnedWriteHalf>,
    from: SocketAddr,
) {
    let connection = shared.next_connection();
    let queue = Arc::new(shared.new_queue(shared.config.limits.client_queue_bytes_max));
    shared.clients.write().insert(connection, queue.clone());
    let sink = FromClient { shared, connection };
    let end = run(
        reader,
        socket,
        &queue,
        Side::Accepter { pause: true },
        &shared.config.limits,
        &sink,
    )
    .await;
    shared.clients.write().remove(&connection);
    finish(shared, &queue, end, from);
    if !shared.is_closing() {
        shared.handler.client_closed(connection);
    }
}

/// Says what was wrong to whom it may concern, and ends the connection.
fn finish(shared: &Shared, queue: &SendQueue, end: End, from: SocketAddr) {
    if let End::Bad(text) = end {
        add(&shared.counters.frames_bad, 1);
        let error = NetError::new(Code::ProtocolError, text);
        report_bad(shared, from, &error);
        // Written at once if it can be; a queue that is not empty has other worries.
        let _ = queue.send(Parts::new(encode_refusal(&error)));
    }
    queue.close();
}

//! Accepted connections: the hello is checked within its time, then frames of peers and of clients go to the handler.
//! A stranger gets one line of refusal, and costs one line of log in a while.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rafterdb_codec::{
    decode_proof, encode_challenge, encode_refusal, Code, Hello, HelloKind, Proof, HELLO_BYTES_MAX, PROOF_BYTES,
};
use rafterdb_pool::Slice;
use tokio::time::{sleep, timeout};

use crate::budget::{Client, Share};
use crate::config::Level;
use crate::connection::{run, End, Side, Sink};
use crate::counters::add;
use crate::dial::{is_one_cluster, may_be_one_cluster, write_whole};
use crate::error::NetError;
use crate::frame::Parts;
use crate::lane::Lane;
use crate::peer::{Incoming, Peer};
use crate::queue::SendQueue;
use crate::reader::{FrameReader, ReadError, ANNOUNCED_BYTES_KNOWN};
use crate::roster::Roster;
use crate::shared::Shared;
use crate::socket::{Listener, Origin, ReadHalf, Socket, WriteHalf};
use crate::token::{mismatch, nonce, Prover};

/// Pause after the operating system refused to hand out a connection (too many open files, most often).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections for as long as the network lives.
pub(crate) async fn accept(shared: Arc<Shared>, roster: Arc<ArcSwap<Roster>>, listener: Listener) {
    loop {
        match listener.accept().await {
            Ok((socket, from)) => {
                add(&shared.counters.accepts, 1);
                let Some(open) = shared.open_connection() else {
                    let text = format!(
                        "{} connections are open, no more are taken: {from} was turned away",
                        shared.open_count()
                    );
                    shared.log.seldom("full".to_owned(), Level::Warn, text);
                    continue;
                };
                let (shared, roster) = (shared.clone(), roster.clone());
                tokio::spawn(async move {
                    let _open = open;
                    shared.guard(greet(&shared, &roster, socket, from)).await;
                });
            }
            Err(error) => {
                let text = format!("cannot accept connections: {error}; trying again");
                shared.log.seldom("accept".to_owned(), Level::Error, text);
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// What a hello admits its sender to.
enum Admitted {
    Client,
    /// A peer, on a lane, of a life.
    Peer(Arc<Peer>, Lane, u64),
    /// Nothing: it was a member, and is told that it is none. Behind our hello, which with a token proves who says it.
    Removed(NetError),
}

async fn greet(shared: &Arc<Shared>, roster: &ArcSwap<Roster>, socket: Socket, from: Origin) {
    let (read_half, mut write_half) = socket.into_split();
    let mut reader = FrameReader::new(
        read_half,
        HELLO_BYTES_MAX,
        shared.config.pool.clone(),
        shared.counters.clone(),
    );
    let limits = &shared.config.limits;
    let greeted = timeout(limits.hello_timeout, hear(shared, roster, &mut reader, &mut write_half));
    let refusal = match greeted.await {
        Ok(None) => return,
        Ok(Some(Ok((answer, admitted)))) => {
            if !matches!(
                timeout(limits.hello_timeout, write_whole(&mut write_half, answer.encode())).await,
                Ok(Ok(()))
            ) {
                return;
            }
            reader.set_frame_bytes_max(limits.frame_bytes_max);
            match admitted {
                Admitted::Removed(refusal) => refusal,
                Admitted::Client => return serve_client(shared, reader, Arc::new(write_half), from).await,
                Admitted::Peer(peer, lane, life) => {
                    reader.set_announced_bytes_max(ANNOUNCED_BYTES_KNOWN);
                    let accepted = Accepted {
                        peer: &peer,
                        lane,
                        life,
                    };
                    return serve_peer(shared, &accepted, reader, Arc::new(write_half), from).await;
                }
            }
        }
        Ok(Some(Err(error))) => error,
        Err(_) => NetError::new(
            Code::Timeout,
            format!("no hello within {} ms", limits.hello_timeout.as_millis()),
        ),
    };
    add(&shared.counters.frames_bad, 1);
    report_bad(shared, &from, &refusal);
    // The other side may be anything, even gone: it has its chance to read why, and no more.
    let _ = timeout(
        limits.hello_timeout,
        write_whole(
            &mut write_half,
            encode_refusal(refusal.code, refusal.detail, &refusal.text),
        ),
    )
    .await;
}

/// The next frame of a stranger; `None`: it has gone.
async fn next(reader: &mut FrameReader<ReadHalf>) -> Option<Result<Slice, NetError>> {
    match reader.next().await {
        Ok(body) => Some(Ok(body)),
        // Somebody looked whether the port is open.
        Err(ReadError::Closed(false) | ReadError::Io(_)) => None,
        Err(ReadError::Closed(true)) => Some(Err(NetError::new(Code::ProtocolError, "half a frame"))),
        Err(ReadError::Bad(text)) => Some(Err(NetError::new(Code::ProtocolError, text))),
    }
}

/// Hears who it is, and what it is admitted to: our own hello is the answer. `None`: it has gone.
async fn hear(
    shared: &Shared,
    roster: &ArcSwap<Roster>,
    reader: &mut FrameReader<ReadHalf>,
    writer: &mut WriteHalf,
) -> Option<Result<(Hello, Admitted), NetError>> {
    let body = match next(reader).await? {
        Ok(body) => body,
        Err(error) => return Some(Err(error)),
    };
    let hello = match Hello::decode(&body) {
        Ok(hello) => hello,
        Err(error) => return Some(Err(error.into())),
    };
    // Before anything is said about this member: a stranger is told that it is one, and no more.
    let proof = match hello.kind.is_peer() {
        true => match authenticate(shared, &hello, &body, reader, writer).await? {
            Ok(proof) => proof,
            Err(error) => return Some(Err(error)),
        },
        false => [0; PROOF_BYTES],
    };
    let answer = Hello {
        kind: hello.kind,
        roster: roster.load().hash,
        cluster: shared.handler.cluster(),
        member_id: shared.config.member_id,
        to: hello.member_id,
        has_token: shared.config.token.is_some(),
        proof,
        name: shared.config.name.clone(),
    };
    Some(admit(shared, &roster.load(), &hello, answer.cluster).map(|admitted| (answer, admitted)))
}

/// Has who says that it is a member prove it, and returns our own proof. Without a token on either side there is none.
async fn authenticate(
    shared: &Shared,
    hello: &Hello,
    body: &[u8],
    reader: &mut FrameReader<ReadHalf>,
    writer: &mut WriteHalf,
) -> Option<Result<Proof, NetError>> {
    let token = match (&shared.config.token, hello.has_token) {
        (None, false) => return Some(Ok([0; PROOF_BYTES])),
        (None, true) => {
            return Some(Err(mismatch(
                "this member has no cluster token, the other has one".to_owned(),
            )))
        }
        (Some(_), false) => return Some(Err(mismatch("this member asks for the cluster token".to_owned()))),
        (Some(token), true) => token,
    };
    let challenge = match nonce() {
        Ok(nonce) => encode_challenge(&nonce),
        Err(error) => return Some(Err(error)),
    };
    write_whole(writer, challenge.clone()).await.ok()?;
    let proof = match next(reader).await? {
        Ok(body) => decode_proof(&body),
        Err(error) => return Some(Err(error)),
    };
    if !proof.is_some_and(|proof| token.verify(Prover::Dialer, body, &challenge, &proof)) {
        let text = "the other side does not prove that it knows this member's cluster token";
        return Some(Err(mismatch(text.to_owned())));
    }
    Some(Ok(token.prove(Prover::Accepter, body, &challenge)))
}

/// One that has no data yet, or has none any more, names other members than there are.
fn other_members(own: &str, roster: &Roster, hello: &Hello, cluster: u64) -> String {
    let Hello { name, member_id, .. } = hello;
    let mut text = format!("{name} is configured with other members than this one ({own}): check the lists of members");
    if hello.cluster == 0 && cluster != 0 && roster.peers.contains_key(member_id) {
        text += &format!(
            ". If they have changed since, and {name} has lost its data directory, remove it from the members, and start it with an \
             empty directory and --join in place of --members"
        );
    }
    text
}

fn report_bad(shared: &Shared, from: &Origin, error: &NetError) {
    let key = format!("{} {}", from.host(), error.code.name());
    let text = format!("closed the connection of {from}: {}: {}", error.code.name(), error.text);
    let level = match error.code {
        Code::ClusterMismatch | Code::TokenMismatch | Code::NameInUse => Level::Error,
        _ => Level::Warn,
    };
    shared.log.seldom(key, level, text);
}

/// Checks that a hello is meant for this member, and from somebody it speaks to.
fn admit(shared: &Shared, roster: &Roster, hello: &Hello, cluster: u64) -> Result<Admitted, NetError> {
    let us = &shared.config;
    let lane = match hello.kind {
        HelloKind::Client => None,
        HelloKind::PeerFast => Some(Lane::Fast),
        HelloKind::PeerBulk => Some(Lane::Bulk),
    };
    if !may_be_one_cluster(hello.cluster, cluster) {
        let began_anew = shared.handler.began_anew(hello.cluster);
        return Err(NetError::new(
            Code::ClusterMismatch,
            other_cluster(&us.name, hello, cluster, began_anew),
        ));
    }
    if lane.is_some() && hello.cluster == 0 && cluster != 0 && !roster.peers.contains_key(&hello.member_id) {
        if let Some(index) = shared.handler.removed(hello.member_id) {
            let text = format!(
                "{} is started as one of the founders of this cluster, whose members have changed since: it is none of them (entry {index}). \
                To be one, it needs an empty data directory, and --join in place of --members",
                hello.name
            );
            return Err(NetError::new(Code::MemberRemoved, text).with_detail(index));
        }
    }
    if lane.is_some() && hello.roster != roster.hash && !is_one_cluster(hello.cluster, cluster) {
        return Err(NetError::new(
            Code::ClusterMismatch,
            other_members(&us.name, roster, hello, cluster),
        ));
    }
    if hello.to != us.member_id && (lane.is_some() || hello.to != 0) {
        let text = format!(
            "{} looks for member {:x}, this is {} ({:x}): check the endpoints of the members",
            hello.name, hello.to, us.name, us.member_id
        );
        return Err(NetError::new(Code::MemberUnknown, text));
    }
    let Some(lane) = lane else { return Ok(Admitted::Client) };
    match roster.peers.get(&hello.member_id) {
        Some(peer) if peer.is_another(shared, hello.life()) => {
            let text = format!(
                "another process says that it is {}, which is connected to {} already: two processes run under one name; stop one, \
                or give it a name of its own",
                peer.config.name, us.name
            );
            Err(NetError::new(Code::NameInUse, text))
        }
        Some(peer) => Ok(Admitted::Peer(peer.clone(), lane, hello.life())),
        None => {
            let known = is_one_cluster(hello.cluster, cluster);
            if let Some(index) = shared.handler.removed(hello.member_id).filter(|_| known) {
                let text = format!(
                    "{} ({:x}) is no member of the cluster any more, or not yet (entry {index})",
                    hello.name, hello.member_id
                );
                let refusal = NetError::new(Code::MemberRemoved, text).with_detail(index);
                return Ok(Admitted::Removed(refusal));
            }
            let text = format!(
                "{} ({:x}) is not among the members that {} knows: check the list of members",
                hello.name, hello.member_id, us.name
            );
            Err(NetError::new(Code::MemberUnknown, text))
        }
    }
}

/// What to say to who is of another cluster than this member. `began_anew`: where this one began anew, if it is what became of that one.
fn other_cluster(us: &str, hello: &Hello, cluster: u64, began_anew: Option<u64>) -> String {
    let Hello {
        name, cluster: theirs, ..
    } = hello;
    match began_anew {
        None => format!(
            "{name} is of cluster {theirs:x}, this member ({us}) of cluster {cluster:x}: one of them has the data directory of another \
            cluster, or was founded anew"
        ),
        Some(index) if hello.kind.is_peer() => format!(
            "{name} is of cluster {theirs:x}, whose majority was lost: it has begun anew as cluster {cluster:x} without {name} (entry \
            {index}), and what {name} holds counts no more. To be a member, it needs an empty data directory and --join"
        ),
        Some(index) => format!(
            "{name} knows cluster {theirs:x}, whose majority was lost: it has begun anew as cluster {cluster:x} (entry {index}), which \
            may lack what was written. Connect anew to use that"
        ),
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

    fn ping(&self) {
        self.peer.heard(self.lane, self.connection);
    }

    fn ready(&self) -> bool {
        self.shared.handler.ready(self.peer.config.id, self.lane)
    }
}

/// A peer that was let in.
struct Accepted<'a> {
    peer: &'a Peer,
    lane: Lane,
    /// The process that it is, as it says itself; 0: it does not.
    life: u64,
}

async fn serve_peer(
    shared: &Arc<Shared>,
    accepted: &Accepted<'_>,
    reader: FrameReader<ReadHalf>,
    socket: Arc<WriteHalf>,
    from: Origin,
) {
    let Accepted { peer, lane, life } = *accepted;
    // Meanwhile it may have become a stranger.
    if peer.is_removed() {
        return;
    }
    let connection = shared.next_connection();
    let queue = Arc::new(shared.new_queue(shared.config.limits.peer_queue_bytes_max, Share::uncounted()));
    peer.accepted(shared, lane, Incoming::new(connection, life, queue.clone()));
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
    finish(shared, &queue, end, &from);
}

struct FromClient<'a> {
    shared: &'a Shared,
    client: Client,
}

impl Sink for FromClient<'_> {
    fn frame(&self, body: Slice) {
        self.shared.handler.client_frame(&self.client, body);
    }
}

async fn serve_client(shared: &Arc<Shared>, mut reader: FrameReader<ReadHalf>, socket: Arc<WriteHalf>, from: Origin) {
    let connection = shared.next_connection();
    let share = Share::of(&shared.budget);
    reader.set_share(share.clone());
    // Nothing bounds one client but what all hold together.
    let handler = shared.handler.clone();
    let has_room = Box::new(move || handler.client_has_room(connection));
    let queue = Arc::new(shared.new_queue(usize::MAX, share.clone()).telling(has_room));
    shared.clients.write().insert(connection, queue.clone());
    let client = Client::new(connection, share);
    let sink = FromClient { shared, client };
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
    // What was asked for may live on for a while, and its share with it; the reader does not.
    sink.client.share().set_incoming(0);
    finish(shared, &queue, end, &from);
    if !shared.is_closing() {
        shared.handler.client_closed(connection);
    }
}

/// Says what was wrong to whom it may concern, and ends the connection.
fn finish(shared: &Shared, queue: &SendQueue, end: End, from: &Origin) {
    if let End::Bad(text) = end {
        add(&shared.counters.frames_bad, 1);
        let error = NetError::new(Code::ProtocolError, text);
        report_bad(shared, from, &error);
        // Written at once if it can be; a queue that is not empty has other worries.
        let _ = queue.send(Parts::new(encode_refusal(error.code, 0, &error.text)));
    }
    queue.close();
}

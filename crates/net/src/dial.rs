//! Making a connection: the socket, then a hello each way, each within its time. Used towards peers and by clients.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rafterdb_codec::{decode_challenge, decode_refusal, encode_proof, Code, Frame, Hello, HELLO_BYTES_MAX};
use rafterdb_pool::{Pool, Slice};
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use crate::config::NetLimits;
use crate::counters::{add, Counters};
use crate::error::NetError;
use crate::reader::{FrameReader, ReadError, ANNOUNCED_BYTES_KNOWN};
use crate::socket::{Endpoint, ReadHalf, Socket, WriteHalf};
use crate::token::{mismatch, Prover, Token};

/// A connection after both hellos.
pub(crate) struct Dialed {
    pub(crate) reader: FrameReader<ReadHalf>,
    pub(crate) socket: Arc<WriteHalf>,
    /// The other side's hello.
    pub(crate) hello: Hello,
    /// Time from our hello to its.
    pub(crate) round_trip: Duration,
}

/// Dials `endpoint` and says `hello`. Errors: `UNREACHABLE`, `TIMEOUT`, `ADDRESS_INVALID`; `CLUSTER_MISMATCH`,
/// `TOKEN_MISMATCH`, `MEMBER_UNKNOWN`, `PROTOCOL_VERSION` and `PROTOCOL_ERROR` from either side. With a token the two sides
/// prove to each other that they know it.
pub(crate) async fn dial(
    endpoint: &str,
    hello: &Hello,
    token: Option<&Token>,
    limits: &NetLimits,
    pool: &Arc<Pool>,
    counters: &Arc<Counters>,
) -> Result<Dialed, NetError> {
    add(&counters.dials, 1);
    let to = Endpoint::parse(endpoint)?;
    let socket = match timeout(limits.connect_timeout, Socket::connect(&to, limits)).await {
        Ok(Ok(socket)) => socket,
        Ok(Err(error)) => return Err(unreachable_at(endpoint, &error)),
        Err(_) => return Err(too_late(endpoint, "taken the connection", limits.connect_timeout)),
    };
    let (read_half, mut write_half) = socket.into_split();
    let mut reader = FrameReader::new(read_half, HELLO_BYTES_MAX, pool.clone(), counters.clone());
    let started = Instant::now();
    let greeting = greet(endpoint, hello, token, &mut reader, &mut write_half);
    let theirs = timeout(limits.hello_timeout, greeting)
        .await
        .map_err(|_| too_late(endpoint, "answered the hello", limits.hello_timeout))??;
    check_answer(endpoint, hello, &theirs)?;
    reader.set_frame_bytes_max(limits.frame_bytes_max);
    // Whoever was dialed is a member.
    reader.set_announced_bytes_max(ANNOUNCED_BYTES_KNOWN);
    Ok(Dialed {
        reader,
        socket: Arc::new(write_half),
        hello: theirs,
        round_trip: started.elapsed(),
    })
}

/// Says hello, and what else is asked for, until the other side has said its own.
async fn greet(
    endpoint: &str,
    hello: &Hello,
    token: Option<&Token>,
    reader: &mut FrameReader<ReadHalf>,
    writer: &mut WriteHalf,
) -> Result<Hello, NetError> {
    let ours = hello.encode();
    let mut answer = ask(endpoint, ours.clone(), reader, writer).await?;
    if let Some(token) = token {
        if decode_challenge(&answer).is_none() {
            return Err(mismatch(format!(
                "{endpoint} has no cluster token, this member has one"
            )));
        }
        let challenge = answer;
        let proof = encode_proof(&token.prove(Prover::Dialer, &ours, &challenge));
        answer = ask(endpoint, proof, reader, writer).await?;
        let theirs = Hello::decode(&answer)?;
        return match token.verify(Prover::Accepter, &ours, &challenge, &theirs.proof) {
            true => Ok(theirs),
            false => Err(mismatch(format!(
                "{endpoint} does not prove that it knows this member's cluster token"
            ))),
        };
    }
    Ok(Hello::decode(&answer)?)
}

/// Writes a frame and reads one; an error if that is a refusal.
async fn ask(
    endpoint: &str,
    body: Vec<u8>,
    reader: &mut FrameReader<ReadHalf>,
    writer: &mut WriteHalf,
) -> Result<Slice, NetError> {
    write_whole(writer, body)
        .await
        .map_err(|error| unreachable_at(endpoint, &error))?;
    let answer = reader.next().await.map_err(|error| match error {
        ReadError::Closed(_) => NetError::new(
            Code::Unreachable,
            format!("{endpoint} closed the connection at the hello"),
        ),
        ReadError::Io(error) => unreachable_at(endpoint, &error),
        ReadError::Bad(text) => NetError::new(
            Code::ProtocolError,
            format!("{endpoint} is no rafterdb: it sent {text}"),
        ),
    })?;
    match decode_refusal(&answer) {
        Some((code, _, text)) => Err(NetError::new(code, format!("{endpoint} refuses: {text}"))),
        None => Ok(answer),
    }
}

/// Writes one frame before there is a queue.
pub(crate) async fn write_whole<W: AsyncWriteExt + Unpin>(stream: &mut W, body: Vec<u8>) -> io::Result<()> {
    let frame = Frame::new([body]).map_err(io::Error::other)?;
    let mut bytes = vec![0; frame.encoded_size()];
    frame.encode_to(&mut bytes).map_err(io::Error::other)?;
    stream.write_all(&bytes).await
}

/// Whether two identities may be of one cluster: one that is not known yet contradicts nothing.
pub(crate) const fn may_be_one_cluster(one: u64, other: u64) -> bool {
    one == 0 || other == 0 || one == other
}

/// Whether two members know that they are of one cluster. Then its log says who else is, and each hears of a change in its own time.
pub(crate) const fn is_one_cluster(one: u64, other: u64) -> bool {
    one != 0 && one == other
}

fn check_answer(endpoint: &str, ours: &Hello, theirs: &Hello) -> Result<(), NetError> {
    let is_alike = theirs.roster == ours.roster || is_one_cluster(ours.cluster, theirs.cluster);
    if ours.roster != 0 && !is_alike {
        let text = format!("{endpoint} is configured with other members than this one: check the lists of members");
        return Err(NetError::new(Code::ClusterMismatch, text));
    }
    if !may_be_one_cluster(ours.cluster, theirs.cluster) {
        let text = format!(
            "{endpoint} belongs to cluster {:x}, not {:x}: its data directory is of another cluster, or was founded anew",
            theirs.cluster, ours.cluster
        );
        return Err(NetError::new(Code::ClusterMismatch, text));
    }
    if ours.to != 0 && theirs.member_id != ours.to {
        let text = format!(
            "{endpoint} is member {} ({:x}), not {:x}",
            theirs.name, theirs.member_id, ours.to
        );
        return Err(NetError::new(Code::MemberUnknown, text));
    }
    Ok(())
}

fn unreachable_at(endpoint: &str, error: &io::Error) -> NetError {
    NetError::new(Code::Unreachable, format!("{endpoint} cannot be reached: {error}"))
}

fn too_late(endpoint: &str, what: &str, time: Duration) -> NetError {
    NetError::new(
        Code::Timeout,
        format!("{endpoint} has not {what} within {} ms", time.as_millis()),
    )
}

//! What members and clients say to each other over the network: peer records in and out, forwarded requests, read indexes.
//! Called on the network's thread; never blocks.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use rafterdb_codec::{
    encode_forwarded_header, encode_read_index, limits, request, Code, PeerRecord, PeerRecords, RaftHeader, RaftRecord,
    ReadReply, Responses, Run, MESSAGE_HEADER_BYTES, SAFE_NUMBER_MAX,
};
use rafterdb_net::{Client, Handler, Lane, NetConfig, NetLimits, Parts, PeerConfig};
use rafterdb_pool::Slice;
use smallvec::SmallVec;

use crate::askers::app_port::{response_length, whole_responses};
use crate::askers::asker::{number_of_client, Asker, Deliveries};
use crate::ground::append_buffer;
use crate::ground::clock::now_ms;
use crate::ground::error::PlaneError;
use crate::ground::log_line::line;
use crate::member::life::Member;
use crate::requests::gate::{self, await_applied, fail_read};
use crate::snapshots::under_way;
use crate::state::core_inbox::{Happening, Message, RUNS_INLINE};
use crate::state::group::Group;
use crate::state::tail::Block;
use crate::state::waiting_reads::{Asked, Read};
use crate::system::descriptors;

/// A Raft message as a frame: header, one run for each term, then the blocks' bytes as they are. Takes the
/// blocks; `head` is room for what stands before them.
#[must_use]
pub fn raft_frame(header: &RaftHeader, blocks: &mut Vec<Block>, head: &mut Vec<u8>) -> Parts {
    let runs: SmallVec<[Run; RUNS_INLINE]> = blocks
        .chunk_by(|one, next| one.term == next.term)
        .map(|of_term| Run {
            term: of_term[0].term,
            count: u32::try_from(of_term.iter().map(|b| b.count).sum::<u64>()).unwrap_or(u32::MAX),
        })
        .collect();
    head.clear();
    header.encode(head, &runs, blocks.iter().map(|b| b.bytes.len()).sum());
    let mut parts = Parts::with_header(head);
    for block in blocks.drain(..) {
        parts.push(block.bytes);
    }
    parts
}

/// The network's settings of a member.
#[must_use]
pub fn net_config(member: &Member) -> NetConfig {
    let me = member.config.id();
    NetConfig {
        listen: member.config.listen.clone(),
        roster: member.roster,
        token: member.config.cluster_token.as_ref().map(|token| token.0.clone()),
        member_id: me,
        name: member.config.name.clone(),
        peers: member
            .config
            .members
            .iter()
            .filter(|m| m.id != me)
            .map(|m| PeerConfig {
                id: m.id,
                name: m.name.clone(),
                endpoint: m.endpoint.clone(),
            })
            .collect(),
        log: {
            let note = member.on_note.clone();
            Arc::new(move |level, text| note(&line(level, &text)))
        },
        pool: member.pool.clone(),
        limits: NetLimits {
            clients_bytes_max: member.config.connection_memory,
            connections_max: descriptors::connections_max(NetLimits::default().connections_max),
            ..NetLimits::default()
        },
    }
}

/// The member as the network sees it.
pub struct Peers(Weak<Member>);

impl Peers {
    /// Hands what arrives to a member, as long as it lives.
    #[must_use]
    pub fn new(member: &Arc<Member>) -> Self {
        Self(Arc::downgrade(member))
    }
}

impl Handler for Peers {
    fn peer_frame(&self, peer: u64, _lane: Lane, body: Slice) {
        let Some(member) = self.0.upgrade() else { return };
        for record in PeerRecords::new(&body) {
            // The network checked the frame's sum: what cannot be read comes from a newer version, and is ignored.
            match record {
                Ok(record) => take(&member, peer, &body, &record),
                Err(malformed) => member.doubt(peer, malformed.0),
            }
        }
    }

    fn peer_state(&self, peer: u64, up: bool, rtt_micros: u32) {
        let Some(member) = self.0.upgrade() else { return };
        member.inbox.push(Happening::Peer {
            peer,
            up,
            rtt: f64::from(rtt_micros) / 1e3,
        });
        if up {
            member.snapshots.peer_connected(peer);
        } else {
            member.snapshots.peer_lost(peer);
            peer_lost(&member, peer);
        }
    }

    fn cluster(&self) -> u64 {
        self.0.upgrade().map_or(0, |member| member.cluster())
    }

    fn client_frame(&self, client: &Client, body: Slice) {
        let Some(member) = self.0.upgrade() else { return };
        if gate::submit(&member, &Asker::Connection(client.clone()), &body).is_err() {
            if let Some(net) = member.net() {
                net.close_client(client.id());
            }
        }
    }

    fn client_has_room(&self, connection: u64) {
        let Some(member) = self.0.upgrade() else { return };
        member.watches.note_room(number_of_client(connection));
    }

    fn broken(&self, text: &str) {
        let Some(member) = self.0.upgrade() else { return };
        member.fail(PlaneError::new(
            Code::Internal,
            format!("a bug in rafterdb, in what handles the network: {text}"),
        ));
    }

    fn client_closed(&self, connection: u64) {
        let Some(member) = self.0.upgrade() else { return };
        member.watches.close_asker(&member, number_of_client(connection));
    }
}

fn take(member: &Arc<Member>, peer: u64, frame: &Slice, record: &PeerRecord<'_>) {
    match record {
        PeerRecord::Raft(record) => raft(member, peer, frame, record),
        PeerRecord::Forward(request) => {
            let mut out = Deliveries::default();
            gate::take_forwarded(member, peer, request, &mut out);
            member.deliver_all(&mut out);
        }
        PeerRecord::Forwarded(response) => member.forwards.answer(member, peer, response),
        PeerRecord::Snapshot { .. } => under_way::arrived(member, peer, frame.clone()),
        PeerRecord::ReadIndex { group, id } => {
            let Some(group) = member.find_group(*group) else { return };
            let mut out = Deliveries::default();
            gate::linearizable(member, group, Read::Index { peer, id: *id }, &mut out);
        }
        PeerRecord::ReadReply(reply) => read_reply(member, peer, reply),
    }
}

/// Raft takes lost messages in its stride; a malformed one, or one too many, is as good as lost.
fn raft(member: &Member, peer: u64, frame: &Slice, record: &RaftRecord<'_>) {
    if member.find_group(record.header.group).is_none() {
        return member.doubt(peer, "a message for a group that this member does not have");
    }
    if let Err(malformed) = record.check() {
        return member.doubt(peer, malformed.0);
    }
    if !record.payload.is_empty() && !member.disk_room.takes_appends() {
        // As good as lost: what needs no room, votes and heartbeats, goes on, and the leader sends it again.
        return;
    }
    member.inbox.push_message(Message {
        from: peer,
        header: record.header,
        runs: record.runs.iter().collect(),
        payload: frame.slice_ref(record.payload),
    });
}

/// Requests that a peer cannot answer any more.
fn peer_lost(member: &Arc<Member>, peer: u64) {
    let mut out = Deliveries::default();
    for waiter in member.forwards.take_of(peer) {
        out.fail(
            &waiter,
            request::WRITE,
            Code::LeaderLost,
            0,
            "the leader was lost while the write was under way",
        );
    }
    for group in &member.groups {
        for read in group.reads.lock().take_asked_of(peer) {
            let text = "the leader was lost; try again";
            fail_read(member, group, read, Code::NoLeader, text, &mut out);
        }
    }
    member.deliver_all(&mut out);
}

/// Sends responses to a client, split between responses where one frame cannot hold them.
pub fn answer_client(member: &Member, connection: u64, responses: &[u8]) {
    let Some(net) = member.net() else { return };
    let mut rest = append_buffer::copy(&member.pool, responses);
    while !rest.is_empty() {
        let end = whole_responses(&rest, limits::FRAME_BYTES_MAX).max(response_length(&rest));
        if !net.send_client(connection, Parts::from(rest.split_to(end))) {
            // It is gone, or was cut off: it comes back and asks again.
            net.close_client(connection);
            return;
        }
    }
}

/// Bytes of a forwarded response before its body.
const FORWARDED_BYTES: usize = 4 + MESSAGE_HEADER_BYTES;

/// Sends responses to the member that forwarded the requests, in as many frames as they need.
pub fn answer_peer(member: &Member, peer: u64, responses: &[u8]) {
    let mut body = Vec::with_capacity((responses.len() + 64).min(limits::FRAME_BYTES_MAX));
    for response in Responses::new(responses).flatten() {
        if !body.is_empty() && body.len() + FORWARDED_BYTES + response.body.len() > limits::FRAME_BYTES_MAX {
            member.send(peer, Lane::Fast, Parts::new(std::mem::take(&mut body)));
        }
        encode_forwarded_header(&mut body);
        response.encode(&mut body);
    }
    member.send(peer, Lane::Fast, Parts::new(body));
}

/// Milliseconds after which an unanswered question for the read index is asked again.
const ASKED_MS_MAX: f64 = 1_000.0;

/// Milliseconds after which a leader transfer that has not come about is answered with that.
const TRANSFER_MS_MAX: f64 = 10_000.0;

impl Member {
    /// Sends a question to a peer; `false`: no answer can be relied on. Call it after noting that the answer is awaited: a
    /// peer that is lost from then on is told to `peer_lost`, one that was lost before is seen here.
    pub fn ask(&self, peer: u64, body: Vec<u8>) -> bool {
        self.net()
            .is_some_and(|net| net.is_up(peer) && net.send_peer(peer, Lane::Fast, Parts::new(body)))
    }

    /// Asks the leader for the read index, for every read that waits.
    pub fn ask_read_index(&self, group: &Group) {
        let leader = group.leader.load(Ordering::Acquire);
        let mut reads = group.reads.lock();
        if reads.asked.is_some() || reads.unasked.is_empty() {
            return;
        }
        let id = self.ids.next();
        let waiting = std::mem::take(&mut reads.unasked);
        reads.asked = Some(Asked {
            id,
            leader,
            at: now_ms(),
            reads: waiting,
        });
        drop(reads);
        let mut body = Vec::new();
        encode_read_index(&mut body, group.id, id);
        if !self.ask(leader, body) {
            let mut out = Deliveries::default();
            let reads = group.reads.lock().take_leaderless();
            for read in reads {
                fail_read(
                    self,
                    group,
                    read,
                    Code::NoLeader,
                    "the leader cannot be reached; try again",
                    &mut out,
                );
            }
            self.deliver_all(&mut out);
        }
    }

    /// Resolves what was asked of peers and has had no answer in time: the answer was dropped on the way.
    pub fn give_up_overdue(self: &Arc<Self>) {
        let mut out = Deliveries::default();
        for waiter in self.forwards.take_overdue() {
            let text = "the leader has not answered";
            out.fail(&waiter, request::WRITE, Code::LeaderLost, 0, text);
        }
        for group in &self.groups {
            let before = now_ms() - TRANSFER_MS_MAX;
            for transfer in group.transfers.lock().extract_if(.., |transfer| transfer.at < before) {
                let text = "the member did not become the leader in time; try again";
                out.fail(&transfer.waiter, request::TRANSFER, Code::Timeout, 0, text);
            }
        }
        self.deliver_all(&mut out);
        for group in &self.groups {
            if group.reads.lock().give_up_asked(now_ms() - ASKED_MS_MAX) {
                self.ask_read_index(group);
            }
        }
    }

    /// A member said something that it cannot mean: it is ignored, and that is noted now and then.
    pub fn doubt(&self, peer: u64, what: &str) {
        let text = || format!("member {peer} sent what does not hold together ({what}); ignored");
        self.doubts.say(text, |text| self.warn(text));
    }

    /// Tells a follower the read index, or why there is none.
    ///
    /// The index is one that this member knew to be committed while it led, and not of an earlier leader's term, so its
    /// entry is of the term in which it led. The term is read after it: if it has moved on since, no log has an entry of
    /// that term there, and the follower believes nothing.
    pub fn answer_read_index(&self, group: u16, peer: u64, id: u64, code: Code, index: u64) {
        let mut body = Vec::new();
        let term = self.group(group).term.load(Ordering::Acquire);
        let reply = ReadReply {
            group,
            id,
            code,
            index,
            term,
        };
        reply.encode(&mut body);
        self.send(peer, Lane::Fast, Parts::new(body));
    }
}

fn read_reply(member: &Arc<Member>, peer: u64, reply: &ReadReply) {
    let Some(group) = member.find_group(reply.group) else {
        return;
    };
    if reply.index > SAFE_NUMBER_MAX || reply.term > SAFE_NUMBER_MAX {
        return member.doubt(peer, "a read index or its term beyond 2^53");
    }
    let asked = {
        let mut reads = group.reads.lock();
        let Some(asked) = reads.take_asked(peer, reply.id) else {
            return;
        };
        if reply.code == Code::Ok {
            reads.fresh = Some((asked.at, reply.index));
        }
        asked
    };
    if reply.code == Code::Ok && reply.index > group.commit.load(Ordering::Acquire) {
        // Else the reads would wait until the leader tells of the commit by itself: a share of the heartbeat interval.
        member
            .inbox
            .note(group.id, |facts| facts.committed = Some((reply.index, reply.term)));
    }
    let mut out = Deliveries::default();
    for read in asked.reads {
        if reply.code == Code::Ok {
            await_applied(member, group, read, reply.index, &mut out);
        } else {
            fail_read(
                member,
                group,
                read,
                Code::NoLeader,
                "the leader could not confirm the read; try again",
                &mut out,
            );
        }
    }
    member.deliver_all(&mut out);
    member.ask_read_index(group);
}

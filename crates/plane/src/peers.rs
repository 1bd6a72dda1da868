//! What members and clients say to each other over the network: peer records in and out, forwarded requests, read indexes.
//! Called on the network's thread; never blocks.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use rafterdb_codec::{
    encode_forward_header, encode_forwarded_header, encode_read_index, limits, message, request, Code, PeerRecord,
    PeerRecords, RaftHeader, RaftRecord, ReadReply, Request, Response, Responses, Run,
};
use rafterdb_net::{Handler, Lane, NetConfig, Parts, PeerConfig};
use rafterdb_pool::Slice;
use smallvec::SmallVec;

use crate::arena;
use crate::clock::now_ms;
use crate::group::Group;
use crate::inbox::{Happening, Message, RUNS_INLINE};
use crate::member::Member;
use crate::port::{response_length, whole_responses};
use crate::reads::{Asked, Read};
use crate::requests::{self, await_applied, fail_read};
use crate::snapshots;
use crate::source::{Deliveries, Source, Waiter};
use crate::tail::Block;

/// Raft messages that may wait for the worker before more are dropped.
const MESSAGES_WAITING_MAX: usize = 8192;

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
        roster: member.cluster_id,
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
            Arc::new(move |_, text| note(&text))
        },
        pool: member.pool.clone(),
        ..NetConfig::default()
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
            let Ok(record) = record else { return };
            take(&member, peer, &body, &record);
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

    fn client_frame(&self, connection: u64, body: Slice) {
        let Some(member) = self.0.upgrade() else { return };
        if requests::submit(&member, &Source::Connection(connection), &body).is_err() {
            if let Some(net) = member.net() {
                net.close_client(connection);
            }
        }
    }

    fn client_closed(&self, connection: u64) {
        let Some(member) = self.0.upgrade() else { return };
        member.watches.close_source(&member, &Source::Connection(connection));
    }
}

fn take(member: &Arc<Member>, peer: u64, frame: &Slice, record: &PeerRecord<'_>) {
    match record {
        PeerRecord::Raft(record) => raft(member, peer, frame, record),
        PeerRecord::Forward(request) => {
            let mut out = Deliveries::default();
            requests::take(member, &Source::Peer(peer), request, &mut out);
            member.deliver_all(&mut out);
        }
        PeerRecord::Forwarded(response) => member.forwards.answer(member, response),
        PeerRecord::Snapshot { .. } => snapshots::arrived(member, peer, frame.clone()),
        PeerRecord::ReadIndex { group, id } => {
            let Some(group) = member.find_group(*group) else { return };
            let mut out = Deliveries::default();
            requests::linearizable(member, group, Read::Index { peer, id: *id }, &mut out);
        }
        PeerRecord::ReadReply(reply) => read_reply(member, reply),
    }
}

/// Raft takes lost messages in its stride; a malformed one, or one too many, is as good as lost.
fn raft(member: &Member, peer: u64, frame: &Slice, record: &RaftRecord<'_>) {
    let header = &record.header;
    let known = (message::PRE_VOTE..=message::RECOVER_REPLY).contains(&header.kind);
    if !known || member.find_group(header.group).is_none() || record.entries().is_err() {
        return member.note(&format!(
            "member {peer} sent a Raft message that does not hold together; ignored"
        ));
    }
    if member.inbox.backlog() < MESSAGES_WAITING_MAX {
        member.inbox.push(Happening::Message(Message {
            from: peer,
            header: *header,
            runs: record.runs.iter().collect(),
            payload: frame.slice_ref(record.payload),
        }));
    }
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
        let asked_peer = group
            .reads
            .lock()
            .asked
            .as_ref()
            .is_some_and(|asked| asked.leader == peer);
        if asked_peer {
            for read in group.reads.lock().take_leaderless() {
                fail_read(
                    member,
                    group,
                    read,
                    Code::NoLeader,
                    "the leader was lost; try again",
                    &mut out,
                );
            }
        }
    }
    member.deliver_all(&mut out);
}

/// Sends responses to a client, split between responses where one frame cannot hold them.
pub fn answer_client(member: &Member, connection: u64, responses: &[u8]) {
    let Some(net) = member.net() else { return };
    let mut rest = arena::copy(&member.pool, responses);
    while !rest.is_empty() {
        let end = whole_responses(&rest, limits::FRAME_BYTES_MAX).max(response_length(&rest));
        if !net.send_client(connection, Parts::from(rest.split_to(end))) {
            // A client that does not read its answers: it comes back and asks again.
            net.close_client(connection);
            return;
        }
    }
}

/// Sends responses to the member that forwarded the requests.
pub fn answer_peer(member: &Member, peer: u64, responses: &[u8]) {
    let mut body = Vec::with_capacity(responses.len() + 64);
    for response in Responses::new(responses).flatten() {
        encode_forwarded_header(&mut body);
        response.encode(&mut body);
    }
    member.send(peer, Lane::Fast, Parts::new(body));
}

/// Milliseconds after which an unanswered question for the read index is asked again.
const ASKED_MS_MAX: f64 = 1_000.0;

struct Pending {
    waiter: Waiter,
    leader: u64,
    group: u16,
    /// When it was sent, in ms of the clock.
    at: f64,
}

/// Milliseconds after which a forwarded request without an answer counts as lost: its asker sends it again.
const FORWARDED_MS_MAX: f64 = 5_000.0;

/// Requests handed to the leader, waiting for its answer.
#[derive(Default)]
pub struct Forwards {
    state: Mutex<(u64, HashMap<u64, Pending>)>,
}

impl Forwards {
    /// Forwards a request under a number of our own.
    pub fn send(&self, member: &Member, group: u16, leader: u64, waiter: Waiter, item: &Request<'_>) {
        let id = {
            let mut state = self.state.lock();
            state.0 += 1;
            let id = state.0;
            let at = now_ms();
            state.1.insert(
                id,
                Pending {
                    waiter,
                    leader,
                    group,
                    at,
                },
            );
            id
        };
        let mut body = Vec::with_capacity(item.body.len() + 20);
        encode_forward_header(&mut body);
        Request { id, ..*item }.encode(&mut body);
        if !member.ask(leader, body) {
            if let Some(pending) = self.state.lock().1.remove(&id) {
                let mut out = Deliveries::default();
                out.fail(
                    &pending.waiter,
                    item.kind,
                    Code::NoLeader,
                    0,
                    &requests::leader_text(item.kind),
                );
                member.deliver_all(&mut out);
            }
        }
    }

    /// The leader's answer, passed on under the asker's own number.
    fn answer(&self, member: &Member, response: &Response<'_>) {
        let pending = self.state.lock().1.remove(&response.id);
        if let Some(Pending { waiter, .. }) = pending {
            let mut out = Vec::with_capacity(response.body.len() + 16);
            Response {
                id: waiter.id,
                ..*response
            }
            .encode(&mut out);
            member.deliver(&waiter.source, &out);
        }
    }

    /// Takes those that wait for a peer.
    fn take_of(&self, peer: u64) -> Vec<Waiter> {
        self.take(|pending| pending.leader == peer)
    }

    /// Takes those of a group that wait for another member than `leader`.
    pub fn take_all_but(&self, group: u16, leader: u64) -> Vec<Waiter> {
        self.take(|pending| pending.group == group && pending.leader != leader)
    }

    /// Takes those whose answer has not come in time.
    pub fn take_overdue(&self) -> Vec<Waiter> {
        let before = now_ms() - FORWARDED_MS_MAX;
        self.take(|pending| pending.at < before)
    }

    fn take(&self, of: impl Fn(&Pending) -> bool) -> Vec<Waiter> {
        let mut state = self.state.lock();
        let ids: Vec<u64> = state.1.iter().filter(|(_, p)| of(p)).map(|(id, _)| *id).collect();
        ids.iter()
            .filter_map(|id| state.1.remove(id))
            .map(|pending| pending.waiter)
            .collect()
    }
}

impl Member {
    /// Sends a question to a peer; `false`: no answer can be relied on. Call it after noting that the answer is awaited: a
    /// peer that is lost from then on is told to `peer_lost`, one that was lost before is seen here.
    fn ask(&self, peer: u64, body: Vec<u8>) -> bool {
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
        reads.sequence += 1;
        let id = reads.sequence;
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
            let text = "the leader has not answered; the write may or may not be done";
            out.fail(&waiter, request::WRITE, Code::LeaderLost, 0, text);
        }
        self.deliver_all(&mut out);
        for group in &self.groups {
            if group.reads.lock().give_up_asked(now_ms() - ASKED_MS_MAX) {
                self.ask_read_index(group);
            }
        }
    }

    /// Tells a follower the read index, or why there is none.
    pub fn answer_read_index(&self, group: u16, peer: u64, id: u64, code: Code, index: u64) {
        let mut body = Vec::new();
        ReadReply { group, id, code, index }.encode(&mut body);
        self.send(peer, Lane::Fast, Parts::new(body));
    }
}

fn read_reply(member: &Arc<Member>, reply: &ReadReply) {
    let Some(group) = member.find_group(reply.group) else {
        return;
    };
    let asked = {
        let mut reads = group.reads.lock();
        if reads.asked.as_ref().is_none_or(|asked| asked.id != reply.id) {
            return;
        }
        let Some(asked) = reads.asked.take() else { return };
        reads.count -= asked.reads.len();
        if reply.code == Code::Ok {
            reads.fresh = Some((asked.at, reply.index));
        }
        asked
    };
    let mut out = Deliveries::default();
    for read in asked.reads {
        if reply.code == Code::Ok {
            await_applied(member, group, read, reply.index);
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

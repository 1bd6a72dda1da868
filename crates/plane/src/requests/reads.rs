//! Reads and watches: when this member may serve them. A read waits for the core to confirm the leadership, for the leader's answer,
//! or for an index to be applied. Knows nothing of how they are served.

use std::sync::atomic::Ordering;
use std::sync::Arc;

use rafterdb_codec::{
    encode_read_index, limits, Code, Consistency, ReadReply, ReadRequest, Request, RequestKind, WatchRequest,
    SAFE_NUMBER_MAX,
};

use crate::askers::asker::{Asker, RequestBody, Waiter};
use crate::askers::deliveries::Deliveries;
use crate::ground::clock::now_ms;
use crate::requests::gate::Gate;
use crate::state::group::Group;
use crate::state::waiting_reads::{Asked, Fresh, Read};

/// Why reads that waited for a leader's word fail when there is another one.
pub const LEADER_CHANGED: &str = "the leader changed; try again";

const TOO_MANY_READS: &str = "too many reads wait; slow down";

impl Gate {
    /// Takes a read.
    pub fn read(&self, group: &Arc<Group>, waiter: Waiter, item: &Request<'_>, out: &mut Deliveries) {
        let asked = match ReadRequest::parse(item.body) {
            Ok(asked) => asked,
            Err(malformed) => return out.fail(&waiter, item.kind, malformed.code(), 0, malformed.0),
        };
        if asked.count as usize > limits::READ_RANGES_MAX {
            let text = format!("a read has at most {} ranges: split it", limits::READ_RANGES_MAX);
            return out.fail(&waiter, item.kind, Code::TooManyOperations, 0, &text);
        }
        let (how, staleness) = (asked.consistency, asked.max_staleness_ms);
        let body = RequestBody::new(&waiter.asker, item.body);
        let read = Read::Ranges { waiter, body };
        match how {
            Consistency::Serializable => self.serving.serve(group, read),
            Consistency::Bounded => self.bounded(group, read, staleness, out),
            Consistency::Linearizable => self.linearizable(group, read, out),
        }
    }

    /// Begins a watch: from a revision at once, from now on as a linearizable read is served. Else "now" would be whatever this
    /// member has applied, and the watch would report what was acknowledged long before it was asked for.
    pub fn watch(&self, group: &Arc<Group>, waiter: Waiter, item: &Request<'_>, out: &mut Deliveries) {
        let parsed = match WatchRequest::parse(item.body) {
            Ok(parsed) => parsed,
            Err(malformed) => return out.fail(&waiter, item.kind, malformed.code(), 0, malformed.0),
        };
        if matches!(waiter.asker, Asker::Peer(..)) {
            // Nobody would end it when that member is gone.
            return out.fail(&waiter, item.kind, Code::ProtocolError, 0, "a watch is not forwarded");
        }
        if !self.watches.expect(&waiter) {
            let text = "a watch of this id waits to begin: choose another id";
            return out.fail(&waiter, item.kind, Code::InvalidArgument, 0, text);
        }
        let body = RequestBody::new(&waiter.asker, item.body);
        // What is confirmed as a linearizable read comes after an entry that told the identity.
        if parsed.start_revision != 0 && self.groups.cluster() != 0 {
            return self.watches.begin(self.groups.cluster(), group, &waiter, &body, out);
        }
        self.linearizable(group, Read::Watch { waiter, body }, out);
    }

    /// Serves a read when this member is sure to have all that was committed before now.
    pub fn linearizable(&self, group: &Arc<Group>, read: Read, out: &mut Deliveries) {
        if let Some(index) = group.leased_index(now_ms()) {
            return match read {
                Read::Index { peer, id } => self.serving.answer_read_index(group, peer, id, Code::Ok, index),
                Read::Ranges { .. } | Read::Watch { .. } | Read::Blocking { .. } => {
                    self.await_applied(group, read, index, None, out)
                }
            };
        }
        let mut reads = group.reads.lock();
        if group.leads() {
            if !reads.admit(&read) {
                drop(reads);
                return self.fail_read(group, read, Code::Busy, TOO_MANY_READS, out);
            }
            reads.sequence += 1;
            let sequence = reads.sequence;
            reads.unconfirmed.push_back((sequence, read));
            drop(reads);
            return self
                .inbox
                .record(group.id, |facts| facts.reads = facts.reads.max(Some(sequence)));
        }
        if matches!(read, Read::Index { .. }) || group.leader.load(Ordering::Acquire) == 0 {
            drop(reads);
            return self.fail_read(group, read, Code::NoLeader, &self.status.no_leader(), out);
        }
        if !reads.admit(&read) {
            drop(reads);
            return self.fail_read(group, read, Code::Busy, TOO_MANY_READS, out);
        }
        reads.unasked.push(read);
        let asks = reads.asked.is_none();
        drop(reads);
        if asks {
            self.ask_read_index(group);
        }
    }

    /// Serves a read from what this member has, if the leader confirmed it recently enough.
    fn bounded(&self, group: &Arc<Group>, read: Read, staleness: u64, out: &mut Deliveries) {
        let now = now_ms();
        let fresh = group.reads.lock().fresh;
        #[allow(clippy::cast_precision_loss, reason = "a staleness of 2^53 ms is as good as none")]
        match fresh {
            Some(Fresh { at, index, leader }) if now - at <= staleness as f64 => {
                self.await_applied(group, read, index, Some(leader), out);
            }
            _ => self.linearizable(group, read, out),
        }
    }

    /// Serves a read once an index is applied. `told_by`: the leader on whose word it is committed, `None` for this member's own.
    pub fn await_applied(
        &self,
        group: &Arc<Group>,
        read: Read,
        index: u64,
        told_by: Option<u64>,
        out: &mut Deliveries,
    ) {
        if group.applied.load(Ordering::Acquire) >= index {
            return self.serving.serve(group, read);
        }
        let mut reads = group.reads.lock();
        // `leader_changed` fails what waits for entries that only the old leader knew, under this lock and after the leader is
        // another: a read that came to wait for one after that would wait for ever.
        let is_gone =
            |leader| group.leader.load(Ordering::Acquire) != leader && group.last.load(Ordering::Acquire) < index;
        if told_by.is_some_and(is_gone) {
            drop(reads);
            return self.fail_read(group, read, Code::NoLeader, LEADER_CHANGED, out);
        }
        if !reads.admit(&read) {
            drop(reads);
            return self.fail_read(group, read, Code::Busy, TOO_MANY_READS, out);
        }
        reads.unapplied.entry(index).or_default().push(read);
        drop(reads);
        // The apply thread may have passed the index before the read was queued.
        self.serving.serve_applied(group, group.applied.load(Ordering::Acquire));
    }

    /// Answers a read with an error.
    pub fn fail_read(&self, group: &Group, read: Read, code: Code, text: &str, out: &mut Deliveries) {
        match read {
            Read::Ranges { waiter, .. } => out.fail(&waiter, RequestKind::Read, code, 0, text),
            Read::Watch { waiter, .. } => self.watches.give_up(&waiter, code, text, out),
            Read::Index { peer, id } => self.serving.answer_read_index(group, peer, id, code, 0),
            Read::Blocking { teller } => drop(teller),
        }
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
        if !self.network.ask(leader, body) {
            let mut out = Deliveries::default();
            let reads = group.reads.lock().take_leaderless();
            for read in reads {
                self.fail_read(
                    group,
                    read,
                    Code::NoLeader,
                    "the leader cannot be reached; try again",
                    &mut out,
                );
            }
            self.answers.deliver_all(&mut out);
        }
    }

    /// The leader has answered what it was asked.
    pub fn read_reply(&self, peer: u64, reply: &ReadReply) {
        let Some(group) = self.groups.find(reply.group) else {
            return;
        };
        if reply.index > SAFE_NUMBER_MAX || reply.term > SAFE_NUMBER_MAX {
            return self.member_log.doubt(peer, "a read index or its term beyond 2^53");
        }
        let asked = {
            let mut reads = group.reads.lock();
            let Some(asked) = reads.take_asked(peer, reply.id) else {
                return;
            };
            if reply.code == Code::Ok {
                reads.fresh = Some(Fresh {
                    at: asked.at,
                    index: reply.index,
                    leader: peer,
                });
            }
            asked
        };
        if reply.code == Code::Ok && reply.index > group.commit.load(Ordering::Acquire) {
            // Else the reads would wait until the leader tells of the commit by itself: a share of the heartbeat interval.
            self.inbox
                .record(group.id, |facts| facts.committed = Some((reply.index, reply.term)));
        }
        let mut out = Deliveries::default();
        for read in asked.reads {
            if reply.code == Code::Ok {
                self.await_applied(group, read, reply.index, Some(peer), &mut out);
            } else {
                self.fail_read(
                    group,
                    read,
                    Code::NoLeader,
                    "the leader could not confirm the read; try again",
                    &mut out,
                );
            }
        }
        self.answers.deliver_all(&mut out);
        self.ask_read_index(group);
    }
}

//! Requests that this member handed to the leader for its own clients: under numbers of its own, until the answer comes from
//! the one that was asked. Called on any thread; never blocks.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use rafterdb_codec::{limits, Code, Forward, Request, Response};

use crate::askers::answers::Answers;
use crate::askers::asker::Waiter;
use crate::askers::deliveries::Deliveries;
use crate::ground::clock::now_ms;
use crate::ground::unique_ids::UniqueIds;
use crate::network::Network;
use crate::status::report::Status;

/// Milliseconds after which a forwarded request without an answer counts as lost: its asker sends it again.
const FORWARDED_MS_MAX: f64 = 5_000.0;

struct Pending {
    waiter: Waiter,
    leader: u64,
    group: u16,
    /// Kind of the request, which the answer repeats.
    kind: u8,
    /// When it was sent, in ms of the clock.
    at: f64,
}

/// What gets no answer: the request's kind, and who waits.
pub type Lost = (u8, Waiter);

/// Requests handed to the leader, waiting for its answer.
#[derive(Default)]
pub struct Forwards {
    pending: Mutex<HashMap<u64, Pending>>,
}

/// What forwarding works with.
pub struct Forwarder {
    /// What waits.
    pub forwards: Forwards,
    /// Numbers of what is asked of other members.
    pub ids: Arc<UniqueIds>,
    /// The way to the leader.
    pub network: Arc<Network>,
    /// The way of answers.
    pub answers: Arc<Answers>,
    /// Why there is no leader.
    pub status: Arc<Status>,
}

impl Forwarder {
    /// Forwards a request under a number of our own.
    pub fn send(&self, group: u16, leader: u64, waiter: Waiter, item: &Request<'_>) {
        let fail = |waiter: &Waiter, code: Code, text: &str| {
            let mut out = Deliveries::default();
            out.fail(waiter, item.kind, code, 0, text);
            self.answers.deliver_all(&mut out);
        };
        let id = self.ids.next();
        let forward = Forward {
            principal: waiter.asker.principal(),
            request: Request { id, ..*item },
        };
        let mut body = Vec::with_capacity(forward.encoded_size());
        forward.encode(&mut body);
        {
            let mut pending = self.forwards.pending.lock();
            if pending.len() >= limits::FORWARDS_WAITING_MAX {
                drop(pending);
                return fail(&waiter, Code::Busy, "too many requests wait for the leader; slow down");
            }
            let (kind, at) = (item.kind, now_ms());
            pending.insert(
                id,
                Pending {
                    waiter,
                    leader,
                    group,
                    kind,
                    at,
                },
            );
        }
        if !self.network.ask(leader, body) {
            if let Some(pending) = self.forwards.pending.lock().remove(&id) {
                fail(&pending.waiter, Code::NoLeader, &self.status.no_leader());
            }
        }
    }

    /// An answer of a member, passed on under the asker's own number if that member was asked this.
    pub fn answer(&self, from: u64, response: &Response<'_>) {
        if let Some(waiter) = self.forwards.take_answered(from, response) {
            let mut out = Vec::with_capacity(response.body.len() + 16);
            Response {
                id: waiter.id,
                ..*response
            }
            .encode(&mut out);
            self.answers.deliver(&waiter.asker, &out);
        }
    }
}

impl Forwards {
    fn take_answered(&self, from: u64, response: &Response<'_>) -> Option<Waiter> {
        let mut pending = self.pending.lock();
        let asked = pending.get(&response.id)?;
        if asked.leader != from || asked.kind != response.kind {
            return None;
        }
        pending.remove(&response.id).map(|pending| pending.waiter)
    }

    /// Takes those that wait for a peer.
    pub fn take_of(&self, peer: u64) -> Vec<Lost> {
        self.take(|pending| pending.leader == peer)
    }

    /// Takes those of a group that wait for another member than `leader`.
    pub fn take_all_but(&self, group: u16, leader: u64) -> Vec<Lost> {
        self.take(|pending| pending.group == group && pending.leader != leader)
    }

    /// Takes those whose answer has not come in time.
    pub fn take_overdue(&self) -> Vec<Lost> {
        let before = now_ms() - FORWARDED_MS_MAX;
        self.take(|pending| pending.at < before)
    }

    fn take(&self, of: impl Fn(&Pending) -> bool) -> Vec<Lost> {
        let mut pending = self.pending.lock();
        pending
            .extract_if(|_, pending| of(pending))
            .map(|(_, pending)| (pending.kind, pending.waiter))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::askers::asker::Asker;
    use rafterdb_codec::RequestKind;

    const LEADER: u64 = 2;

    fn forwards(id: u64) -> Forwards {
        let forwards = Forwards::default();
        let waiter = Waiter {
            asker: Asker::Connection(rafterdb_net::Client::gone(1)),
            id: 77,
        };
        let (leader, group, kind, at) = (LEADER, 0, RequestKind::Write.into(), now_ms());
        forwards.pending.lock().insert(
            id,
            Pending {
                waiter,
                leader,
                group,
                kind,
                at,
            },
        );
        forwards
    }

    fn answer(kind: RequestKind, id: u64) -> Response<'static> {
        Response {
            kind: kind.into(),
            flags: 0,
            code: Code::Ok,
            id,
            body: &[],
        }
    }

    #[test]
    fn an_answer_counts_if_it_comes_from_who_was_asked_and_is_of_the_kind_that_was_asked() {
        let forwards = forwards(5);
        assert!(forwards.take_answered(3, &answer(RequestKind::Write, 5)).is_none());
        assert!(forwards
            .take_answered(LEADER, &answer(RequestKind::Transfer, 5))
            .is_none());
        assert!(forwards.take_answered(LEADER, &answer(RequestKind::Write, 4)).is_none());
        let waiter = forwards.take_answered(LEADER, &answer(RequestKind::Write, 5));
        assert_eq!(waiter.map(|waiter| waiter.id), Some(77));
        assert!(
            forwards.take_answered(LEADER, &answer(RequestKind::Write, 5)).is_none(),
            "once"
        );
    }

    #[test]
    fn what_waits_is_taken_by_leader_by_group_and_by_time() {
        assert_eq!(forwards(1).take_of(3).len(), 0);
        assert_eq!(forwards(1).take_of(LEADER).len(), 1);
        assert_eq!(forwards(1).take_all_but(0, LEADER).len(), 0);
        assert_eq!(forwards(1).take_all_but(0, 3).len(), 1);
        assert_eq!(forwards(1).take_overdue().len(), 0);
    }
}

//! What becomes of a read whose turn has come: its ranges are queued for the read threads, a watch begins, another member is told
//! the index, a thread that waits may read. Knows nothing of why it is its turn.

use std::sync::atomic::Ordering;
use std::sync::Arc;

use rafterdb_codec::{Code, ReadReply, RequestKind};
use rafterdb_net::{Lane, Parts};

use crate::askers::answers::Answers;
use crate::askers::deliveries::Deliveries;
use crate::network::Network;
use crate::queues::read_lanes::ReadLanes;
use crate::serve::members::MemberNews;
use crate::state::group::Group;
use crate::state::groups::Groups;
use crate::state::waiting_reads::Read;
use crate::watches::registry::Watches;

/// Serves reads.
pub struct Serving {
    /// Ranges for the read threads.
    pub lanes: Arc<ReadLanes>,
    /// Watches that begin.
    pub watches: Arc<Watches>,
    /// Who the members are.
    pub members: Arc<MemberNews>,
    /// The groups, which know the cluster.
    pub groups: Arc<Groups>,
    /// The way to other members.
    pub network: Arc<Network>,
    /// The way of answers.
    pub answers: Arc<Answers>,
}

impl Serving {
    /// Serves a read now.
    pub fn serve(&self, group: &Arc<Group>, read: Read) {
        match read {
            Read::Ranges { waiter, body } => {
                if let Err(waiter) = self.lanes.push(group, waiter, body) {
                    let mut out = Deliveries::default();
                    out.fail(
                        &waiter,
                        RequestKind::Read,
                        Code::Busy,
                        0,
                        "too many reads wait; slow down",
                    );
                    self.answers.deliver_all(&mut out);
                }
            }
            Read::Watch { waiter, body } => {
                let mut out = Deliveries::default();
                self.watches
                    .begin(self.groups.cluster(), group, &waiter, &body, &mut out);
                self.answers.deliver_all(&mut out);
            }
            Read::Index { peer, id } => {
                let index = group.commit.load(Ordering::Acquire);
                self.answer_read_index(group, peer, id, Code::Ok, index);
            }
            // Whoever does not wait any more is not told.
            Read::Blocking { teller } => drop(teller.try_send(())),
        }
    }

    /// Serves the reads of a group whose index has been applied.
    pub fn serve_applied(&self, group: &Arc<Group>, applied: u64) {
        let ready = group.reads.lock().take_applied(applied);
        for read in ready {
            self.serve(group, read);
        }
    }

    /// Tells a follower the read index, or why there is none.
    ///
    /// The index is one that this member knew to be committed while it led, and not of an earlier leader's term, so its
    /// entry is of the term in which it led. The term is read after it: if it has moved on since, no log has an entry of
    /// that term there, and the follower believes nothing.
    pub fn answer_read_index(&self, group: &Group, peer: u64, id: u64, code: Code, index: u64) {
        let mut body = Vec::new();
        let term = group.term.load(Ordering::Acquire);
        let reply = ReadReply {
            group: group.id,
            id,
            code,
            index,
            term,
        };
        reply.encode(&mut body);
        self.network.send(peer, Lane::Fast, Parts::new(body));
    }
}

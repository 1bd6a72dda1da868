//! Sending a snapshot: a consistent state is streamed over the bulk lane while writes go on, on a thread of its own. Whatever
//! happens, the core hears once how it ended. Knows nothing of what the receiver does with it.

use std::io;
use std::sync::Arc;

use rafterdb_store::Mark;

use crate::ground::failure::Failure;
use crate::ground::member_log::MemberLog;
use crate::ground::unique_ids::UniqueIds;
use crate::network::roster::Roster;
use crate::network::Network;
use crate::queues::apply_queue::ApplyQueue;
use crate::snapshots::outgoing::Outgoing;
use crate::snapshots::records::{RecordWriter, Way};
use crate::snapshots::under_way::Snapshots;
use crate::snapshots::view::take_view;
use crate::state::core_inbox::{CoreInbox, Happening};
use crate::state::group::Group;
use crate::state::groups::Groups;
use crate::system::priority::give_way;

/// What sending works with.
#[derive(Clone)]
pub struct SnapshotSender {
    /// Those under way.
    pub snapshots: Arc<Snapshots>,
    /// Whose state they are.
    pub groups: Arc<Groups>,
    /// Their numbers.
    pub ids: Arc<UniqueIds>,
    /// Who is told how it ended.
    pub inbox: Arc<CoreInbox>,
    /// The way to other members.
    pub network: Arc<Network>,
    /// Who of them has no data.
    pub roster: Arc<Roster>,
    /// Who takes a view of the state, between two entries.
    pub apply: Arc<ApplyQueue>,
    /// What people are told.
    pub member_log: Arc<MemberLog>,
    /// What ends the member.
    pub failure: Arc<Failure>,
}

/// Tells the core how sending ended: once, also if the thread that sends ends in a way that nobody thought of.
struct Telling {
    snapshots: Arc<Snapshots>,
    inbox: Arc<CoreInbox>,
    group: u16,
    peer: u64,
    id: u64,
    /// Index of the snapshot that the peer now has all of.
    sent: Option<u64>,
}

impl Telling {
    fn end(mut self, sent: io::Result<Mark>) {
        self.sent = sent.ok().map(|mark| mark.index);
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        if !self.snapshots.outgoing.lock().end(self.id) {
            return;
        }
        self.inbox.push(Happening::SnapshotSent {
            group: self.group,
            peer: self.peer,
            ok: self.sent.is_some(),
            index: self.sent.unwrap_or(0),
        });
    }
}

impl SnapshotSender {
    /// Streams a group's state to a peer, when it is its turn; the core is told how it ended.
    pub fn send(&self, group: &Group, peer: u64) {
        self.snapshots.outgoing.lock().ask(group.id, peer);
        self.go_on();
    }

    /// Begins those whose turn it is, each on a thread of its own.
    fn go_on(&self) {
        while let Some((id, outgoing)) = self.snapshots.next(&self.ids) {
            let telling = Telling {
                snapshots: self.snapshots.clone(),
                inbox: self.inbox.clone(),
                group: outgoing.group,
                peer: outgoing.peer,
                id,
                sent: None,
            };
            let sender = self.clone();
            // If there is no thread, what it was given is dropped, and the core hears of it.
            let _ = rafterdb_fault::point("thread.start").and_then(|()| {
                std::thread::Builder::new()
                    .name("rafterdb-snapshot-out".to_owned())
                    .spawn(move || {
                        give_way();
                        let (failure, streaming) = (sender.failure.clone(), sender.clone());
                        failure.guard(move || telling.end(streaming.tell(&outgoing, id)));
                        sender.go_on();
                    })
            });
        }
    }

    /// Streams it; people hear now and then why one ended early.
    fn tell(&self, outgoing: &Arc<Outgoing>, id: u64) -> io::Result<Mark> {
        let sent = self.stream(outgoing.clone(), id);
        if let Err(error) = &sent {
            let text = || {
                let Outgoing { group, peer, .. } = &**outgoing;
                format!("sending a snapshot of group {group} to member {peer} ended early: {error}; it begins again if it is still needed")
            };
            self.snapshots.ended_early.say(text, |text| self.member_log.warn(text));
        }
        sent
    }

    fn stream(&self, outgoing: Arc<Outgoing>, id: u64) -> io::Result<Mark> {
        // It is on the list of those that are told of losses already, so a loss from here on is heard of.
        if !self.snapshots.connected.lock().contains(&outgoing.peer) {
            return Err(io::ErrorKind::NotConnected.into());
        }
        let (group, peer) = (self.groups.get(outgoing.group), outgoing.peer);
        let roster = self.roster.now().clone();
        let is_witness = roster.find(outgoing.peer).is_some_and(|member| member.is_witness);
        let lost = |what: &str| io::Error::other(what.to_owned());
        let taken = take_view(&self.apply, group.id, is_witness);
        let (mark, snapshot) = taken.map_err(|e| lost(&e.text))?;
        let mut writer = RecordWriter::new(Way {
            network: &self.network,
            rate: &self.snapshots.rate,
            member_log: &self.member_log,
            group,
            id,
            index: mark.index,
            outgoing,
        });
        writer.begin(mark.term)?;
        let base = Some(writer.base()).filter(|base| snapshot.goes_on_from(*base));
        let written = match base {
            Some(base) => {
                rafterdb_fault::point("member.snapshot.above")?;
                snapshot.write_above(base, &mut writer)
            }
            None => snapshot.write(&mut writer),
        };
        let written = written.map_err(|e| lost(&e.text)).and_then(|()| writer.finish());
        if writer.is_there() {
            return Ok(mark);
        }
        written?;
        let what = base.map_or_else(|| "all of it".to_owned(), |base| format!("above revision {base}"));
        self.member_log.info(&format!(
            "snapshot of group {} to member {peer} is sent: {} bytes, {what}",
            group.id,
            writer.bytes()
        ));
        Ok(mark)
    }
}

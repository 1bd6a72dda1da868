//! The exchange with the Raft core: commands in, events out, as flat arrays of numbers (FORMATS.md "The exchange").
//! Called by the worker's thread alone. Executes what the core decided; decides nothing.
//! How commands are read is in cursor.rs, how events are written in events.rs.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::Duration;

use rafterdb_codec::{command, event, limits, request, role, Code, MessageKind, RaftHeader};
use rafterdb_net::Lane;
use rafterdb_pool::Slice;
use rafterdb_topology::pin_current_thread;

use crate::askers::deliveries::Deliveries;
use crate::exchange::cursor::Cursor;
use crate::exchange::events::{tell_facts, Events, Opening, FACTS_FIELDS, MESSAGE_FIELDS};
use crate::exchange::log_age::LogAges;
use crate::exchange::parts::ExchangeParts;
use crate::ground::append_buffer;
use crate::ground::clock::now_ms;
use crate::ground::error::PlaneError;
use crate::ground::unique_ids::random_name;
use crate::peers::frame::raft_frame;
use crate::queues::log_queue::LogTask;
use crate::state::core_inbox::{Happening, Message, Taken};
use crate::state::group::Group;
use crate::state::groups::IDENTITY_GROUP;
use crate::state::tail::{clip, Block};

/// Values of the field `after` of SEND.
const AFTER_DURABLE: u64 = 1;
const AFTER_TOLD: u64 = 2;

/// The worker's own state between exchanges.
pub struct Exchange {
    payloads: HashMap<u64, Slice>,
    next_handle: u64,
    opening: Opening,
    /// When overdue answers of peers were last looked for, ms of the clock.
    looked_at: f64,
    ages: LogAges,
    tasks: Vec<LogTask>,
    /// Groups whose commit index or log has moved.
    moved: Vec<u16>,
    /// The entries of the message that is being sent; empty between messages.
    entries: Vec<Block>,
    /// Room for what stands before them.
    head: Vec<u8>,
}

/// The worker's thread came before the member, and what it does and starts is the member's work too.
fn bind_worker(room: &ExchangeParts) {
    let bound = room.cpus.as_deref().map(pin_current_thread);
    if let Some(Err(error)) = bound {
        room.notes.warn(&format!("the Raft worker runs on any CPU: {error}"));
    }
}

/// How often answers of peers that are overdue are looked for, ms.
const OVERDUE_LOOK_MS: f64 = 250.0;

impl Exchange {
    /// Before the first exchange: where each group stands is still to be told.
    #[must_use]
    pub fn new(opening: Opening, ages: LogAges) -> Self {
        Self {
            payloads: HashMap::new(),
            next_handle: 0,
            opening,
            looked_at: 0.0,
            ages,
            tasks: Vec::new(),
            moved: Vec::new(),
            entries: Vec::new(),
            head: Vec::new(),
        }
    }

    /// Runs the commands, then waits up to `timeout` for events and writes them. Returns the doubles written.
    pub fn run(&mut self, room: &ExchangeParts, commands: &[f64], events: &mut [f64], timeout: Duration) -> usize {
        let mut cursor = Cursor {
            doubles: commands,
            at: 0,
        };
        while cursor.at < commands.len() {
            self.execute(room, &mut cursor);
        }
        room.log_writer.take(&mut self.tasks);
        for group in self.moved.drain(..) {
            room.applier.look(room.groups.get(group));
        }
        let mut out = Events { doubles: events, at: 2 };
        if self.opening.is_new() {
            bind_worker(room);
        }
        let is_open = self.opening.tell(&mut out);
        let wait = if out.at > 2 { Duration::ZERO } else { timeout };
        let mut taken = room.inbox.wait(wait);
        self.collect(room, &mut taken, is_open, &mut out);
        drop(taken);
        let used = out.at;
        let now = now_ms();
        if now - self.looked_at > OVERDUE_LOOK_MS {
            self.looked_at = now;
            room.gate.give_up_overdue();
            self.ages.look();
        }
        #[allow(clippy::cast_precision_loss, reason = "at most eventsDoublesMax")]
        {
            events[0] = used as f64;
        }
        events[1] = now;
        used
    }

    fn execute(&mut self, room: &ExchangeParts, c: &mut Cursor<'_>) {
        let kind = u16::try_from(c.next()).unwrap_or(u16::MAX);
        let id = u16::try_from(c.next()).unwrap_or(u16::MAX);
        let group = room.groups.get(id);
        match kind {
            command::ACCEPT => self.accept(group, c.next(), c.next(), c.next()),
            command::NOOP => self.no_op(room, group, c.next(), c.next()),
            command::APPEND => self.append(room, group, c),
            command::DROP => {
                self.payloads.remove(&c.next());
            }
            command::PERSIST => {
                let (term, vote, commit) = (c.next(), c.next(), c.next());
                group.term.store(term, Ordering::Release);
                self.tasks.push(LogTask::HardState {
                    group: id,
                    term,
                    vote,
                    commit,
                });
            }
            command::SEND => self.send(room, group, c),
            command::COMMIT => {
                group.commit.fetch_max(c.next(), Ordering::AcqRel);
                self.has_moved(id);
            }
            command::SERVE_READS => {
                group.reads.lock().confirm(c.next(), c.next());
                room.serving.serve_applied(group, group.applied.load(Ordering::Acquire));
            }
            command::LEASE => group.set_lease(c.float()),
            command::ROLE => take_role(room, group, c),
            command::FAIL => room.gate.fail_waiting(group, c.code(Code::NotLeader)),
            command::SNAPSHOT_SEND => room.sender.send(group, c.next()),
            command::CUT => self.tasks.push(LogTask::Cut {
                group: id,
                index: c.next(),
            }),
            command::RESTORE => self.restore(room, group, c.next(), c.next()),
            command::RECOVERED => self.tasks.push(LogTask::Recovered { group: id }),
            command::TRANSFER_OVER => {
                let (target, code) = (c.next(), c.code(Code::Timeout));
                room.gate.transfer_over(group, target, code);
            }
            _ => panic!("exchange: unknown command {kind}"),
        }
    }

    /// Takes the oldest chunk of proposals into the log. Who waits is recorded before the core can commit it.
    fn accept(&mut self, group: &Group, first: u64, term: u64, count: u64) {
        let chunk = {
            // Locked first, as it may take long: who submits must not wait for what is being applied.
            let mut waiting = group.waiting.lock();
            let mut indexes = first..;
            let wait = |waiter| waiting.extend(indexes.next().map(|index| (index, waiter)));
            group.proposals.lock().accept(wait)
        };
        let chunk = chunk.unwrap_or_else(|| panic!("accept: no chunk waits in group {}", group.id));
        assert!(
            chunk.count as u64 == count,
            "accept: {} entries, not {count}",
            chunk.count
        );
        group.unapplied_bytes.fetch_add(chunk.bytes.len(), Ordering::Relaxed);
        self.push(
            group,
            Block {
                first,
                term,
                count,
                bytes: chunk.bytes,
            },
        );
    }

    /// The first entry of a leader. That of one group offers an identity for the cluster, which keeps the first one that is applied.
    fn no_op(&mut self, room: &ExchangeParts, group: &Group, index: u64, term: u64) {
        let mut entry = vec![0; 8];
        if group.id == IDENTITY_GROUP {
            match random_name() {
                Ok(name) => entry.extend_from_slice(&name.to_le_bytes()),
                Err(error) => return room.failure.fail(error),
            }
            entry[0] = 8;
        }
        self.push(
            group,
            Block {
                first: index,
                term,
                count: 1,
                bytes: append_buffer::copy(&room.pool, &entry),
            },
        );
    }

    fn push(&mut self, group: &Group, block: Block) {
        let last = group.last.load(Ordering::Relaxed);
        assert!(last + 1 == block.first, "log order: block {} after {last}", block.first);
        group.last.store(block.end() - 1, Ordering::Release);
        group.tail.lock().push(block.clone());
        let epoch = group.durable.lock().epoch;
        self.tasks.push(LogTask::Entries {
            group: group.id,
            epoch,
            block,
        });
        self.has_moved(group.id);
    }

    /// The group is looked at when the commands are carried out: what is written at once may be applied at once.
    fn has_moved(&mut self, group: u16) {
        if self.moved.last() != Some(&group) {
            self.moved.push(group);
        }
    }

    /// Writes a received payload into the log, from its `skip`-th entry on, cutting the log first if it reaches further.
    fn append(&mut self, room: &ExchangeParts, group: &Arc<Group>, c: &mut Cursor<'_>) {
        let (handle, first, skip, runs) = (c.next(), c.next(), c.next(), c.next());
        let payload = self
            .payloads
            .remove(&handle)
            .unwrap_or_else(|| panic!("append: no payload {handle}"));
        if first <= group.last.load(Ordering::Relaxed) {
            truncate(room, group, first);
        }
        let whole = Block {
            first: 0,
            term: 0,
            count: u64::MAX,
            bytes: payload,
        };
        let mut at = skip;
        let mut index = first;
        for _ in 0..runs {
            let (term, count) = (c.next(), c.next());
            let part = whole.slice(at, at + count);
            self.push(
                group,
                Block {
                    first: index,
                    term,
                    count,
                    bytes: part.bytes,
                },
            );
            at += count;
            index += count;
        }
    }

    fn send(&mut self, room: &ExchangeParts, group: &Group, c: &mut Cursor<'_>) {
        let (to, kind, term, after) = (c.next(), c.next(), c.next(), c.next());
        let fields = std::array::from_fn(|_| c.next());
        let (first, end) = (c.next(), c.next());
        self.entries.clear();
        let is_there = end <= first || entries_to_send(room, group, first, end, &mut self.entries);
        if after == AFTER_TOLD {
            self.tell_sent(room, group.id, to, first);
        }
        if !is_there {
            // They were cut meanwhile; the core learns it from the silence and sends a snapshot.
            return;
        }
        let Ok(kind) = MessageKind::try_from(u8::try_from(kind).unwrap_or(0)) else {
            return room
                .failure
                .fail(PlaneError::new(Code::Internal, "a message of unknown kind"));
        };
        let parts = raft_frame(
            &RaftHeader {
                kind,
                group: group.id,
                term,
                fields,
            },
            &mut self.entries,
            &mut self.head,
        );
        if after != AFTER_DURABLE || (self.tasks.is_empty() && room.log_writer.is_idle()) {
            room.network.send(to, Lane::Fast, parts);
        } else {
            self.tasks.push(LogTask::Send { peer: to, parts });
        }
    }

    /// Tells the core how far the entries of a message come: with the events of this exchange.
    fn tell_sent(&self, room: &ExchangeParts, group: u16, peer: u64, first: u64) {
        room.inbox.push(Happening::Sent {
            group,
            peer,
            first,
            end: self.entries.last().map_or(first, Block::end),
            bytes: self.entries.iter().map(|block| block.bytes.len() as u64).sum(),
        });
    }

    /// A snapshot stands where the log is not: the log begins again after it.
    fn restore(&mut self, room: &ExchangeParts, group: &Arc<Group>, index: u64, term: u64) {
        if let Err(error) = rafterdb_fault::point("member.snapshot.restore") {
            return room
                .failure
                .fail(PlaneError::io("begin the log after a snapshot", &error));
        }
        truncate(room, group, 0);
        group.tail.lock().clear();
        group.last.store(index, Ordering::Release);
        group.commit.fetch_max(index, Ordering::AcqRel);
        let epoch = {
            let mut durable = group.durable.lock();
            durable.epoch += 1;
            durable.index = index;
            durable.epoch
        };
        self.has_moved(group.id);
        self.tasks.push(LogTask::Start {
            group: group.id,
            epoch,
            index,
            term,
        });
    }

    fn collect(&mut self, room: &ExchangeParts, taken: &mut Taken<'_>, is_open: bool, out: &mut Events<'_>) {
        if taken.closing() && out.has_room(2) {
            out.put(&[u64::from(event::CLOSE), 0]);
            return;
        }
        if !is_open {
            // Nothing is told of a group before it is opened.
            return;
        }
        loop {
            let room = out.doubles.len() - out.at;
            let fits = |happening: &Happening| match happening {
                Happening::Message(message) => room >= MESSAGE_FIELDS + 2 * message.runs.len(),
                _ => room >= MESSAGE_FIELDS,
            };
            match taken.next_happening(fits) {
                Some(happening) => self.tell(happening, out),
                // Facts may rest on a happening that did not fit.
                None if taken.has_happenings() => return,
                None => break,
            }
        }
        while out.has_room(FACTS_FIELDS) {
            let Some((id, facts)) = taken.next_facts() else { return };
            tell_facts(room.groups.get(id), &room.log, &facts, out);
        }
    }

    fn tell(&mut self, happening: Happening, out: &mut Events<'_>) {
        match happening {
            Happening::Message(message) => self.tell_message(message, out),
            Happening::Peer { peer, up, rtt } => {
                out.put(&[u64::from(event::PEER), 0, peer, u64::from(up)]);
                out.put_float(rtt);
            }
            Happening::SnapshotSent { group, peer, ok, index } => {
                out.put(&[
                    u64::from(event::SNAPSHOT_SENT),
                    u64::from(group),
                    peer,
                    u64::from(ok),
                    index,
                ]);
            }
            Happening::SnapshotInstalled {
                group,
                ok,
                index,
                term,
                from,
            } => {
                let kind = u64::from(event::SNAPSHOT_INSTALLED);
                out.put(&[kind, u64::from(group), u64::from(ok), index, term, from]);
            }
            Happening::Sent {
                group,
                peer,
                first,
                end,
                bytes,
            } => out.put(&[u64::from(event::SENT), u64::from(group), peer, first, end, bytes]),
            Happening::Transfer { group, peer } => out.put(&[u64::from(event::TRANSFER), u64::from(group), peer]),
        }
    }

    fn tell_message(&mut self, message: Message, out: &mut Events<'_>) {
        let bytes = message.payload.len() as u64;
        let handle = if message.runs.is_empty() {
            0
        } else {
            self.next_handle += 1;
            self.payloads.insert(self.next_handle, message.payload);
            self.next_handle
        };
        let header = message.header;
        out.put(&[
            u64::from(event::MESSAGE),
            u64::from(header.group),
            message.from,
            header.kind as u64,
        ]);
        out.put(&[header.term, handle]);
        out.put(&header.fields);
        out.put(&[bytes, message.runs.len() as u64]);
        for run in message.runs {
            out.put(&[run.term, u64::from(run.count)]);
        }
    }
}

/// Cuts the log from `first` on; who waited for those entries may try again.
fn truncate(room: &ExchangeParts, group: &Arc<Group>, first: u64) {
    let commit = group.commit.load(Ordering::Acquire);
    assert!(
        first > commit || first == 0,
        "truncate: entry {first} is committed ({commit})"
    );
    group.tail.lock().truncate(first);
    group.last.store(first.saturating_sub(1), Ordering::Release);
    {
        let mut durable = group.durable.lock();
        durable.epoch += 1;
        durable.index = durable.index.min(first.saturating_sub(1));
    }
    // A report that the core has not seen yet must not name what is cut.
    room.inbox.note(group.id, |facts| {
        facts.durable = facts.durable.filter(|(index, _)| *index < first)
    });
    let mut deliveries = Deliveries::default();
    for waiter in group.take_waiters_from(first) {
        let text = "the leader was lost before the write was committed";
        deliveries.fail(&waiter, request::WRITE, Code::LeaderLost, 0, text);
    }
    room.answers.deliver_all(&mut deliveries);
}

/// Appends entries for a follower, from memory or from the files, clipped to what one message holds. False if they are gone.
fn entries_to_send(room: &ExchangeParts, group: &Group, first: u64, end: u64, into: &mut Vec<Block>) -> bool {
    let bytes_max = limits::APPEND_BYTES_MAX;
    let is_there = group.tail.lock().read(first, end, bytes_max, into)
        || room.log.read(group.id, first, end, bytes_max, into).is_ok();
    clip(into, bytes_max, limits::APPEND_RUNS_MAX);
    is_there
}

fn take_role(room: &ExchangeParts, group: &Arc<Group>, c: &mut Cursor<'_>) {
    let (kind, term, leader) = (c.next(), c.next(), c.next());
    let kind = u8::try_from(kind).unwrap_or(role::FOLLOWER);
    group.term.store(term, Ordering::Release);
    group.role.store(kind, Ordering::Release);
    let before = group.leader.swap(leader, Ordering::AcqRel);
    group.proposals.lock().open = kind == role::LEADER;
    if kind == role::LEADER {
        // Counts own proposals of this leadership; those of an earlier one may have been cut from the log.
        group.unapplied_bytes.store(0, Ordering::Relaxed);
    } else {
        group.set_lease(0.0);
    }
    if before != leader {
        room.status.note_leader(group, term, leader);
        room.gate.leader_changed(group, leader);
    }
}

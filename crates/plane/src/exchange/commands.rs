//! The exchange with the Raft core: commands in, events out, as flat arrays of numbers (FORMATS.md "The exchange").
//! Called by the worker's thread alone. Executes what the core decided; decides nothing.
//! Their layout is the codec's; what is told is in happenings.rs and events.rs.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::Duration;

use rafterdb_codec::{
    encode_identity, limits, strip_batches, Code, Command, Commands, Configuration, ConfigurationEntry, Entry,
    EntryKind, Events, Parsed, RaftHeader, RequestKind, Role, SendAfter, SendCommand, TermRuns, ENTRY_HEADER_BYTES,
};
use rafterdb_net::Lane;
use rafterdb_pool::Slice;
use rafterdb_store::MACHINE_VERSION;
use rafterdb_topology::pin_current_thread;

use crate::askers::deliveries::Deliveries;
use crate::exchange::events::Opening;
use crate::exchange::log_age::LogAges;
use crate::exchange::pace::Pace;
use crate::exchange::parts::ExchangeParts;
use crate::exchange::roster::take_roster;
use crate::ground::append_buffer;
use crate::ground::clock::now_ms;
use crate::ground::error::PlaneError;
use crate::ground::unique_ids::random_name;
use crate::peers::frame::raft_frame;
use crate::queues::log_queue::LogTask;
use crate::state::core_inbox::Happening;
use crate::state::group::Group;
use crate::state::groups::IDENTITY_GROUP;
use crate::state::tail::{clip, Block};

/// The worker's own state between exchanges.
pub struct Exchange {
    pub(super) payloads: HashMap<u64, Payload>,
    pub(super) next_handle: u64,
    opening: Opening,
    /// When overdue answers of peers were last looked for, ms of the clock.
    looked_at: f64,
    ages: LogAges,
    pub(super) pace: Pace,
    tasks: Vec<LogTask>,
    /// Groups whose commit index or log has moved.
    moved: Vec<u16>,
    /// The entries of the message that is being sent; empty between messages.
    entries: Vec<Block>,
    /// Room for what stands before them.
    head: Vec<u8>,
}

/// The entries of a message that the core has heard of.
pub(super) struct Payload {
    pub(super) bytes: Slice,
    /// How many come before each that is a configuration, and what it says.
    pub(super) configurations: Vec<(u64, Configuration)>,
}

/// The worker's thread came before the member, and what it does and starts is the member's work too.
fn bind_worker(room: &ExchangeParts) {
    let bound = room.cpus.as_deref().map(pin_current_thread);
    if let Some(Err(error)) = bound {
        room.member_log
            .warn(&format!("the Raft worker runs on any CPU: {error}"));
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
            pace: Pace::default(),
            tasks: Vec::new(),
            moved: Vec::new(),
            entries: Vec::new(),
            head: Vec::new(),
        }
    }

    /// Runs the commands, then waits up to `timeout` for events and writes them. Returns the doubles written.
    pub fn run(&mut self, room: &ExchangeParts, commands: &[f64], events: &mut [f64], timeout: Duration) -> usize {
        for command in Commands::new(commands) {
            if let Err(error) = self.execute(room, command) {
                room.failure.fail(error);
                break;
            }
        }
        room.log_writer.take(&mut self.tasks);
        for group in self.moved.drain(..) {
            room.applier.look(room.groups.get(group));
        }
        let mut out = Events::new(events);
        if self.opening.is_new() {
            bind_worker(room);
        }
        let is_open = self.opening.tell(&mut out);
        let wait = if out.is_empty() { timeout } else { Duration::ZERO };
        let mut taken = room.inbox.wait(self.pace.shorten(wait));
        self.pace.look_again(&mut taken);
        self.collect(room, &mut taken, is_open, &mut out);
        drop(taken);
        let now = now_ms();
        if now - self.looked_at > OVERDUE_LOOK_MS {
            self.looked_at = now;
            room.gate.give_up_overdue();
            self.ages.look();
        }
        out.finish(now)
    }

    /// Carries out one command. Errors: what the core cannot have meant; what follows it must not be carried out.
    fn execute(&mut self, room: &ExchangeParts, command: Parsed<(u16, Command<'_>)>) -> Result<(), PlaneError> {
        let (id, command) = command.map_err(|malformed| broken(malformed.0))?;
        let group = room
            .groups
            .find(id)
            .ok_or_else(|| broken("a command for a group that is not there"))?;
        match command {
            Command::Accept { first, term, count } => self.accept(group, first, term, count),
            Command::Noop { index, term } => self.no_op(room, group, index, term),
            Command::Append {
                handle,
                first,
                skip,
                runs,
            } => self.append(room, group, handle, (first, skip), runs),
            Command::Drop { handle } => {
                self.payloads.remove(&handle);
            }
            Command::Persist { term, vote, commit } => {
                group.term.store(term, Ordering::Release);
                self.tasks.push(LogTask::HardState {
                    group: id,
                    term,
                    vote,
                    commit,
                });
            }
            Command::Send(send) => self.send(room, group, &send),
            Command::Commit { index } => {
                group.commit.fetch_max(index, Ordering::AcqRel);
                self.has_moved(id);
            }
            Command::ServeReads { sequence, index } => {
                group.reads.lock().confirm(sequence, index);
                room.serving.serve_applied(group, group.applied.load(Ordering::Acquire));
            }
            Command::Lease { until } => group.set_lease(until),
            Command::Role { role, term, leader } => take_role(room, group, role, term, leader),
            Command::Fail { code } => room.gate.fail_waiting(group, code),
            Command::SnapshotSend { peer } => room.sender.send(group, peer),
            Command::Cut { index } => self.tasks.push(LogTask::Cut { group: id, index }),
            Command::Restore { index, term } => self.restore(room, group, index, term),
            Command::Recovered => self.tasks.push(LogTask::Recovered { group: id }),
            Command::TransferOver { peer, code } => room.gate.transfer_over(group, peer, code),
            Command::Roster { members } => take_roster(room, id, members)?,
            Command::Configure {
                asker,
                index,
                term,
                parts,
            } => self.configure(room, group, asker, (index, term), parts)?,
            Command::ChangeOver { asker, code } => room.gate.change_over(group, asker, code),
        }
        Ok(())
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
        let identity = match (group.id == IDENTITY_GROUP).then(random_name).transpose() {
            Ok(name) => name.map(encode_identity),
            Err(error) => return room.failure.fail(error),
        };
        let body = identity.as_ref().map_or(&[][..], |identity| identity);
        let mut entry = [0; ENTRY_HEADER_BYTES + 8];
        let bytes = no_op_entry(body, &mut entry);
        self.push(
            group,
            Block {
                first: index,
                term,
                count: 1,
                bytes: append_buffer::copy(&room.pool, bytes),
            },
        );
    }

    pub(super) fn push(&mut self, group: &Group, block: Block) {
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
    fn append(
        &mut self,
        room: &ExchangeParts,
        group: &Arc<Group>,
        handle: u64,
        (first, skip): (u64, u64),
        runs: TermRuns<'_>,
    ) {
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
            bytes: payload.bytes,
        };
        let mut configurations = payload.configurations.into_iter().peekable();
        while configurations.next_if(|(at, _)| *at < skip).is_some() {}
        if configurations.peek().is_some() {
            if let Err(error) = rafterdb_fault::point("member.configuration") {
                return room.failure.fail(PlaneError::io("take who the members are", &error));
            }
        }
        let mut at = skip;
        let mut index = first;
        for (term, count) in runs.iter() {
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
            while let Some((at, configuration)) = configurations.next_if(|(of, _)| *of < at + count) {
                let index = first + (at - skip);
                let entry = ConfigurationEntry {
                    index,
                    term,
                    configuration,
                };
                room.roster
                    .append(group.id, entry, group.commit.load(Ordering::Relaxed));
            }
            at += count;
            index += count;
        }
    }

    fn send(&mut self, room: &ExchangeParts, group: &Group, send: &SendCommand) {
        let SendCommand { to, first, end, .. } = *send;
        self.entries.clear();
        let is_there = end <= first || entries_to_send(room, group, first, end, &mut self.entries);
        if send.after == SendAfter::Told {
            self.tell_sent(room, group.id, to, first);
        }
        if !is_there {
            // They were cut meanwhile; the core learns it from the silence and sends a snapshot.
            return;
        }
        if !self.entries.is_empty() && is_witness(room, to) {
            strip(room, &mut self.entries);
        }
        let header = RaftHeader {
            kind: send.kind,
            group: group.id,
            term: send.term,
            fields: send.fields,
        };
        let parts = raft_frame(&header, &mut self.entries, &mut self.head);
        let is_now = match send.after {
            SendAfter::Now | SendAfter::Told | SendAfter::Beside => true,
            SendAfter::Durable => self.tasks.is_empty() && room.log_writer.is_idle(),
        };
        if is_now {
            let is_beside = send.after == SendAfter::Beside;
            let lane = if is_beside { Lane::Bulk } else { Lane::Fast };
            room.network.send(to, lane, parts);
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
        room.roster.reset(group.id, group.machine().status().configuration);
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
}

/// What only a bug in the core or here can have brought about.
pub(super) fn broken(text: &str) -> PlaneError {
    PlaneError::new(Code::Internal, format!("exchange: {text}"))
}

/// The entry with which a leader begins, in `room`.
fn no_op_entry<'a>(body: &[u8], room: &'a mut [u8]) -> &'a [u8] {
    let entry = Entry {
        version: MACHINE_VERSION,
        ..Entry::new(EntryKind::Noop, body)
    };
    let size = entry.encode_to(room).expect("invariant: a no-op fits its room");
    &room[..size]
}

/// Cuts the log from `first` on; who waited for those entries may try again.
fn truncate(room: &ExchangeParts, group: &Arc<Group>, first: u64) {
    let commit = group.commit.load(Ordering::Acquire);
    assert!(
        first > commit || first == 0,
        "truncate: entry {first} is committed ({commit})"
    );
    group.tail.lock().truncate(first);
    room.roster.truncate(group.id, first);
    group.last.store(first.saturating_sub(1), Ordering::Release);
    {
        let mut durable = group.durable.lock();
        durable.epoch += 1;
        durable.index = durable.index.min(first.saturating_sub(1));
    }
    // A report that the core has not seen yet must not name what is cut.
    room.inbox.record(group.id, |facts| {
        facts.durable = facts.durable.filter(|(index, _)| *index < first)
    });
    let mut deliveries = Deliveries::default();
    for waiter in group.take_waiters_from(first) {
        let text = "the leader was lost before the write was committed";
        deliveries.fail(&waiter, RequestKind::Write, Code::LeaderLost, 0, text);
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

fn is_witness(room: &ExchangeParts, peer: u64) -> bool {
    room.roster.now().find(peer).is_some_and(|member| member.is_witness)
}

/// Leaves out what a witness does not take.
fn strip(room: &ExchangeParts, blocks: &mut [Block]) {
    for block in blocks {
        let mut bytes = Vec::new();
        strip_batches(&block.bytes, &mut bytes).expect("invariant: the log holds whole entries");
        block.bytes = append_buffer::copy(&room.pool, &bytes);
    }
}

fn take_role(room: &ExchangeParts, group: &Arc<Group>, role: Role, term: u64, leader: u64) {
    group.term.store(term, Ordering::Release);
    group.set_role(role);
    let before = group.leader.swap(leader, Ordering::AcqRel);
    group.proposals.lock().open = role == Role::Leader;
    if role == Role::Leader {
        // Counts own proposals of this leadership; those of an earlier one may have been cut from the log.
        group.unapplied_bytes.store(0, Ordering::Relaxed);
    } else {
        group.set_lease(0.0);
    }
    if before != leader {
        room.status.note_leader(group, term, leader);
        room.gate.leader_changed(group, leader);
        room.serving.members.questions.changed(group.id);
    }
}

//! Requests in: from an app's port, a client's connection or a forwarding member. Each is checked, then queued,
//! forwarded to the leader, or answered. Called on the asker's thread; never blocks.

use std::sync::atomic::Ordering;
use std::sync::Arc;

use rafterdb_codec::{
    limits, parse_number, request, validate_batch, Code, Consistency, Limits, ReadRequest, Request, Requests,
    WatchRequest, MESSAGE_HEADER_BYTES,
};

use crate::askers::asker::{write_response, Asker, Deliveries, RequestBody, Waiter};
use crate::ground::clock::now_ms;
use crate::member::life::Member;
use crate::state::core_inbox::Happening;
use crate::state::group::{Group, Transfer};
use crate::state::waiting_reads::Read;

/// Takes every request of a submission. An `Err` says that nothing was taken.
pub fn submit(member: &Arc<Member>, asker: &Asker, submission: &[u8]) -> Result<(), Code> {
    if member.failure().is_some() {
        return Err(Code::Poisoned);
    }
    if matches!(asker, Asker::Port(_)) && member.is_full(submission.len()) {
        return Err(Code::Busy);
    }
    if Requests::new(submission).any(|item| item.is_err()) {
        return Err(Code::ProtocolError);
    }
    let mut out = Deliveries::default();
    for item in Requests::new(submission).flatten() {
        take(member, asker, &item, &mut out);
        if out.bytes() > DELIVERY_BYTES_MAX {
            // A request of 16 bytes may be answered by many: what was gathered must not grow with their number.
            member.deliver_all(&mut out);
        }
    }
    member.deliver_all(&mut out);
    Ok(())
}

/// Bytes of answers gathered before they are sent.
pub const DELIVERY_BYTES_MAX: usize = 1 << 20;

/// Takes a request that a member hands over for its client: of those, only what the leader alone can do.
pub fn take_forwarded(member: &Arc<Member>, peer: u64, item: &Request<'_>, out: &mut Deliveries) {
    let asker = Asker::Peer(peer);
    if matches!(item.kind, request::WRITE | request::TRANSFER) {
        return take(member, &asker, item, out);
    }
    let waiter = Waiter { asker, id: item.id };
    out.fail(&waiter, item.kind, Code::ProtocolError, 0, "not a request to forward");
}

/// Takes one request; what can be answered at once goes to `out`.
pub fn take(member: &Arc<Member>, asker: &Asker, item: &Request<'_>, out: &mut Deliveries) {
    let waiter = Waiter {
        asker: asker.clone(),
        id: item.id,
    };
    let Some(group) = member.find_group(item.group) else {
        let text = format!("this member hosts groups 0 to {}", member.groups.len() - 1);
        return out.fail(&waiter, item.kind, Code::GroupNotFound, 0, &text);
    };
    if let Some((code, text)) = refusal(item) {
        if !matches!(item.kind, request::WATCH_CREDIT | request::CANCEL) {
            out.fail(&waiter, item.kind, code, 0, &text);
        }
        return;
    }
    match item.kind {
        request::WRITE => write(member, group, waiter, item, out),
        request::READ => read(member, group, waiter, item, out),
        request::WATCH => watch(member, group, waiter, item, out),
        request::WATCH_CREDIT => member.watches.credit(group, asker, item.body),
        request::CANCEL => {
            member.reads.cancel(asker, item.body);
            member.watches.cancel(group, asker, item.body);
        }
        request::STATUS => {
            let status = member.status(group);
            write_response(out.to(asker), item.kind, 0, Code::Ok, item.id, status.as_bytes());
        }
        request::MEMBERS => {
            let members = member.members(group);
            write_response(out.to(asker), item.kind, 0, Code::Ok, item.id, members.as_bytes());
        }
        request::TRANSFER => transfer(member, group, waiter, item, out),
        request::SNAPSHOT if member.apply.is_full() => {
            out.fail(&waiter, item.kind, Code::Busy, 0, "too many snapshots wait; slow down");
        }
        request::SNAPSHOT => crate::snapshots::under_way::flush(member, group, waiter),
        kind => out.fail(
            &waiter,
            kind,
            Code::ProtocolError,
            0,
            "unknown request; the client is newer than this member",
        ),
    }
}

/// What no request may be, whatever it asks for.
fn refusal(item: &Request<'_>) -> Option<(Code, String)> {
    let bytes = MESSAGE_HEADER_BYTES + item.body.len();
    if bytes > limits::REQUEST_BYTES_MAX {
        let most = limits::REQUEST_BYTES_MAX;
        let text = format!("the request has {bytes} bytes, at most {most} are taken: split it");
        return Some((Code::RequestTooLarge, text));
    }
    let text = "a request with unknown flags; the client is newer than this member";
    (item.flags != 0).then(|| (Code::ProtocolError, text.to_owned()))
}

fn write(member: &Arc<Member>, group: &Arc<Group>, waiter: Waiter, item: &Request<'_>, out: &mut Deliveries) {
    let bounds = Limits {
        value_bytes_max: member.config.value_bytes_max.min(limits::VALUE_BYTES_LARGEST),
        ..Limits::default()
    };
    if let Err((code, text)) = validate_batch(item.body, &bounds) {
        return out.fail(&waiter, item.kind, code, 0, &text);
    }
    let mut proposals = group.proposals.lock();
    if !proposals.open {
        drop(proposals);
        return member.forward(group, waiter, item, out);
    }
    if let Some(text) = member.disk_room.refusal() {
        drop(proposals);
        return out.fail(&waiter, item.kind, Code::DiskFull, 0, &text);
    }
    let waiting = proposals.bytes() + group.unapplied_bytes.load(Ordering::Relaxed);
    if waiting + item.body.len() > limits::PROPOSAL_BYTES_MAX {
        drop(proposals);
        let text = format!("{waiting} bytes of writes wait already; slow down, or wait for answers");
        return out.fail(&waiter, item.kind, Code::Busy, 0, &text);
    }
    proposals.push(item.body, waiter);
    drop(proposals);
    if group.proposals_wake.set() {
        member.inbox.note(group.id, |facts| facts.proposals = true);
    }
}

fn read(member: &Arc<Member>, group: &Arc<Group>, waiter: Waiter, item: &Request<'_>, out: &mut Deliveries) {
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
        Consistency::Serializable => member.serve(group, read),
        Consistency::Bounded => bounded(member, group, read, staleness, out),
        Consistency::Linearizable => linearizable(member, group, read, out),
    }
}

/// Begins a watch: from a revision at once, from now on as a linearizable read is served. Else "now" would be whatever this
/// member has applied, and the watch would report what was acknowledged long before it was asked for.
fn watch(member: &Arc<Member>, group: &Arc<Group>, waiter: Waiter, item: &Request<'_>, out: &mut Deliveries) {
    let parsed = match WatchRequest::parse(item.body) {
        Ok(parsed) => parsed,
        Err(malformed) => return out.fail(&waiter, item.kind, malformed.code(), 0, malformed.0),
    };
    if matches!(waiter.asker, Asker::Peer(_)) {
        // Nobody would end it when that member is gone.
        return out.fail(&waiter, item.kind, Code::ProtocolError, 0, "a watch is not forwarded");
    }
    if !member.watches.expect(&waiter) {
        let text = "a watch of this id waits to begin: choose another id";
        return out.fail(&waiter, item.kind, Code::InvalidArgument, 0, text);
    }
    let body = RequestBody::new(&waiter.asker, item.body);
    // What is confirmed as a linearizable read comes after an entry that told the identity.
    if parsed.start_revision != 0 && member.cluster() != 0 {
        return member.watches.begin(member, group, &waiter, &body, out);
    }
    linearizable(member, group, Read::Watch { waiter, body }, out);
}

const TOO_MANY_READS: &str = "too many reads wait; slow down";

/// Serves a read when this member is sure to have all that was committed before now.
pub fn linearizable(member: &Arc<Member>, group: &Arc<Group>, read: Read, out: &mut Deliveries) {
    if let Some(index) = group.leased_index(now_ms()) {
        return match read {
            Read::Index { peer, id } => member.answer_read_index(group.id, peer, id, Code::Ok, index),
            Read::Ranges { .. } | Read::Watch { .. } => await_applied(member, group, read, index, out),
        };
    }
    let mut reads = group.reads.lock();
    if group.leads() {
        if !reads.admit(&read) {
            drop(reads);
            return fail_read(member, group, read, Code::Busy, TOO_MANY_READS, out);
        }
        reads.sequence += 1;
        let sequence = reads.sequence;
        reads.unconfirmed.push_back((sequence, read));
        drop(reads);
        return member
            .inbox
            .note(group.id, |facts| facts.reads = facts.reads.max(Some(sequence)));
    }
    if matches!(read, Read::Index { .. }) || group.leader.load(Ordering::Acquire) == 0 {
        drop(reads);
        return fail_read(member, group, read, Code::NoLeader, &member.no_leader(), out);
    }
    if !reads.admit(&read) {
        drop(reads);
        return fail_read(member, group, read, Code::Busy, TOO_MANY_READS, out);
    }
    reads.unasked.push(read);
    let asks = reads.asked.is_none();
    drop(reads);
    if asks {
        member.ask_read_index(group);
    }
}

/// Serves a read from what this member has, if the leader confirmed it recently enough.
fn bounded(member: &Arc<Member>, group: &Arc<Group>, read: Read, staleness: u64, out: &mut Deliveries) {
    let now = now_ms();
    let fresh = group.reads.lock().fresh;
    #[allow(clippy::cast_precision_loss, reason = "a staleness of 2^53 ms is as good as none")]
    match fresh {
        Some((at, index)) if now - at <= staleness as f64 => await_applied(member, group, read, index, out),
        _ => linearizable(member, group, read, out),
    }
}

/// Serves a read once an index is applied.
pub fn await_applied(member: &Arc<Member>, group: &Arc<Group>, read: Read, index: u64, out: &mut Deliveries) {
    if group.applied.load(Ordering::Acquire) >= index {
        return member.serve(group, read);
    }
    let mut reads = group.reads.lock();
    if !reads.admit(&read) {
        drop(reads);
        return fail_read(member, group, read, Code::Busy, TOO_MANY_READS, out);
    }
    reads.unapplied.entry(index).or_default().push(read);
    drop(reads);
    // The apply thread may have passed the index before the read was queued.
    member.serve_applied(group, group.applied.load(Ordering::Acquire));
}

/// Answers a read with an error.
pub fn fail_read(member: &Member, group: &Group, read: Read, code: Code, text: &str, out: &mut Deliveries) {
    match read {
        Read::Ranges { waiter, .. } => out.fail(&waiter, request::READ, code, 0, text),
        Read::Watch { waiter, .. } => member.watches.give_up(&waiter, code, text, out),
        Read::Index { peer, id } => member.answer_read_index(group.id, peer, id, code, 0),
    }
}

fn transfer(member: &Arc<Member>, group: &Arc<Group>, waiter: Waiter, item: &Request<'_>, out: &mut Deliveries) {
    let Ok(target) = parse_number(item.body) else {
        return out.fail(
            &waiter,
            item.kind,
            Code::ProtocolError,
            0,
            "transfer: the body is one member id",
        );
    };
    if !member.config.members.iter().any(|peer| peer.id == target) {
        return out.fail(
            &waiter,
            item.kind,
            Code::MemberUnknown,
            0,
            "no such member in this cluster",
        );
    }
    let leader = group.leader.load(Ordering::Acquire);
    if leader == target {
        return write_response(out.to(&waiter.asker), item.kind, 0, Code::Ok, waiter.id, &[]);
    }
    if !group.leads() {
        return member.forward(group, waiter, item, out);
    }
    let mut transfers = group.transfers.lock();
    if transfers.len() >= limits::TRANSFERS_WAITING_MAX {
        drop(transfers);
        return out.fail(
            &waiter,
            item.kind,
            Code::Busy,
            0,
            "too many leader transfers wait; slow down",
        );
    }
    let at = now_ms();
    transfers.push(Transfer { target, waiter, at });
    drop(transfers);
    member.inbox.push(Happening::Transfer {
        group: group.id,
        peer: target,
    });
}

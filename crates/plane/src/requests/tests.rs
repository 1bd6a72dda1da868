//! Goal: each request is refused, queued, forwarded or answered, and a refusal concerns nobody else.

use std::sync::mpsc::{channel, Receiver, TryRecvError};
use std::sync::Arc;

use rafterdb_codec::{limits, Code, Forward, PeerRecord, PeerRecords, Principal, Request, RequestKind, Response};

use crate::askers::app_port::Port;
use crate::askers::asker::{Asker, RequestBody, Waiter};
use crate::askers::deliveries::Deliveries;
use crate::askers::internal::INTERNAL_WAITING_MAX;
use crate::ground::error::PlaneError;
use crate::state::waiting_reads::Read;
use crate::testing::{batch, linearizable_read, request, Bench};

/// Both groups lead in term 1.
fn leading(groups: u16) -> Bench {
    let bench = Bench::new(groups);
    for group in 0..groups {
        bench.script(&format!("PERSIST {group} 1 a 0\nROLE {group} 2 1 a\nNOOP {group} 1 1"));
        bench.script(&format!("COMMIT {group} 1"));
    }
    bench
}

/// The request that a frame hands to the leader.
fn forwarded(frame: &[u8]) -> Forward<'_> {
    match PeerRecords::new(frame).next() {
        Some(Ok(PeerRecord::Forward(forward))) => forward,
        other => panic!("{other:?}"),
    }
}

/// Puts until there is no more room in a group; how many were taken.
fn fill(bench: &Bench, group: u16) -> u64 {
    let value = vec![7; 1 << 20];
    let taken = (1..=(limits::PROPOSAL_BYTES_MAX >> 19) as u64).take_while(|id| {
        bench
            .submit(RequestKind::Write, group, 1000 + id, &batch(&value))
            .is_ok()
    });
    taken.count() as u64
}

#[test]
fn a_full_group_refuses_its_own_submissions_only() {
    for full in [0, 1] {
        let bench = leading(2);
        let taken = fill(&bench, full);
        assert!(taken >= (limits::PROPOSAL_BYTES_MAX >> 20) as u64 - 2, "{taken} MiB");
        assert_eq!(bench.put(1 - full, 7), Ok(()), "another group has room");
        let large = vec![7; 1 << 20];
        assert_eq!(
            bench.submit(RequestKind::Write, full, 8, &batch(&large)),
            Err(Code::Busy)
        );
        assert_eq!(
            bench.submit(RequestKind::Read, full, 9, &linearizable_read(b"key")),
            Ok(()),
            "a read needs no room"
        );
        let mixed = [
            request(RequestKind::Write, 1 - full, 10, &batch(b"v")),
            request(RequestKind::Write, full, 11, &batch(&large)),
        ]
        .concat();
        let asker = Asker::Port(bench.port.clone());
        assert_eq!(
            bench.rooms.gate.submit(&asker, &mixed),
            Err(Code::Busy),
            "nothing of it is taken"
        );
        assert_eq!(bench.group(1 - full).proposals.lock().drain().len(), 1);
    }
}

#[test]
fn what_cannot_be_is_refused_with_its_code() {
    let bench = leading(1);
    assert_eq!(bench.put(9, 1), Ok(()));
    assert_eq!(bench.submit(RequestKind::Write, 0, 2, b"no batch"), Ok(()));
    assert_eq!(bench.submit(200_u8, 0, 3, b""), Ok(()));
    assert_eq!(bench.submit(RequestKind::Transfer, 0, 4, &77_u64.to_le_bytes()), Ok(()));
    let answers = bench.answers();
    assert_eq!(
        answers,
        [
            (1, Code::GroupNotFound),
            (2, Code::ProtocolError),
            (3, Code::ProtocolError),
            (4, Code::MemberUnknown),
        ]
    );
    let asker = Asker::Port(bench.port.clone());
    assert_eq!(bench.rooms.gate.submit(&asker, b"cut short"), Err(Code::ProtocolError));
}

#[test]
fn a_follower_hands_a_write_to_the_leader_and_its_loss_is_told() {
    let bench = Bench::new(1);
    bench.put(0, 1).expect("it works");
    assert_eq!(bench.answers(), [(1, Code::NoLeader)]);
    bench.script("ROLE 0 0 1 b");
    bench.put(0, 2).expect("it works");
    assert_eq!(
        bench.sent().iter().map(|(to, _)| *to).collect::<Vec<_>>(),
        [bench.id("b")]
    );
    assert_eq!(bench.answers(), []);
    bench.rooms.gate.peer_lost(bench.id("c"));
    assert_eq!(bench.answers(), [], "nothing was asked of that one");
    bench.rooms.gate.peer_lost(bench.id("b"));
    assert_eq!(bench.answers(), [(2, Code::LeaderLost)]);
    bench.wire.is_cut.store(true, std::sync::atomic::Ordering::Relaxed);
    bench.put(0, 3).expect("it works");
    assert_eq!(bench.answers(), [(3, Code::NoLeader)], "it cannot be reached");
}

#[test]
fn who_is_behind_a_port_is_behind_its_entries_and_what_is_forwarded_for_it() {
    let named = |bench: &Bench| {
        let principal = Principal::new(b"ann").expect("it works");
        let asker = Asker::Port(Arc::new(Port::new(principal, Box::new(|| {}))));
        let put = request(RequestKind::Write, 0, 1, &batch(b"value"));
        bench.rooms.gate.submit(&asker, &put).expect("it works");
    };
    let bench = Bench::new(1);
    bench.lead();
    named(&bench);
    bench.put(0, 2).expect("it works");
    bench.script("");
    bench.script("ACCEPT 0 2 1 2");
    assert_eq!(bench.principals(0, 2), ["ann", ""]);

    let bench = Bench::new(1);
    bench.script("ROLE 0 0 1 b");
    named(&bench);
    bench.put(0, 2).expect("it works");
    let sent = bench.sent();
    let names: Vec<&[u8]> = sent
        .iter()
        .map(|(_, frame)| forwarded(frame).principal.name())
        .collect();
    assert_eq!(names, [&b"ann"[..], b""]);
}

#[test]
fn reads_of_a_follower_share_one_question_and_another_leader_ends_it() {
    let bench = Bench::new(1);
    bench.script("ROLE 0 0 1 b");
    for id in 1..=3 {
        bench
            .submit(RequestKind::Read, 0, id, &linearizable_read(b"key"))
            .expect("it works");
    }
    assert_eq!(bench.sent().len(), 1, "one question for all that wait");
    bench.script("ROLE 0 0 2 c");
    let mut answers = bench.answers();
    answers.sort_unstable_by_key(|(id, _)| *id);
    assert_eq!(answers, [(1, Code::NoLeader), (2, Code::NoLeader), (3, Code::NoLeader)]);
}

#[test]
fn a_read_told_of_an_entry_by_a_leader_that_is_gone_meanwhile_does_not_wait_for_it() {
    let bench = Bench::new(1);
    bench.script("PERSIST 0 1 b 0\nROLE 0 0 1 b\nNOOP 0 1 1");
    let group = bench.group(0);
    // As `read_reply` does once it has taken the question: the leader may change before it has come here.
    let told = |id, index, leader| {
        let asker = Asker::Port(bench.port.clone());
        let body = RequestBody::new(&asker, &linearizable_read(b"key"));
        let waiter = Waiter { asker, id };
        let mut out = Deliveries::default();
        let gate = &bench.rooms.gate;
        gate.await_applied(group, Read::Ranges { waiter, body }, index, Some(leader), &mut out);
        bench.rooms.gate.answers.deliver_all(&mut out);
        bench.answers()
    };
    let (b, c) = (bench.id("b"), bench.id("c"));
    assert_eq!(told(1, 2, b), [], "it leads, and waits for its entry");
    assert_eq!(told(2, 2, c), [(2, Code::NoLeader)]);
    assert_eq!(told(3, 1, c), [], "an entry that is there is applied one day");
    bench.script("ROLE 0 0 2 c");
    assert_eq!(bench.answers(), [(1, Code::NoLeader)]);
    assert_eq!(told(4, 2, b), [(4, Code::NoLeader)]);
}

#[test]
fn what_waits_for_a_member_is_answered_when_it_leaves_whatever_the_network_says() {
    let bench = Bench::new(1);
    bench.script("ROLE 0 0 1 b");
    bench.put(0, 1).expect("it works");
    bench
        .submit(RequestKind::Read, 0, 2, &linearizable_read(b"key"))
        .expect("it works");
    bench
        .submit(RequestKind::Transfer, 0, 3, &bench.id("c").to_le_bytes())
        .expect("it works");
    bench.script("ROSTER 0 2 a 1 b 1");
    assert_eq!(bench.answers(), [], "it was not asked of the one that has left");
    bench.script("ROSTER 0 2 a 1 c 1");
    let mut answers = bench.answers();
    answers.sort_unstable_by_key(|(id, _)| *id);
    assert_eq!(
        answers,
        [(1, Code::LeaderLost), (2, Code::NoLeader), (3, Code::LeaderLost)]
    );
}

#[test]
fn a_transfer_to_a_member_that_leaves_or_does_not_vote_is_refused() {
    let bench = leading(1);
    let transfer = |id, target| {
        bench
            .submit(RequestKind::Transfer, 0, id, &bench.id(target).to_le_bytes())
            .expect("it works");
    };
    transfer(1, "b");
    transfer(2, "c");
    assert_eq!(bench.script(""), "TRANSFER 0 b\nTRANSFER 0 c\n");
    bench.script("ROSTER 0 2 a 1 c 1");
    assert_eq!(bench.answers(), [(1, Code::MemberUnknown)]);
    bench.script("ROSTER 0 3 a 1 b 0 c 1");
    transfer(3, "b");
    assert_eq!(bench.answers(), [(3, Code::MemberUnknown)]);
}

#[test]
fn a_transfer_is_answered_when_the_member_leads_or_the_core_gives_it_up() {
    let bench = leading(1);
    for (id, target) in [(1, "b"), (2, "c")] {
        bench
            .submit(RequestKind::Transfer, 0, id, &bench.id(target).to_le_bytes())
            .expect("it works");
    }
    assert_eq!(bench.script(""), "TRANSFER 0 b\nTRANSFER 0 c\n");
    let timeout = Code::Timeout as u16;
    bench.script(&format!("TRANSFER_OVER 0 c {timeout}"));
    assert_eq!(bench.answers(), [(2, Code::Timeout)]);
    bench.script("ROLE 0 0 2 b");
    assert_eq!(bench.answers(), [(1, Code::Ok)]);
}

/// Proposes a batch as the member itself, whose answers' codes come in at the receiver.
fn propose(bench: &Bench, group: u16, batch: &[u8]) -> (Result<(), Code>, Receiver<Code>) {
    let (tell, hear) = channel();
    let answered = Box::new(move |response: &Response<'_>| tell.send(response.code).expect("somebody hears"));
    (bench.rooms.gate.propose(group, batch, answered), hear)
}

/// What came in; an `Err` at the end says that nothing more can.
fn heard(hear: &Receiver<Code>) -> (Vec<Code>, TryRecvError) {
    let mut codes = Vec::new();
    loop {
        match hear.try_recv() {
            Ok(code) => codes.push(code),
            Err(end) => return (codes, end),
        }
    }
}

const UNANSWERED: (Vec<Code>, TryRecvError) = (Vec::new(), TryRecvError::Empty);

fn once(code: Code) -> (Vec<Code>, TryRecvError) {
    (vec![code], TryRecvError::Disconnected)
}

#[test]
fn a_write_of_the_member_itself_is_answered_once_it_is_applied() {
    let bench = Bench::new(1);
    bench.lead();
    let (taken, hear) = propose(&bench, 0, &batch(b"value"));
    assert_eq!((taken, heard(&hear)), (Ok(()), UNANSWERED));
    assert_eq!(bench.script(""), "PROPOSALS 0 1 60\n");
    bench.script("ACCEPT 0 2 1 1");
    assert_eq!(heard(&hear), UNANSWERED, "it is not committed");
    bench.script("COMMIT 0 2");
    assert_eq!(heard(&hear), once(Code::Ok));
    assert_eq!(bench.group(0).machine().revision(), 2);
}

#[test]
fn a_write_of_the_member_itself_is_checked_like_any_other() {
    let bench = Bench::new(2);
    assert_eq!(heard(&propose(&bench, 0, &batch(b"value")).1), once(Code::NoLeader));
    let bench = leading(1);
    assert_eq!(heard(&propose(&bench, 0, b"no batch").1), once(Code::ProtocolError));
    assert_eq!(
        heard(&propose(&bench, 9, &batch(b"value")).1),
        once(Code::GroupNotFound)
    );
    fill(&bench, 0);
    let (taken, hear) = propose(&bench, 0, &batch(&vec![7; 1 << 20]));
    assert_eq!((taken, heard(&hear)), (Ok(()), once(Code::Busy)));
}

#[test]
fn a_follower_hands_a_write_of_its_own_to_the_leader() {
    let bench = Bench::new(1);
    bench.script("ROLE 0 0 1 b");
    let (_, hear) = propose(&bench, 0, &batch(b"value"));
    let sent = bench.sent();
    assert_eq!((sent.len(), sent[0].0, heard(&hear)), (1, bench.id("b"), UNANSWERED));
    let Request { kind, id, .. } = forwarded(&sent[0].1).request;
    let answer = |code| Response {
        kind,
        flags: 0,
        code,
        id,
        body: &[],
    };
    bench.rooms.gate.forwarder.answer(bench.id("c"), &answer(Code::Ok));
    assert_eq!(heard(&hear), UNANSWERED, "that one was not asked");
    bench.rooms.gate.forwarder.answer(bench.id("b"), &answer(Code::Ok));
    assert_eq!(heard(&hear), once(Code::Ok));

    let (_, hear) = propose(&bench, 0, &batch(b"value"));
    bench.rooms.gate.peer_lost(bench.id("b"));
    assert_eq!(heard(&hear), once(Code::LeaderLost));
}

#[test]
fn writes_of_the_member_itself_are_bounded() {
    let bench = leading(1);
    let waiting: Vec<_> = (0..INTERNAL_WAITING_MAX)
        .map(|_| propose(&bench, 0, &batch(b"value")))
        .collect();
    assert!(waiting.iter().all(|(taken, _)| taken.is_ok()));
    let (refused, hear) = propose(&bench, 0, &batch(b"value"));
    assert_eq!(
        (refused, heard(&hear)),
        (Err(Code::Busy), (vec![], TryRecvError::Disconnected))
    );
    assert_eq!(bench.put(0, 1), Ok(()), "nobody else is held up");
    bench.script("");
    bench.script(&format!("ACCEPT 0 2 1 {}", INTERNAL_WAITING_MAX + 1));
    bench.script(&format!("COMMIT 0 {}", INTERNAL_WAITING_MAX + 2));
    assert!(waiting.iter().all(|(_, hear)| heard(hear) == once(Code::Ok)));
    assert_eq!(propose(&bench, 0, &batch(b"value")).0, Ok(()));
}

#[test]
fn a_write_of_the_member_itself_is_answered_when_the_member_ends_first() {
    for (ends, code) in [
        (
            Box::new(|bench: &Bench| bench.shared.close()) as Box<dyn Fn(&Bench)>,
            Code::Closed,
        ),
        (
            Box::new(|bench| {
                bench
                    .shared
                    .failure
                    .fail(PlaneError::new(Code::Io, "the disk".to_owned()))
            }),
            Code::Poisoned,
        ),
    ] {
        let bench = leading(1);
        let (_, in_log) = propose(&bench, 0, &batch(b"value"));
        bench.script("");
        bench.script("ACCEPT 0 2 1 1");
        let (_, proposed) = propose(&bench, 0, &batch(b"value"));
        ends(&bench);
        assert_eq!((heard(&in_log), heard(&proposed)), (once(code), once(code)));
        let (refused, hear) = propose(&bench, 0, &batch(b"value"));
        assert_eq!(
            (refused, heard(&hear)),
            (Err(code), (vec![], TryRecvError::Disconnected))
        );
        // Its answer comes all the same, and is nobody's.
        bench.group(0).commit.store(2, std::sync::atomic::Ordering::Release);
        bench.quick();
        bench.threads.applier.look(bench.group(0));
    }
}

//! Goal: each request is refused, queued, forwarded or answered, and a refusal concerns nobody else.

use rafterdb_codec::{limits, Code, RequestKind};

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
        let asker = crate::askers::asker::Asker::Port(bench.port.clone());
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
    let asker = crate::askers::asker::Asker::Port(bench.port.clone());
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

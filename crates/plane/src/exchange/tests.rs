//! Goal: what the core decides is done, in its order, and it is told what came of it. Scripts of commands and of the events that
//! they bring, against real log and stores, without threads and without a network.

use rafterdb_codec::{Code, MessageKind};

use crate::testing::Bench;

mod members;
mod witnesses;

/// A leader of term 1 whose first entry is applied.
fn leading(bench: &Bench) {
    bench.script("PERSIST 0 1 a 0\nROLE 0 2 1 a\nNOOP 0 1 1");
    bench.script("COMMIT 0 1");
    bench.sent();
}

#[test]
fn a_put_becomes_an_entry_is_durable_committed_applied_and_answered_in_this_order() {
    let bench = Bench::new(1);
    leading(&bench);
    bench.put(0, 7).expect("it works");
    bench.put(0, 8).expect("it works");
    let bytes = bench.group(0).waiting_bytes();
    assert_eq!(bench.script(""), format!("PROPOSALS 0 2 {bytes}\n"));
    assert_eq!(bench.script("ACCEPT 0 2 1 2"), "DURABLE 0 3 1\n");
    assert_eq!(bench.answers(), [], "nobody has committed it");
    assert_eq!(bench.script("COMMIT 0 2"), "APPLIED 0 2\n");
    assert_eq!(bench.answers(), [(7, Code::Ok)]);
    assert_eq!(bench.script("COMMIT 0 3"), "APPLIED 0 3\n");
    assert_eq!(bench.answers(), [(8, Code::Ok)]);
    assert_eq!(bench.group(0).waiting_bytes(), 0);
}

#[test]
fn who_waits_for_entries_that_are_cut_may_try_again_and_the_cut_is_not_reported_durable() {
    let bench = Bench::new(1);
    leading(&bench);
    bench.put(0, 7).expect("it works");
    bench.run("");
    // While another write is under way, another leader's snapshot takes the place of entry 2.
    bench.quick();
    let turn = bench.shared.log.begin_inline(&mut Vec::new()).expect("nobody writes");
    bench.run("ACCEPT 0 2 1 1\nROLE 0 0 2 b");
    bench.group(0).applied.store(9, std::sync::atomic::Ordering::Release);
    bench.run("RESTORE 0 9 2");
    drop(turn);
    let told = bench.script("");
    assert_eq!(bench.answers(), [(7, Code::LeaderLost)]);
    assert!(
        told.contains("DURABLE 0 9 2") && !told.contains("DURABLE 0 2"),
        "{told}"
    );
}

#[test]
fn a_message_that_must_wait_goes_out_once_what_came_before_it_is_durable() {
    let bench = Bench::new(1);
    bench.script("PERSIST 0 1 b 0\nROLE 0 0 1 b");
    let vote = MessageKind::VoteReply as u8;
    let send = |after: u8| format!("SEND 0 b {vote} 2 {after} 0 0 0 0 0 0 0 0");
    // Written by the worker itself, as it is small: after the command that it waits for, in one exchange.
    bench.script(&format!("{}\nPERSIST 0 2 b 0\n{}", send(0), send(1)));
    let to: Vec<u64> = bench.sent().iter().map(|(to, _)| *to).collect();
    assert_eq!(to, [bench.id("b"); 2]);
    // Somebody else writes: what waits for that is left to the log's thread.
    bench.quick();
    let turn = bench.shared.log.begin_inline(&mut Vec::new()).expect("nobody writes");
    bench.run(&format!("{}\n{}", send(1), send(0)));
    assert_eq!(bench.sent().len(), 1, "the one that waits for nothing");
    drop(turn);
    bench.script("");
    assert_eq!(bench.sent().len(), 1, "the other, once that is written");
}

#[test]
fn reads_are_served_when_the_core_confirms_them_and_their_index_is_applied() {
    let bench = Bench::new(1);
    leading(&bench);
    for id in [5, 6] {
        let read = crate::testing::linearizable_read(b"key");
        bench
            .submit(rafterdb_codec::RequestKind::Read, 0, id, &read)
            .expect("it works");
    }
    assert_eq!(bench.script(""), "READS 0 2\n");
    bench.script("SERVE_READS 0 1 1\nSERVE_READS 0 2 5");
    assert_eq!(bench.group(0).reads.lock().unapplied.len(), 1, "one waits for entry 5");
    assert_eq!(bench.shared.lanes.waiting(), 1, "the other may be served");
}

#[test]
fn who_is_a_member_of_any_group_is_one_and_the_network_is_told() {
    let bench = Bench::new(2);
    let (b, c) = (bench.id("b"), bench.id("c"));
    let told = || {
        let last = bench.wire.peers.lock().expect("it works").pop();
        let mut last = last.expect("the network was told");
        last.sort_by_key(|id| *id != b);
        last
    };
    bench.script("ROSTER 0 2 a 1 b 1");
    assert_eq!(told(), [b, c], "the other group has it still");
    bench.script("ROSTER 1 3 a 1 b 0 c 0");
    let votes = |id| bench.shared.roster.now().find(id).map(|member| member.votes);
    assert_eq!([votes(b), votes(c)], [Some(true), Some(false)]);
    bench.script("ROSTER 1 2 a 1 b 1");
    assert_eq!(told(), [b]);
    bench.script("ROSTER 0 1 a 1\nROSTER 1 1 a 1");
    assert!(told().is_empty() && bench.shared.roster.now().is_alone());
}

#[test]
fn a_broken_order_of_the_core_is_noticed() {
    let bench = Bench::new(1);
    leading(&bench);
    let gap = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| bench.script("NOOP 0 7 1")));
    assert!(gap.is_err());
}

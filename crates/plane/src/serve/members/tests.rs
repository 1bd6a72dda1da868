//! Goal: who waits to hear of other members is told when there are some, or another leader, and before a member that is removed ends; once,
//! and with nothing left behind by who goes.

use rafterdb_codec::{Code, KnownMembers, Responses};
use rafterdb_codec::{Principal, RequestKind};

use crate::askers::app_port::Port;
use crate::askers::asker::{number_of_port, Asker, Waiter};
use crate::queues::member_questions::Question;
use crate::testing::{request, Bench};

/// What the bench says at first once `a` leads.
fn known(bench: &Bench) -> KnownMembers {
    let leader = bench.id("a");
    KnownMembers {
        index: 0,
        term: 0,
        leader,
    }
}

fn body(known: KnownMembers) -> Vec<u8> {
    let mut body = Vec::new();
    known.encode(&mut body);
    body
}

/// `a` leads, and its members are asked for with what is known.
fn asked(id: u64) -> Bench {
    let bench = Bench::new(1);
    bench.lead();
    bench
        .submit(RequestKind::Members, 0, id, &body(known(&bench)))
        .expect("it works");
    bench
}

fn waiting(bench: &Bench) -> usize {
    bench.shared.questions.len()
}

/// Index and leader of each answer at the port, by request.
fn told(bench: &Bench) -> Vec<(u64, u64, u64)> {
    let mut into = vec![0; 1 << 16];
    let bytes = usize::try_from(bench.port.drain(&mut into)).expect("it works");
    let number = |body: &[u8], field: &str| {
        let json: serde_json::Value = serde_json::from_slice(body).expect("it works");
        json[field].as_u64().expect("it works")
    };
    Responses::new(&into[..bytes])
        .flatten()
        .map(|answer| (answer.id, number(answer.body, "index"), number(answer.body, "leader")))
        .collect()
}

#[test]
fn who_knows_what_there_is_waits_for_another_configuration() {
    let bench = asked(7);
    assert_eq!((told(&bench), waiting(&bench)), (vec![], 1));
    bench.script("COMMIT 0 1");
    bench.script("ROSTER 0 3 a 1 b 1 c 1");
    assert_eq!(told(&bench), [], "the same members");
    bench.script("CONFIGURE 0 0 2 1 2 a 1 b 1\nROSTER 0 2 a 1 b 1");
    assert_eq!((told(&bench), waiting(&bench)), (vec![(7, 2, bench.id("a"))], 0));
    bench.script("CONFIGURE 0 0 3 1 2 a 1 b 1\nROSTER 0 2 a 1 b 1");
    assert_eq!(told(&bench), [], "once");
}

#[test]
fn or_for_another_leader_but_not_for_none() {
    let bench = asked(7);
    bench.script("PERSIST 0 2 0 0\nROLE 0 1 2 0");
    assert_eq!(told(&bench), []);
    bench.script("ROLE 0 0 2 b");
    assert_eq!(told(&bench), [(7, 0, bench.id("b"))]);
}

#[test]
fn who_knows_nothing_or_something_else_is_told_at_once() {
    let bench = asked(7);
    let a = bench.id("a");
    bench.submit(RequestKind::Members, 0, 8, &[]).expect("it works");
    let other = KnownMembers {
        leader: a + 1,
        ..known(&bench)
    };
    bench
        .submit(RequestKind::Members, 0, 9, &body(other))
        .expect("it works");
    assert_eq!(told(&bench), [(8, 0, a), (9, 0, a)]);
    bench.submit(RequestKind::Members, 0, 10, b"?").expect("it works");
    assert_eq!(bench.answers(), [(10, Code::ProtocolError)]);
    assert_eq!(waiting(&bench), 1, "the first one");
}

#[test]
fn an_asker_has_one_question_about_a_group_and_an_earlier_one_is_answered() {
    let bench = asked(7);
    bench
        .submit(RequestKind::Members, 0, 8, &body(known(&bench)))
        .expect("it works");
    assert_eq!((told(&bench), waiting(&bench)), (vec![(7, 0, bench.id("a"))], 1));
}

#[test]
fn nothing_is_left_of_the_question_of_who_goes() {
    let bench = asked(7);
    bench.rooms.gate.close_asker(number_of_port(bench.port.id()));
    assert_eq!(waiting(&bench), 0);
}

#[test]
fn news_that_came_while_a_question_was_asked_are_not_missed() {
    let bench = asked(7);
    // As if the thread had looked before this one was there: it knows of less than there is.
    let other = std::sync::Arc::new(Port::new(Principal::ANONYMOUS, Box::new(|| {})));
    let waiter = Waiter {
        asker: Asker::Port(other.clone()),
        id: 8,
    };
    let before = KnownMembers {
        leader: 0,
        ..known(&bench)
    };
    assert!(bench.shared.questions.push(0, Question::new(waiter, before)).is_none());
    let again = request(RequestKind::Members, 0, 9, &body(known(&bench)));
    bench
        .rooms
        .gate
        .submit(&Asker::Port(bench.port.clone()), &again)
        .expect("it works");
    assert!(other.drain(&mut [0; 4096]) > 0);
}

#[test]
fn a_member_that_is_removed_has_told_where_the_others_are_before_it_ends() {
    let bench = asked(7);
    // Whoever tells while the member lives has not come to it.
    bench.run("CONFIGURE 0 0 2 1 2 b 1 c 1\nROSTER 0 2 b 1 c 1");
    assert_eq!((told(&bench), waiting(&bench)), (vec![], 1));
    bench.run("COMMIT 0 2");
    bench.threads.log.step();
    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| bench.threads.applier.step()));
    assert!(ended.is_err(), "the member is none any more");
    assert_eq!(told(&bench), [(7, 2, bench.id("a"))]);
}

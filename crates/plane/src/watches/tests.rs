//! Goal: events of a group go to who watches, and to nobody who has gone; who does not read is not sent more.

use rafterdb_codec::Code;
use rafterdb_store::{Deliver, WatchId};

use crate::askers::asker::{Asker, Waiter};
use crate::testing::Bench;
use crate::watches::delivery::Delivery;

fn delivery(bench: &Bench) -> Delivery {
    Delivery {
        watches: bench.shared.watches.clone(),
        answers: bench.shared.answers.clone(),
        group: 0,
    }
}

/// The port expects a watch of an id.
fn expect(bench: &Bench, id: u64) -> WatchId {
    let asker = Asker::Port(bench.port.clone());
    let connection = asker.number();
    assert!(bench.shared.watches.expect(&Waiter { asker, id }));
    WatchId {
        connection,
        request: id,
    }
}

#[test]
fn an_event_goes_to_its_watcher_under_the_number_of_its_request_until_it_goes() {
    let bench = Bench::new(1);
    let watch = expect(&bench, 7);
    let delivery = delivery(&bench);
    delivery.deliver(watch, Code::Ok, b"event");
    assert_eq!(bench.answers(), [(7, Code::Ok)]);
    delivery.deliver(
        WatchId {
            connection: watch.connection + 2,
            request: 7,
        },
        Code::Ok,
        b"event",
    );
    assert_eq!(bench.answers(), [], "of another asker, who has no watch");
    bench.shared.watches.close_asker(&bench.rooms.groups, watch.connection);
    delivery.deliver(watch, Code::Ok, b"event");
    assert_eq!(bench.answers(), []);
}

#[test]
fn a_watcher_that_does_not_read_is_sent_no_more_until_it_has() {
    let bench = Bench::new(1);
    let watch = expect(&bench, 7);
    let delivery = delivery(&bench);
    assert!(delivery.takes_more(watch));
    delivery.deliver(watch, Code::Ok, &vec![0; 5 << 20]);
    assert!(!delivery.takes_more(watch));
    let mut into = vec![0; 6 << 20];
    bench.port.drain(&mut into);
    assert!(bench.port.gains_room() && delivery.takes_more(watch));
}

#[test]
fn a_group_that_is_behind_is_taken_once() {
    let bench = Bench::new(1);
    let delivery = delivery(&bench);
    delivery.behind();
    delivery.behind();
    let now = std::time::Instant::now();
    let (behind, _) = bench.shared.watches.take(now).expect("it works");
    assert_eq!(behind.into_iter().collect::<Vec<_>>(), [0]);
    let (behind, _) = bench.shared.watches.take(now).expect("it works");
    assert!(behind.is_empty());
    bench.shared.watches.close();
    assert!(bench.shared.watches.take(now).is_none());
}

#[test]
fn a_watch_of_an_id_that_waits_is_refused_and_the_first_goes_on() {
    let bench = Bench::new(1);
    expect(&bench, 7);
    let asker = Asker::Port(bench.port.clone());
    assert!(!bench.shared.watches.expect(&Waiter {
        asker: asker.clone(),
        id: 7
    }));
    let mut out = crate::askers::deliveries::Deliveries::default();
    let waiter = Waiter { asker, id: 7 };
    bench
        .shared
        .watches
        .give_up(&waiter, Code::NoLeader, "no leader", &mut out);
    bench
        .shared
        .watches
        .give_up(&waiter, Code::NoLeader, "no leader", &mut out);
    bench.shared.answers.deliver_all(&mut out);
    assert_eq!(bench.answers(), [(7, Code::NoLeader)], "once");
}

//! Two processes under one name: the second one is told so, and the first one stays connected.

mod support;

use std::time::Duration;

use rafterdb_net::Level;
use support::{addresses, Member};

/// A third member's network under the second one's name, elsewhere.
fn impostor(addresses: &[String]) -> Member {
    Member::start_with(2, addresses, |config| config.listen = vec!["127.0.0.1:0".to_owned()])
}

#[test]
fn a_second_process_of_a_name_is_named_as_that_once_and_the_first_stays_connected() {
    let addresses = addresses(2);
    let (one, two) = (Member::start(1, &addresses), Member::start(2, &addresses));
    one.wait_up(2);
    two.wait_up(1);
    let second = impostor(&addresses);
    second.wait("told why", |seen| {
        seen.log
            .iter()
            .any(|(level, text)| *level == Level::Error && text.contains("NAME_IN_USE"))
    });
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!(one.log_lines("lost"), 0, "{:?}", one.recorder.seen.lock().unwrap().log);
    assert_eq!(one.log_lines("connected to member-2 at"), 1);
    assert_eq!(
        one.log_lines("NAME_IN_USE: another process says that it is member-2"),
        1
    );
    assert_eq!(second.log_lines("NAME_IN_USE"), 1);
    let failure = second.net.peer_stats()[0].failure.clone().expect("a reason");
    assert!(failure.text.contains("two processes run under one name"), "{failure}");
}

#[test]
fn a_member_that_is_started_again_takes_its_place_at_once() {
    let addresses = addresses(2);
    let one = Member::start(1, &addresses);
    for life in 1..=3 {
        let two = Member::start(2, &addresses);
        one.wait("up again", |seen| {
            seen.states.iter().filter(|state| state.1).count() == life
        });
        drop(two);
    }
    assert_eq!(one.log_lines("NAME_IN_USE"), 0);
}

#[test]
fn a_process_that_fell_silent_gives_up_its_name() {
    let addresses = addresses(2);
    let one = Member::start(1, &addresses);
    // It says hello and never pings, like one whose machine is gone.
    let mut silent = support::hello_of(
        rafterdb_codec::HelloKind::PeerFast,
        support::ROSTER,
        support::CLUSTER,
        2,
        1,
    );
    silent.proof[24] = 1;
    let mut raw = support::Raw::open(one.address);
    raw.write(&support::frame(&silent.encode()));
    assert!(raw.read_frame().is_some(), "let in");
    let two = Member::start(2, &addresses);
    one.wait_up(2);
    two.wait_up(1);
}

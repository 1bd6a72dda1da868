//! Only who belongs here gets in: wrong cluster, version, member or time are refused with a code, and logged once.

mod support;

use std::net::TcpListener;
use std::time::{Duration, Instant};

use rafterdb_codec::Code;
use rafterdb_codec::{Hello, HelloKind};
use support::{addresses, frame, hello, hello_of, Member, Raw, CLUSTER, ROSTER};

fn answer(member: &Member, first: &[u8]) -> Result<Hello, u16> {
    let mut raw = Raw::open(member.address);
    raw.write(first);
    let body = raw.read_frame().expect("an answer");
    Hello::decode(&body).map_err(|_| {
        assert!(
            raw.is_closed_within(Duration::from_secs(10)),
            "a refused connection is closed"
        );
        u16::from_le_bytes([body[6], body[7]])
    })
}

#[test]
fn hellos_are_answered_or_refused_with_a_code() {
    let member = Member::start(1, &addresses(2));
    let welcome = answer(&member, &hello(HelloKind::Client, 0, 0, 0)).unwrap();
    assert_eq!(
        (welcome.roster, welcome.cluster, welcome.member_id, &welcome.name[..]),
        (ROSTER, CLUSTER, 1, "member-1")
    );
    let of = |kind, cluster| {
        frame(&hello_of(kind, ROSTER, cluster, if kind == HelloKind::Client { 0 } else { 2 }, 1).encode())
    };
    assert!(answer(&member, &of(HelloKind::Client, CLUSTER)).is_ok());
    assert!(answer(&member, &of(HelloKind::PeerBulk, CLUSTER)).is_ok());
    assert!(
        answer(&member, &of(HelloKind::PeerBulk, 0)).is_ok(),
        "it is not known yet"
    );

    let cases = [
        (of(HelloKind::Client, 0xbad), Code::ClusterMismatch),
        (of(HelloKind::PeerFast, 0xbad), Code::ClusterMismatch),
        (hello(HelloKind::Client, 0, 0, 2), Code::MemberUnknown),
        (hello(HelloKind::PeerFast, 0xbad, 2, 1), Code::ClusterMismatch),
        (hello(HelloKind::PeerFast, 0, 2, 1), Code::ClusterMismatch),
        (hello(HelloKind::PeerFast, ROSTER, 2, 3), Code::MemberUnknown),
        (hello(HelloKind::PeerFast, ROSTER, 2, 0), Code::MemberUnknown),
        (hello(HelloKind::PeerFast, ROSTER, 9, 1), Code::MemberUnknown),
        (hello(HelloKind::PeerFast, ROSTER, 1, 1), Code::MemberUnknown),
    ];
    for (first, code) in cases {
        assert_eq!(answer(&member, &first), Err(code as u16), "{}", code.name());
    }
    let mut newer = hello_of(HelloKind::Client, 0, 0, 0, 0).encode();
    newer[4] += 1;
    assert_eq!(answer(&member, &frame(&newer)), Err(Code::ProtocolVersion as u16));
    assert_eq!(answer(&member, &frame(b"hello?")), Err(Code::ProtocolError as u16));
    assert_eq!(
        answer(&member, b"GET / HTTP/1.1\r\n\r\n"),
        Err(Code::ProtocolError as u16)
    );
    assert!(member.recorder.seen.lock().unwrap().frames.is_empty());
}

#[test]
fn a_hello_that_dribbles_in_is_cut_off() {
    let member = Member::alone();
    let mut raw = Raw::open(member.address);
    let started = Instant::now();
    let whole = hello(HelloKind::Client, 0, 0, 0);
    for byte in &whole[..whole.len() - 1] {
        std::thread::sleep(Duration::from_millis(20));
        if std::io::Write::write_all(&mut raw.0, &[*byte]).is_err() {
            break;
        }
    }
    assert!(raw.is_closed_within(Duration::from_secs(10)));
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(member.log_lines("no hello"), 1);
}

#[test]
fn a_peer_with_other_members_is_reported_once_on_both_sides() {
    let addresses = addresses(2);
    let one = Member::start(1, &addresses);
    let two = Member::start_in(0, 2, &addresses, |config| config.roster = 0xbad);
    one.wait("the refusal in the log", |seen| {
        seen.log.iter().any(|(_, text)| text.contains("CLUSTER_MISMATCH"))
    });
    std::thread::sleep(Duration::from_millis(1500));
    for member in [&one, &two] {
        assert!(member.recorder.seen.lock().unwrap().states.is_empty(), "never up");
        assert_eq!(member.log_lines("CLUSTER_MISMATCH: 127"), 1, "as dialer");
        assert!(member.net.stats().counters.dials >= 6, "it keeps trying");
    }
}

#[test]
fn members_that_know_one_cluster_connect_while_their_lists_differ() {
    let addresses = addresses(2);
    let one = Member::start(1, &addresses);
    let two = Member::start_with(2, &addresses, |config| config.roster = 0xbad);
    one.wait_up(2);
    two.wait_up(1);
}

#[test]
fn dialing_the_wrong_member_is_an_error_that_names_it() {
    let mut addresses = addresses(3);
    let three = Member::start(3, &addresses);
    // Member 1 believes that member 2 lives where member 3 does.
    addresses[1] = three.address.to_string();
    addresses.truncate(2);
    let one = Member::start(1, &addresses);
    one.wait("the refusal in the log", |seen| {
        seen.log
            .iter()
            .any(|(_, text)| text.contains("MEMBER_UNKNOWN") && text.contains("member-3"))
    });
    assert!(one.recorder.seen.lock().unwrap().states.is_empty());
}

#[test]
fn a_listener_that_says_nothing_counts_as_down() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut addresses = addresses(2);
    addresses[1] = silent.local_addr().unwrap().to_string();
    let one = Member::start(1, &addresses);
    one.wait("the time-out in the log", |seen| {
        seen.log.iter().any(|(_, text)| text.contains("TIMEOUT"))
    });
    assert!(one.recorder.seen.lock().unwrap().states.is_empty());
}

#[test]
fn a_member_whose_data_is_of_another_cluster_is_not_spoken_to() {
    let addresses = addresses(2);
    let one = Member::start(1, &addresses);
    let recorder = std::sync::Arc::new(support::Recorder::default());
    let told = recorder.clone();
    recorder.cluster.store(0xbad, std::sync::atomic::Ordering::Relaxed);
    let net = rafterdb_net::Net::start(support::config(2, &addresses, &recorder), recorder).unwrap();
    one.wait("both identities in the log", |seen| {
        seen.log
            .iter()
            .any(|(_, text)| text.contains("CLUSTER_MISMATCH") && text.contains("fade") && text.contains("bad"))
    });
    std::thread::sleep(Duration::from_millis(500));
    assert!(one.recorder.seen.lock().unwrap().states.is_empty(), "never up");
    assert!(told.seen.lock().unwrap().states.is_empty(), "never up");
    drop(net);
}

#[test]
fn a_member_that_does_not_know_its_cluster_yet_is_spoken_to() {
    let addresses = addresses(2);
    let one = Member::start(1, &addresses);
    let recorder = std::sync::Arc::new(support::Recorder::default());
    let net = rafterdb_net::Net::start(support::config(2, &addresses, &recorder), recorder).unwrap();
    one.wait_up(2);
    drop(net);
}

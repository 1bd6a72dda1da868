//! Who says that it is a member must prove that it knows the cluster token; nothing of anybody else reaches the handler.

mod support;

use std::time::Duration;

use rafterdb_codec::Code;
use rafterdb_codec::{Hello, HelloKind};
use rafterdb_net::{Lane, Parts, Token};
use support::{addresses, filled, frame, hello, hello_of, Member, Raw, ROSTER};

const SECRET: &[u8] = b"sixteen bytes or more of it";

fn start(id: u64, addresses: &[String], token: Option<&[u8]>) -> Member {
    Member::start_with(id, addresses, |config| config.token = token.map(Token::new))
}

/// Says hello and hears the answer; then whatever else is said is cut off.
fn refusal(raw: &mut Raw) -> u16 {
    let body = raw.read_frame().expect("a refusal");
    assert!(
        raw.is_closed_within(Duration::from_secs(10)),
        "a refused connection is closed"
    );
    u16::from_le_bytes([body[6], body[7]])
}

fn with_nonce(nonce: u8) -> Vec<u8> {
    let hello = Hello {
        has_token: true,
        proof: [nonce; 32],
        ..hello_of(HelloKind::PeerFast, ROSTER, 0, 2, 1)
    };
    frame(&hello.encode())
}

#[test]
fn members_with_one_token_are_connected() {
    let addresses = addresses(2);
    let members: Vec<_> = (1..=2).map(|id| start(id, &addresses, Some(SECRET))).collect();
    members[0].wait_up(2);
    members[1].wait_up(1);
    assert!(members[0].net.send_peer(2, Lane::Fast, Parts::from(filled(7, 10))));
    members[1].wait("the frame", |seen| seen.frames.len() == 1);
}

#[test]
fn another_token_or_none_is_refused_loudly_on_both_sides() {
    for other in [None, Some(&b"another token of a good length"[..])] {
        let addresses = addresses(2);
        let one = start(1, &addresses, Some(SECRET));
        let two = start(2, &addresses, other);
        for member in [&one, &two] {
            member.wait("the refusal in the log", |seen| {
                seen.log.iter().any(|(_, text)| text.contains("TOKEN_MISMATCH"))
            });
        }
        std::thread::sleep(Duration::from_millis(500));
        for member in [&one, &two] {
            assert!(member.recorder.seen.lock().unwrap().states.is_empty(), "never up");
            assert_eq!(member.log_lines("TOKEN_MISMATCH: 127"), 1, "once as dialer");
        }
    }
}

#[test]
fn a_stranger_with_the_right_ids_is_no_member() {
    let member = start(1, &addresses(2), Some(SECRET));
    // Without a proof at all.
    let mut raw = Raw::open(member.address);
    raw.write(&[hello(HelloKind::PeerFast, ROSTER, 2, 1), frame(b"a message")].concat());
    assert_eq!(refusal(&mut raw), Code::TokenMismatch as u16);
    // With a wrong one, and what it would say behind it.
    for proof in [&[b"PROV".to_vec(), vec![0; 32]].concat()[..], b"PROV", b"a message"] {
        let mut raw = Raw::open(member.address);
        raw.write(&with_nonce(1));
        let challenge = raw.read_frame().expect("a challenge");
        assert_eq!(
            challenge.len(),
            36,
            "nothing about the member, nothing made from the token"
        );
        raw.write(&[frame(proof), frame(b"a message")].concat());
        assert_eq!(refusal(&mut raw), Code::TokenMismatch as u16);
    }
    let seen = member.recorder.seen.lock().unwrap();
    assert!(seen.frames.is_empty() && seen.states.is_empty());
}

#[test]
fn one_that_says_nothing_more_is_cut_off() {
    let member = start(1, &addresses(2), Some(SECRET));
    let mut raw = Raw::open(member.address);
    raw.write(&with_nonce(1));
    raw.read_frame().expect("a challenge");
    assert!(raw.is_closed_within(Duration::from_secs(10)));
}

#[test]
fn clients_need_no_token() {
    let member = start(1, &addresses(2), Some(SECRET));
    Raw::client(member.address);
}

/// What a listener heard from a member that dialed it, and what it answered, said again to the member that it was meant for.
#[test]
fn a_recorded_handshake_is_of_no_use() {
    let mut addresses = addresses(2);
    let one = start(1, &addresses, Some(SECRET));
    // Member 2 dials member 1 through a listener that passes everything on, and writes it down.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    addresses[0] = listener.local_addr().unwrap().to_string();
    let two = start(2, &addresses, Some(SECRET));
    let (dialer, _) = listener.accept().unwrap();
    dialer.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let (mut dialer, mut accepter) = (Raw(dialer), Raw::open(one.address));
    let hello = frame(&dialer.read_frame().expect("a hello"));
    accepter.write(&hello);
    dialer.write(&frame(&accepter.read_frame().expect("a challenge")));
    let proof = frame(&dialer.read_frame().expect("a proof"));
    accepter.write(&proof);
    let answer = accepter.read_frame().expect("the answer");
    assert!(Hello::decode(&answer).is_ok(), "what is passed on works");

    let mut again = Raw::open(one.address);
    again.write(&hello);
    again.read_frame().expect("another challenge");
    again.write(&[proof, frame(b"a message")].concat());
    assert_eq!(refusal(&mut again), Code::TokenMismatch as u16);
    assert!(one.recorder.seen.lock().unwrap().frames.is_empty());
    drop(two);
}

/// A listener in a member's place, which knows no token, hears a proof and no more.
#[test]
fn a_stranger_in_a_members_place_is_not_spoken_to() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut addresses = addresses(2);
    addresses[1] = listener.local_addr().unwrap().to_string();
    let one = start(1, &addresses, Some(SECRET));
    let serve = |challenged: bool| {
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut raw = Raw(stream);
        raw.read_frame().expect("a hello");
        if challenged {
            raw.write(&frame(&[b"CHAL".to_vec(), vec![0; 32]].concat()));
            raw.read_frame().expect("a proof");
        }
        raw.write(&frame(&hello_of(HelloKind::PeerFast, ROSTER, 0, 2, 1).encode()));
        assert!(raw.is_closed_within(Duration::from_secs(10)));
    };
    serve(true);
    serve(false);
    one.wait("the refusal in the log", |seen| {
        seen.log.iter().any(|(_, text)| text.contains("TOKEN_MISMATCH"))
    });
    assert!(one.recorder.seen.lock().unwrap().states.is_empty(), "never up");
}

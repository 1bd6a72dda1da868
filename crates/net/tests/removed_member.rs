//! A member that was removed is told so at its hello, by a member of its own cluster that knows the cluster's token; nobody else is believed,
//! and who is not known yet only tries again.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::Ordering;

use rafterdb_codec::{encode_challenge, encode_refusal, Code};
use rafterdb_net::Token;
use support::{addresses, frame, Member, CLUSTER, REMOVED_AT};

const SECRET: &[u8] = b"sixteen bytes or more of it";

/// Member 2, which dials member 1.
fn dialer(addresses: &[String], cluster: u64, token: Option<&[u8]>) -> Member {
    Member::start_in(cluster, 2, addresses, |config| config.token = token.map(Token::new))
}

/// Member 1, of which the others are no members, and to which 2 was one.
fn accepter(addresses: &[String], token: Option<&[u8]>, gone: u64) -> Member {
    let member = Member::start_with(1, addresses, |config| {
        config.token = token.map(Token::new);
        config.peers.clear();
    });
    member.recorder.gone.store(gone, Ordering::Relaxed);
    member
}

fn refused_with(member: &Member, code: &str) {
    member.wait(code, |seen| seen.log.iter().any(|(_, text)| text.contains(code)));
}

fn told(member: &Member) -> Vec<(u64, u64)> {
    member.recorder.seen.lock().unwrap().removed.clone()
}

#[test]
fn who_was_removed_is_told_by_which_configuration() {
    for token in [None, Some(SECRET)] {
        let addresses = addresses(2);
        let one = accepter(&addresses, token, 2);
        let two = dialer(&addresses, CLUSTER, token);
        two.wait("being told", |seen| !seen.removed.is_empty());
        assert_eq!(told(&two)[0], (1, REMOVED_AT));
        assert!(one.recorder.seen.lock().unwrap().states.is_empty(), "it was not let in");
    }
}

#[test]
fn who_is_not_known_yet_is_not_told_so_and_the_log_is_not_flooded() {
    let addresses = addresses(2);
    let one = accepter(&addresses, None, 3);
    let two = dialer(&addresses, CLUSTER, None);
    one.wait("many tries", |_| one.net.stats().counters.accepts > 6);
    assert!(told(&two).is_empty());
    assert_eq!(
        (two.log_lines("MEMBER_UNKNOWN"), one.log_lines("MEMBER_UNKNOWN")),
        (1, 1)
    );
}

#[test]
fn members_of_another_cluster_are_not_asked() {
    let addresses = addresses(2);
    let _one = accepter(&addresses, None, 2);
    let two = dialer(&addresses, CLUSTER + 1, None);
    refused_with(&two, "CLUSTER_MISMATCH");
    assert!(told(&two).is_empty());
    drop(two);
    // One that does not know its cluster yet, of which it is no member, is a founder without its directory: nobody has removed that one.
    let two = dialer(&addresses, 0, None);
    refused_with(&two, "MEMBER_REMOVED");
    assert!(told(&two).is_empty());
}

/// Answers whoever connects with these frames, after each of theirs the next.
fn stranger(address: &str, answers: Vec<Vec<u8>>) {
    let listener = TcpListener::bind(address).unwrap();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            for answer in &answers {
                let read = socket
                    .read(&mut [0; 4096])
                    .and_then(|_| socket.write_all(&frame(answer)));
                if read.is_err() {
                    break;
                }
            }
        }
    });
}

#[test]
fn a_stranger_without_the_token_removes_nobody() {
    let removed = encode_refusal(Code::MemberRemoved, REMOVED_AT, "removed");
    for answers in [vec![removed.clone()], vec![encode_challenge(&[1; 32]), removed]] {
        let addresses = addresses(2);
        stranger(&addresses[0], answers);
        let two = dialer(&addresses, CLUSTER, Some(SECRET));
        refused_with(&two, "MEMBER_REMOVED");
        assert!(told(&two).is_empty());
    }
}

//! What clients may hold together: as much as they like while there is room, and when there is none, who holds most goes and is
//! told why.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::Read;
use std::time::Duration;

use rafterdb_codec::Code;
use rafterdb_net::Parts;
use support::{addresses, filled, frame, Member, Raw};

/// A client that has asked, and the number of its connection.
fn asking(member: &Member, number: usize) -> (Raw, u64) {
    let mut raw = Raw::client(member.address);
    raw.write(&frame(b"ask"));
    member.wait("asked", |seen| seen.submissions.len() == number + 1);
    let connection = member.recorder.seen.lock().unwrap().submissions[number].0;
    (raw, connection)
}

#[test]
fn one_large_answer_is_served_however_slowly_it_is_read() {
    let member = Member::start_with(1, &addresses(1), |config| {
        config.limits.clients_bytes_max = 96 << 20;
        config.limits.idle_after = Duration::from_secs(60);
    });
    let (mut raw, connection) = asking(&member, 0);
    // More than may wait for a member on one connection.
    let (part, parts) = (7 << 20, 12);
    for _ in 0..parts {
        assert!(member.net.send_client(connection, Parts::from(filled(7, part))));
    }
    let mut bytes = vec![0; 256 << 10];
    let mut left = parts * (part + 8);
    while left > 0 {
        std::thread::sleep(Duration::from_millis(3));
        let room = left.min(bytes.len());
        left -= raw.0.read(&mut bytes[..room]).unwrap();
    }
    raw.write(&frame(b"and on"));
    member.wait("the next", |seen| seen.submissions.len() == 2);
}

#[test]
fn of_many_slow_readers_the_one_that_holds_most_goes_and_is_told_why() {
    const CLIENTS: usize = 6;
    let member = Member::start_with(1, &addresses(1), |config| {
        config.limits.clients_bytes_max = 40 << 20;
        config.limits.flush_timeout = Duration::from_secs(5);
        config.limits.idle_after = Duration::from_secs(60);
    });
    let mut clients: Vec<_> = (0..CLIENTS).map(|number| asking(&member, number)).collect();
    // All that is sent to the first: more than the sockets take, and far more than to the others.
    for (number, (_, connection)) in clients.iter().enumerate() {
        for _ in 0..if number == 0 { 32 } else { 6 } {
            member.net.send_client(*connection, Parts::from(filled(1, 1 << 20)));
        }
    }
    let started = std::time::Instant::now();
    while member.net.send_client(clients[0].1, Parts::from(filled(1, 1 << 20))) {
        assert!(started.elapsed() < Duration::from_secs(10), "the largest is cut off");
        std::thread::sleep(Duration::from_millis(1));
    }
    for (raw, _) in &mut clients[1..] {
        (0..6).for_each(|_| assert_eq!(raw.read_frame().unwrap().len(), 1 << 20));
        raw.write(&frame(b"and on"));
    }
    member.wait("the others go on", |seen| seen.submissions.len() == 2 * CLIENTS - 1);
    let mut last = Vec::new();
    while let Some(body) = clients[0].0.read_frame() {
        last = body;
    }
    assert_eq!(u16::from_le_bytes([last[6], last[7]]), Code::Busy as u16, "{last:?}");
    assert_eq!(member.log_lines("was disconnected"), 1);
}

#[test]
fn what_is_sent_at_once_is_bounded_by_who_sends_it() {
    const MOST: usize = 16 << 20;
    const CLIENTS: usize = 6;
    let member = Member::start_with(1, &addresses(1), |config| {
        config.limits.clients_bytes_max = MOST;
        config.limits.idle_after = Duration::from_secs(60);
        // It would wait for what this test holds.
        config.log = std::sync::Arc::new(|_, _| {});
    });
    let mut clients: Vec<_> = (0..CLIENTS).map(|number| asking(&member, number)).collect();
    // The network's own thread comes to nothing: it waits to hand over a frame.
    let seen = member.recorder.seen.lock().unwrap();
    clients[0].0.write(&frame(b"held up"));
    std::thread::sleep(Duration::from_millis(200));
    let answer = filled(1, 1 << 20);
    let mut most = 0;
    for _ in 0..20 {
        for (_, connection) in &clients {
            member.net.send_client(*connection, Parts::from(answer.clone()));
            most = most.max(member.net.stats().client_held_bytes);
        }
    }
    drop(seen);
    // Of each that was disconnected a frame may be half written.
    assert!(most <= MOST + (CLIENTS << 20), "{} MiB were held", most >> 20);
    assert!(most >= MOST - (2 << 20), "{} MiB were held", most >> 20);
}

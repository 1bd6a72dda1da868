//! Nothing grows without bound: a peer that does not read, a client that does not read, a crowd of clients.

mod support;

use std::io::Write;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rafterdb_net::{Lane, Parts};
use rafterdb_pool::Slice;
use support::{addresses, filled, frame, Member, Raw};

#[test]
fn a_full_send_queue_refuses_frames_and_loses_none_it_took() {
    let addresses = addresses(2);
    let bound = 1 << 20;
    let one = Member::start_with(1, &addresses, |config| {
        config.limits.peer_queue_bytes_max = bound;
        config.limits.dead_after = Duration::from_secs(60);
    });
    let two = Member::start(2, &addresses);
    one.wait_up(2);
    two.recorder.held.store(true, Ordering::Relaxed);
    let mut taken = 0u32;
    let mut refused = 0;
    while refused < 10 {
        let mut parts = Parts::new(taken.to_le_bytes().to_vec());
        parts.push(Slice::from_static(&[9; 16 << 10]));
        if one.net.send_peer(2, Lane::Fast, parts) {
            taken += 1;
        } else {
            refused += 1;
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(one.net.stats().peers[0].queued_bytes[0] <= bound, "queue bound");
    }
    assert_eq!(one.net.stats().counters.frames_dropped, 10);
    two.recorder.held.store(false, Ordering::Relaxed);
    two.wait("all that were taken", |seen| seen.frames.len() == taken as usize);
    for ((_, _, body), place) in two.recorder.seen.lock().unwrap().frames.iter().zip(0u32..) {
        assert_eq!(body[..4], place.to_le_bytes(), "in order, with no hole");
    }
}

#[test]
fn a_client_that_does_not_read_is_not_read_from_and_in_the_end_disconnected() {
    let member = Member::start_with(1, &addresses(1), |config| {
        config.limits.client_pause_bytes = 64 << 10;
        config.limits.clients_bytes_max = 4 << 20;
        config.limits.idle_after = Duration::from_secs(60);
    });
    let mut raw = Raw::client(member.address);
    raw.write(&frame(b"first"));
    member.wait("first", |seen| seen.submissions.len() == 1);
    let connection = member.recorder.seen.lock().unwrap().submissions[0].0;
    // More than the sockets' buffers take: the rest waits in the queue, above the pause.
    let answer = filled(1, 1 << 20);
    while member.net.stats().client_queued_bytes < 1 << 20 {
        assert!(member.net.send_client(connection, Parts::from(answer.clone())));
    }
    raw.0.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    let submission = frame(&[2; 60 << 10]);
    // Its submissions are left in the sockets' buffers: after those are full it cannot write either.
    let mut written = 0;
    while raw.0.write_all(&submission).is_ok() {
        written += submission.len();
        assert!(
            written < 64 << 20,
            "a client that reads nothing must not be read from for ever"
        );
    }
    let read = member.recorder.seen.lock().unwrap().submissions.len();
    assert!(read * submission.len() < 8 << 20, "{read} submissions were read");
    // Answers beyond what all clients may hold end the connection: it could not know what it has missed.
    let started = std::time::Instant::now();
    while member.net.send_client(connection, Parts::from(answer.clone())) {
        assert!(started.elapsed() < Duration::from_secs(10), "it is cut off in the end");
    }
    member.wait("closed", |seen| seen.closed == [connection]);
    assert_eq!(member.net.stats().clients, 0);
}

#[test]
fn a_slow_client_that_reads_after_all_goes_on() {
    let member = Member::start_with(1, &addresses(1), |config| config.limits.client_pause_bytes = 64 << 10);
    let mut raw = Raw::client(member.address);
    raw.write(&frame(b"first"));
    member.wait("first", |seen| seen.submissions.len() == 1);
    let connection = member.recorder.seen.lock().unwrap().submissions[0].0;
    for _ in 0..32 {
        assert!(member.net.send_client(connection, Parts::from(vec![1; 1 << 20])));
    }
    raw.write(&frame(b"second"));
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(member.recorder.seen.lock().unwrap().submissions.len(), 1, "paused");
    for _ in 0..32 {
        assert_eq!(raw.read_frame().unwrap().len(), 1 << 20);
    }
    member.wait("second", |seen| seen.submissions.len() == 2);
}

#[test]
fn hundreds_of_clients_are_served_and_those_beyond_the_bound_are_turned_away() {
    const CLIENTS: usize = 300;
    let member = Member::start_with(1, &addresses(1), |config| {
        config.limits.connections_max = CLIENTS;
        config.limits.idle_after = Duration::from_secs(60);
    });
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| Raw::client(member.address)).collect();
    // The answer to a hello leaves a moment before its client is counted.
    member.wait("all counted", |_| member.net.stats().clients == CLIENTS);
    assert!(
        Raw::open(member.address).is_closed_within(Duration::from_secs(10)),
        "one too many"
    );
    for client in &mut clients {
        client.write(&frame(b"x"));
    }
    member.wait("all", |seen| seen.submissions.len() == CLIENTS);
    for (connection, _) in member.recorder.seen.lock().unwrap().submissions.clone() {
        assert!(member
            .net
            .send_client(connection, Parts::new(connection.to_le_bytes().to_vec())));
    }
    let mut numbers: Vec<_> = clients.iter_mut().map(|client| client.read_frame().unwrap()).collect();
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers.len(), CLIENTS, "each got its own");
    drop(clients);
    member.wait("all closed", |seen| seen.closed.len() == CLIENTS);
}

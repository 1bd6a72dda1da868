//! Hundreds of clients wait to hear of other members: that costs them a little of their budget and the member nothing, all hear of a
//! change within moments, and who goes leaves nothing behind.

#![allow(clippy::unwrap_used)] // It fails by panicking.

mod client;
mod harness;

use std::time::{Duration, Instant};

use client::{held, request, Client};
use harness::{eventually, Bench};
use rafterdb_codec::{Code, CommandKind, KnownMembers, RequestKind};

const TERM: u64 = 6;
const CLIENTS: usize = 600;
/// What a question holds.
const QUESTION_BYTES: usize = 256;
/// Far above what it takes, and far below what it took when clients asked by themselves, every second.
const SOON: Duration = Duration::from_millis(500);

fn question(bench: &Bench, index: u64) -> Vec<u8> {
    let mut body = Vec::new();
    let (term, leader) = (TERM * index.min(1), bench.me);
    KnownMembers { index, term, leader }.encode(&mut body);
    request(RequestKind::Members, index, &body)
}

fn index_heard(client: &mut Client) -> u64 {
    let mut index = None;
    assert!(client.hear(|response| {
        assert_eq!((response.code, response.kind), (Code::Ok, RequestKind::Members as u8));
        let json: serde_json::Value = serde_json::from_slice(response.body).unwrap();
        index = json["index"].as_u64();
    }));
    index.unwrap()
}

#[test]
fn all_hear_of_a_change_at_once_and_hold_little_until_then() {
    let bench = Bench::open();
    bench.lead(TERM);
    bench.begin_to_lead(1, TERM);
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| Client::new(&bench)).collect();
    for client in &mut clients {
        client.submit(&request(RequestKind::Members, 0, &[]));
        assert_eq!(index_heard(client), 0, "who knows nothing is told at once");
    }
    // Each has a buffer, too.
    let buffer = held(&bench) / CLIENTS;
    let hold = |clients, question| {
        let bytes = clients * (buffer + question);
        eventually("they count", || (held(&bench) == bytes).then_some(()));
    };
    hold(CLIENTS, 0);
    for client in &mut clients {
        client.submit(&question(&bench, 0));
    }
    hold(CLIENTS, QUESTION_BYTES);
    drop(clients.split_off(CLIENTS - 100));
    hold(CLIENTS - 100, QUESTION_BYTES);
    let configure = |index| {
        let members = [2, bench.me, 1, bench.peer, 1];
        bench.command(&[&[CommandKind::Configure as u64, 0, 0, index, TERM], &members[..]].concat());
        bench.command(&[&[CommandKind::Roster as u64, 0], &members[..]].concat());
    };
    for index in 2..=6 {
        let begin = Instant::now();
        configure(index);
        let first = begin.elapsed();
        clients
            .iter_mut()
            .for_each(|client| assert_eq!(index_heard(client), index));
        let all = begin.elapsed();
        println!(
            "{} clients heard within {all:?}, the worker was free after {first:?}",
            clients.len()
        );
        assert!(all < SOON, "{all:?}");
        hold(clients.len(), 0);
        for client in &mut clients {
            client.submit(&question(&bench, index));
        }
        hold(clients.len(), QUESTION_BYTES);
    }
}

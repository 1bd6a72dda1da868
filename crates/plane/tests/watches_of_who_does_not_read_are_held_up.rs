//! Watches of clients that do not read, beside puts of large values: little is kept for each, the rest stays in history until they
//! read, and none misses anything. When there are too many of them for the budget those that hold most go with BUSY.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod client;
mod harness;

use client::{held, most_held, watch, Client};
use harness::{eventually, Bench};
use rafterdb_codec::{Code, CommandKind, Principal, Responses, WatchEvents};

const TERM: u64 = 6;
const MIB: usize = 1 << 20;
const MOST: usize = 16 * MIB;
const PUTS: u64 = 40;
const ALL: &[u8] = &[0];

/// So many puts of large values, each acknowledged.
fn put_large(bench: &Bench, first: u64) {
    let value = vec![7; MIB];
    for index in first..first + PUTS {
        bench.put_value(index, index, TERM, &value);
        bench.command(&[CommandKind::Commit as u64, 0, index]);
        assert_eq!(bench.answer(index).code, Code::Ok);
    }
}

fn leading() -> Bench {
    let bench = Bench::open_with(MOST);
    bench.lead(TERM);
    bench.begin_to_lead(1, TERM);
    bench
}

/// A client that watches all keys from a revision on.
fn watching(bench: &Bench, revision: u64) -> Client {
    let mut client = Client::new(bench);
    client.submit(&watch(1, revision, ALL, ALL));
    client
}

#[test]
fn little_is_kept_for_who_does_not_read_and_nothing_is_missed() {
    let bench = leading();
    // The first entry has no revision of its own: the first put is of revision 2.
    let revisions = || (2..2 + PUTS).collect::<Vec<u64>>();
    let mut slow: Vec<_> = (0..5).map(|_| watching(&bench, 2)).collect();
    let most = most_held(&bench, || {
        std::thread::scope(|scope| {
            let reads = scope.spawn(|| watching(&bench, 2).revisions(PUTS as usize));
            put_large(&bench, 2);
            assert_eq!(reads.join().unwrap(), revisions());
        });
    });
    assert!(most <= MOST, "{} MiB were held", most / MIB);
    assert_eq!(bench.notes("was disconnected"), [""; 0]);
    for client in &mut slow {
        assert_eq!(client.revisions(PUTS as usize), revisions());
    }
}

#[test]
fn little_waits_for_an_app_that_does_not_take_its_answers_and_nothing_is_missed() {
    let bench = leading();
    put_large(&bench, 2);
    let port = bench.member.port(Principal::ANONYMOUS, Box::new(|| {}));
    bench.member.submit(&port, &watch(1, 2, ALL, ALL)).unwrap();
    eventually("as much waits as may", || (!port.has_room()).then_some(()));
    put_large(&bench, 2 + PUTS);
    let mut seen = Vec::new();
    // Not through the member, which would have the watch go on.
    let waited = drained(&mut seen, |into| port.drain(into));
    assert!(waited <= 6 * MIB, "{} MiB waited", waited / MIB);
    // Whoever takes them has the watch go on.
    let all: Vec<u64> = (2..2 + 2 * PUTS).collect();
    eventually("all come", || {
        drained(&mut seen, |into| bench.member.drain(&port, into));
        (seen.len() >= all.len()).then_some(())
    });
    assert_eq!(seen, all);
}

/// Takes what waits, and notes the revisions of its events; how many bytes there were.
fn drained(seen: &mut Vec<u64>, drain: impl Fn(&mut [u8]) -> i64) -> usize {
    let mut into = vec![0; 2 * MIB];
    let mut all = 0;
    loop {
        let bytes = usize::try_from(drain(&mut into)).unwrap();
        for response in Responses::new(&into[..bytes]).flatten() {
            let events = WatchEvents::parse(response.body).unwrap();
            seen.extend(events.map(|event| event.unwrap().pair.modified));
        }
        all += bytes;
        if bytes == 0 {
            return all;
        }
    }
}

#[test]
fn of_too_many_that_do_not_read_those_that_hold_most_go_and_who_reads_is_served() {
    let bench = leading();
    put_large(&bench, 2);
    let mut slow = Vec::new();
    let most = most_held(&bench, || {
        slow.extend((0..40).map(|_| watching(&bench, 2)));
        let all = 2 * PUTS as usize;
        std::thread::scope(|scope| {
            let reads = scope.spawn(|| {
                let mut seen = Vec::new();
                // It may be the one that holds most for a moment, and begins again then, as clients do.
                while !watching(&bench, 2 + seen.len() as u64).revisions_into(all, &mut seen) {}
                seen
            });
            put_large(&bench, 2 + PUTS);
            assert_eq!(reads.join().unwrap(), (2..2 + all as u64).collect::<Vec<u64>>());
        });
    });
    // Of each that was cut off an answer may be half written.
    assert!(most <= MOST + 40 * MIB, "{} MiB were held", most / MIB);
    assert!(!bench.notes("was disconnected").is_empty());
    // What the last of them were sent is told to who cuts them off a moment later.
    eventually("little is held", || (held(&bench) <= MOST).then_some(()));
}

#[test]
fn watches_count_for_their_client_until_it_is_gone() {
    let bench = leading();
    let mut client = Client::new(&bench);
    let begin = held(&bench);
    let many = |first: u64| -> Vec<u8> {
        (first..first + 200)
            .flat_map(|id| watch(id, 2, &[b'k'; 4 << 10], &[b'l'; 4 << 10]))
            .collect()
    };
    client.submit(&many(0));
    eventually("they count", || {
        (held(&bench).saturating_sub(begin) > 200 * (16 << 10)).then_some(())
    });
    for sent in 1..10 {
        client.submit(&many(200 * sent));
        // What is not read from a socket when it is closed would take the reason with it.
        let is_taken = || held(&bench).saturating_sub(begin) > 200 * (sent as usize + 1) * (16 << 10);
        let is_cut = || !bench.notes("was disconnected").is_empty();
        eventually("they count", || (is_cut() || is_taken()).then_some(()));
        if is_cut() {
            break;
        }
    }
    assert_eq!(client.last_code(), Some(Code::Busy));
    eventually("what they held is given back", || {
        (held(&bench) < MIB / 4).then_some(())
    });
}

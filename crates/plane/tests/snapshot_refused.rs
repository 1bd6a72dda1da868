//! Whatever a peer sends as a snapshot, the member goes on with the store it has, says once why, leaves no files behind, and
//! installs the next snapshot that is good.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod harness;

use std::time::Duration;

use harness::{eventually, snapshot, Bench};
use rafterdb_codec::{Code, CommandKind, EventKind, SnapshotState};

const TERM: u64 = 4;

/// Sends what it is given as the stream `id`.
type Lie = Box<dyn Fn(&Bench, u64, &[u8])>;

fn lie(send: impl Fn(&Bench, u64, &[u8]) + 'static) -> Lie {
    Box::new(send)
}

/// What is sent, and whether it comes to an end that the core must hear of.
fn lies() -> Vec<(&'static str, bool, Lie)> {
    let whole = |index, term| lie(move |bench, id, good| bench.stream(id, index, term, good));
    vec![
        ("rubbish", true, lie(|b, id, _| b.stream(id, 10, TERM, &[7; 5000]))),
        ("nothing", true, lie(|b, id, _| b.stream(id, 10, TERM, &[]))),
        (
            "cut short",
            true,
            lie(|b, id, good| b.stream(id, 10, TERM, &good[..good.len() - 1])),
        ),
        (
            "bytes after the end",
            true,
            lie(|b, id, good| b.stream(id, 10, TERM, &[good, &[0]].concat())),
        ),
        (
            "a flipped bit",
            true,
            lie(|b, id, good| {
                let mut bytes = good.to_vec();
                bytes[good.len() / 2] ^= 1;
                b.stream(id, 10, TERM, &bytes);
            }),
        ),
        ("another index than announced", true, whole(11, TERM)),
        ("another term than announced", true, whole(10, TERM - 1)),
        ("a term that nobody has heard of", true, whole(10, 1_000_000)),
        (
            "an offset that lies",
            false,
            lie(|b, id, good| {
                b.begin(id, 10, TERM);
                b.data(id, 1, good);
            }),
        ),
        (
            "a length that lies",
            false,
            lie(|b, id, good| {
                b.begin(id, 10, TERM);
                b.data(id, 0, good);
                b.end(id, good.len() as u64 + 1);
            }),
        ),
        (
            "a beginning twice",
            false,
            lie(|b, id, good| {
                b.begin(id, 10, TERM);
                b.data(id, 0, good);
                b.begin(id, 10, TERM);
            }),
        ),
        (
            "data without a beginning",
            false,
            lie(|b, id, good| b.data(id, 0, good)),
        ),
        ("an end without a beginning", false, lie(|b, id, _| b.end(id, 0))),
        (
            "a part of unknown kind",
            false,
            lie(|b, id, good| {
                b.begin(id, 10, TERM);
                b.data(id, 0, good);
                b.record(9, 0, id, good.len() as u64, &[]);
            }),
        ),
        (
            "a group that is not there",
            false,
            lie(|b, id, _| b.record(1, 77, id, 10, &TERM.to_le_bytes())),
        ),
        (
            "a beginning that is too short",
            false,
            lie(|b, id, _| b.record(1, 0, id, 10, &[1])),
        ),
    ]
}

#[test]
fn a_bad_snapshot_leaves_the_member_running_with_its_store() {
    let bench = Bench::open();
    bench.lead(TERM);
    bench.put(1, 1, TERM);
    bench.command(&[CommandKind::Commit as u64, 0, 1]);
    assert_eq!(bench.answer(1).code, Code::Ok);
    bench.follow(5);
    let good = snapshot(10, TERM);

    for (id, (what, comes_to_an_end, send)) in (1000..).zip(lies()) {
        let told = bench.notes("refused").len();
        send(&bench, id, &good);
        assert_eq!(bench.outcome(id), SnapshotState::Failed, "{what}");
        assert!(bench.member.failure().is_none(), "{what}: {:?}", bench.member.failure());
        if comes_to_an_end {
            let fields = bench.event(EventKind::SnapshotInstalled);
            assert_eq!(fields[0], 0, "{what}: the core hears that it was not installed");
        }
        assert_eq!(bench.events_left(EventKind::SnapshotInstalled), 0, "{what}");
        eventually(what, || (bench.received_files() == 0).then_some(()));
        assert_eq!(bench.generations(), ["generation-1"], "{what}");
        assert!(
            bench.notes("refused").len() <= told + 1,
            "{what}: {:?}",
            bench.notes("")
        );
    }

    // One line a stream, and one a second of one peer.
    assert!(!bench.notes("refused").is_empty());
    std::thread::sleep(Duration::from_millis(1100));
    let told = bench.notes("refused").len();
    for _ in 0..20 {
        bench.data(900, 0, &good);
    }
    eventually("all are answered", || (bench.acks(900).len() == 20).then_some(()));
    assert_eq!(bench.notes("refused").len(), told + 1);

    bench.stream(1, 10, TERM, &good);
    assert_eq!(bench.outcome(1), SnapshotState::Installed);
    assert_eq!(bench.event(EventKind::SnapshotInstalled), [1, 10, TERM, bench.peer]);
    eventually("the old store's files are gone", || {
        (bench.generations() == ["generation-2"]).then_some(())
    });
    // It is at work: what comes next is applied to it.
    bench.command(&[CommandKind::Restore as u64, 0, 10, TERM]);
    bench.lead(6);
    bench.put(11, 11, 6);
    bench.command(&[CommandKind::Commit as u64, 0, 11]);
    assert_eq!(bench.answer(11).code, Code::Ok);
    // One that is no longer news is refused, and said to be there.
    bench.follow(7);
    bench.stream(2, 10, TERM, &good);
    assert_eq!(bench.outcome(2), SnapshotState::Installed);
    assert_eq!(bench.event(EventKind::SnapshotInstalled)[0], 0);
    assert_eq!(bench.generations(), ["generation-2"]);
}

//! Goal: a stream of records becomes a file that is handed over, or is refused and leaves nothing; a sender hears of answers to it
//! alone. Records come in by hand, and the receiving thread's body runs until they are all taken.

use std::sync::Arc;

use rafterdb_codec::{limits, SnapshotMessage, SnapshotRecord, SnapshotState};
use rafterdb_pool::{Buffer, Slice};

use crate::snapshots::outgoing::Outgoing;
use crate::snapshots::receive::receive;
use crate::snapshots::record::encoded;
use crate::testing::Bench;

mod resume;

fn slice(bytes: &[u8]) -> Slice {
    let mut buffer = Buffer::new(bytes.len());
    buffer.copy_from_slice(bytes);
    buffer.freeze(bytes.len())
}

/// Records of `b`; returns what was answered: (stream, bytes, state).
fn answers(bench: &Bench, records: &[Vec<u8>]) -> Vec<(u64, u64, SnapshotState)> {
    for record in records {
        bench
            .shared
            .snapshots
            .arrived(&bench.shared.member_log, bench.id("b"), slice(record));
    }
    // What was handed over stays there: nobody installs.
    bench.shared.snapshots.close();
    receive(&bench.threads.receiver, &bench.queues.incoming);
    let frames = bench.sent();
    frames
        .iter()
        .map(|(_, body)| {
            let SnapshotRecord { id, part, .. } = SnapshotRecord::parse(body).expect("it works");
            let SnapshotMessage::Ack { received, state, .. } = part else {
                panic!("no answer: {part:?}")
            };
            (id, received, state)
        })
        .collect()
}

/// A snapshot of entry 5 begins.
const BEGIN: SnapshotMessage<'_> = SnapshotMessage::Begin { index: 5, term: 3 };

/// A record of stream 9.
fn record(part: SnapshotMessage<'_>) -> Vec<u8> {
    encoded(0, 9, part)
}

fn data(offset: u64, bytes: &[u8]) -> Vec<u8> {
    record(SnapshotMessage::Data { offset, bytes })
}

/// A record of a part that there is not.
fn unknown() -> Vec<u8> {
    let mut unknown = record(SnapshotMessage::End { length: 3 });
    unknown[1] = 77;
    unknown
}

fn files(bench: &Bench) -> usize {
    std::fs::read_dir(&bench.threads.receiver.directory)
        .expect("it works")
        .count()
}

#[test]
fn every_record_is_answered_with_what_has_been_received() {
    let bench = Bench::new(1);
    let said = answers(&bench, &[record(BEGIN), data(0, b"abc"), data(3, b"de")]);
    let more = SnapshotState::More;
    assert_eq!(said, [(9, 0, more), (9, 3, more), (9, 5, more)]);
    assert_eq!(files(&bench), 1);
}

#[test]
fn what_does_not_follow_ends_the_stream_and_leaves_nothing() {
    for broken in [
        data(4, b"gap"),
        data(2, b"once more"),
        data(3, b""),
        record(BEGIN),
        record(SnapshotMessage::End { length: 2 }),
        unknown(),
    ] {
        let bench = Bench::new(1);
        let said = answers(&bench, &[record(BEGIN), data(0, b"abc"), broken.clone()]);
        assert_eq!(
            said.last().map(|(_, _, state)| *state),
            Some(SnapshotState::Failed),
            "{broken:?}"
        );
        assert_eq!(files(&bench), 0, "{broken:?}");
        let told = bench
            .notes
            .lock()
            .expect("it works")
            .iter()
            .filter(|note| note.contains("refused"))
            .count();
        assert_eq!(told, 1, "{broken:?}");
    }
}

#[test]
fn a_state_that_this_member_has_is_not_received() {
    let bench = Bench::new(1);
    bench.group(0).applied.store(5, std::sync::atomic::Ordering::Release);
    let said = answers(&bench, &[record(BEGIN)]);
    assert_eq!((said, files(&bench)), (vec![(9, 0, SnapshotState::Installed)], 0));
    let told = bench.script("");
    assert_eq!(told, "SNAPSHOT_INSTALLED 0 0 5 3 b\n");
}

#[test]
fn a_begun_stream_waits_for_its_sender_and_goes_when_that_is_no_member_any_more() {
    for (is_member, left) in [(true, 1), (false, 0)] {
        let bench = Bench::new(1);
        let (snapshots, b) = (&bench.shared.snapshots, bench.id("b"));
        snapshots.peer_connected(b);
        snapshots.arrived(&bench.shared.member_log, b, slice(&record(BEGIN)));
        if is_member {
            snapshots.peer_lost(b);
        } else {
            snapshots.peer_left(b);
        }
        assert_eq!((answers(&bench, &[]).len(), files(&bench)), (1, left));
    }
}

#[test]
fn after_a_loss_nothing_follows_until_the_sender_asks_where_to_go_on() {
    let bench = Bench::new(1);
    let (snapshots, b) = (&bench.shared.snapshots, bench.id("b"));
    let say = |record: Vec<u8>| snapshots.arrived(&bench.shared.member_log, b, slice(&record));
    for record in [record(BEGIN), data(0, b"abc")] {
        say(record);
    }
    snapshots.peer_lost(b);
    // It was sent before its sender knew of the loss of what was before it.
    say(data(5, b"fgh"));
    let resume = |index| record(SnapshotMessage::Resume { index });
    let said = answers(&bench, &[resume(5), data(3, b"de"), resume(5), resume(4)]);
    let (more, resumed) = (SnapshotState::More, SnapshotState::Resumed);
    assert_eq!(
        said,
        [
            (9, 0, more),
            (9, 3, more),
            (9, 3, resumed),
            (9, 5, more),
            (9, 5, resumed),
            (9, 5, SnapshotState::Failed)
        ]
    );
    assert_eq!(files(&bench), 0, "one of another entry is another one");
}

#[test]
fn who_asks_where_to_go_on_with_what_is_there_already_hears_so() {
    let bench = Bench::new(1);
    bench.group(0).applied.store(5, std::sync::atomic::Ordering::Release);
    let asked = [5, 6].map(|index| record(SnapshotMessage::Resume { index }));
    let (there, unknown) = (SnapshotState::Installed, SnapshotState::Failed);
    assert_eq!(answers(&bench, &asked), [(9, 0, there), (9, 0, unknown)]);
}

#[test]
fn so_many_are_received_at_a_time_and_who_was_lost_makes_room_first() {
    let groups = u16::try_from(limits::SNAPSHOTS_RECEIVED_MAX + 2).expect("it works");
    for (is_lost, last) in [(false, SnapshotState::Failed), (true, SnapshotState::More)] {
        let bench = Bench::new(groups);
        let (snapshots, b) = (&bench.shared.snapshots, bench.id("b"));
        let begin = |group| encoded(group, 9, BEGIN);
        for group in 0..groups - 2 {
            snapshots.arrived(&bench.shared.member_log, b, slice(&begin(group)));
        }
        if is_lost {
            snapshots.peer_lost(b);
        }
        let said = answers(&bench, &[begin(groups - 2)]);
        assert_eq!(said.last().map(|(_, _, state)| *state), Some(last));
        assert_eq!(files(&bench), limits::SNAPSHOTS_RECEIVED_MAX);
    }
}

#[test]
fn one_that_is_sent_ends_when_its_receiver_is_no_member_any_more() {
    let bench = Bench::new(1);
    let outgoing = ["b", "c"].map(|name| Arc::new(Outgoing::new(0, bench.id(name))));
    for (id, outgoing) in (9..).zip(&outgoing) {
        bench.shared.snapshots.outgoing.lock().add(id, outgoing.clone());
    }
    bench.run("ROSTER 0 2 a 1 c 1");
    let silence = std::time::Duration::from_millis(20);
    let ends = outgoing.map(|outgoing| outgoing.wait(None, 0, silence).expect_err("nobody answers").kind());
    assert_eq!(ends, [std::io::ErrorKind::BrokenPipe, std::io::ErrorKind::TimedOut]);
}

#[test]
fn an_answer_counts_if_it_comes_from_who_is_sent_to() {
    let bench = Bench::new(1);
    let outgoing = Arc::new(Outgoing::new(0, bench.id("b")));
    bench.shared.snapshots.outgoing.lock().add(9, outgoing.clone());
    let (received, state, base) = (100, SnapshotState::Installed, 0);
    let ack = record(SnapshotMessage::Ack { received, state, base });
    let silence = std::time::Duration::from_millis(20);
    for (from, is_installed) in [("c", false), ("b", true)] {
        bench
            .shared
            .snapshots
            .arrived(&bench.shared.member_log, bench.id(from), slice(&ack));
        assert_eq!(outgoing.wait(Some(50), 0, silence).is_ok(), is_installed, "{from}");
    }
}

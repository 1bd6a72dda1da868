//! Goal: a stream of records becomes a file that is handed over, or is refused and leaves nothing; a sender hears of answers to it
//! alone. Records come in by hand, and the receiving thread's body runs until they are all taken.

use std::sync::Arc;

use rafterdb_codec::{SnapshotMessage, SnapshotRecord, SnapshotState};
use rafterdb_pool::{Buffer, Slice};

use crate::snapshots::outgoing::Outgoing;
use crate::snapshots::receive::receive;
use crate::snapshots::record::encoded;
use crate::testing::Bench;

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
            let SnapshotMessage::Ack { received, state } = part else {
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
fn a_begun_stream_goes_with_its_sender() {
    let bench = Bench::new(1);
    bench.shared.snapshots.peer_connected(bench.id("b"));
    bench
        .shared
        .snapshots
        .arrived(&bench.shared.member_log, bench.id("b"), slice(&record(BEGIN)));
    bench.shared.snapshots.peer_lost(bench.id("b"));
    assert_eq!((answers(&bench, &[]).len(), files(&bench)), (1, 0));
}

#[test]
fn one_that_is_sent_ends_when_its_receiver_is_no_member_any_more() {
    let bench = Bench::new(1);
    let outgoing = ["b", "c"].map(|name| Arc::new(Outgoing::new(bench.id(name))));
    for (id, outgoing) in (9..).zip(&outgoing) {
        bench.shared.snapshots.outgoing.lock().insert(id, outgoing.clone());
    }
    bench.run("ROSTER 0 2 a 1 c 1");
    let silence = std::time::Duration::from_millis(20);
    let ends = outgoing.map(|outgoing| outgoing.wait(None, silence).expect_err("nobody answers").kind());
    assert_eq!(ends, [std::io::ErrorKind::BrokenPipe, std::io::ErrorKind::TimedOut]);
}

#[test]
fn an_answer_counts_if_it_comes_from_who_is_sent_to() {
    let bench = Bench::new(1);
    let outgoing = Arc::new(Outgoing::new(bench.id("b")));
    bench.shared.snapshots.outgoing.lock().insert(9, outgoing.clone());
    let (received, state) = (100, SnapshotState::Installed);
    let ack = record(SnapshotMessage::Ack { received, state });
    let silence = std::time::Duration::from_millis(20);
    for (from, is_installed) in [("c", false), ("b", true)] {
        bench
            .shared
            .snapshots
            .arrived(&bench.shared.member_log, bench.id(from), slice(&ack));
        assert_eq!(outgoing.wait(Some(50), silence).is_ok(), is_installed, "{from}");
    }
}

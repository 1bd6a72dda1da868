//! Goal: a stream of records becomes a file that is handed over, or is refused and leaves nothing; a sender hears of answers to it
//! alone. Records come in by hand, and the receiving thread's body runs until they are all taken.

use std::sync::Arc;

use rafterdb_pool::{Buffer, Slice};

use crate::snapshots::outgoing::Outgoing;
use crate::snapshots::receive::receive;
use crate::snapshots::record::{head, number, part, state, HEAD_BYTES};
use crate::testing::Bench;

fn slice(bytes: &[u8]) -> Slice {
    let mut buffer = Buffer::new(bytes.len());
    buffer.copy_from_slice(bytes);
    buffer.freeze(bytes.len())
}

/// Records of `b`, each with what follows its number; returns what was answered: (stream, bytes, state).
fn answers(bench: &Bench, records: &[(u8, u64, u64, &[u8])]) -> Vec<(u64, u64, u8)> {
    for (part, id, value, rest) in records {
        let mut record = head(*part, 0, *id, *value);
        record.extend_from_slice(rest);
        bench
            .shared
            .snapshots
            .arrived(&bench.shared.notes, bench.id("b"), slice(&record));
    }
    // What was handed over stays there: nobody installs.
    bench.shared.snapshots.close();
    receive(&bench.threads.receiver, &bench.queues.incoming);
    let frames = bench.sent();
    frames
        .iter()
        .map(|(_, body)| (number(body, 4), number(body, 12), body[HEAD_BYTES]))
        .collect()
}

const TERM: [u8; 8] = 3_u64.to_le_bytes();

fn files(bench: &Bench) -> usize {
    std::fs::read_dir(&bench.threads.receiver.directory)
        .expect("it works")
        .count()
}

#[test]
fn every_record_is_answered_with_what_has_been_received() {
    let bench = Bench::new(1);
    let said = answers(
        &bench,
        &[
            (part::BEGIN, 9, 5, &TERM),
            (part::DATA, 9, 0, b"abc"),
            (part::DATA, 9, 3, b"de"),
        ],
    );
    assert_eq!(said, [(9, 0, state::MORE), (9, 3, state::MORE), (9, 5, state::MORE)]);
    assert_eq!(files(&bench), 1);
}

#[test]
fn what_does_not_follow_ends_the_stream_and_leaves_nothing() {
    for broken in [
        (part::DATA, 9, 4, &b"gap"[..]),
        (part::DATA, 9, 3, b""),
        (part::BEGIN, 9, 5, &TERM),
        (part::END, 9, 2, b""),
        (77, 9, 3, b""),
    ] {
        let bench = Bench::new(1);
        let said = answers(
            &bench,
            &[(part::BEGIN, 9, 5, &TERM), (part::DATA, 9, 0, b"abc"), broken],
        );
        assert_eq!(
            said.last().map(|(_, _, state)| *state),
            Some(state::FAILED),
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
    let said = answers(&bench, &[(part::BEGIN, 9, 5, &TERM)]);
    assert_eq!((said, files(&bench)), (vec![(9, 0, state::INSTALLED)], 0));
    let told = bench.script("");
    assert_eq!(told, "SNAPSHOT_INSTALLED 0 0 5 3 b\n");
}

#[test]
fn a_begun_stream_goes_with_its_sender() {
    let bench = Bench::new(1);
    bench.shared.snapshots.peer_connected(bench.id("b"));
    let mut begin = head(part::BEGIN, 0, 9, 5);
    begin.extend_from_slice(&TERM);
    bench
        .shared
        .snapshots
        .arrived(&bench.shared.notes, bench.id("b"), slice(&begin));
    bench.shared.snapshots.peer_lost(bench.id("b"));
    assert_eq!((answers(&bench, &[]).len(), files(&bench)), (1, 0));
}

#[test]
fn an_answer_counts_if_it_comes_from_who_is_sent_to() {
    let bench = Bench::new(1);
    let outgoing = Arc::new(Outgoing::new(bench.id("b")));
    bench.shared.snapshots.outgoing.lock().insert(9, outgoing.clone());
    let mut ack = head(part::ACK, 0, 9, 100);
    ack.push(state::INSTALLED);
    let silence = std::time::Duration::from_millis(20);
    for (from, is_installed) in [("c", false), ("b", true)] {
        bench
            .shared
            .snapshots
            .arrived(&bench.shared.notes, bench.id(from), slice(&ack));
        assert_eq!(outgoing.wait(Some(50), silence).is_ok(), is_installed, "{from}");
    }
}

//! Goal: what members say goes to the room that it is for, and what they cannot mean goes nowhere.

use rafterdb_codec::{Code, MessageKind, RaftHeader, ReadReply, RequestKind, Run};
use rafterdb_net::{Handler, Lane};
use rafterdb_pool::{Buffer, Slice};

use crate::peers::handler::{Incoming, Peers};
use crate::testing::{batch, entry, linearizable_read, request, Bench};

fn frame(bytes: &[u8]) -> Slice {
    let mut buffer = Buffer::new(bytes.len());
    buffer.copy_from_slice(bytes);
    buffer.freeze(bytes.len())
}

fn hear(bench: &Bench, name: &str, bytes: &[u8]) {
    let incoming = std::sync::Arc::new(Incoming {
        gate: bench.rooms.gate.clone(),
        snapshots: bench.shared.snapshots.clone(),
    });
    Peers(std::sync::Arc::downgrade(&incoming)).peer_frame(bench.id(name), Lane::Fast, frame(bytes));
}

fn append(group: u16, runs: &[Run], payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let (term, fields) = (1, [0; 6]);
    let kind = MessageKind::Append;
    RaftHeader {
        kind,
        group,
        term,
        fields,
    }
    .encode(&mut out, runs, payload.len());
    out.extend_from_slice(payload);
    out
}

#[test]
fn a_message_is_told_to_the_core_if_its_counts_agree_with_its_bytes() {
    let bench = Bench::new(1);
    let block = entry(&batch(b"value"));
    hear(&bench, "b", &append(0, &[Run { term: 1, count: 1 }], &block));
    assert_eq!(bench.script(""), "MESSAGE 0\n");
    assert!(bench
        .notes
        .lock()
        .expect("it works")
        .iter()
        .all(|note| !note.contains("does not hold together")));
    hear(&bench, "b", &append(0, &[Run { term: 1, count: 2 }], &block));
    hear(&bench, "b", &append(7, &[Run { term: 1, count: 1 }], &block));
    assert_eq!(
        bench.script(""),
        "",
        "two entries are said to be in one; there is no such group"
    );
    let doubts = bench
        .notes
        .lock()
        .expect("it works")
        .iter()
        .filter(|note| note.contains("does not hold together"))
        .count();
    assert_eq!(doubts, 1, "said once in a while");
}

#[test]
fn a_write_of_another_member_is_taken_and_answered_to_it_and_a_read_is_not_its_to_forward() {
    let bench = Bench::new(1);
    bench.script("PERSIST 0 1 a 0\nROLE 0 2 1 a\nNOOP 0 1 1");
    bench.script("COMMIT 0 1");
    bench.sent();
    let mut forwarded = Vec::new();
    rafterdb_codec::encode_forward_header(&mut forwarded);
    let head = forwarded.clone();
    forwarded.extend_from_slice(&request(RequestKind::Write, 0, 5, &batch(b"value")));
    hear(&bench, "b", &forwarded);
    assert_eq!(bench.sent(), [], "it is not committed");
    bench.script("");
    bench.script("ACCEPT 0 2 1 1");
    bench.script("COMMIT 0 2");
    let to: Vec<u64> = bench.sent().iter().map(|(to, _)| *to).collect();
    assert_eq!(to, [bench.id("b")]);
    let read = [head, request(RequestKind::Read, 0, 6, &linearizable_read(b"key"))].concat();
    hear(&bench, "b", &read);
    let refused = bench.sent();
    let code = u16::from_le_bytes([refused[0].1[4 + 6], refused[0].1[4 + 7]]);
    assert_eq!(Code::from_number(code), Some(Code::ProtocolError));
}

#[test]
fn a_read_index_counts_if_it_comes_from_who_was_asked() {
    let bench = Bench::new(1);
    bench.script("ROLE 0 0 1 b");
    bench
        .submit(RequestKind::Read, 0, 1, &linearizable_read(b"key"))
        .expect("it works");
    let id = bench
        .group(0)
        .reads
        .lock()
        .asked
        .as_ref()
        .map(|asked| asked.id)
        .expect("it works");
    let reply = |index| {
        let (group, code, term) = (0, Code::Ok, 1);
        let mut out = Vec::new();
        ReadReply {
            group,
            id,
            code,
            index,
            term,
        }
        .encode(&mut out);
        out
    };
    hear(&bench, "c", &reply(0));
    hear(&bench, "b", &reply(1 << 60));
    assert_eq!(
        bench.shared.lanes.waiting(),
        0,
        "another member; an index beyond what numbers may be"
    );
    hear(&bench, "b", &reply(0));
    assert_eq!(bench.shared.lanes.waiting(), 1);
}

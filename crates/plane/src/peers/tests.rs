//! Goal: what members say goes to the room that it is for, and what they cannot mean goes nowhere.

use rafterdb_codec::{Code, Forward, Principal, ReadReply, RequestKind, Requests, Run};

use crate::testing::{append, batch, entry, linearizable_read, request, Bench};

fn hear(bench: &Bench, name: &str, bytes: &[u8]) {
    bench.hear(name, bytes);
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

/// A request of whoever has this name, as a follower hands it to the leader.
fn forward(name: &[u8], kind: RequestKind, id: u64, body: &[u8]) -> Vec<u8> {
    let request = request(kind, 0, id, body);
    let mut out = Vec::new();
    Forward {
        principal: Principal::new(name).expect("it works"),
        request: Requests::new(&request).flatten().next().expect("it works"),
    }
    .encode(&mut out);
    out
}

#[test]
fn a_write_of_another_member_is_taken_and_answered_to_it_and_a_read_is_not_its_to_forward() {
    let bench = Bench::new(1);
    bench.script("PERSIST 0 1 a 0\nROLE 0 2 1 a\nNOOP 0 1 1");
    bench.script("COMMIT 0 1");
    bench.sent();
    hear(&bench, "b", &forward(b"", RequestKind::Write, 5, &batch(b"value")));
    assert_eq!(bench.sent(), [], "it is not committed");
    bench.script("");
    bench.script("ACCEPT 0 2 1 1");
    bench.script("COMMIT 0 2");
    let to: Vec<u64> = bench.sent().iter().map(|(to, _)| *to).collect();
    assert_eq!(to, [bench.id("b")]);
    hear(
        &bench,
        "b",
        &forward(b"", RequestKind::Read, 6, &linearizable_read(b"key")),
    );
    let refused = bench.sent();
    let code = u16::from_le_bytes([refused[0].1[4 + 6], refused[0].1[4 + 7]]);
    assert_eq!(Code::from_number(code), Some(Code::ProtocolError));
}

#[test]
fn who_another_member_says_is_behind_a_write_is_behind_its_entry() {
    let bench = Bench::new(1);
    bench.lead();
    for (id, name) in [(5, &b"ann"[..]), (6, b""), (7, b"bob")] {
        hear(&bench, "b", &forward(name, RequestKind::Write, id, &batch(b"value")));
    }
    bench.put(0, 8).expect("it works");
    bench.script("");
    bench.script("ACCEPT 0 2 1 4");
    assert_eq!(bench.principals(0, 2), ["ann", "", "bob", ""]);
    bench.sent();
    bench.script("COMMIT 0 5");
    assert_eq!(
        bench.sent().len(),
        1,
        "one delivery to the member that asked, whoever is behind it"
    );
    assert_eq!(bench.answers(), [(8, Code::Ok)]);
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

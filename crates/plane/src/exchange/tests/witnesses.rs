//! Goal: a witness gets what the log says but for what batches say, takes nothing else, and hands on what it is asked; a member with data takes
//! nothing without.

use std::sync::atomic::Ordering;

use rafterdb_codec::{
    Code, Configuration, ConfigurationChange, ConfiguredMember, Entries, Entry, EntryKind, MessageKind, PeerRecord,
    PeerRecords, RequestKind, Run, WatchRequest, PART_INCOMING, PART_WITNESS,
};
use rafterdb_store::Engine;

use crate::config::id_of;
use crate::testing::{append, batch, entry, linearizable_read, Bench};

/// `a` leads; `b` is a witness, of priority 9 all the same.
fn leading() -> Bench {
    let bench = Bench::new(1);
    bench.lead();
    let member = |(name, part): (&str, u8)| ConfiguredMember {
        id: id_of(name),
        part,
        priority: 0,
        name: name.to_owned(),
        endpoint: String::new(),
    };
    let voter = PART_INCOMING;
    let members = [("a", voter), ("b", voter | PART_WITNESS), ("c", voter)]
        .map(member)
        .into();
    let (mut body, from, is_forced, wanted) = (Vec::new(), 0, false, Configuration { members });
    let change = ConfigurationChange {
        from,
        is_forced,
        wanted,
    };
    change.encode(&mut body).expect("it works");
    bench.submit(RequestKind::ChangeMembers, 0, 5, &body).expect("it works");
    let told = bench.run("");
    let asker = told.split_whitespace().nth(2).expect("it works");
    bench.script(&format!(
        "CONFIGURE 0 {asker} 2 1 3 a 1 b 2309 c 1\nROSTER 0 3 a 1 b 1 c 1\nCOMMIT 0 2"
    ));
    bench.sent();
    bench
}

/// The kinds of the entries that one member was sent, each with how much it says.
fn entries_sent(bench: &Bench, to: &str) -> Vec<(u8, usize)> {
    let frames = bench.sent();
    let of_peer = frames.iter().filter(|(peer, _)| *peer == bench.id(to));
    let mut all = Vec::new();
    for (_, body) in of_peer {
        for record in PeerRecords::new(body).flatten() {
            let PeerRecord::Raft(raft) = record else { continue };
            assert!(raft.check(to == "b").is_ok(), "who gets it takes it");
            all.extend(
                Entries::new(raft.payload)
                    .flatten()
                    .map(|entry| (entry.kind, entry.body.len())),
            );
        }
    }
    all
}

#[test]
fn a_witness_is_sent_no_data_and_the_others_are() {
    let bench = leading();
    bench.put(0, 7).expect("it works");
    bench.script("");
    bench.script("ACCEPT 0 3 1 1");
    let append = MessageKind::Append as u8;
    let send = |to: &str| format!("SEND 0 {to} {append} 1 0 0 0 0 0 0 0 1 4");
    bench.script(&send("b"));
    let [noop, configuration] = [(EntryKind::Noop as u8, 8), (EntryKind::Configuration as u8, 4 + 3 * 17)];
    assert_eq!(
        entries_sent(&bench, "b"),
        [noop, configuration, (EntryKind::Stripped as u8, 0)]
    );
    bench.script(&send("c"));
    let value = batch(b"value").len();
    assert_eq!(
        entries_sent(&bench, "c"),
        [noop, configuration, (EntryKind::Batch as u8, value)]
    );
}

#[test]
fn a_leader_is_not_told_to_be_one() {
    let bench = leading();
    let target = id_of("b").to_le_bytes();
    bench.submit(RequestKind::Transfer, 0, 9, &target).expect("it works");
    assert!(bench.answers().contains(&(9, Code::MemberIsWitness)));
    // Nor when the disk of who leads is full.
    bench.threads.watchdog.hand_over();
    assert_eq!(bench.run(""), "TRANSFER 0 c\n");
}

fn stripped() -> Vec<u8> {
    let mut out = Vec::new();
    Entry::new(EntryKind::Stripped, &[]).encode(&mut out).expect("it works");
    out
}

#[test]
fn a_witness_takes_what_says_nothing_and_knows_where_it_stands() {
    let bench = Bench::witness();
    let one = [Run { term: 1, count: 1 }];
    bench.hear("b", &append(0, &one, &entry(&batch(b"value"))));
    assert_eq!(bench.script(""), "", "data");
    bench.hear("b", &append(0, &one, &stripped()));
    assert_eq!(bench.script(""), "MESSAGE 0\n");
    bench.script("PERSIST 0 1 b 0\nROLE 0 0 1 b\nAPPEND 0 1 1 0 1 1 1");
    bench.script("COMMIT 0 1");
    let machine = bench.group(0).machine();
    assert_eq!(
        (machine.applied(), machine.revision(), machine.engine().compacted()),
        (1, 1, 0)
    );
    // It hands on what it is asked, and says what it cannot.
    bench.sent();
    let read = linearizable_read(b"key");
    bench.submit(RequestKind::Read, 0, 3, &read).expect("it works");
    let sent = bench.sent();
    let Some(Ok(PeerRecord::Forward(forward))) = PeerRecords::new(&sent[0].1).next() else {
        panic!("it is handed to the leader")
    };
    assert_eq!(
        (sent[0].0, forward.request.kind),
        (bench.id("b"), RequestKind::Read as u8)
    );
    let mut watch = Vec::new();
    WatchRequest {
        flags: 0,
        start_revision: 0,
        credit: 1,
        cluster: 0,
        key: b"key",
        end: &[],
    }
    .encode(&mut watch);
    bench.submit(RequestKind::Watch, 0, 4, &watch).expect("it works");
    assert_eq!(bench.answers(), [(4, Code::MemberIsWitness)]);
}

#[test]
fn who_has_data_takes_nothing_without_and_reads_for_witnesses_alone() {
    let bench = Bench::new(1);
    bench.hear("b", &append(0, &[Run { term: 1, count: 1 }], &stripped()));
    assert_eq!(bench.script(""), "");
    let bench = leading();
    bench.group(0).set_lease(f64::MAX);
    let read = linearizable_read(b"key");
    for name in ["b", "c"] {
        let mut frame = Vec::new();
        let request = crate::testing::request(RequestKind::Read, 0, 6, &read);
        rafterdb_codec::Forward {
            principal: rafterdb_codec::Principal::ANONYMOUS,
            request: rafterdb_codec::Requests::new(&request)
                .flatten()
                .next()
                .expect("it works"),
        }
        .encode(&mut frame);
        bench.hear(name, &frame);
    }
    let sent = bench.sent();
    assert_eq!(sent.len(), 1, "what b asked waits for a thread");
    let code = u16::from_le_bytes([sent[0].1[4 + 6], sent[0].1[4 + 7]]);
    assert_eq!(
        (sent[0].0, Code::from_number(code)),
        (bench.id("c"), Some(Code::ProtocolError))
    );
    assert_eq!(bench.shared.lanes.waiting(), 1);
    assert_eq!(bench.group(0).last.load(Ordering::Acquire), 2);
}

//! The core says who the members are while a member runs: who joins is connected and sent to; who leaves is not, and what waited for it
//! is answered at once.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod harness;

use std::time::{Duration, Instant};

use harness::{batch, eventually, Bench, Joining};
use rafterdb_codec::{
    Code, CommandKind, Configuration, ConfigurationChange, ConfiguredMember, EventKind, MessageKind, RequestKind,
};
use rafterdb_plane::{id_of, Peer};

/// Far below what is waited for when nobody notices that a member has left.
const AT_ONCE: Duration = Duration::from_secs(4);

/// The core names the members of group 0, and whether they vote.
fn roster(bench: &Bench, members: &[(u64, bool)]) {
    let mut command = vec![CommandKind::Roster as u64, 0, members.len() as u64];
    command.extend(members.iter().flat_map(|(id, votes)| [*id, u64::from(*votes)]));
    bench.command(&command);
}

/// A client asks for the members that there are and one more, and the core has the entry written as the log's first.
fn configure(bench: &Bench, id: u64, joining: &Peer) {
    let member = |peer: &Peer| ConfiguredMember {
        id: peer.id,
        part: 1,
        priority: 0,
        name: peer.name.clone(),
        endpoint: peer.endpoint.clone(),
    };
    let peers = bench.member.config().members.iter().chain([joining]);
    let members: Vec<_> = peers.map(member).collect();
    let mut command = vec![members.len() as u64];
    command.extend(members.iter().flat_map(|member| [member.id, 1]));
    let (from, is_forced, wanted) = (0, false, Configuration { members });
    let (change, mut body) = (
        ConfigurationChange {
            from,
            is_forced,
            wanted,
        },
        Vec::new(),
    );
    change.encode(&mut body).unwrap();
    bench.submit(RequestKind::ChangeMembers, id, &body);
    let asker = bench.event(EventKind::Change)[0];
    bench.command(&[&[CommandKind::Configure as u64, 0, asker, 1, 6], &command[..]].concat());
}

fn json(bench: &Bench, kind: RequestKind) -> serde_json::Value {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1 << 40);
    let id = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    bench.submit(kind, id, &[]);
    serde_json::from_slice(&bench.answer(id).body).unwrap()
}

/// The others by STATUS, and all by MEMBERS.
fn listed(bench: &Bench) -> (Vec<String>, Vec<String>) {
    let names = |list: &serde_json::Value| {
        let mut names: Vec<String> = list
            .as_array()
            .unwrap()
            .iter()
            .map(|member| member["name"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    };
    let (status, members) = (json(bench, RequestKind::Status), json(bench, RequestKind::Members));
    (names(&status["peers"]), names(&members["members"]))
}

/// Whether something is measured of a peer.
fn is_measured(bench: &Bench, peer: &str) -> bool {
    let counters = bench.member.counters_json();
    counters.contains("rafterdb_network_peer_up") && counters.contains(&format!("peer=\\\"{peer}\\\""))
}

fn transfer(bench: &Bench, id: u64, target: u64) {
    bench.submit(RequestKind::Transfer, id, &target.to_le_bytes());
}

#[test]
fn a_member_that_joins_is_connected_sent_to_and_listed_and_nobody_else_notices() {
    let bench = Bench::open();
    let (a, b, c) = (bench.me, bench.peer, id_of("c"));
    let joining = Joining::start(&bench);
    let d = joining.peer.id;
    bench.lead(6);
    transfer(&bench, 1, d);
    assert_eq!(bench.answer(1).code, Code::MemberUnknown, "not a member yet");
    assert_eq!(bench.event(EventKind::Peer)[..2], [b, 1]);
    configure(&bench, 3, &joining.peer);
    roster(&bench, &[(a, true), (b, true), (c, true), (d, true)]);
    eventually("the new member is connected", || joining.net.is_up(a).then_some(()));
    assert_eq!(bench.event(EventKind::Peer)[..2], [d, 1], "and nobody was lost");
    bench.send_to(d, MessageKind::Vote, false);
    eventually("a message", || {
        joining.messages().contains(&MessageKind::Vote).then_some(())
    });
    assert!(bench.is_peer_up());
    assert_eq!(bench.events_left(EventKind::Peer), 0);
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(listed(&bench), (names(&["b", "c", "d"]), names(&["a", "b", "c", "d"])));
    assert!(is_measured(&bench, "b") && is_measured(&bench, "d"));
    transfer(&bench, 2, d);
    assert_eq!(bench.event(EventKind::Transfer), [d]);
    roster(&bench, &[(a, true), (b, true), (c, true), (d, false)]);
    transfer(&bench, 4, d);
    assert_eq!(bench.answer(4).code, Code::MemberUnknown, "it only learns");
}

#[test]
fn what_waits_for_a_member_that_leaves_is_answered_and_its_connections_end() {
    let bench = Bench::open();
    let (a, b, c) = (bench.me, bench.peer, id_of("c"));
    bench.submit(RequestKind::Write, 1, &batch(1));
    bench.get(2, b"key");
    assert!(
        !bench.is_answered(1) && !bench.is_answered(2),
        "the leader says nothing"
    );
    let left = Instant::now();
    roster(&bench, &[(a, true), (c, true)]);
    assert_eq!(bench.answer(1).code, Code::LeaderLost);
    assert_eq!(bench.answer(2).code, Code::NoLeader);
    eventually("its connections end", || (!bench.is_peer_up()).then_some(()));
    assert_eq!(bench.event(EventKind::Peer)[..2], [b, 1]);
    assert_eq!(bench.event(EventKind::Peer)[..2], [b, 0]);
    assert!(left.elapsed() < AT_ONCE, "it took {:?}", left.elapsed());
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let all = names(&["a", "b", "c"]);
    assert_eq!(listed(&bench), (names(&["c"]), all), "no configuration says so");
    assert!(is_measured(&bench, "c") && !is_measured(&bench, "b"));
    // It is known still, and may come back.
    roster(&bench, &[(a, true), (b, true), (c, true)]);
    eventually("it is connected again", || bench.is_peer_up().then_some(()));
}

#[test]
fn what_a_leader_has_under_way_to_a_member_that_leaves_is_over() {
    let bench = Bench::open();
    let (a, b, c) = (bench.me, bench.peer, id_of("c"));
    bench.lead(6);
    bench.begin_to_lead(1, 6);
    transfer(&bench, 1, b);
    assert_eq!(bench.event(EventKind::Transfer), [b]);
    bench.command(&[CommandKind::SnapshotSend as u64, 0, b]);
    eventually("the snapshot is on its way", || {
        (bench.snapshots_begun() > 0).then_some(())
    });
    assert_eq!(bench.events_left(EventKind::SnapshotSent), 0);
    let left = Instant::now();
    roster(&bench, &[(a, true), (c, true)]);
    assert_eq!(bench.event(EventKind::SnapshotSent)[..2], [b, 0]);
    assert_eq!(bench.answer(1).code, Code::MemberUnknown);
    assert!(left.elapsed() < AT_ONCE, "it took {:?}", left.elapsed());
    transfer(&bench, 2, b);
    assert_eq!(bench.answer(2).code, Code::MemberUnknown);
}

#[test]
fn a_member_that_no_configuration_names_stops_the_one_that_is_told_of_it() {
    let bench = Bench::open();
    roster(&bench, &[(bench.me, true), (id_of("nobody"), true)]);
    assert_eq!(bench.member.failure().map(|error| error.code), Some(Code::Internal));
}

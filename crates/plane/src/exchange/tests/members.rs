//! Goal: who the members are is what the log says: what is asked of the core, what it writes, what comes from a leader, what is cut, what a
//! snapshot brings, and what is there after a kill.

use std::sync::atomic::Ordering;
use std::sync::Arc;

use rafterdb_codec::{
    limits, Code, Configuration, ConfigurationChange, ConfigurationEntry, ConfiguredMember, Entry, EntryKind,
    RequestKind, Run,
};

use rafterdb_store::Engine;

use crate::config::id_of;
use crate::state::core_inbox::Happening;
use crate::testing::{append, batch, entry, Bench};

/// Each member's own: no two have one.
fn own(name: &str, endpoint: &str) -> String {
    if endpoint.is_empty() {
        return String::new();
    }
    format!("{name}.{endpoint}")
}

/// Members at endpoints of their own, all with the same part.
fn members(names: &[&str], part: u8, endpoint: &str) -> Configuration {
    let member = |name: &&str| ConfiguredMember {
        id: id_of(name),
        part,
        priority: 0,
        name: (*name).to_owned(),
        endpoint: own(name, endpoint),
    };
    Configuration {
        members: names.iter().map(member).collect(),
    }
}

fn ask(bench: &Bench, id: u64, from: u64, wanted: Configuration) {
    let mut body = Vec::new();
    let is_forced = false;
    let change = ConfigurationChange {
        from,
        is_forced,
        wanted,
    };
    change.encode(&mut body).expect("it works");
    bench
        .submit(RequestKind::ChangeMembers, 0, id, &body)
        .expect("it works");
}

/// The number by which the core was asked for a change, from a line.
fn asker(told: &str) -> String {
    assert!(told.starts_with("CHANGE 0 "), "{told}");
    told.split_whitespace().nth(2).expect("it works").to_owned()
}

/// Index of the configuration in force, and who is a member, where.
fn listed(bench: &Bench) -> (u64, Vec<(String, String)>) {
    let json = bench.rooms.serving.members.json(bench.group(0));
    let json: serde_json::Value = serde_json::from_str(&json).expect("it works");
    let text = |member: &serde_json::Value, field: &str| member[field].as_str().expect("it works").to_owned();
    let of_all = json["members"].as_array().expect("it works");
    let members = of_all
        .iter()
        .map(|member| (text(member, "name"), text(member, "endpoint")));
    (json["index"].as_u64().expect("it works"), members.collect())
}

fn at(endpoint: &str, names: &[&str]) -> Vec<(String, String)> {
    names
        .iter()
        .map(|name| ((*name).to_owned(), own(name, endpoint)))
        .collect()
}

/// Where the network finds a member.
fn endpoint(bench: &Bench, name: &str) -> Option<String> {
    let now = bench.shared.roster.now();
    now.find(id_of(name)).map(|member| member.peer.endpoint.clone())
}

fn configuration_entry(configuration: &Configuration) -> Vec<u8> {
    let (mut body, mut out) = (Vec::new(), Vec::new());
    configuration.encode(&mut body).expect("it works");
    Entry::new(EntryKind::Configuration, &body)
        .encode(&mut out)
        .expect("it works");
    out
}

#[test]
fn a_change_is_asked_of_the_core_written_with_its_names_and_answered_once_it_is_over() {
    let bench = Bench::new(1);
    bench.lead();
    ask(&bench, 7, 0, members(&["a", "b", "d"], 1, "new:1"));
    let told = bench.run("");
    let (asker, d) = (asker(&told), id_of("d"));
    assert_eq!(told, format!("CHANGE 0 {asker} 0 0 3 a 1 b 1 {d} 1\n"));
    ask(&bench, 8, 0, members(&["a"], 1, ""));
    assert_eq!(bench.answers(), [(8, Code::MembersChanging)], "one at a time");
    // By way of both sets: c is not in the wish any more, so that it keeps its name and place.
    let told = bench.script(&format!(
        "CONFIGURE 0 {asker} 2 1 4 a 3 b 3 {d} 1 c 2\nROSTER 0 4 a 1 b 1 {d} 1 c 1"
    ));
    assert_eq!(told, "DURABLE 0 2 1\n");
    let all = [at("new:1", &["a", "b", "d"]), at("", &["c"])].concat();
    assert_eq!(listed(&bench), (2, all));
    assert_eq!(endpoint(&bench, "d").as_deref(), Some("d.new:1"));
    assert_eq!(bench.script("COMMIT 0 2"), "APPLIED 0 2\n");
    let applied = bench.group(0).machine().status().configuration.expect("it was applied");
    assert_eq!(
        (applied.index, applied.term, applied.configuration.members.len()),
        (2, 1, 4)
    );
    bench.script(&format!("CONFIGURE 0 0 3 1 3 a 1 b 1 {d} 1\nROSTER 0 3 a 1 b 1 {d} 1"));
    assert_eq!(listed(&bench), (3, at("new:1", &["a", "b", "d"])));
    assert_eq!(bench.answers(), []);
    bench.script("COMMIT 0 3\nCHANGE_OVER 0 1 0");
    assert_eq!(bench.answers(), [], "it was somebody else's");
    bench.script(&format!("CHANGE_OVER 0 {asker} 0"));
    assert_eq!(bench.answers(), [(7, Code::Ok)]);
    bench.script(&format!("CHANGE_OVER 0 {asker} 0"));
    assert_eq!(bench.answers(), [], "nobody waits any more");
}

#[test]
fn why_a_change_was_not_made_is_told_and_the_next_one_may_be_asked() {
    let bench = Bench::new(1);
    bench.lead();
    for code in [
        Code::MembersChanging,
        Code::MemberBehind,
        Code::QuorumAtRisk,
        Code::LeaderLost,
    ] {
        ask(&bench, 7, 5, members(&["a"], 1, ""));
        let asker = asker(&bench.run(""));
        bench.script(&format!("CHANGE_OVER 0 {asker} {}", code as u16));
        assert_eq!(bench.answers(), [(7, code)]);
    }
    assert_eq!(listed(&bench).0, 0);
}

#[test]
fn a_configuration_with_somebody_whom_nobody_has_named_stops_the_member() {
    let bench = Bench::new(1);
    bench.lead();
    bench.script("CONFIGURE 0 0 2 1 2 a 1 99 1");
    assert_eq!(bench.shared.failure.why().map(|error| error.code), Some(Code::Internal));
}

#[test]
fn a_followers_members_are_those_of_the_entries_that_it_takes_and_of_those_before_once_they_are_cut() {
    let bench = Bench::new(1);
    bench.script("PERSIST 0 1 b 0\nROLE 0 0 1 b");
    let payload = [
        entry(&batch(b"value")),
        configuration_entry(&members(&["a", "b"], 1, "new:1")),
    ]
    .concat();
    bench.hear("b", &append(0, &[Run { term: 1, count: 2 }], &payload));
    assert_eq!(bench.run(""), "CONFIGURATION 0 1 0 2 a 1 b 1\nMESSAGE 0\n");
    assert_eq!(listed(&bench).0, 0, "the core has not taken it");
    bench.script("APPEND 0 1 1 0 1 1 2\nROSTER 0 2 a 1 b 1");
    assert_eq!(listed(&bench), (2, at("new:1", &["a", "b"])));
    assert_eq!(
        (endpoint(&bench, "b").as_deref(), endpoint(&bench, "c")),
        (Some("b.new:1"), None)
    );
    // The same entries again, of which the core has the first one; then another leader's in place of the second.
    bench.hear("b", &append(0, &[Run { term: 1, count: 2 }], &payload));
    bench.run("");
    bench.script("APPEND 0 2 2 1 1 1 1\nROSTER 0 2 a 1 b 1");
    assert_eq!(listed(&bench).0, 2);
    bench.hear("c", &append(0, &[Run { term: 1, count: 1 }], &entry(&batch(b"other"))));
    assert_eq!(bench.run(""), "MESSAGE 0\n");
    bench.script("APPEND 0 3 2 0 1 2 1\nROSTER 0 3 a 1 b 1 c 1");
    assert_eq!(listed(&bench), (0, members_of_bench(&bench)), "the founding ones");
    assert_eq!(endpoint(&bench, "b").as_deref(), Some(""));
}

fn members_of_bench(bench: &Bench) -> Vec<(String, String)> {
    let names: Vec<&str> = bench.config.members.iter().map(|member| member.name.as_str()).collect();
    at("", &names)
}

#[test]
fn of_a_message_with_more_configurations_than_are_told_the_first_part_is_taken() {
    let bench = Bench::new(1);
    bench.script("PERSIST 0 1 b 0\nROLE 0 0 1 b");
    let most = limits::APPEND_CONFIGURATIONS_MAX;
    let payload = configuration_entry(&members(&["a", "b"], 1, "x:1")).repeat(most + 1);
    let runs = [Run {
        term: 1,
        count: most as u32 + 1,
    }];
    bench.hear("b", &append(0, &runs, &[entry(&batch(b"value")), payload].concat()));
    let unread = bench.run("");
    assert_eq!(unread, "", "its counts do not agree with its bytes");
    let runs = [Run {
        term: 1,
        count: most as u32 + 2,
    }];
    let payload = configuration_entry(&members(&["a", "b"], 1, "x:1")).repeat(most + 1);
    bench.hear("b", &append(0, &runs, &[entry(&batch(b"value")), payload].concat()));
    let told = bench.run("");
    assert_eq!(told.matches("CONFIGURATION").count(), most);
    bench.script(&format!("APPEND 0 1 1 0 1 1 {}", most + 1));
    assert_eq!(listed(&bench).0, most as u64 + 1);
}

#[test]
fn a_kill_finds_the_configurations_of_store_and_log_and_where_open_says_that_their_members_are() {
    let bench = Bench::new(1);
    bench.lead();
    ask(&bench, 7, 0, members(&["a", "b", "d"], 1, "log:1"));
    let (asker, d) = (asker(&bench.run("")), id_of("d"));
    bench.script(&format!(
        "CONFIGURE 0 {asker} 2 1 3 a 1 b 1 {d} 1\nROSTER 0 3 a 1 b 1 {d} 1\nCOMMIT 0 2"
    ));
    bench.group(0).machine().rotate().expect("it works");
    bench.script("CONFIGURE 0 0 3 1 2 a 1 b 1");
    while bench.group(0).machine().engine().persisted().index < 2 {
        std::thread::yield_now();
    }
    let killed = bench.killed("");
    assert_eq!(
        listed(&killed),
        (3, at("log:1", &["a", "b"])),
        "before the network begins"
    );
    let told = killed.run("");
    assert!(
        told.starts_with(&format!(
            "CONFIGURATION 0 2 1 3 a 1 b 1 {d} 1\nCONFIGURATION 0 3 1 2 a 1 b 1\nOPENED 0\n"
        )),
        "{told}"
    );
    let moved = bench.killed("moved:1");
    let given = ["a", "b"].map(|name| (name.to_owned(), "moved:1".to_owned()));
    assert_eq!(listed(&moved), (3, given.to_vec()));
    assert_eq!(endpoint(&moved, "b").as_deref(), Some("moved:1"));
    // Another leader's log lacks the last one.
    moved.run("");
    moved.hear("b", &append(0, &[Run { term: 1, count: 1 }], &entry(&batch(b"other"))));
    moved.run("");
    moved.script(&format!("APPEND 0 1 3 0 1 2 1\nROSTER 0 3 a 1 b 1 {d} 1"));
    assert_eq!(listed(&moved).0, 2);
    assert_eq!(
        endpoint(&moved, "d").as_deref(),
        Some("d.log:1"),
        "open was told nothing of it"
    );
}

#[test]
fn a_snapshots_configuration_is_told_before_it_and_in_force_when_the_log_begins_after_it() {
    let bench = Bench::new(1);
    bench.lead();
    bench.script("CONFIGURE 0 0 2 1 2 a 1 b 1");
    assert_eq!(listed(&bench).0, 2);
    bench.group(0).applied.store(9, Ordering::Release);
    bench.script("RESTORE 0 9 2\nROSTER 0 3 a 1 b 1 c 1");
    assert_eq!(listed(&bench).0, 0, "the machine knows of no change");
    let configuration = Some(Arc::new(ConfigurationEntry {
        index: 4,
        term: 2,
        configuration: members(&["a", "c"], 1, ""),
    }));
    bench.shared.inbox.push(Happening::SnapshotInstalled {
        group: 0,
        ok: true,
        index: 20,
        term: 2,
        from: bench.id("b"),
        configuration,
    });
    assert_eq!(
        bench.run(""),
        "CONFIGURATION 0 4 2 2 a 1 c 1\nSNAPSHOT_INSTALLED 0 1 20 2 b\n"
    );
}

#[test]
fn who_is_listed_is_of_what_was_applied_although_the_core_has_not_heard_of_it() {
    let bench = Bench::new(1);
    let mut body = Vec::new();
    members(&["a", "b", "d"], 1, "new:1")
        .encode(&mut body)
        .expect("it works");
    let machine = bench.group(0).machine();
    // As of a snapshot: its machine is in place, and reads are served, before the core has it restored.
    let entry = Entry::new(EntryKind::Configuration, &body);
    machine.apply(1, 1, &entry, &mut Vec::new()).expect("it works");
    machine.publish().expect("it works");
    assert_eq!(listed(&bench), (1, at("new:1", &["a", "b", "d"])));
}

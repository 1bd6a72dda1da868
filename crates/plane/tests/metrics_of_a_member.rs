//! What a member measures has names of the field, each once, and the numbers are of what happened.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod harness;

use std::collections::{BTreeMap, BTreeSet};

use harness::{eventually, Bench};
use rafterdb_codec::{CommandKind, EventKind, MessageKind};
use rafterdb_metrics::{is_name, Samples};

const PUTS: u64 = 20;
const SENT: &str = "rafterdb_network_sent_bytes_total";

fn numbers(bench: &Bench) -> BTreeMap<String, f64> {
    Samples::of(&*bench.member).numbers().into_iter().collect()
}

/// Puts, applied.
fn put_some(bench: &Bench) {
    bench.lead(6);
    bench.begin_to_lead(1, 6);
    for index in 2..2 + PUTS {
        bench.put(index, index, 6);
        bench.command(&[CommandKind::Commit as u64, 0, index]);
        while bench.event(EventKind::Applied)[0] < index {}
    }
}

#[test]
fn every_name_is_of_the_field_and_there_once() {
    let bench = Bench::open();
    let samples = Samples::of(&*bench.member);
    let mut seen = BTreeSet::new();
    for sample in samples.iter() {
        assert!(is_name(sample.name, &sample.value), "{}", sample.name);
        assert!(
            seen.insert((sample.name, sample.label.clone())),
            "{} twice",
            sample.name
        );
    }
    for part in ["exchanges", "wal", "network", "pool", "store", "apply"] {
        let of_part = format!("rafterdb_{part}_");
        assert!(
            seen.iter().any(|(name, _)| name.starts_with(&of_part)),
            "nothing of {part}"
        );
    }
}

#[test]
fn what_happened_is_what_they_say() {
    let bench = Bench::open();
    let before = numbers(&bench);
    put_some(&bench);
    // A message, which is counted once it is handed to the socket.
    bench.send(MessageKind::PreVote, false);
    eventually("it is sent", || (numbers(&bench)[SENT] > before[SENT]).then_some(()));
    let after = numbers(&bench);
    let grown = |name: &str| after[name] - before[name];
    assert!(grown("rafterdb_exchanges_total") >= PUTS as f64);
    assert!(grown("rafterdb_submissions_total") >= PUTS as f64);
    let batches = grown("rafterdb_wal_batches_total");
    assert!(batches >= PUTS as f64, "{batches} batches");
    assert!(grown("rafterdb_wal_written_bytes_total") >= batches);
    assert!((grown("rafterdb_wal_write_duration_seconds_count") - batches).abs() < 0.5);
    assert!(grown("rafterdb_wal_write_duration_seconds_sum") > 0.0);
    assert!(grown("rafterdb_wal_fsync_duration_seconds_count") >= 0.0 && after["rafterdb_wal_segments"] >= 1.0);
    assert!(after[r#"rafterdb_network_peer_up{peer="b"}"#] > 0.5);
    assert!(after[r#"rafterdb_network_peer_round_trip_seconds{peer="b"}"#] > 0.0);
    // The short names are the same numbers.
    let told: serde_json::Value = serde_json::from_str(&bench.member.counters_json()).unwrap();
    let told = |name: &str| told[name].as_f64().unwrap();
    assert!(told("logWrites") >= PUTS as f64 && told("logBytes") > told("logWrites"));
    for (short, name) in [
        ("logBytes", "rafterdb_wal_written_bytes_total"),
        ("logWrites", "rafterdb_wal_batches_total"),
        ("submissions", "rafterdb_submissions_total"),
    ] {
        assert_eq!(told(short).to_bits(), told(name).to_bits(), "{short}");
    }
}

//! Goal: a machine keeps the last configuration of the members that it applied, with index and term, through crashes and in snapshots;
//! its digest tells it; and who never had one writes what older releases read.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod model;

use std::sync::Arc;

use model::engine::ModelEngine;
use model::generate::Random;
use model::harness::{Collector, TestEngine};
use model::semantics::{Op, PutOp};
use model::wire::encode_batch;
use rafterdb_codec::{BatchHeader, Code, Configuration, ConfigurationEntry, ConfiguredMember, Entry, EntryKind};
use rafterdb_hash::xxh3_64;
use rafterdb_store::{install_snapshot, Engine, LsmEngine, Machine, MachineStatus, MACHINE_VERSION};

/// Members 1 to `count`, of whom the last only learns.
fn members(count: u64) -> Configuration {
    let member = |id| ConfiguredMember {
        id,
        part: u8::from(id == 1 || id < count),
        priority: 0,
        name: format!("member-{id}"),
        endpoint: format!("10.0.0.{id}:{count}"),
    };
    Configuration {
        members: (1..=count).map(member).collect(),
    }
}

/// A kind and a body.
type Item = (EntryKind, Vec<u8>);

fn put(number: u8) -> Item {
    let op = Op::Put(PutOp {
        key: vec![b'k', number],
        ..PutOp::default()
    });
    (EntryKind::Batch, encode_batch(BatchHeader::default(), &[op]))
}

fn configuration(count: u64) -> Item {
    let mut body = Vec::new();
    members(count).encode(&mut body).unwrap();
    (EntryKind::Configuration, body)
}

fn open<E: TestEngine>(disk: &E::Disk, rotate_after: u64) -> Machine<E> {
    let (engine, recovered) = E::open(disk, rotate_after);
    Machine::new(engine, recovered, Arc::new(Collector::default())).unwrap()
}

/// Applies what the machine does not have of a log whose entries are of term 3.
fn replay<E: Engine>(machine: &Machine<E>, log: &[Item]) -> MachineStatus {
    let first = machine.applied() as usize;
    for (index, (kind, body)) in (1 + first as u64..).zip(&log[first..]) {
        let entry = Entry {
            version: MACHINE_VERSION,
            ..Entry::new(*kind, body)
        };
        machine.apply(index, 3, &entry, &mut Vec::new()).unwrap();
    }
    machine.publish().unwrap();
    machine.status()
}

/// The last configuration of a log.
fn last_of(log: &[Item]) -> Option<ConfigurationEntry> {
    let of_entry = |(index, (kind, body)): (u64, &Item)| {
        let is_one = *kind == EntryKind::Configuration;
        is_one.then(|| ConfigurationEntry {
            index,
            term: 3,
            configuration: Configuration::parse(body).unwrap(),
        })
    };
    (1..).zip(log).filter_map(of_entry).last()
}

fn crashes<E: TestEngine>(seed: u64) {
    let mut random = Random::new(seed);
    let disk = E::new_disk();
    let rotate_after = 1 + random.below(20);
    let (mut log, mut seen) = (Vec::new(), 0);
    let mut machine = open::<E>(&disk, rotate_after);
    for _ in 0..200 {
        log.push(if random.one_in(8) {
            configuration(1 + random.below(7))
        } else {
            put(random.below(40) as u8)
        });
        let before = replay(&machine, &log);
        assert_eq!(before.configuration.as_deref(), last_of(&log).as_ref(), "seed {seed}");
        if random.one_in(6) {
            drop(machine);
            machine = open(&disk, rotate_after);
            let flushed = machine.status();
            let then = last_of(&log[..flushed.mark.index as usize]);
            assert_eq!(flushed.configuration.as_deref(), then.as_ref(), "seed {seed}");
            seen += usize::from(then.is_some());
            assert_eq!(replay(&machine, &log), before, "seed {seed}");
        }
    }
    assert!(seen > 0, "seed {seed}: no flush had one");
}

#[test]
fn it_is_of_the_flush_that_a_crash_leaves_and_of_the_log_after_it() {
    for seed in 1..=20 {
        crashes::<ModelEngine>(seed);
    }
    for seed in 1..=4 {
        crashes::<LsmEngine>(seed);
    }
}

#[test]
fn a_snapshot_carries_it() {
    let (from, to) = (LsmEngine::new_disk(), LsmEngine::new_disk());
    let machine = open::<LsmEngine>(&from, 1000);
    let before = replay(&machine, &[put(1), configuration(7), put(2)]);
    let (mark, state) = machine.state();
    let mut stream = Vec::new();
    machine
        .engine()
        .snapshot(mark, state)
        .unwrap()
        .write(&mut stream)
        .unwrap();
    install_snapshot(to.path(), &mut stream.as_slice()).unwrap();
    assert_eq!(open::<LsmEngine>(&to, 1000).status(), before);
}

#[test]
fn a_witness_has_it_and_where_it_stands_and_nothing_else() {
    let (from, to) = (LsmEngine::new_disk(), LsmEngine::new_disk());
    let machine = open::<LsmEngine>(&from, 1000);
    let before = replay(&machine, &[put(1), configuration(7), put(2)]);
    let (mark, state) = machine.state();
    let (_, bare) = machine.state_of_witness();
    let mut stream = Vec::new();
    let snapshot = machine.engine().snapshot(mark, state).unwrap().bare(bare);
    snapshot.write(&mut stream).unwrap();
    install_snapshot(to.path(), &mut stream.as_slice()).unwrap();
    let witness = open::<LsmEngine>(&to, 1000);
    let after = witness.status();
    assert_eq!(
        (after.mark, &after.configuration, after.cluster),
        (before.mark, &before.configuration, before.cluster)
    );
    assert!(after.sessions == 0 && after.state_hash != before.state_hash);
    assert!(witness.verify_hash().unwrap(), "it has no rows, and knows it");
    // And goes on from there.
    let log = [
        vec![(EntryKind::Noop, vec![]); 3],
        vec![(EntryKind::Stripped, vec![]), configuration(3)],
    ]
    .concat();
    let status = replay(&witness, &log);
    assert_eq!((status.mark.index, status.mark.revision), (5, before.mark.revision));
    assert_eq!(status.configuration.map(|last| last.index), Some(5));
    witness.rotate().unwrap();
}

/// Canaries: the same rows and revision, and another configuration, index or term.
#[test]
fn the_digest_tells_configurations_apart() {
    let hash = |log: &[Item]| replay(&open::<ModelEngine>(&ModelEngine::new_disk(), 1000), log).state_hash;
    let one = hash(&[configuration(3), put(1)]);
    assert_eq!(one, hash(&[configuration(3), put(1)]));
    assert_ne!(one, hash(&[configuration(4), put(1)]), "of others");
    assert_ne!(one, hash(&[put(1), configuration(3)]), "at another index");
    assert_ne!(one, hash(&[(EntryKind::Noop, vec![]), put(1)]), "of none");
    let of_term = |term| {
        let machine = open::<ModelEngine>(&ModelEngine::new_disk(), 1000);
        let (kind, body) = configuration(3);
        machine
            .apply(1, term, &Entry::new(kind, &body), &mut Vec::new())
            .unwrap();
        machine.publish().unwrap();
        machine.status().state_hash
    };
    assert_ne!(of_term(3), of_term(4), "of another term");
}

#[test]
fn a_state_without_one_is_of_the_version_that_older_releases_read() {
    let version = |log: &[Item]| {
        let machine = open::<ModelEngine>(&ModelEngine::new_disk(), 1000);
        replay(&machine, log);
        machine.state().1[0]
    };
    assert_eq!(version(&[put(1)]), 3);
    assert_eq!(version(&[put(1), configuration(1)]), 4);
}

#[test]
fn a_state_with_a_configuration_of_nobody_is_refused() {
    let machine = open::<ModelEngine>(&ModelEngine::new_disk(), 1000);
    replay(&machine, &[configuration(1)]);
    let (mark, mut state) = machine.state();
    let votes = state.len() - 8 - 4 - members(1).members[0].name.len() - members(1).members[0].endpoint.len() - 8;
    assert_eq!(state[votes], 1, "the part of the only member");
    state[votes] = 0;
    let end = state.len() - 8;
    let checksum = xxh3_64(&state[..end], 0);
    state[end..].copy_from_slice(&checksum.to_le_bytes());
    let (engine, _) = ModelEngine::open(&ModelEngine::new_disk(), 1000);
    let opened = Machine::new(engine, Some((mark, state)), Arc::new(Collector::default()));
    assert_eq!(opened.err().map(|error| error.code), Some(Code::StoreCorrupt));
}

#[test]
fn an_entry_that_tells_no_members_is_not_applied() {
    let machine = open::<ModelEngine>(&ModelEngine::new_disk(), 1000);
    let before = replay(&machine, &[configuration(3)]);
    let entry = Entry::new(EntryKind::Configuration, b"\0\0\0\0");
    let refused = machine.apply(2, 3, &entry, &mut Vec::new());
    assert_eq!(refused.map_err(|error| error.code), Err(Code::FormatNewer));
    assert_eq!(machine.state().0, before.mark);
}

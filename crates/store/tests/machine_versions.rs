//! Goal: an entry is decided by the version of the machine that it names, whatever else a member knows; one of a version that is
//! not known is not applied, and who knows it goes on from there. Who is behind an entry is not looked at yet.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod model;

use std::sync::Arc;

use model::engine::{Disk, ModelEngine};
use model::harness::{Collector, TestEngine};
use model::semantics::{CompareOp, Op, PutOp, Relation, Target, TxnOp};
use model::wire::encode_batch;
use rafterdb_codec::{BatchHeader, Code, Entry, EntryKind, OperationResults, Principal};
use rafterdb_store::{Applied, Bounds, Machine, SessionStart, StoreError, MACHINE_VERSION};

const KEYS: u8 = 40;

/// A machine that knows versions with bounds that differ: so many steps for compares each.
fn machine(disk: &Arc<Disk>, compare_steps: &[u64]) -> Machine<ModelEngine> {
    let (engine, recovered) = ModelEngine::open(disk, 1);
    let bounds = |steps: &u64| Bounds {
        compare_steps_max: *steps,
        ..Bounds::default()
    };
    let versions = compare_steps.iter().map(bounds).collect();
    Machine::with_versions(engine, recovered, Arc::new(Collector::default()), versions).unwrap()
}

fn fill(machine: &Machine<ModelEngine>) {
    let put = |number| {
        Op::Put(PutOp {
            key: vec![b'k', number],
            ..PutOp::default()
        })
    };
    let puts: Vec<Op> = (0..KEYS).map(put).collect();
    let body = encode_batch(BatchHeader::default(), &puts);
    apply(machine, &Entry::new(EntryKind::Batch, &body)).0.unwrap();
}

fn apply(machine: &Machine<ModelEngine>, entry: &Entry<'_>) -> (Result<Applied, StoreError>, Vec<u8>) {
    let (index, mut results) = (machine.applied() + 1, Vec::new());
    let applied = machine.apply(index, 1, entry, &mut results);
    if applied.is_ok() {
        machine.publish().unwrap();
    }
    (applied, results)
}

/// Compares all keys; how it is answered depends on the bounds.
fn compare_all() -> Vec<u8> {
    let compare = CompareOp {
        key: vec![b'k'],
        end: vec![b'l'],
        relation: Relation::Greater,
        target: Target::Version(0),
    };
    let txn = Op::Txn(TxnOp {
        compares: vec![compare],
        then: vec![],
        otherwise: vec![],
    });
    encode_batch(BatchHeader::default(), &[txn])
}

fn code(machine: &Machine<ModelEngine>, version: u8) -> Code {
    let body = compare_all();
    let entry = Entry {
        version,
        ..Entry::new(EntryKind::Batch, &body)
    };
    let (applied, results) = apply(machine, &entry);
    OperationResults::new(&results)
        .next()
        .map_or(applied.unwrap().code, |result| result.unwrap().code)
}

/// Who changes one of these changes what entries in a log are decided to be: a new version is added instead.
#[test]
fn the_bounds_of_each_version_are_on_record() {
    let on_record = Bounds {
        steps_max: 5_000,
        compare_steps_max: 4_000,
        count_steps_max: 4_000,
        delete_steps_max: 256,
        old_pairs_max: 256,
        ranges_max: 1 << 12,
        range_bytes_max: 32 << 20,
        range_steps: 8,
        deletes_of_an_entry: 2,
        delete_share_min: 64,
        delete_steps: 2,
        step_bytes: 1024,
        kept_step_bytes: 1024,
        session_start: SessionStart::Explicit,
    };
    assert_eq!((MACHINE_VERSION, Bounds::default()), (1, on_record));
}

#[test]
fn each_entry_is_decided_by_the_bounds_of_its_own_version() {
    let enough = u64::from(KEYS) + 1;
    let machine = machine(&ModelEngine::new_disk(), &[enough, 10, enough]);
    fill(&machine);
    let codes: Vec<Code> = [0, 1, 2, 1, 0].map(|version| code(&machine, version)).to_vec();
    let refused = Code::TooManyOperations;
    assert_eq!(codes, [Code::Ok, refused, Code::Ok, refused, Code::Ok]);
}

#[test]
fn an_entry_of_an_unknown_version_is_applied_by_who_knows_it_and_by_nobody_else() {
    let disk = ModelEngine::new_disk();
    let old = machine(&disk, &[1000]);
    fill(&old);
    let before = old.status();
    let body = compare_all();
    let entry = Entry {
        version: 1,
        ..Entry::new(EntryKind::Batch, &body)
    };
    let (applied, results) = apply(&old, &entry);
    let error = applied.unwrap_err();
    assert_eq!((error.code, results.len()), (Code::FormatNewer, 0));
    assert!(error.text.contains("upgrade"), "{}", error.text);
    assert_eq!(old.state().0, before.mark, "nothing of it was done");
    assert_eq!(
        apply(&old, &Entry::new(EntryKind::Batch, &body)).0.unwrap_err().code,
        Code::Poisoned
    );
    drop(old);

    let again = machine(&disk, &[1000]);
    assert_eq!(
        apply(&again, &entry).0.unwrap_err().code,
        Code::FormatNewer,
        "also after a restart"
    );
    drop(again);

    let new = machine(&disk, &[1000, 1000]);
    assert_eq!(new.status(), before, "it goes on from there");
    assert_eq!(apply(&new, &entry).0.unwrap().code, Code::Ok);
}

#[test]
fn what_has_a_principal_is_decided_like_what_has_none() {
    let outcomes = [&b""[..], b"ann", &[b'n'; 255]].map(|name| {
        let machine = machine(&ModelEngine::new_disk(), &[1000; MACHINE_VERSION as usize + 1]);
        fill(&machine);
        let body = compare_all();
        let entry = Entry {
            version: MACHINE_VERSION,
            principal: Principal::new(name).unwrap(),
            ..Entry::new(EntryKind::Batch, &body)
        };
        let (applied, results) = apply(&machine, &entry);
        (applied.unwrap(), results, machine.status())
    });
    assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]));
}

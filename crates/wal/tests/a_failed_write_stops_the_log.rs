//! Goal: after an error of the disk nothing more is written, the error has its code, and a restart finds everything
//! that was acknowledged. The fault points are those of the whole process, so one test at a time arms them.
#![allow(clippy::unwrap_used, reason = "a failing step of a test is its report")]

mod model;

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use model::{entry, options, segments, Random};
use rafterdb_codec::Code;
use rafterdb_fault as fault;
use rafterdb_wal::{open, Backend, Durability};

/// Where room is waited for: see `room_that_is_short_is_waited_for.rs`.
const WAITED_FOR: [&str; 5] = [
    "wal.write",
    "wal.write.half",
    "wal.written",
    "wal.segment.create",
    "wal.segment.fill",
];

static FAULTS: Mutex<()> = Mutex::new(());

/// Commits entries until one fails. Returns how many were acknowledged, and the codes of the failure and the next call.
fn commit_until_it_fails(dir: &Path, backend: Backend, commits: u64) -> (u64, Code, Code) {
    let (mut writer, reader, recovered) = open(options(dir, 32 << 10, Durability::Always, backend)).unwrap();
    let mut random = Random(1);
    let last = recovered.groups.get(&1).map_or(0, |log| log.last_index);
    for index in last + 1..=last + commits {
        writer.entries(1, index, 1, 1, &[entry(3000, &mut random)]);
        if index > last + 12 {
            writer.cut(1, index - 10);
        }
        let Err(error) = writer.commit() else { continue };
        // What was not acknowledged is not read, and nothing heals the writer.
        writer.entries(1, index + 1, 1, 1, &[entry(10, &mut random)]);
        let again = writer.commit().unwrap_err();
        assert!(again.text.contains(&error.text), "{}", again.text);
        assert_eq!(writer.sync().unwrap_err().code, Code::Poisoned);
        assert!(error.file.is_some());
        assert!(reader.bounds(1).1 <= index);
        return (index - 1, error.code, again.code);
    }
    panic!("nothing failed");
}

#[test]
fn at_every_point_with_every_error() {
    let _guard = FAULTS.lock().unwrap_or_else(PoisonError::into_inner);
    let unreached_after_open = ["wal.recover.rewrite", "wal.segment.unlink"];
    for (point, _) in fault::POINTS {
        if !point.starts_with("wal.") || unreached_after_open.contains(point) {
            continue;
        }
        for (action, code) in [("error", Code::Io), ("full", Code::DiskFull)] {
            if code == Code::DiskFull && WAITED_FOR.contains(point) {
                continue;
            }
            for backend in [Backend::Auto, Backend::Buffered] {
                let dir = tempfile::tempdir().unwrap();
                fault::disarm();
                fault::arm(&format!("{point}={action}@2")).unwrap();
                let (acknowledged, first, second) = commit_until_it_fails(dir.path(), backend, 200);
                fault::disarm();
                assert_eq!((first, second), (code, Code::Poisoned), "{point}");
                let (_, _, recovered) = open(options(dir.path(), 32 << 10, Durability::Always, backend)).unwrap();
                let last = recovered.groups.get(&1).map_or(0, |log| log.last_index);
                assert!(
                    last == acknowledged || last == acknowledged + 1,
                    "{point}: {last} of {acknowledged}"
                );
            }
        }
    }
}

#[test]
fn a_recovery_that_cannot_make_its_end_durable_fails() {
    let _guard = FAULTS.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = tempfile::tempdir().unwrap();
    drop(open(options(dir.path(), 32 << 10, Durability::Always, Backend::Auto)).unwrap());
    fault::arm("wal.recover.rewrite=error").unwrap();
    let error = open(options(dir.path(), 32 << 10, Durability::Always, Backend::Auto)).unwrap_err();
    fault::disarm();
    assert_eq!((error.code, error.file), (Code::Io, segments(dir.path()).pop()));
}

/// The real thing: a file system of 256 KiB in memory. Needs root, so it says when it is skipped.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_as_such() {
    let _guard = FAULTS.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = tempfile::tempdir().unwrap();
    let mount = |arguments: &[&str]| {
        std::process::Command::new(arguments[0])
            .args(&arguments[1..])
            .arg(dir.path())
            .output()
    };
    let mounted = mount(&["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs"]);
    if !mounted.is_ok_and(|output| output.status.success()) {
        println!("SKIPPED: cannot mount a small tmpfs here (needs root)");
        return;
    }
    let logs = dir.path().join("log");
    let outcome = std::panic::catch_unwind(|| {
        let mut random = Random(1);
        let small = || options(&logs, 32 << 10, Durability::Always, Backend::Auto);
        let (mut writer, _, recovered) = open(small()).unwrap();
        println!("tmpfs mode: {}", recovered.mode);
        std::fs::write(dir.path().join("ballast"), vec![1; 100 << 10]).unwrap();
        let mut index = 0;
        let error = loop {
            writer.entries(1, index + 1, 1, 1, &[entry(3000, &mut random)]);
            match writer.commit() {
                Ok(()) => index += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(error.code, Code::DiskFull);
        assert!(writer.is_short());
        assert_eq!(
            writer.commit().unwrap_err().code,
            Code::DiskFull,
            "still, and not for ever"
        );
        drop(writer);
        // Still full: the log opens. When somebody has made room, it goes on.
        let (mut writer, _, recovered) = open(small()).unwrap();
        assert_eq!(recovered.groups[&1].last_index, index);
        std::fs::remove_file(dir.path().join("ballast")).unwrap();
        writer.cut(1, index);
        writer.commit().unwrap();
        for more in 1..20 {
            writer.entries(1, index + more, 1, 1, &[entry(3000, &mut random)]);
            writer.cut(1, index + more - 1);
            writer.commit().unwrap();
        }
    });
    mount(&["umount"]).unwrap();
    outcome.unwrap();
}

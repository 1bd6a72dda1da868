//! Goal: whichever thread of a member cannot be started, opening says so, what was started before it ends, and the directory is
//! free at once. The only test of its process, which counts its threads.

#![allow(clippy::unwrap_used)] // It fails by panicking.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rafterdb_codec::Code;
use rafterdb_plane::{Config, Member, PlaneError};

fn open(dir: &std::path::Path) -> Result<Arc<Member>, PlaneError> {
    let config = serde_json::json!({
        "name": "a", "dataDir": dir, "listen": ["127.0.0.1:0"],
        "members": [{"name": "a", "endpoint": "127.0.0.1:1"}, {"name": "b", "endpoint": "127.0.0.1:2"}],
        "durability": "always", "durabilityInterval": 100, "memory": 64 << 20, "valueBytesMax": 1 << 20,
        "groups": 2, "segmentBytes": 1 << 20, "cpuAffinity": null,
    });
    let config = Config::parse(&config.to_string()).unwrap();
    Member::open(config, Box::new(|_| {}), Arc::new(|_: &str| {}))
}

/// Threads and open files of this process, where the system lists them.
fn held() -> Option<(usize, usize)> {
    let count = |dir: &str| Some(std::fs::read_dir(dir).ok()?.count());
    Some((count("/proc/self/task")?, count("/proc/self/fd")?))
}

/// The same, once it has not changed for a while: what closed a member holds it a moment longer than its answer takes.
fn settled() -> Option<(usize, usize)> {
    let (mut seen, mut times) = (held(), 0);
    while times < 20 {
        std::thread::sleep(Duration::from_millis(10));
        let now = held();
        times = if now == seen { times + 1 } else { 0 };
        seen = now;
    }
    seen
}

/// A joined thread may be listed for a moment.
fn settles_at(expected: Option<(usize, usize)>) -> bool {
    let deadline = Instant::now() + Duration::from_secs(10);
    while held() != expected {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

#[test]
fn opening_ends_what_it_started_and_leaves_the_directory_free() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("a");
    open(&dir).unwrap().close().unwrap();
    let before = settled();
    for hit in 1.. {
        rafterdb_fault::arm(&format!("thread.start=error@{hit}")).unwrap();
        let opened = open(&dir);
        rafterdb_fault::disarm();
        match opened {
            // The thread that closes it, or that makes a spare segment: it does without.
            Ok(member) => {
                member.close().unwrap();
                drop(member);
                // Network; four for each of two stores; log, apply, watches, two for snapshots, stalls, two that read.
                assert!(hit >= 17, "{hit} threads could be started");
                break;
            }
            Err(error) => {
                assert_eq!(error.code, Code::Io, "{error:?}");
                assert!(error.text.contains("thread"), "{}", error.text);
            }
        }
        assert!(
            settles_at(before),
            "after hit {hit}: {:?} instead of {before:?}",
            held()
        );
    }
    // Its spare segments were made, perhaps, so it may hold other files; the directory is free.
    open(&dir).unwrap().close().unwrap();
}

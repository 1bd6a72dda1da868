//! An invariant that is broken while a member closes: who closes is told so at once, the member has failed, and its directory stays
//! locked, since nobody knows what was written. Where there is no thread to close on, that is so as well.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rafterdb_codec::Code;
use rafterdb_plane::{Config, Member, PlaneError};

type Told = Arc<Mutex<Vec<PlaneError>>>;

fn open(dir: &Path, told: &Told) -> Result<Arc<Member>, PlaneError> {
    let config = serde_json::json!({
        "name": "a", "dataDir": dir, "listen": [], "members": [{"name": "a", "endpoint": ""}],
        "durability": "os", "durabilityInterval": 100, "memory": 32 << 20, "valueBytesMax": 1 << 20,
        "groups": 1, "segmentBytes": 1 << 20, "cpuAffinity": null,
    });
    let config = Config::parse(&config.to_string()).unwrap();
    let told = told.clone();
    let on_fatal = Box::new(move |error: &PlaneError| told.lock().unwrap().push(error.clone()));
    Member::open(config, on_fatal, Arc::new(|_: &str| {}))
}

#[test]
fn a_panic_while_closing_is_told_and_the_directory_stays_locked() {
    // Before the last flush, and after the stores were closed; on a thread of its own, and on that of who closes.
    for faults in [
        "member.close=panic",
        "member.closed=panic",
        "member.close=panic,thread.start=error@1+",
    ] {
        let dir = tempfile::tempdir().unwrap();
        let told = Told::default();
        let member = open(dir.path(), &told).unwrap();
        rafterdb_fault::arm(faults).unwrap();
        let began = Instant::now();
        let error = member.close().unwrap_err();
        rafterdb_fault::disarm();
        assert!(began.elapsed() < Duration::from_secs(10), "{faults}");
        assert_eq!(error.code, Code::Internal, "{faults}: {error:?}");
        assert_eq!(
            member.failure().map(|failure| failure.code),
            Some(Code::Internal),
            "{faults}"
        );
        assert_eq!(told.lock().unwrap().len(), 1, "{faults}");
        let second = open(dir.path(), &Told::default()).map(|_| ()).unwrap_err();
        assert_eq!(second.code, Code::DataDirLocked, "{faults}");
    }
}

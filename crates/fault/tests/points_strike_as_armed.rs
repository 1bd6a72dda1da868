//! Goal: an armed point strikes at its hit with its error, and a specification that cannot be meant is refused.
//! One test function: the points are those of the whole process.

use std::time::{Duration, Instant};

use rafterdb_fault as fault;

#[test]
fn points_strike_as_armed() {
    assert!(fault::point("wal.sync").is_ok() && !fault::is_armed("wal.sync"));

    fault::arm("wal.sync=error@3, wal.write=full").unwrap();
    assert!(fault::is_armed("wal.sync") && !fault::is_armed("wal.cut"));
    let hits: Vec<_> = (0..5)
        .map(|_| fault::point("wal.sync").err().and_then(|e| e.raw_os_error()))
        .collect();
    if cfg!(unix) {
        assert_eq!(hits, [None, None, Some(5), None, None]);
        assert_eq!(
            fault::point("wal.write").unwrap_err().kind(),
            std::io::ErrorKind::StorageFull
        );
    }
    assert!(fault::point("wal.write").is_ok());
    assert!(fault::point("wal.cut").is_ok());

    fault::disarm();
    fault::arm("wal.sync=error@2+").unwrap();
    let hits: Vec<_> = (0..4).map(|_| fault::point("wal.sync").is_err()).collect();
    assert_eq!(hits, [false, true, true, true]);
    fault::disarm();
    assert!(fault::point("wal.sync").is_ok());

    fault::arm("wal.sync=pause").unwrap();
    std::thread::scope(|scope| {
        let paused = scope.spawn(|| fault::point("wal.sync"));
        while !fault::has_struck("wal.sync") {
            std::thread::yield_now();
        }
        assert!(!paused.is_finished() && fault::point("wal.sync").is_ok(), "once");
        fault::disarm();
        assert!(paused.join().unwrap().is_ok(), "it goes on");
    });

    fault::arm("wal.sync=delay:50").unwrap();
    let began = Instant::now();
    assert!(fault::point("wal.sync").is_ok() && began.elapsed() >= Duration::from_millis(50));
    fault::disarm();

    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("frozen@");
    fault::arm(&format!("wal.sync=hang:{}@1+", file.display())).unwrap();
    assert!(fault::point("wal.sync").is_ok(), "not frozen yet");
    std::fs::write(&file, []).unwrap();
    let hung = std::thread::spawn(|| fault::point("wal.sync"));
    std::thread::sleep(Duration::from_millis(100));
    assert!(!hung.is_finished());
    assert!(fault::point("wal.write").is_ok(), "others go on");
    std::fs::remove_file(&file).unwrap();
    assert!(hung.join().unwrap().is_ok(), "thawed");
    fault::disarm();

    fault::arm(&format!("wal.write=full:{}@1+", file.display())).unwrap();
    assert!(fault::point("wal.write").is_ok(), "there is room");
    std::fs::write(&file, []).unwrap();
    let kind = fault::point("wal.write").map_err(|error| error.kind());
    if cfg!(unix) {
        assert_eq!(kind, Err(std::io::ErrorKind::StorageFull));
    }
    std::fs::remove_file(&file).unwrap();
    assert!(fault::point("wal.write").is_ok(), "there is room again");
    fault::disarm();

    for (bad, says) in [
        ("wal.sync", "name=action"),
        (
            "wal.snyc=error",
            "there is no fault point \"wal.snyc\"; there are thread.start, wal.write,",
        ),
        ("wal.sync=explode", "there are error, full, abort, pause, delay:"),
        ("wal.sync=delay:soon", "is no action"),
        ("wal.sync=hang:", "is no action"),
        ("wal.sync=error@0", "a number from 1"),
        ("wal.sync=error@x", "a number from 1"),
        ("wal.write=abort,wal.sync=", "is no action"),
    ] {
        let reason = fault::arm(bad).unwrap_err();
        assert!(reason.contains(says), "{bad}: {reason}");
        assert!(!fault::is_armed("wal.write"), "a refused specification arms nothing");
    }
}

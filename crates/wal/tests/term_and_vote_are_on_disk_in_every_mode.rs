//! Goal: whatever the durability, a commit that changes a group's term or vote is synced before it returns; one that does not is
//! synced when the durability says so, which in these tests is never.
#![allow(clippy::unwrap_used, reason = "a failing step of a test is its report")]

mod model;

use std::time::Duration;

use model::{entry, fast_dir, options, Random};
use rafterdb_wal::{open, Backend, Durability, Writer};

/// How often the log is synced while `gather` and a commit are made.
fn syncs(writer: &mut Writer, gather: impl FnOnce(&mut Writer)) -> u64 {
    let before = writer.metrics().sync_duration.values().count();
    gather(writer);
    writer.commit().unwrap();
    writer.metrics().sync_duration.values().count() - before
}

#[test]
fn a_vote_is_synced_and_a_commit_index_is_not() {
    for durability in [Durability::Interval(Duration::from_secs(3600)), Durability::Os] {
        let dir = fast_dir();
        let mut random = Random(1);
        let (mut writer, reader, _) = open(options(dir.path(), 1 << 20, durability, Backend::Buffered)).unwrap();
        let at = format!("{durability:?}");
        let block = [entry(10, &mut random)];
        assert_eq!(
            syncs(&mut writer, |w| w.entries(1, 1, 1, 1, &block)),
            0,
            "{at}: entries"
        );
        assert_eq!(syncs(&mut writer, |w| w.hard_state(1, 1, 0, 0)), 1, "{at}: a term");
        assert_eq!(syncs(&mut writer, |w| w.hard_state(1, 1, 7, 0)), 1, "{at}: a vote");
        assert_eq!(
            syncs(&mut writer, |w| w.hard_state(1, 1, 7, 1)),
            0,
            "{at}: a commit index"
        );
        assert_eq!(
            syncs(&mut writer, |w| w.hard_state(2, 1, 7, 0)),
            1,
            "{at}: another group"
        );
        let twice = |w: &mut Writer| {
            w.hard_state(1, 2, 0, 1);
            w.hard_state(1, 2, 3, 1);
            w.hard_state(1, 2, 3, 2);
        };
        assert_eq!(syncs(&mut writer, twice), 1, "{at}: several in one commit");
        assert_eq!(
            syncs(&mut writer, |w| w.hard_state(1, 2, 3, 3)),
            0,
            "{at}: once it is published"
        );
        drop((writer, reader));
        let (mut writer, _, recovered) = open(options(dir.path(), 1 << 20, durability, Backend::Buffered)).unwrap();
        assert_eq!((recovered.groups[&1].term, recovered.groups[&1].vote), (2, 3));
        assert_eq!(
            syncs(&mut writer, |w| w.hard_state(1, 2, 3, 4)),
            0,
            "{at}: what was recovered"
        );
        assert_eq!(
            syncs(&mut writer, |w| w.hard_state(1, 3, 0, 4)),
            1,
            "{at}: after recovery"
        );
    }
}

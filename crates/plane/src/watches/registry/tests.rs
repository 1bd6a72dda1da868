//! Goal: a watch that waits for its turn begins once it is confirmed, or leaves nothing behind: cancelled, its asker gone, without a
//! leader, of another cluster. Looks into what waits.

use super::*;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::Duration;

use rafterdb_codec::{CommandKind, Entry, EntryKind, Principal, Request, Responses, Role};

use crate::askers::app_port::Port;
use crate::config::Config;
use crate::member::life::Member;

const CLUSTER: u64 = 0xfade;

/// A member of one that leads and has no lease: what is asked of it waits until the core confirms.
struct Led {
    member: Arc<Member>,
    port: Arc<Port>,
    _dir: tempfile::TempDir,
}

impl Led {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let config = serde_json::json!({
            "name": "solo", "dataDir": dir.path(), "members": [{ "name": "solo", "endpoint": "" }], "listen": [],
            "durability": "os", "durabilityInterval": 10, "memory": 32 << 20, "valueBytesMax": 1 << 20, "groups": 1,
            "segmentBytes": 1 << 20, "cpuAffinity": null,
        });
        let config = Config::parse(&config.to_string()).expect("a config");
        let id = config.id();
        let member = Member::open(config, Box::new(|_| {}), Arc::new(|_| {})).expect("it works");
        let port = member.port(Principal::ANONYMOUS, Box::new(|| {}));
        let led = Self {
            member,
            port,
            _dir: dir,
        };
        led.command(&[CommandKind::Role as u64, 0, Role::Leader as u64, 1, id]);
        led
    }

    /// One whose cluster has an identity.
    fn named() -> Self {
        let led = Self::new();
        let machine = led.member.groups().get(0).machine();
        let mut results = Vec::new();
        machine
            .apply(1, 1, &Entry::new(EntryKind::Noop, &CLUSTER.to_le_bytes()), &mut results)
            .expect("it works");
        machine.publish().expect("it works");
        led
    }

    #[allow(clippy::cast_precision_loss, reason = "fields below 2^53")]
    fn command(&self, fields: &[u64]) {
        let commands: Vec<f64> = fields.iter().map(|field| *field as f64).collect();
        self.member.exchange(&commands, &mut [0.0; 256], Duration::ZERO);
    }

    fn submit(&self, kind: RequestKind, id: u64, body: &[u8]) {
        let (flags, group) = (0, 0);
        let mut submission = Vec::new();
        Request {
            kind: kind.into(),
            flags,
            group,
            id,
            body,
        }
        .encode(&mut submission);
        self.member.submit(&self.port, &submission).expect("it works");
    }

    fn watch(&self, id: u64, credit: u32) {
        self.watch_of(0, 0, id, credit);
    }

    fn watch_of(&self, cluster: u64, start_revision: u64, id: u64, credit: u32) {
        let mut body = Vec::new();
        let (key, end) = (&b"\0"[..], &b"\0"[..]);
        WatchRequest {
            flags: 0,
            start_revision,
            credit,
            cluster,
            key,
            end,
        }
        .encode(&mut body);
        self.submit(RequestKind::Watch, id, &body);
    }

    /// The core confirms what waits.
    fn confirm(&self) {
        let sequence = self.member.groups().get(0).reads.lock().sequence;
        self.command(&[CommandKind::ServeReads as u64, 0, sequence, 0]);
    }

    /// Code and body of each response so far.
    fn responses(&self) -> Vec<(u64, Code, Vec<u8>)> {
        let mut bytes = vec![0; 1 << 16];
        let length = usize::try_from(self.port.drain(&mut bytes)).expect("it works");
        let responses = Responses::new(&bytes[..length]).map(Result::unwrap);
        responses.map(|r| (r.id, r.code, r.body.to_vec())).collect()
    }

    fn count(&self) -> (usize, usize) {
        let waiting = self.member.shared.watches.waiting.lock().len();
        (waiting, self.member.groups().get(0).machine().watch_count())
    }
}

impl Drop for Led {
    fn drop(&mut self) {
        let _ = self.member.close();
    }
}

#[test]
fn a_watch_from_now_on_begins_when_the_core_has_confirmed_it() {
    let led = Led::named();
    led.watch(7, 10);
    assert_eq!((led.count(), led.responses().len()), ((1, 0), 0));
    led.confirm();
    assert_eq!(led.count(), (0, 1));
    let [(7, Code::Ok, _)] = led.responses()[..] else {
        panic!("it is told that it has begun")
    };
}

#[test]
fn one_that_is_cancelled_while_it_waits_never_begins() {
    let led = Led::named();
    led.watch(7, 10);
    led.submit(RequestKind::Cancel, 8, &7_u64.to_le_bytes());
    led.confirm();
    assert_eq!((led.count(), led.responses().len()), ((0, 0), 0));
    // Its id is free again.
    led.watch(7, 10);
    led.confirm();
    assert_eq!(led.count(), (0, 1));
}

#[test]
fn one_whose_asker_goes_away_while_it_waits_never_begins() {
    let led = Led::named();
    led.watch(7, 10);
    led.member.close_port(&led.port);
    led.confirm();
    assert_eq!(led.count(), (0, 0));
    assert!(led.member.shared.watches.known.lock().askers.is_empty());
}

#[test]
fn credit_that_comes_while_it_waits_counts() {
    let led = Led::named();
    led.watch(7, 0);
    let credit = [&7_u64.to_le_bytes()[..], &2_u32.to_le_bytes()].concat();
    led.submit(RequestKind::WatchCredit, 8, &credit);
    led.confirm();
    let machine = led.member.groups().get(0).machine();
    let mut results = Vec::new();
    for index in 2..=4_u64 {
        let mut batch = vec![0; 28];
        batch.extend_from_slice(&1_u32.to_le_bytes());
        batch.extend_from_slice(&[1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, b'k']);
        machine
            .apply(index, 1, &Entry::new(EntryKind::Batch, &batch), &mut results)
            .expect("it works");
        machine.publish().expect("it works");
    }
    let events: usize = led.responses().iter().map(|(_, _, body)| usize::from(body[8])).sum();
    assert_eq!(events, 2);
}

#[test]
fn one_without_a_leader_is_told_so_and_may_ask_again() {
    let led = Led::named();
    led.watch(7, 10);
    led.command(&[CommandKind::Role as u64, 0, Role::Follower as u64, 2, 0]);
    let [(7, Code::NoLeader, _)] = led.responses()[..] else {
        panic!("it is told that there is no leader")
    };
    led.watch(8, 10);
    let [(8, Code::NoLeader, _)] = led.responses()[..] else {
        panic!("so is the next one")
    };
    assert_eq!(led.count(), (0, 0));
}

#[test]
fn it_is_told_whose_data_it_watches() {
    let led = Led::named();
    led.watch_of(CLUSTER, 1, 7, 10);
    let [(7, Code::Ok, ref body)] = led.responses()[..] else {
        panic!("from a revision it begins at once")
    };
    assert_eq!(body[12..], CLUSTER.to_le_bytes());
}

#[test]
fn one_of_another_clusters_data_does_not_begin() {
    let led = Led::named();
    for start_revision in [0, 1] {
        led.watch_of(0xbad, start_revision, 7 + start_revision, 10);
    }
    led.confirm();
    let codes: Vec<Code> = led.responses().iter().map(|(_, code, _)| *code).collect();
    assert_eq!((codes, led.count()), (vec![Code::ClusterMismatch; 2], (0, 0)));
}

#[test]
fn one_at_a_member_that_does_not_know_its_cluster_waits_to_be_confirmed() {
    let led = Led::new();
    led.watch_of(0xbad, 1, 7, 10);
    assert_eq!((led.count(), led.responses().len()), ((1, 0), 0));
    // Confirmed by a leader of an older version.
    led.confirm();
    let [(7, Code::NoLeader, _)] = led.responses()[..] else {
        panic!("it is to ask again")
    };
}

/// Ends and grants race with the beginning, on other threads: nothing is left over, whichever comes first.
#[test]
fn one_that_ends_as_it_begins_leaves_nothing_behind() {
    let led = Led::named();
    let ended = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while ended.load(Ordering::Relaxed) < 500 {
                led.confirm();
            }
        });
        for id in 1..=500_u64 {
            led.watch(id, 10);
            led.submit(RequestKind::Cancel, 1000 + id, &id.to_le_bytes());
            ended.fetch_add(1, Ordering::Relaxed);
        }
    });
    led.confirm();
    assert_eq!(led.count(), (0, 0));
}

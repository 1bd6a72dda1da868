//! A client of a member over TCP that reads when the test says so. Judges nothing.

#![allow(dead_code, clippy::unwrap_used)] // Each test uses a part of it, and fails by panicking.

use std::io::Write;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rafterdb_codec::{
    Code, Consistency, Range, ReadRequest, Request, RequestKind, Response, Responses, WatchEvents, WatchRequest,
};

use super::harness::Bench;

#[path = "../../../net/tests/support/mod.rs"]
#[allow(clippy::duplicate_mod, reason = "the addresses in it are those of the harness too")]
mod support;
use support::{frame, Raw};

/// The connection.
pub struct Client(Raw);

/// A READ request of one key.
pub fn read(id: u64, key: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    ReadRequest::encode_header(&mut body, Consistency::Serializable, 1, 0);
    let (flags, limit, revision, end) = (0, 0, 0, &[][..]);
    let range = Range {
        flags,
        limit,
        revision,
        key,
        end,
    };
    range.encode(&mut body);
    request(RequestKind::Read, id, &body)
}

/// A WATCH request of the keys from one on to another.
pub fn watch(id: u64, start_revision: u64, key: &[u8], end: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    let (flags, credit, cluster) = (0, 1 << 20, 0);
    let watch = WatchRequest {
        flags,
        start_revision,
        credit,
        cluster,
        key,
        end,
    };
    watch.encode(&mut body);
    request(RequestKind::Watch, id, &body)
}

/// A WRITE request.
pub fn write(id: u64, body: &[u8]) -> Vec<u8> {
    request(RequestKind::Write, id, body)
}

/// Any request.
pub fn request(kind: RequestKind, id: u64, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let (flags, group) = (0, 0);
    let request = Request {
        kind: kind.into(),
        flags,
        group,
        id,
        body,
    };
    request.encode(&mut out);
    out
}

impl Client {
    pub fn new(bench: &Bench) -> Self {
        let address: SocketAddr = bench.member.config().listen[0].parse().unwrap();
        let raw = Raw::client(address);
        raw.0.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self(raw)
    }

    /// Sends requests as one submission. The member may have ended the connection: reading tells why.
    pub fn submit(&mut self, requests: &[u8]) {
        let _ = self.0 .0.write_all(&frame(requests));
    }

    /// Reads the next frame, and hands over each response in it. False: the connection has ended.
    pub fn hear(&mut self, mut each: impl FnMut(&Response<'_>)) -> bool {
        let body = self.0.read_frame();
        if let Some(body) = &body {
            Responses::new(body).flatten().for_each(|response| each(&response));
        }
        body.is_some()
    }

    /// Reads to the end; the code that the connection ended with.
    pub fn last_code(mut self) -> Option<Code> {
        let mut last = None;
        while let Some(body) = self.0.read_frame() {
            last = Some(body);
        }
        last.and_then(|body| Code::from_number(u16::from_le_bytes([body[6], body[7]])))
    }

    /// Reads to the end; how many answers there were.
    pub fn answers(mut self) -> usize {
        let mut count = 0;
        while self.hear(|response| count += usize::from(response.code == Code::Ok)) {}
        count
    }

    /// Reads events of a watch until there are those of so many revisions; the revisions.
    pub fn revisions(&mut self, count: usize) -> Vec<u64> {
        let mut seen = Vec::new();
        assert!(self.revisions_into(count, &mut seen), "it ended after {seen:?}");
        seen
    }

    /// As above, added to those seen before. False: the connection has ended.
    pub fn revisions_into(&mut self, count: usize, seen: &mut Vec<u64>) -> bool {
        while seen.len() < count {
            let is_there = self.hear(|response| {
                if response.code == Code::Ok {
                    assert_eq!(response.kind, RequestKind::Watch as u8);
                    let events = WatchEvents::parse(response.body).unwrap();
                    seen.extend(events.map(|event| event.unwrap().pair.modified));
                }
            });
            if !is_there {
                return false;
            }
        }
        true
    }

    /// How long a key's value is, as it is read now.
    pub fn get(&mut self, id: u64, key: &[u8]) -> usize {
        let began = Instant::now();
        self.submit(&read(id, key));
        let mut length = None;
        while length.is_none() {
            assert!(self.hear(|response| {
                assert_eq!((response.code, response.id), (Code::Ok, id));
                length = Some(response.body.len());
            }));
        }
        assert!(began.elapsed() < Duration::from_secs(10));
        length.unwrap_or_default()
    }
}

/// Most bytes that clients were seen to hold while something was done.
pub fn most_held(bench: &Bench, work: impl FnOnce()) -> usize {
    let is_done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let mut most = 0;
            while !is_done.load(std::sync::atomic::Ordering::Relaxed) {
                most = most.max(held(bench));
                std::thread::sleep(Duration::from_micros(100));
            }
            most
        });
        work();
        is_done.store(true, std::sync::atomic::Ordering::Relaxed);
        watching.join().unwrap()
    })
}

/// Bytes that clients hold now.
pub fn held(bench: &Bench) -> usize {
    bench.member.network().unwrap().stats().client_held_bytes
}

/// Most bytes of memory that this process ever had, where the system says so.
pub fn peak_memory() -> usize {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<usize>().ok());
    kib.unwrap_or_default() << 10
}

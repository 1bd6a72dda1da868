//! A frame's announced length takes no memory: room is made for what has come. In a process of its own, whose memory it looks at.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(target_os = "linux")]

mod support;

use std::time::Duration;

use support::{addresses, Member, Raw};

/// Bytes of this process that are in memory.
fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[test]
fn what_is_only_announced_takes_no_memory() {
    const CLIENTS: usize = 300;
    let member = Member::start_with(1, &addresses(1), |config| {
        config.limits.idle_after = Duration::from_secs(60);
        config.limits.clients_bytes_max = 1 << 30;
    });
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| Raw::client(member.address)).collect();
    member.wait("all counted", |_| member.net.stats().clients == CLIENTS);
    let (before, bytes_before) = (resident_bytes(), member.net.stats().counters.bytes_in);
    let mut header = (8_u32 << 20).to_le_bytes().to_vec();
    header.extend_from_slice(&[0; 4]);
    for client in &mut clients {
        client.write(&header);
    }
    let expected = bytes_before + (CLIENTS * header.len()) as u64;
    member.wait("the headers", |_| member.net.stats().counters.bytes_in >= expected);
    std::thread::sleep(Duration::from_millis(200));
    let held = member.net.stats().client_held_bytes;
    assert!(held < 32 << 20, "{} KiB are held for 300 headers", held >> 10);
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 32 << 20, "{} KiB more for 300 headers", grown >> 10);
}

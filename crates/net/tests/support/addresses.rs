//! Addresses of the loopback interface for members under test, here and in other crates' tests.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

/// Ports below those that the system hands to outgoing connections: one of those would take such a port, or connect to itself on it,
/// while nobody listens there.
const PORTS: std::ops::Range<u32> = 20_000..32_000;

/// Addresses of members 1, 2, …; no two the same in this process, and free a moment ago.
pub fn addresses(count: usize) -> Vec<String> {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    let ports = PORTS.end - PORTS.start;
    let tries = std::iter::repeat_with(|| {
        let nth = std::process::id().wrapping_mul(97) % ports + TAKEN.fetch_add(1, Ordering::Relaxed);
        format!("127.0.0.1:{}", PORTS.start + nth % ports)
    });
    tries
        .filter(|address| TcpListener::bind(address).is_ok())
        .take(count)
        .collect()
}

//! A network that takes bytes and delivers none, in one direction: both sides notice, though each connection stays open, and find
//! each other again when it delivers.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::Duration;

use support::{addresses, Member};

/// Passes bytes on while its flag is not set, and takes them all the same while it is.
fn pump(mut from: TcpStream, mut to: TcpStream, swallows: Arc<AtomicBool>) {
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            if !swallows.load(Ordering::Relaxed) && to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        // Each end is told that the other is gone.
        let _ = from.shutdown(std::net::Shutdown::Both);
        let _ = to.shutdown(std::net::Shutdown::Both);
    });
}

/// A way to an address: `there` swallows what is sent to it, `back` what it answers. Returns the way's own address.
fn way(to: &str, there: &Arc<AtomicBool>, back: &Arc<AtomicBool>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (to, there, back) = (to.to_owned(), there.clone(), back.clone());
    std::thread::spawn(move || {
        for near in listener.incoming().flatten() {
            let Ok(far) = TcpStream::connect(&to) else { continue };
            pump(near.try_clone().unwrap(), far.try_clone().unwrap(), there.clone());
            pump(far, near, back.clone());
        }
    });
    address
}

#[test]
fn a_direction_that_swallows_is_noticed_on_both_sides() {
    let addresses = addresses(2);
    let [from_one, from_two] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
    let to_two = way(&addresses[1], &from_one, &from_two);
    let to_one = way(&addresses[0], &from_two, &from_one);
    let one = Member::start_with(1, &addresses, |config| config.peers[0].endpoint = to_two);
    let two = Member::start_with(2, &addresses, |config| config.peers[0].endpoint = to_one);
    for swallows in [&from_one, &from_two] {
        one.wait_up(2);
        two.wait_up(1);
        swallows.store(true, Ordering::Relaxed);
        // Within `dead_after`, and what a busy machine adds.
        one.wait_for(Duration::from_secs(3), "down", |seen| seen.up.get(&2) == Some(&false));
        two.wait_for(Duration::from_secs(3), "down", |seen| seen.up.get(&1) == Some(&false));
        swallows.store(false, Ordering::Relaxed);
    }
    one.wait_up(2);
    two.wait_up(1);
}

//! Counts of what went over the wire. Relaxed: they are for people and benches, never for decisions.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// Counts since start, shared by every connection of a network.
        #[derive(Debug, Default)]
        pub(crate) struct Counters { $(pub $name: AtomicU64),+ }

        /// Counts since start.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct CounterValues { $($(#[$doc])* pub $name: u64),+ }

        impl Counters {
            pub(crate) fn values(&self) -> CounterValues {
                CounterValues { $($name: self.$name.load(Ordering::Relaxed)),+ }
            }
        }
    };
}

counters! {
    /// Frames received whole and sound, pings too.
    frames_in,
    /// Bytes received.
    bytes_in,
    /// Read calls.
    reads,
    /// Frames taken for sending, pings too.
    frames_out,
    /// Bytes written.
    bytes_out,
    /// Write calls.
    writes,
    /// Frames that a sender's own thread wrote whole in its first write call.
    writes_direct,
    /// Frames dropped because a send queue was full.
    frames_dropped,
    /// Connections closed because of a malformed frame or hello.
    frames_bad,
    /// Attempts to dial.
    dials,
    /// Connections accepted.
    accepts,
}

pub(crate) fn add(counter: &AtomicU64, by: usize) {
    counter.fetch_add(by as u64, Ordering::Relaxed);
}

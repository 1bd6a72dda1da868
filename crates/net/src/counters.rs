//! Counts of what went over the wire. Relaxed: they are for people and benches, never for decisions.

use rafterdb_metrics::{Counter, Samples};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// Counts since start, shared by every connection of a network.
        #[derive(Debug, Default)]
        pub(crate) struct Counters { $(pub $name: Counter),+ }

        /// Counts since start.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct CounterValues { $($(#[$doc])* pub $name: u64),+ }

        impl Counters {
            pub(crate) fn values(&self) -> CounterValues {
                CounterValues { $($name: self.$name.get()),+ }
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

impl CounterValues {
    pub(crate) fn collect(&self, into: &mut Samples) {
        into.counter("rafterdb_network_frames_received_total", self.frames_in);
        into.counter("rafterdb_network_received_bytes_total", self.bytes_in);
        into.counter("rafterdb_network_reads_total", self.reads);
        into.counter("rafterdb_network_frames_sent_total", self.frames_out);
        into.counter("rafterdb_network_sent_bytes_total", self.bytes_out);
        into.counter("rafterdb_network_writes_total", self.writes);
        into.counter("rafterdb_network_direct_writes_total", self.writes_direct);
        into.counter("rafterdb_network_frames_dropped_total", self.frames_dropped);
        into.counter("rafterdb_network_malformed_total", self.frames_bad);
        into.counter("rafterdb_network_dials_total", self.dials);
        into.counter("rafterdb_network_accepted_connections_total", self.accepts);
    }
}

pub(crate) fn add(counter: &Counter, by: usize) {
    counter.add(by as u64);
}

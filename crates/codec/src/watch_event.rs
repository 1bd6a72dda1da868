//! Bodies of WATCH responses: a run of events, each a pair and perhaps the pair before it.
//!
//! ```text
//! body    [u64 revision][u32 events][event …]        created: no events, and behind them [u64 cluster]
//! event   [u8 0 put, 1 delete][u8 1 has previous][u16 0][pair][previous pair]
//! ```

use crate::reader::{patch_u32, patch_u64, Parsed, Reader};
use crate::results::Pair;

/// Bytes before the first event.
pub const WATCH_HEADER_BYTES: usize = 12;

/// One event, borrowed. A delete's pair has the key and the mod revision, the rest is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchEvent<'a> {
    /// Whether the key was deleted.
    pub is_delete: bool,
    /// The pair after the change.
    pub pair: Pair<'a>,
    /// The pair before it, if it was asked for and there was one.
    pub previous: Option<Pair<'a>>,
}

impl<'a> WatchEvent<'a> {
    /// Appends the event.
    pub fn encode(&self, out: &mut Vec<u8>) {
        Self::encode_header(self.is_delete, self.previous.is_some(), out);
        self.pair.encode(out);
        if let Some(previous) = &self.previous {
            previous.encode(out);
        }
    }

    /// Appends what stands before the event's pairs, for a caller that has those encoded already.
    pub fn encode_header(is_delete: bool, has_previous: bool, out: &mut Vec<u8>) {
        out.extend_from_slice(&[u8::from(is_delete), u8::from(has_previous), 0, 0]);
    }

    /// Reads one event.
    pub fn parse(reader: &mut Reader<'a>) -> Parsed<Self> {
        let header = reader.array::<4>()?;
        let pair = Pair::parse(reader)?;
        let previous = if header[1] & 1 != 0 {
            Some(Pair::parse(reader)?)
        } else {
            None
        };
        Ok(Self {
            is_delete: header[0] == 1,
            pair,
            previous,
        })
    }
}

/// Appends the fixed part of a body; the events follow.
pub fn encode_watch_header(out: &mut Vec<u8>, revision: u64, events: u32) {
    out.extend_from_slice(&revision.to_le_bytes());
    out.extend_from_slice(&events.to_le_bytes());
}

/// Appends the body of the first response, which has no events: the watch begins after `revision` of this cluster's data.
pub fn encode_watch_created(out: &mut Vec<u8>, revision: u64, cluster: u64) {
    encode_watch_header(out, revision, 0);
    out.extend_from_slice(&cluster.to_le_bytes());
}

/// Fills in the fixed part of the body that begins at `at`.
pub fn patch_watch_header(out: &mut [u8], at: usize, revision: u64, events: u32) {
    patch_u64(out, at, revision);
    patch_u32(out, at + 8, events);
}

/// A parsed body: the revision it reaches, and its events.
#[derive(Clone, Debug)]
pub struct WatchEvents<'a> {
    /// Everything up to this revision has been reported with this response.
    pub revision: u64,
    /// Events not walked yet.
    pub left: u32,
    reader: Reader<'a>,
}

impl<'a> WatchEvents<'a> {
    /// Parses the fixed part.
    pub fn parse(body: &'a [u8]) -> Parsed<Self> {
        let mut reader = Reader::new(body);
        let (revision, left) = (reader.u64()?, reader.u32()?);
        Ok(Self { revision, left, reader })
    }
}

impl<'a> Iterator for WatchEvents<'a> {
    type Item = Parsed<WatchEvent<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let event = WatchEvent::parse(&mut self.reader);
        if event.is_err() {
            self.left = 0;
        }
        Some(event)
    }
}

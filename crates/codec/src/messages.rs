//! Requests and responses between a client and a member, and the bodies of those that are not batches.
//! A submission is requests one after another, a delivery responses.
//!
//! ```text
//! request   [u32 length of the body][u8 type][u8 flags][u16 group][u64 id][body]
//! response  [u32 length of the body][u8 type][u8 flags][u16 code][u64 id][body]
//! ```

use crate::operations::{Operation, Operations, Range};
use crate::reader::{length_u32, patch_u16, patch_u32, u16_at, u32_at, u64_at, Malformed, Parsed, Reader};
use crate::results::encode_error;
use crate::safe_number::SAFE_NUMBER_MAX;
use crate::selection::Selection;
use crate::{Code, Consistency};

/// Bytes before the body of a request or response.
pub const MESSAGE_HEADER_BYTES: usize = 16;
/// Flag of a WRITE response: its body is `[u64 first revision][u32 count]`.
pub const RESPONSE_PLAIN: u8 = 1;
/// Flag of a WATCH request: events carry the pair as it was before.
pub const WATCH_PREV_KV: u8 = 1;
/// Flag of a WATCH request: tell the revision now and then when there are no events.
pub const WATCH_PROGRESS: u8 = 2;

/// One request, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// A number of [`crate::RequestKind`]; unknown ones are the reader's to refuse, as the answer repeats it.
    pub kind: u8,
    /// None are defined yet.
    pub flags: u8,
    /// The Raft group it is for.
    pub group: u16,
    /// Chosen by the client; the response has it too.
    pub id: u64,
    /// What follows the header.
    pub body: &'a [u8],
}

/// One response, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response<'a> {
    /// Kind of the request.
    pub kind: u8,
    /// [`RESPONSE_PLAIN`] or 0.
    pub flags: u8,
    /// OK, or why `body` is an error.
    pub code: Code,
    /// Id of the request.
    pub id: u64,
    /// What follows the header.
    pub body: &'a [u8],
}

impl<'a> Request<'a> {
    /// Reads one request.
    pub fn parse(reader: &mut Reader<'a>) -> Parsed<Self> {
        let header = reader.array::<MESSAGE_HEADER_BYTES>()?;
        Ok(Self {
            kind: header[4],
            flags: header[5],
            group: u16_at(header, 6),
            id: u64_at(header, 8),
            body: reader.bytes(u32_at(header, 0) as usize)?,
        })
    }

    /// Appends the request.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&length_u32(self.body.len()).to_le_bytes());
        out.extend_from_slice(&[self.kind, self.flags]);
        out.extend_from_slice(&self.group.to_le_bytes());
        out.extend_from_slice(&self.id.to_le_bytes());
        out.extend_from_slice(self.body);
    }
}

impl<'a> Response<'a> {
    /// Reads one response.
    pub fn parse(reader: &mut Reader<'a>) -> Parsed<Self> {
        let header = reader.array::<MESSAGE_HEADER_BYTES>()?;
        Ok(Self {
            kind: header[4],
            flags: header[5],
            code: Code::from_number(u16_at(header, 6)).ok_or(Malformed("a response has an unknown code"))?,
            id: u64_at(header, 8),
            body: reader.bytes(u32_at(header, 0) as usize)?,
        })
    }

    /// Appends the response.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let at = begin_response(out, self.kind, self.id);
        out.extend_from_slice(self.body);
        end_response(out, at, self.code, self.flags);
    }
}

/// Appends a response's header; its body is appended next, then [`end_response`] is called with the returned position.
pub fn begin_response(out: &mut Vec<u8>, kind: impl Into<u8>, id: u64) -> usize {
    let at = out.len();
    out.extend_from_slice(&[0, 0, 0, 0, kind.into(), 0, 0, 0]);
    out.extend_from_slice(&id.to_le_bytes());
    at
}

/// Completes the response begun at `at`.
pub fn end_response(out: &mut [u8], at: usize, code: Code, flags: u8) {
    let length = length_u32(out.len() - at - MESSAGE_HEADER_BYTES);
    patch_u32(out, at, length);
    out[at + 5] = flags;
    patch_u16(out, at + 6, code as u16);
}

/// Appends a response that says what went wrong.
pub fn encode_error_response(out: &mut Vec<u8>, kind: impl Into<u8>, id: u64, code: Code, detail: u64, text: &str) {
    let at = begin_response(out, kind, id);
    encode_error(out, detail, text);
    end_response(out, at, code, 0);
}

/// Walks the requests of a submission; stops after the first malformed one.
#[derive(Clone, Debug)]
pub struct Requests<'a>(Reader<'a>);

impl<'a> Requests<'a> {
    /// The requests of `submission`.
    #[must_use]
    pub const fn new(submission: &'a [u8]) -> Self {
        Self(Reader::new(submission))
    }
}

impl<'a> Iterator for Requests<'a> {
    type Item = Parsed<Request<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        next_of(&mut self.0, Request::parse)
    }
}

/// Walks the responses of a delivery; stops after the first malformed one.
#[derive(Clone, Debug)]
pub struct Responses<'a>(Reader<'a>);

impl<'a> Responses<'a> {
    /// The responses of `delivery`.
    #[must_use]
    pub const fn new(delivery: &'a [u8]) -> Self {
        Self(Reader::new(delivery))
    }
}

impl<'a> Iterator for Responses<'a> {
    type Item = Parsed<Response<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        next_of(&mut self.0, Response::parse)
    }
}

/// One more item of a run that ends with its input, or nothing after a malformed one.
pub(crate) fn next_of<'a, T>(
    reader: &mut Reader<'a>,
    parse: impl FnOnce(&mut Reader<'a>) -> Parsed<T>,
) -> Option<Parsed<T>> {
    if reader.is_empty() {
        return None;
    }
    let item = parse(reader);
    if item.is_err() {
        *reader = Reader::new(&[]);
    }
    Some(item)
}

/// Body of a READ request: `[u8 consistency][3 × 0][u32 count][u64 maxStalenessMs][range …]`.
#[derive(Clone, Copy, Debug)]
pub struct ReadRequest<'a> {
    /// What it must see.
    pub consistency: Consistency,
    /// Ranges that follow.
    pub count: u32,
    /// Milliseconds that the state may be behind, with [`Consistency::Bounded`].
    pub max_staleness_ms: u64,
    ranges: &'a [u8],
}

impl<'a> ReadRequest<'a> {
    /// Parses the fixed part.
    pub fn parse(body: &'a [u8]) -> Parsed<Self> {
        let mut reader = Reader::new(body);
        let header = reader.array::<16>()?;
        Ok(Self {
            consistency: Consistency::try_from(header[0])?,
            count: u32_at(header, 4),
            max_staleness_ms: u64_at(header, 8),
            ranges: reader.rest(),
        })
    }

    /// Its ranges, in order. Anything else among or after them is malformed.
    #[must_use]
    pub const fn ranges(&self) -> Ranges<'a> {
        Ranges(Operations::new(self.ranges, self.count))
    }

    /// The ranges of the same request from `place` on.
    #[must_use]
    pub fn ranges_from(&self, place: RangePlace) -> Ranges<'a> {
        let from = self.ranges.len().saturating_sub(place.bytes_left);
        let rest = self.ranges.get(from..);
        Ranges(Operations::new(rest.unwrap_or_default(), place.left))
    }

    /// Appends the fixed part; `count` ranges must follow.
    pub fn encode_header(out: &mut Vec<u8>, consistency: Consistency, count: u32, max_staleness_ms: u64) {
        out.extend_from_slice(&[consistency as u8, 0, 0, 0]);
        out.extend_from_slice(&count.to_le_bytes());
        out.extend_from_slice(&max_staleness_ms.to_le_bytes());
    }
}

/// The ranges of a READ request, one after the other.
#[derive(Clone, Debug)]
pub struct Ranges<'a>(Operations<'a>);

/// Where the walk over the ranges of a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangePlace {
    left: u32,
    bytes_left: usize,
}

impl Ranges<'_> {
    /// Where the next range begins.
    #[must_use]
    pub const fn place(&self) -> RangePlace {
        RangePlace {
            left: self.0.left(),
            bytes_left: self.0.bytes_left(),
        }
    }
}

impl<'a> Iterator for Ranges<'a> {
    type Item = Parsed<Range<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(match self.0.next()? {
            Ok(Operation::Range(range)) => Ok(range),
            Ok(_) => Err(Malformed("a read holds something other than ranges")),
            Err(malformed) => Err(malformed),
        })
    }
}

/// Body of a WATCH request:
/// `[u8 flags][3 × 0][u32 keyLen][u32 endLen][u64 startRevision][u32 credit][u64 cluster][key][end]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchRequest<'a> {
    /// `WATCH_*`.
    pub flags: u8,
    /// First revision to report; 0: what happens from now on.
    pub start_revision: u64,
    /// Events that may be sent before the client gives more credit.
    pub credit: u32,
    /// Identity of the cluster whose data is watched; 0: whichever it is.
    pub cluster: u64,
    /// First key.
    pub key: &'a [u8],
    /// As in etcd; see [`Selection`].
    pub end: &'a [u8],
}

impl<'a> WatchRequest<'a> {
    /// Parses the body.
    pub fn parse(body: &'a [u8]) -> Parsed<Self> {
        let mut reader = Reader::new(body);
        let header = reader.array::<32>()?;
        if header[0] & !(WATCH_PREV_KV | WATCH_PROGRESS) != 0 {
            return Err(Malformed("a watch has an unknown flag"));
        }
        let key = reader.bytes(u32_at(header, 4) as usize)?;
        let end = reader.bytes(u32_at(header, 8) as usize)?;
        reader.finish()?;
        if u64_at(header, 12) > SAFE_NUMBER_MAX {
            return Err(Malformed("a watch starts at a revision beyond 2^53"));
        }
        Ok(Self {
            flags: header[0],
            start_revision: u64_at(header, 12),
            credit: u32_at(header, 20),
            cluster: u64_at(header, 24),
            key,
            end,
        })
    }

    /// Which keys.
    #[must_use]
    pub fn selection(&self) -> Selection<'a> {
        Selection::new(self.key, self.end)
    }

    /// Appends the body.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[self.flags, 0, 0, 0]);
        out.extend_from_slice(&length_u32(self.key.len()).to_le_bytes());
        out.extend_from_slice(&length_u32(self.end.len()).to_le_bytes());
        out.extend_from_slice(&self.start_revision.to_le_bytes());
        out.extend_from_slice(&self.credit.to_le_bytes());
        out.extend_from_slice(&self.cluster.to_le_bytes());
        out.extend_from_slice(self.key);
        out.extend_from_slice(self.end);
    }
}

/// Reads the body of WATCH_CREDIT: (watch id, events).
pub fn parse_watch_credit(body: &[u8]) -> Parsed<(u64, u32)> {
    let mut reader = Reader::new(body);
    let credit = (reader.u64()?, reader.u32()?);
    reader.finish()?;
    Ok(credit)
}

/// Reads a body that is one number: the id of CANCEL, the member of TRANSFER.
pub fn parse_number(body: &[u8]) -> Parsed<u64> {
    let mut reader = Reader::new(body);
    let number = reader.u64()?;
    reader.finish()?;
    Ok(number)
}

/// What whoever asks for the members knows of them: it is answered once there is something else to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KnownMembers {
    /// Index of the configuration.
    pub index: u64,
    /// Term of its entry; 0: the first one, or one of an older version, which does not say.
    pub term: u64,
    /// Who leads; 0: nobody.
    pub leader: u64,
}

impl KnownMembers {
    /// Reads the body of MEMBERS; `None`: whatever there is is to be told at once.
    pub fn parse(body: &[u8]) -> Parsed<Option<Self>> {
        if body.is_empty() {
            return Ok(None);
        }
        let mut reader = Reader::new(body);
        let (index, term, leader) = (reader.u64()?, reader.u64()?, reader.u64()?);
        reader.finish()?;
        Ok(Some(Self { index, term, leader }))
    }

    /// Appends the body.
    pub fn encode(&self, out: &mut Vec<u8>) {
        for number in [self.index, self.term, self.leader] {
            out.extend_from_slice(&number.to_le_bytes());
        }
    }

    /// Whether this is news to who knows that: a later configuration, in the order of entries of a log, or another leader.
    #[must_use]
    pub const fn is_news_to(&self, known: &Self) -> bool {
        let is_later = if self.term == known.term || self.term == 0 || known.term == 0 {
            self.index > known.index
        } else {
            self.term > known.term
        };
        is_later || (self.leader != 0 && self.leader != known.leader)
    }
}

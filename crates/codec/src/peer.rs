//! Records between members: a Raft message with its entries, a forwarded request or its response, a part of a snapshot.
//! A frame may hold many, one after another; a snapshot part is the last of its frame. Knows no message's meaning.
//!
//! ```text
//! raft        [u8 1][u8 kind][u16 group][u32 runs][u64 term][6 × u64 a…f][u32 payloadLen][run …][block …]
//! run         [u64 term][u32 count]
//! forward     [u8 2][u8 bytes of the principal][2 × 0][principal] request
//! forwarded   [u8 3][3 × 0] response
//! snapshot    [u8 4][u8 part][u16 group] the rest of the frame
//! read index  [u8 5][u8 0][u16 group][u64 id]
//! read reply  [u8 6][u8 0][u16 group][u64 id][u16 code][6 × 0][u64 index][u64 term]
//! ```

use crate::block::Entries;
use crate::bounds::ENTRY_BYTES_MAX;
use crate::configuration::Configuration;
use crate::limits::APPEND_RUNS_MAX;
use crate::messages::{next_of, Request, Response, MESSAGE_HEADER_BYTES};
use crate::principal::Principal;
use crate::reader::{length_u32, u16_at, u32_at, u64_at, Malformed, Parsed, Reader};
use crate::safe_number::SAFE_NUMBER_MAX;
use crate::{Code, EntryKind, MessageKind, PeerRecordKind};

/// Bytes before a Raft record's runs.
pub const RAFT_HEADER_BYTES: usize = 68;
/// Bytes of a forwarded request before its principal.
pub const FORWARD_HEADER_BYTES: usize = 4;
/// Bytes of a run.
pub const RUN_BYTES: usize = 12;

/// Consecutive entries of one term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Their term.
    pub term: u64,
    /// How many.
    pub count: u32,
}

/// Runs one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Runs<'a>(&'a [u8]);

impl Runs<'_> {
    /// How many runs.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len() / RUN_BYTES
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Them, in order.
    pub fn iter(&self) -> impl Iterator<Item = Run> + '_ {
        let mut reader = Reader::new(self.0);
        std::iter::from_fn(move || {
            let bytes = reader.array::<RUN_BYTES>().ok()?;
            Some(Run {
                term: u64_at(bytes, 0),
                count: u32_at(bytes, 8),
            })
        })
    }
}

/// What stands before the entries of a Raft message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RaftHeader {
    /// What the message is.
    pub kind: MessageKind,
    /// The group.
    pub group: u16,
    /// The sender's term.
    pub term: u64,
    /// a to f; their meaning depends on the kind.
    pub fields: [u64; 6],
}

impl RaftHeader {
    /// Appends the header and the runs; `payload_bytes` of blocks must follow.
    pub fn encode(&self, out: &mut Vec<u8>, runs: &[Run], payload_bytes: usize) {
        out.extend_from_slice(&[PeerRecordKind::Raft as u8, self.kind as u8]);
        out.extend_from_slice(&self.group.to_le_bytes());
        out.extend_from_slice(&length_u32(runs.len()).to_le_bytes());
        out.extend_from_slice(&self.term.to_le_bytes());
        for field in self.fields {
            out.extend_from_slice(&field.to_le_bytes());
        }
        out.extend_from_slice(&length_u32(payload_bytes).to_le_bytes());
        for run in runs {
            out.extend_from_slice(&run.term.to_le_bytes());
            out.extend_from_slice(&run.count.to_le_bytes());
        }
    }
}

/// A Raft message, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RaftRecord<'a> {
    /// What stands before the entries.
    pub header: RaftHeader,
    /// Terms of the entries.
    pub runs: Runs<'a>,
    /// The entries: a block.
    pub payload: &'a [u8],
}

/// What the entries of a message are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckedEntries {
    /// How many.
    pub count: u64,
    /// Those that say who the members are: how many come before each, and what it says.
    pub configurations: Vec<(u64, Configuration)>,
}

impl RaftRecord<'_> {
    /// The entries. Malformed unless the message holds together: numbers that the Raft core can hold, terms
    /// that ascend up to the sender's, and exactly as many entries as announced, each of a known kind and of a size that can
    /// be sent on, and each configuration one that can be. To be checked before the core or the log sees any of it.
    ///
    /// Batches are not looked into: the state machine parses each before it applies any of it, and answers what is
    /// malformed alike on all members. `is_witness`: who receives it has no data, and takes none; all others take nothing without.
    pub fn check(&self, is_witness: bool) -> Parsed<CheckedEntries> {
        let header = &self.header;
        if header.term > SAFE_NUMBER_MAX || header.fields.iter().any(|field| *field > SAFE_NUMBER_MAX) {
            return Err(Malformed("a message has a number beyond 2^53"));
        }
        if header.kind != MessageKind::Append && !(self.runs.is_empty() && self.payload.is_empty()) {
            return Err(Malformed("entries come with an append alone"));
        }
        let announced = self.check_runs()?;
        let entries = check_entries(self.payload, is_witness)?;
        if entries.count == announced {
            Ok(entries)
        } else {
            Err(Malformed(
                "a message's payload has another number of entries than its header",
            ))
        }
    }

    /// The entries follow `previous` (a) of `previous_term` (b), up to the sender's term.
    fn check_runs(&self) -> Parsed<u64> {
        let RaftHeader { term, fields, .. } = self.header;
        if self.runs.len() > APPEND_RUNS_MAX {
            return Err(Malformed("a message has too many runs of terms"));
        }
        let (mut count, mut last) = (0, 0);
        for run in self.runs.iter() {
            if run.count == 0 || run.term <= last || run.term > term {
                return Err(Malformed("a message's terms do not ascend to its sender's"));
            }
            last = run.term;
            count += u64::from(run.count);
        }
        let first = self.runs.iter().next();
        if first.is_some_and(|first| first.term < fields[1]) || fields[0] + count > SAFE_NUMBER_MAX {
            return Err(Malformed("a message's entries do not follow the one before them"));
        }
        Ok(count)
    }
}

/// The entries of a block. Malformed if one of them may not be in a log.
fn check_entries(block: &[u8], is_witness: bool) -> Parsed<CheckedEntries> {
    let mut entries = CheckedEntries::default();
    for entry in Entries::new(block) {
        let entry = entry?;
        match EntryKind::try_from(entry.kind)? {
            EntryKind::Configuration => {
                let configuration = Configuration::parse(entry.body)?;
                entries.configurations.push((entries.count, configuration));
            }
            EntryKind::Batch if is_witness => return Err(Malformed("a batch for a witness says something")),
            EntryKind::Stripped if !is_witness || !entry.body.is_empty() => {
                return Err(Malformed("a batch without what it says is for witnesses alone"));
            }
            EntryKind::Noop | EntryKind::Batch | EntryKind::Stripped => {}
        }
        if entry.encoded_size() > ENTRY_BYTES_MAX {
            return Err(Malformed("an entry is too large to be sent on"));
        }
        entries.count += 1;
    }
    Ok(entries)
}

/// One record, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerRecord<'a> {
    /// A message of the Raft core.
    Raft(RaftRecord<'a>),
    /// A client's request, handed to the leader.
    Forward(Forward<'a>),
    /// The answer to one.
    Forwarded(Response<'a>),
    /// A part of a snapshot, which takes the rest of the frame: see [`crate::SnapshotRecord`].
    Snapshot(&'a [u8]),
    /// A follower asks the leader how far it must have applied before it may answer reads.
    ReadIndex {
        /// The group.
        group: u16,
        /// Chosen by the follower; the reply has it too.
        id: u64,
    },
    /// The leader's answer.
    ReadReply(ReadReply),
}

/// A request that a follower hands to the leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forward<'a> {
    /// Who is behind it.
    pub principal: Principal<'a>,
    /// The request, under a number of the follower's.
    pub request: Request<'a>,
}

impl<'a> Forward<'a> {
    /// Bytes that the record takes.
    #[must_use]
    pub const fn encoded_size(&self) -> usize {
        FORWARD_HEADER_BYTES + self.principal.name().len() + MESSAGE_HEADER_BYTES + self.request.body.len()
    }

    /// Appends the record.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[PeerRecordKind::Forward as u8, self.principal.length(), 0, 0]);
        out.extend_from_slice(self.principal.name());
        self.request.encode(out);
    }

    /// What is not 0 where it must be asks for more than this version knows: the request is not to be done without that.
    fn parse(reader: &mut Reader<'a>) -> Parsed<Parsed<Self>> {
        let header = reader.array::<FORWARD_HEADER_BYTES>()?;
        let principal = Principal::parse(reader, header[1])?;
        let request = Request::parse(reader)?;
        Ok(match header[2..] {
            [0, 0] => Ok(Self { principal, request }),
            _ => Err(Malformed("a forwarded request says what this version does not know")),
        })
    }
}

/// The leader's answer to a read index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadReply {
    /// The group.
    pub group: u16,
    /// Id of the question.
    pub id: u64,
    /// OK, or why there is no index.
    pub code: Code,
    /// Reads may be answered once this index is applied.
    pub index: u64,
    /// The term of that entry.
    pub term: u64,
}

impl ReadReply {
    /// Appends the record.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[PeerRecordKind::ReadReply as u8, 0]);
        out.extend_from_slice(&self.group.to_le_bytes());
        out.extend_from_slice(&self.id.to_le_bytes());
        out.extend_from_slice(&(self.code as u16).to_le_bytes());
        out.extend_from_slice(&[0; 6]);
        out.extend_from_slice(&self.index.to_le_bytes());
        out.extend_from_slice(&self.term.to_le_bytes());
    }
}

/// A record whose end is known; if it is malformed, those after it can be read all the same.
type Whole<'a> = Parsed<PeerRecord<'a>>;

fn parse_record<'a>(reader: &mut Reader<'a>) -> Parsed<Whole<'a>> {
    let kind = *reader.rest().first().ok_or(Malformed("an empty peer record"))?;
    let kind = PeerRecordKind::try_from(kind)?;
    Ok(Ok(match kind {
        PeerRecordKind::Raft => return Ok(parse_raft(reader)?.map(PeerRecord::Raft)),
        PeerRecordKind::Forward => return Ok(Forward::parse(reader)?.map(PeerRecord::Forward)),
        PeerRecordKind::Forwarded => {
            parse_group(reader)?;
            PeerRecord::Forwarded(Response::parse(reader)?)
        }
        PeerRecordKind::Snapshot => PeerRecord::Snapshot(reader.bytes(reader.rest().len())?),
        PeerRecordKind::ReadIndex => {
            let group = parse_group(reader)?;
            let id = reader.u64()?;
            PeerRecord::ReadIndex { group, id }
        }
        PeerRecordKind::ReadReply => {
            let group = parse_group(reader)?;
            PeerRecord::ReadReply(parse_read_reply(group, reader)?)
        }
    }))
}

/// What an answer or a question for the read index begins with: its kind, and a group, which is 0 where there is none.
fn parse_group(reader: &mut Reader<'_>) -> Parsed<u16> {
    let header = reader.array::<4>()?;
    Ok(u16_at(header, 2))
}

fn parse_read_reply(group: u16, reader: &mut Reader<'_>) -> Parsed<ReadReply> {
    let (id, code) = (reader.u64()?, reader.u16()?);
    let code = Code::from_number(code).ok_or(Malformed("a read reply has an unknown code"))?;
    reader.bytes(6)?;
    let (index, term) = (reader.u64()?, reader.u64()?);
    Ok(ReadReply {
        group,
        id,
        code,
        index,
        term,
    })
}

fn parse_raft<'a>(reader: &mut Reader<'a>) -> Parsed<Parsed<RaftRecord<'a>>> {
    let bytes = reader.array::<RAFT_HEADER_BYTES>()?;
    let run_bytes = (u32_at(bytes, 4) as usize)
        .checked_mul(RUN_BYTES)
        .ok_or(Malformed("a count is too large"))?;
    let runs = Runs(reader.bytes(run_bytes)?);
    let payload = reader.bytes(u32_at(bytes, 64) as usize)?;
    Ok(MessageKind::try_from(bytes[1]).map(|kind| {
        let header = RaftHeader {
            kind,
            group: u16_at(bytes, 2),
            term: u64_at(bytes, 8),
            fields: std::array::from_fn(|field| u64_at(bytes, 16 + field * 8)),
        };
        RaftRecord { header, runs, payload }
    }))
}

/// Walks the records of a frame; stops after the first whose end is not known. One that is malformed for another reason, as a
/// Raft message of a newer version's kind is, is followed by the others.
#[derive(Clone, Debug)]
pub struct PeerRecords<'a>(Reader<'a>);

impl<'a> PeerRecords<'a> {
    /// The records of a frame's body.
    #[must_use]
    pub const fn new(body: &'a [u8]) -> Self {
        Self(Reader::new(body))
    }
}

impl<'a> Iterator for PeerRecords<'a> {
    type Item = Parsed<PeerRecord<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(next_of(&mut self.0, parse_record)?.and_then(|whole| whole))
    }
}

/// Appends what stands before a response to a forwarded request.
pub fn encode_forwarded_header(out: &mut Vec<u8>) {
    out.extend_from_slice(&[PeerRecordKind::Forwarded as u8, 0, 0, 0]);
}

/// Appends a read index.
pub fn encode_read_index(out: &mut Vec<u8>, group: u16, id: u64) {
    out.extend_from_slice(&[PeerRecordKind::ReadIndex as u8, 0]);
    out.extend_from_slice(&group.to_le_bytes());
    out.extend_from_slice(&id.to_le_bytes());
}

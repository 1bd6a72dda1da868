//! Records of a snapshot on its way from member to member: its beginning, its bytes, its end, and what the receiver says of them.
//! Knows nothing of what the bytes hold.
//!
//! ```text
//! record   [u8 4][u8 part][u16 group][u64 id] then
//!   1 BEGIN  [u64 index][u64 term]
//!   2 DATA   [u64 offset][bytes]
//!   3 END    [u64 length]
//!   4 ACK    [u64 bytes received][u8 0 more, 1 installed, 2 failed, 3 resumed]  from the receiver, of every record, and while it
//!                                                                       installs once a second, as a sign of life
//!          [u64 base]                                                   of BEGIN, if it has all up to this revision and takes what is
//!                                                                       above it alone; whoever does not know it sends all
//!   5 RESUME [u64 index]                                                after a broken connection; the answer's state is 3 if it
//!                                                                       goes on behind the bytes received
//! ```

use crate::kinds::{PeerRecordKind, SnapshotPart, SnapshotState};
use crate::reader::{u16_at, u64_at, Malformed, Parsed, Reader};

/// Bytes of a record before what its part adds behind the first number.
const HEAD_BYTES: usize = 20;

/// One record, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotRecord<'a> {
    /// The group.
    pub group: u16,
    /// Chosen by the sender of the snapshot, the same in all its records and in the answers.
    pub id: u64,
    /// What it says.
    pub part: SnapshotMessage<'a>,
}

/// What a record says, by its part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotMessage<'a> {
    /// A snapshot of what was applied up to an entry.
    Begin {
        /// Index of the entry.
        index: u64,
        /// Its term.
        term: u64,
    },
    /// Bytes of it.
    Data {
        /// Bytes before these.
        offset: u64,
        /// Them.
        bytes: &'a [u8],
    },
    /// It is whole.
    End {
        /// Bytes of all of it.
        length: u64,
    },
    /// The connection was broken: how far did the receiver come?
    Resume {
        /// Index of the entry that its beginning named.
        index: u64,
    },
    /// The receiver's answer.
    Ack {
        /// Bytes that have come.
        received: u64,
        /// How it goes on.
        state: SnapshotState,
        /// Up to which revision the receiver has all; 0: it wants all.
        base: u64,
    },
}

impl SnapshotMessage<'_> {
    const fn part(&self) -> SnapshotPart {
        match self {
            Self::Begin { .. } => SnapshotPart::Begin,
            Self::Data { .. } => SnapshotPart::Data,
            Self::End { .. } => SnapshotPart::End,
            Self::Ack { .. } => SnapshotPart::Ack,
            Self::Resume { .. } => SnapshotPart::Resume,
        }
    }
}

/// Whose a record is: known also of one whose part cannot be read, so that its sender can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotStream {
    /// The group.
    pub group: u16,
    /// Chosen by the sender of the snapshot.
    pub id: u64,
}

impl SnapshotStream {
    /// Whose record this is. Malformed: one that is cut short.
    pub fn of(record: &[u8]) -> Parsed<Self> {
        let (header, _) = record
            .split_first_chunk::<HEAD_BYTES>()
            .ok_or(Malformed("a part of a snapshot that is cut short"))?;
        Ok(Self {
            group: u16_at(header, 2),
            id: u64_at(header, 4),
        })
    }
}

impl<'a> SnapshotRecord<'a> {
    /// Reads a record, which fills `bytes`. Malformed: one of an unknown part or of another length than its part has.
    pub fn parse(bytes: &'a [u8]) -> Parsed<Self> {
        let SnapshotStream { group, id } = SnapshotStream::of(bytes)?;
        let mut reader = Reader::new(bytes);
        let header = reader.array::<HEAD_BYTES>()?;
        let number = u64_at(header, 12);
        let part = match SnapshotPart::try_from(header[1])? {
            SnapshotPart::Begin => {
                let (index, term) = (number, reader.u64()?);
                reader.finish()?;
                SnapshotMessage::Begin { index, term }
            }
            SnapshotPart::Data => SnapshotMessage::Data {
                offset: number,
                bytes: reader.rest(),
            },
            SnapshotPart::End => {
                reader.finish()?;
                SnapshotMessage::End { length: number }
            }
            SnapshotPart::Resume => {
                reader.finish()?;
                SnapshotMessage::Resume { index: number }
            }
            SnapshotPart::Ack => SnapshotMessage::Ack {
                received: number,
                // A state that is not told, or that a newer version has, is nothing to wait for.
                state: reader
                    .u8()
                    .and_then(SnapshotState::try_from)
                    .unwrap_or(SnapshotState::Failed),
                base: reader.u64().unwrap_or(0),
            },
        };
        Ok(Self { group, id, part })
    }

    /// Appends the record.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let (number, more, last): (u64, &[u8], &[u8]) = match &self.part {
            SnapshotMessage::Begin { index, term } => (*index, &term.to_le_bytes(), &[]),
            SnapshotMessage::Data { offset, bytes } => (*offset, bytes, &[]),
            SnapshotMessage::End { length } => (*length, &[], &[]),
            SnapshotMessage::Resume { index } => (*index, &[], &[]),
            SnapshotMessage::Ack {
                received,
                state,
                base: 0,
            } => (*received, &[*state as u8], &[]),
            SnapshotMessage::Ack { received, state, base } => (*received, &[*state as u8], &base.to_le_bytes()),
        };
        out.reserve(HEAD_BYTES + more.len() + last.len());
        out.extend_from_slice(&[PeerRecordKind::Snapshot as u8, self.part.part() as u8]);
        out.extend_from_slice(&self.group.to_le_bytes());
        out.extend_from_slice(&self.id.to_le_bytes());
        out.extend_from_slice(&number.to_le_bytes());
        out.extend_from_slice(more);
        out.extend_from_slice(last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(part: SnapshotMessage<'_>) -> Vec<u8> {
        let (group, id) = (0x0201, 0x0807_0605_0403_0201);
        let mut out = Vec::new();
        SnapshotRecord { group, id, part }.encode(&mut out);
        assert_eq!(SnapshotRecord::parse(&out), Ok(SnapshotRecord { group, id, part }));
        out
    }

    /// The bytes of a record of this part, with this behind the id.
    fn golden(part: u8, behind: &[u8]) -> Vec<u8> {
        [&[4, part, 1, 2, 1, 2, 3, 4, 5, 6, 7, 8], behind].concat()
    }

    const BEGIN: SnapshotMessage<'_> = SnapshotMessage::Begin { index: 9, term: 3 };
    const ACK: SnapshotMessage<'_> = SnapshotMessage::Ack {
        received: 7,
        state: SnapshotState::Installed,
        base: 0,
    };

    #[test]
    fn the_bytes_are_those_of_the_table() {
        let (nine, three) = ([9, 0, 0, 0, 0, 0, 0, 0], [3, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(encoded(BEGIN), golden(1, &[nine, three].concat()));
        let (offset, bytes) = (9, b"bytes".as_slice());
        assert_eq!(
            encoded(SnapshotMessage::Data { offset, bytes }),
            golden(2, &[&nine, bytes].concat())
        );
        assert_eq!(encoded(SnapshotMessage::End { length: 9 }), golden(3, &nine));
        assert_eq!(encoded(ACK), golden(4, &[7, 0, 0, 0, 0, 0, 0, 0, 1]));
        let offer = SnapshotMessage::Ack {
            received: 0,
            state: SnapshotState::More,
            base: 9,
        };
        assert_eq!(encoded(offer), golden(4, &[&[0; 9][..], &nine].concat()));
        assert_eq!(encoded(SnapshotMessage::Resume { index: 9 }), golden(5, &nine));
    }

    #[test]
    fn a_part_of_a_record_is_malformed_and_so_is_more_than_one() {
        let (end, resume) = (SnapshotMessage::End { length: 9 }, SnapshotMessage::Resume { index: 9 });
        for whole in [encoded(BEGIN), encoded(end), encoded(resume)] {
            for end in 0..whole.len() {
                assert!(SnapshotRecord::parse(&whole[..end]).is_err(), "{end} bytes");
                assert_eq!(SnapshotStream::of(&whole[..end]).is_ok(), end >= HEAD_BYTES);
            }
            assert!(SnapshotRecord::parse(&[&whole[..], &[0]].concat()).is_err());
        }
    }

    #[test]
    fn whose_a_record_of_an_unknown_part_is_can_be_told() {
        let unknown = golden(6, &[0; 8]);
        assert!(SnapshotRecord::parse(&unknown).is_err());
        assert_eq!(SnapshotStream::of(&unknown).map(|stream| stream.group), Ok(0x0201));
    }

    #[test]
    fn an_answer_without_a_state_that_is_known_is_a_failure() {
        for behind in [&[7, 0, 0, 0, 0, 0, 0, 0][..], &[7, 0, 0, 0, 0, 0, 0, 0, 4]] {
            let answer = golden(4, behind);
            let said = SnapshotRecord::parse(&answer).map(|record| record.part);
            let (received, state, base) = (7, SnapshotState::Failed, 0);
            assert_eq!(said, Ok(SnapshotMessage::Ack { received, state, base }));
        }
    }
}

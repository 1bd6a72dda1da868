//! The body of a batch entry: whose it is, and the operations in it. Knows no rules about them (see `validate`).

use crate::operations::Operations;
use crate::reader::{u32_at, u64_at, Malformed, Parsed, Reader};

/// Bytes before a batch's first operation.
pub const BATCH_HEADER_BYTES: usize = 32;

/// Flag of a batch: this sequence was sent before.
pub const BATCH_RETRY: u8 = 1;
/// Flag of a batch without operations: it starts a session, whose number is the answer.
pub const BATCH_START: u8 = 2;

/// ```text
/// [u64 session][u64 sequence][u64 acked][u8 flags][3 × 0][u32 count]
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchHeader {
    /// Number of the session, or a random one with [`BATCH_START`]; 0: no deduplication.
    pub session: u64,
    /// Number of the batch in its session, from 1.
    pub sequence: u64,
    /// Every batch of the session below this one has been answered.
    pub acked: u64,
    /// [`BATCH_RETRY`], [`BATCH_START`] or 0.
    pub flags: u8,
    /// Operations that follow.
    pub count: u32,
}

impl BatchHeader {
    /// Whether this sequence was sent before.
    #[must_use]
    pub const fn is_retry(&self) -> bool {
        self.flags & BATCH_RETRY != 0
    }

    /// Whether it starts a session.
    #[must_use]
    pub const fn is_start(&self) -> bool {
        self.flags & BATCH_START != 0
    }

    /// Appends the header; `count` operations must follow.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.session.to_le_bytes());
        out.extend_from_slice(&self.sequence.to_le_bytes());
        out.extend_from_slice(&self.acked.to_le_bytes());
        out.extend_from_slice(&[self.flags, 0, 0, 0]);
        out.extend_from_slice(&self.count.to_le_bytes());
    }
}

/// A batch, borrowed. Its operations are parsed as they are walked.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// Whose batch it is.
    pub header: BatchHeader,
    operations: &'a [u8],
}

impl<'a> Batch<'a> {
    /// Parses the header of a batch body.
    pub fn parse(body: &'a [u8]) -> Parsed<Self> {
        let mut reader = Reader::new(body);
        let bytes = reader.array::<BATCH_HEADER_BYTES>()?;
        let header = BatchHeader {
            session: u64_at(bytes, 0),
            sequence: u64_at(bytes, 8),
            acked: u64_at(bytes, 16),
            flags: bytes[24],
            count: u32_at(bytes, 28),
        };
        if header.flags & !(BATCH_RETRY | BATCH_START) != 0 {
            return Err(Malformed("a batch has an unknown flag"));
        }
        Ok(Self {
            header,
            operations: reader.rest(),
        })
    }

    /// Its operations, in order.
    #[must_use]
    pub const fn operations(&self) -> Operations<'a> {
        Operations::new(self.operations, self.header.count)
    }
}

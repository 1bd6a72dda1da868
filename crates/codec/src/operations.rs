//! Operations of a batch, of a transaction's branch and of a read: parsed lazily, borrowed.
//! A transaction's parts are byte runs until they are walked; `Txn::check` walks them all, to a bounded depth.

use crate::compare::Compares;
use crate::kinds::OperationKind;
use crate::reader::{length_u32, u16_at, u32_at, u64_at, Malformed, Parsed, Reader};
use crate::selection::Selection;

/// How deep transactions may nest: the outermost is at depth 1.
pub const TXN_DEPTH_MAX: usize = 8;

/// Flag of put: return the previous pair.
pub const PUT_PREV_KV: u8 = 1;
/// Flag of put: keep the value that the key has.
pub const PUT_IGNORE_VALUE: u8 = 2;
/// Flag of put: keep the lease that the key has.
pub const PUT_IGNORE_LEASE: u8 = 4;
/// Flag of put: a lease id is encoded.
pub const PUT_HAS_LEASE: u8 = 8;
/// Flag of deleteRange: return the deleted pairs.
pub const DELETE_PREV_KV: u8 = 1;
/// Flag of range: leave the values out.
pub const RANGE_KEYS_ONLY: u8 = 1;
/// Flag of range: only count.
pub const RANGE_COUNT_ONLY: u8 = 2;
/// Flag of range: descending keys.
pub const RANGE_REVERSE: u8 = 4;
/// Flag of range: do not count beyond the pairs returned.
pub const RANGE_NO_COUNT: u8 = 8;

/// `[u8 1][u8 flags][u16 0][u32 keyLen][u32 valueLen][u64 lease, if HAS_LEASE][key][value]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Put<'a> {
    /// `PUT_*`.
    pub flags: u8,
    /// Lease to attach to; 0 for none.
    pub lease: u64,
    /// The key.
    pub key: &'a [u8],
    /// The value; empty with [`PUT_IGNORE_VALUE`].
    pub value: &'a [u8],
}

/// `[u8 2][u8 flags][u16 0][u32 keyLen][u32 endLen][key][end]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeleteRange<'a> {
    /// `DELETE_*`.
    pub flags: u8,
    /// First key.
    pub key: &'a [u8],
    /// As in etcd; see [`Selection`].
    pub end: &'a [u8],
}

/// `[u8 5][u8 flags][u16 0][u32 keyLen][u32 endLen][u64 limit][u64 revision][key][end]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range<'a> {
    /// `RANGE_*`.
    pub flags: u8,
    /// Pairs at most; 0 for no limit.
    pub limit: u64,
    /// Revision to read at; 0 for the current one.
    pub revision: u64,
    /// First key.
    pub key: &'a [u8],
    /// As in etcd; see [`Selection`].
    pub end: &'a [u8],
}

/// `[u8 3][u8 0][u16 compareCount][u16 thenCount][u16 elseCount][u32 compareBytes][u32 thenBytes][u32 elseBytes]…`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Txn<'a> {
    compare_count: u16,
    then_count: u16,
    else_count: u16,
    compares: &'a [u8],
    then_operations: &'a [u8],
    else_operations: &'a [u8],
}

/// One operation, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation<'a> {
    /// Writes a key.
    Put(Put<'a>),
    /// Deletes keys.
    DeleteRange(DeleteRange<'a>),
    /// Compares, then runs one of two branches.
    Txn(Txn<'a>),
    /// `[u8 4][u8 0][u16 0][u64 revision]`: forgets versions replaced at or below the revision.
    Compact {
        /// The revision to compact at.
        revision: u64,
    },
    /// Reads keys.
    Range(Range<'a>),
    /// `[u8 6][u8 0][u16 0][u64 revision]`: the store's revision becomes at least this one.
    RaiseRevision {
        /// The least revision that the store then has.
        revision: u64,
    },
}

impl Operation<'_> {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> OperationKind {
        match self {
            Self::Put(_) => OperationKind::Put,
            Self::DeleteRange(_) => OperationKind::DeleteRange,
            Self::Txn(_) => OperationKind::Txn,
            Self::Compact { .. } => OperationKind::Compact,
            Self::Range(_) => OperationKind::Range,
            Self::RaiseRevision { .. } => OperationKind::RaiseRevision,
        }
    }
}

impl<'a> DeleteRange<'a> {
    /// Which keys.
    #[must_use]
    pub fn selection(&self) -> Selection<'a> {
        Selection::new(self.key, self.end)
    }
}

impl<'a> Range<'a> {
    /// Which keys.
    #[must_use]
    pub fn selection(&self) -> Selection<'a> {
        Selection::new(self.key, self.end)
    }

    /// Whether the flag is set.
    #[must_use]
    pub const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

impl<'a> Txn<'a> {
    /// What must hold for the then-branch to run.
    #[must_use]
    pub const fn compares(&self) -> Compares<'a> {
        Compares::new(self.compares, self.compare_count)
    }

    /// The branch that runs when every compare holds, or the other one.
    #[must_use]
    pub const fn branch(&self, succeeded: bool) -> Operations<'a> {
        if succeeded {
            Operations::new(self.then_operations, self.then_count as u32)
        } else {
            Operations::new(self.else_operations, self.else_count as u32)
        }
    }

    /// The largest of the three counts, which `txnOperationsMax` bounds.
    #[must_use]
    pub fn largest_part(&self) -> usize {
        usize::from(self.compare_count.max(self.then_count).max(self.else_count))
    }

    /// Walks everything in it: afterwards no iteration over its parts can fail.
    pub fn check(&self) -> Parsed<()> {
        self.check_at(1)
    }

    fn check_at(&self, depth: usize) -> Parsed<()> {
        if depth > TXN_DEPTH_MAX {
            return Err(Malformed("transactions nest deeper than 8"));
        }
        self.compares().try_for_each(|compare| compare.map(drop))?;
        for branch in [self.branch(true), self.branch(false)] {
            for operation in branch {
                if let Operation::Txn(nested) = operation? {
                    nested.check_at(depth + 1)?;
                }
            }
        }
        Ok(())
    }
}

/// Walks operations one after another; stops after the first malformed one, and reports bytes left over as malformed.
#[derive(Clone, Debug)]
pub struct Operations<'a> {
    reader: Reader<'a>,
    left: u32,
    failed: bool,
}

impl<'a> Operations<'a> {
    /// `count` operations that fill `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8], count: u32) -> Self {
        Self {
            reader: Reader::new(bytes),
            left: count,
            failed: false,
        }
    }

    /// Operations not walked yet.
    #[must_use]
    pub const fn left(&self) -> u32 {
        self.left
    }

    /// Bytes not walked yet.
    #[must_use]
    pub const fn bytes_left(&self) -> usize {
        self.reader.rest().len()
    }
}

impl<'a> Iterator for Operations<'a> {
    type Item = Parsed<Operation<'a>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 || self.failed {
            if self.failed || self.reader.is_empty() {
                return None;
            }
            self.failed = true;
            return Some(Err(Malformed("bytes follow the last operation")));
        }
        self.left -= 1;
        let parsed = parse_operation(&mut self.reader);
        self.failed = parsed.is_err();
        Some(parsed)
    }
}

/// Reads one operation.
#[inline]
pub fn parse_operation<'a>(reader: &mut Reader<'a>) -> Parsed<Operation<'a>> {
    let kind = *reader
        .rest()
        .first()
        .ok_or(Malformed("fewer operations than announced"))?;
    match OperationKind::try_from(kind)? {
        OperationKind::Put => parse_put(reader).map(Operation::Put),
        OperationKind::DeleteRange => parse_delete(reader).map(Operation::DeleteRange),
        OperationKind::Txn => parse_txn(reader).map(Operation::Txn),
        OperationKind::Compact => parse_revision(reader).map(|revision| Operation::Compact { revision }),
        OperationKind::Range => parse_range(reader).map(Operation::Range),
        OperationKind::RaiseRevision => parse_revision(reader).map(|revision| Operation::RaiseRevision { revision }),
    }
}

#[inline]
fn parse_put<'a>(reader: &mut Reader<'a>) -> Parsed<Put<'a>> {
    let header = reader.array::<12>()?;
    let flags = known_flags(
        header[1],
        PUT_PREV_KV | PUT_IGNORE_VALUE | PUT_IGNORE_LEASE | PUT_HAS_LEASE,
    )?;
    let lease = if flags & PUT_HAS_LEASE != 0 { reader.u64()? } else { 0 };
    let key = reader.bytes(u32_at(header, 4) as usize)?;
    let value = reader.bytes(u32_at(header, 8) as usize)?;
    Ok(Put {
        flags,
        lease,
        key,
        value,
    })
}

fn parse_delete<'a>(reader: &mut Reader<'a>) -> Parsed<DeleteRange<'a>> {
    let header = reader.array::<12>()?;
    let flags = known_flags(header[1], DELETE_PREV_KV)?;
    let key = reader.bytes(u32_at(header, 4) as usize)?;
    let end = reader.bytes(u32_at(header, 8) as usize)?;
    Ok(DeleteRange { flags, key, end })
}

fn parse_txn<'a>(reader: &mut Reader<'a>) -> Parsed<Txn<'a>> {
    let header = reader.array::<20>()?;
    known_flags(header[1], 0)?;
    Ok(Txn {
        compare_count: u16_at(header, 2),
        then_count: u16_at(header, 4),
        else_count: u16_at(header, 6),
        compares: reader.bytes(u32_at(header, 8) as usize)?,
        then_operations: reader.bytes(u32_at(header, 12) as usize)?,
        else_operations: reader.bytes(u32_at(header, 16) as usize)?,
    })
}

/// An operation that is a revision and nothing else.
fn parse_revision(reader: &mut Reader<'_>) -> Parsed<u64> {
    let header = reader.array::<12>()?;
    known_flags(header[1], 0)?;
    Ok(u64_at(header, 4))
}

/// Reads one range, as a READ request holds it.
pub fn parse_range<'a>(reader: &mut Reader<'a>) -> Parsed<Range<'a>> {
    let header = reader.array::<28>()?;
    if header[0] != OperationKind::Range as u8 {
        return Err(Malformed("a read holds something other than ranges"));
    }
    let flags = known_flags(
        header[1],
        RANGE_KEYS_ONLY | RANGE_COUNT_ONLY | RANGE_REVERSE | RANGE_NO_COUNT,
    )?;
    let key = reader.bytes(u32_at(header, 4) as usize)?;
    let end = reader.bytes(u32_at(header, 8) as usize)?;
    Ok(Range {
        flags,
        limit: u64_at(header, 12),
        revision: u64_at(header, 20),
        key,
        end,
    })
}

/// An option of a newer version must not be dropped silently.
#[inline]
const fn known_flags(flags: u8, known: u8) -> Parsed<u8> {
    if flags & !known == 0 {
        Ok(flags)
    } else {
        Err(Malformed("an operation has an unknown flag"))
    }
}

impl Put<'_> {
    /// Appends the operation. A lease other than 0 sets [`PUT_HAS_LEASE`].
    pub fn encode(&self, out: &mut Vec<u8>) {
        let has_lease = self.lease != 0 || self.flags & PUT_HAS_LEASE != 0;
        out.extend_from_slice(&[
            OperationKind::Put as u8,
            self.flags | if has_lease { PUT_HAS_LEASE } else { 0 },
            0,
            0,
        ]);
        out.extend_from_slice(&length_u32(self.key.len()).to_le_bytes());
        out.extend_from_slice(&length_u32(self.value.len()).to_le_bytes());
        if has_lease {
            out.extend_from_slice(&self.lease.to_le_bytes());
        }
        out.extend_from_slice(self.key);
        out.extend_from_slice(self.value);
    }
}

impl DeleteRange<'_> {
    /// Appends the operation.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[OperationKind::DeleteRange as u8, self.flags, 0, 0]);
        out.extend_from_slice(&length_u32(self.key.len()).to_le_bytes());
        out.extend_from_slice(&length_u32(self.end.len()).to_le_bytes());
        out.extend_from_slice(self.key);
        out.extend_from_slice(self.end);
    }
}

impl Range<'_> {
    /// Appends the operation.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[OperationKind::Range as u8, self.flags, 0, 0]);
        out.extend_from_slice(&length_u32(self.key.len()).to_le_bytes());
        out.extend_from_slice(&length_u32(self.end.len()).to_le_bytes());
        out.extend_from_slice(&self.limit.to_le_bytes());
        out.extend_from_slice(&self.revision.to_le_bytes());
        out.extend_from_slice(self.key);
        out.extend_from_slice(self.end);
    }
}

/// Appends a compaction.
pub fn encode_compact(out: &mut Vec<u8>, revision: u64) {
    out.extend_from_slice(&[OperationKind::Compact as u8, 0, 0, 0]);
    out.extend_from_slice(&revision.to_le_bytes());
}

/// Appends a raise of the store's revision.
pub fn encode_raise_revision(out: &mut Vec<u8>, revision: u64) {
    out.extend_from_slice(&[OperationKind::RaiseRevision as u8, 0, 0, 0]);
    out.extend_from_slice(&revision.to_le_bytes());
}

/// One part of a transaction to encode: how many, and their bytes one after another.
#[derive(Clone, Copy, Debug, Default)]
pub struct TxnPart<'a> {
    /// Compares or operations in `bytes`.
    pub count: u16,
    /// Them, encoded.
    pub bytes: &'a [u8],
}

/// Appends a transaction of parts that are encoded already.
pub fn encode_txn(out: &mut Vec<u8>, compares: TxnPart<'_>, then: TxnPart<'_>, otherwise: TxnPart<'_>) {
    out.extend_from_slice(&[OperationKind::Txn as u8, 0]);
    for part in [compares, then, otherwise] {
        out.extend_from_slice(&part.count.to_le_bytes());
    }
    for part in [compares, then, otherwise] {
        out.extend_from_slice(&length_u32(part.bytes.len()).to_le_bytes());
    }
    for part in [compares, then, otherwise] {
        out.extend_from_slice(part.bytes);
    }
}

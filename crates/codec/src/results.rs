//! Results of operations, and the pairs in them: written in place with their lengths filled in afterwards, read borrowed.
//!
//! ```text
//! result  [u16 code][u8 op][u8 flags][u32 length of the body][u64 revision][body]
//! pair    [u32 keyLen][u32 valueLen][u64 create][u64 mod][u64 version][u64 lease][key][value]
//! ```

use crate::reader::{length_u32, patch_u16, patch_u32, patch_u64, u16_at, u32_at, u64_at, Malformed, Parsed, Reader};
use crate::{Code, OperationKind};

/// Bytes before a result's body.
pub const RESULT_HEADER_BYTES: usize = 16;
/// Bytes before a pair's key.
pub const PAIR_HEADER_BYTES: usize = 40;

/// Bytes before the pairs of a range's or deleteRange's body.
pub const COUNTS_BYTES: usize = 12;

/// Flag of a put's result: the previous pair follows.
pub const RESULT_PUT_PREVIOUS: u8 = 1;
/// Flag of a put's or deleteRange's result: previous pairs were left out, because the reply was full.
pub const RESULT_PREVIOUS_LEFT_OUT: u8 = 2;
/// Flag of a txn's result: the compares held.
pub const RESULT_TXN_SUCCEEDED: u8 = 1;
/// Flag of a range's result: there are more pairs.
pub const RESULT_RANGE_MORE: u8 = 1;

/// One version of a key, borrowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pair<'a> {
    /// Revision at which the key was created.
    pub create: u64,
    /// Revision of this version.
    pub modified: u64,
    /// 1 for a new key, one more with every put.
    pub version: u64,
    /// Lease; 0 for none.
    pub lease: u64,
    /// The key.
    pub key: &'a [u8],
    /// The value.
    pub value: &'a [u8],
}

impl<'a> Pair<'a> {
    /// Bytes that the pair takes.
    #[must_use]
    pub const fn encoded_bytes(&self) -> usize {
        PAIR_HEADER_BYTES + self.key.len() + self.value.len()
    }

    /// Appends the pair.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.reserve(self.encoded_bytes());
        out.extend_from_slice(&self.header());
        out.extend_from_slice(self.key);
        out.extend_from_slice(self.value);
    }

    /// What stands before the key.
    pub(crate) fn header(&self) -> [u8; PAIR_HEADER_BYTES] {
        let mut header = [0; PAIR_HEADER_BYTES];
        patch_u32(&mut header, 0, length_u32(self.key.len()));
        patch_u32(&mut header, 4, length_u32(self.value.len()));
        patch_u64(&mut header, 8, self.create);
        patch_u64(&mut header, 16, self.modified);
        patch_u64(&mut header, 24, self.version);
        patch_u64(&mut header, 32, self.lease);
        header
    }

    /// Reads one pair.
    pub fn parse(reader: &mut Reader<'a>) -> Parsed<Self> {
        let header = reader.array::<PAIR_HEADER_BYTES>()?;
        Ok(Self {
            create: u64_at(header, 8),
            modified: u64_at(header, 16),
            version: u64_at(header, 24),
            lease: u64_at(header, 32),
            key: reader.bytes(u32_at(header, 0) as usize)?,
            value: reader.bytes(u32_at(header, 4) as usize)?,
        })
    }
}

/// Pairs one after another, as in the results of range and deleteRange.
#[derive(Clone, Debug)]
pub struct Pairs<'a> {
    reader: Reader<'a>,
    left: u32,
}

impl<'a> Iterator for Pairs<'a> {
    type Item = Parsed<Pair<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let pair = Pair::parse(&mut self.reader);
        if pair.is_err() {
            self.left = 0;
        }
        Some(pair)
    }
}

/// Counted pairs: the body of range's and deleteRange's results.
#[derive(Clone, Debug)]
pub struct CountedPairs<'a> {
    /// Keys in the range, or keys deleted.
    pub count: u64,
    /// Pairs that follow.
    pub length: u32,
    /// Them.
    pub pairs: Pairs<'a>,
}

/// One result, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperationResult<'a> {
    /// OK, or what went wrong.
    pub code: Code,
    /// Kind of the operation.
    pub operation: OperationKind,
    /// `RESULT_*`.
    pub flags: u8,
    /// Store revision after the operation; for a range the revision it was read at.
    pub revision: u64,
    /// What follows; read it with the method for the operation.
    pub body: &'a [u8],
}

impl<'a> OperationResult<'a> {
    /// Reads one result.
    pub fn parse(reader: &mut Reader<'a>) -> Parsed<Self> {
        let header = reader.array::<RESULT_HEADER_BYTES>()?;
        Ok(Self {
            code: Code::from_number(u16_at(header, 0)).ok_or(Malformed("a result has an unknown code"))?,
            operation: OperationKind::try_from(header[2])?,
            flags: header[3],
            revision: u64_at(header, 8),
            body: reader.bytes(u32_at(header, 4) as usize)?,
        })
    }

    /// The previous pair of a put, if it has one.
    pub fn previous(&self) -> Parsed<Option<Pair<'a>>> {
        if self.flags & RESULT_PUT_PREVIOUS == 0 {
            return Ok(None);
        }
        Pair::parse(&mut Reader::new(self.body)).map(Some)
    }

    /// The pairs of a range or deleteRange.
    pub fn counted_pairs(&self) -> Parsed<CountedPairs<'a>> {
        let mut reader = Reader::new(self.body);
        let (count, length) = (reader.u64()?, reader.u32()?);
        Ok(CountedPairs {
            count,
            length,
            pairs: Pairs { reader, left: length },
        })
    }

    /// The results inside a txn's.
    pub fn nested(&self) -> Parsed<OperationResults<'a>> {
        let mut reader = Reader::new(self.body);
        let left = reader.u32()?;
        Ok(OperationResults {
            reader,
            left: Some(left),
        })
    }

    /// The (detail, text) of an error.
    pub fn error(&self) -> Parsed<(u64, &'a str)> {
        parse_error(self.body)
    }
}

/// Results one after another.
#[derive(Clone, Debug)]
pub struct OperationResults<'a> {
    reader: Reader<'a>,
    /// `None`: until the input ends.
    left: Option<u32>,
}

impl<'a> OperationResults<'a> {
    /// The results that fill `body`.
    #[must_use]
    pub const fn new(body: &'a [u8]) -> Self {
        Self {
            reader: Reader::new(body),
            left: None,
        }
    }
}

impl<'a> Iterator for OperationResults<'a> {
    type Item = Parsed<OperationResult<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.left {
            Some(left) => *left = left.checked_sub(1)?,
            None if self.reader.is_empty() => return None,
            None => {}
        }
        let result = OperationResult::parse(&mut self.reader);
        if result.is_err() {
            self.left = Some(0);
        }
        Some(result)
    }
}

/// A result under construction: its body is appended to the same vector, then it is finished.
#[derive(Debug)]
#[must_use = "a result that is not finished has no length"]
pub struct OpenResult {
    at: usize,
}

impl OpenResult {
    /// Appends the header of a result for an operation of this kind.
    pub fn begin(out: &mut Vec<u8>, operation: OperationKind) -> Self {
        let at = out.len();
        out.extend_from_slice(&[0; RESULT_HEADER_BYTES]);
        out[at + 2] = operation as u8;
        Self { at }
    }

    /// The same of a range or a deleteRange, with room for its counts: see [`Self::set_counts`].
    pub fn begin_counted(out: &mut Vec<u8>, operation: OperationKind) -> Self {
        let open = Self::begin(out, operation);
        out.extend_from_slice(&counts(0, 0));
        open
    }

    /// The same of a transaction, in which so many results follow.
    pub fn begin_nested(out: &mut Vec<u8>, results: u32) -> Self {
        let open = Self::begin(out, OperationKind::Txn);
        out.extend_from_slice(&results.to_le_bytes());
        open
    }

    /// Fills in how many keys were counted, and how many pairs follow.
    pub fn set_counts(&self, out: &mut [u8], count: u64, pairs: u32) {
        let at = self.body_at();
        out[at..at + COUNTS_BYTES].copy_from_slice(&counts(count, pairs));
    }

    /// Where the body begins.
    #[must_use]
    pub const fn body_at(&self) -> usize {
        self.at + RESULT_HEADER_BYTES
    }

    /// Completes a successful result: everything appended since `begin` is its body.
    pub fn finish(self, out: &mut [u8], flags: u8, revision: u64) {
        self.close(out, Code::Ok, flags, revision);
    }

    /// Drops what was appended since `begin` and makes it an error.
    pub fn fail(self, out: &mut Vec<u8>, code: Code, revision: u64, detail: u64, text: &str) {
        out.truncate(self.body_at());
        encode_error(out, detail, text);
        self.close(out, code, 0, revision);
    }

    fn close(self, out: &mut [u8], code: Code, flags: u8, revision: u64) {
        let length = length_u32(out.len() - self.body_at());
        patch_u16(out, self.at, code as u16);
        out[self.at + 3] = flags;
        patch_u32(out, self.at + 4, length);
        patch_u64(out, self.at + 8, revision);
    }
}

/// What stands before the body of a result.
pub(crate) fn result_header(
    code: Code,
    operation: OperationKind,
    flags: u8,
    length: u32,
    revision: u64,
) -> [u8; RESULT_HEADER_BYTES] {
    let mut header = [0; RESULT_HEADER_BYTES];
    patch_u16(&mut header, 0, code as u16);
    (header[2], header[3]) = (operation as u8, flags);
    patch_u32(&mut header, 4, length);
    patch_u64(&mut header, 8, revision);
    header
}

/// What stands before the pairs of a range or a deleteRange.
pub(crate) fn counts(count: u64, pairs: u32) -> [u8; COUNTS_BYTES] {
    let mut numbers = [0; COUNTS_BYTES];
    patch_u64(&mut numbers, 0, count);
    patch_u32(&mut numbers, 8, pairs);
    numbers
}

/// Fills in the count of the range's or deleteRange's body that begins at `at`.
pub fn patch_count(results: &mut [u8], at: usize, count: u64) {
    patch_u64(results, at, count);
}

/// Appends the body of an error, in a result or a response: `[u64 detail][UTF-8 text]`.
pub fn encode_error(out: &mut Vec<u8>, detail: u64, text: &str) {
    out.extend_from_slice(&detail.to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// Reads the body of an error: (detail, text).
pub fn parse_error(body: &[u8]) -> Parsed<(u64, &str)> {
    let mut reader = Reader::new(body);
    let detail = reader.u64()?;
    let text = std::str::from_utf8(reader.rest()).map_err(|_| Malformed("an error's text is not UTF-8"))?;
    Ok((detail, text))
}

/// Appends the body of a WRITE response whose operations were all plain puts: `[u64 first revision][u32 count]`.
pub fn encode_plain(out: &mut Vec<u8>, first_revision: u64, count: u32) {
    out.extend_from_slice(&first_revision.to_le_bytes());
    out.extend_from_slice(&count.to_le_bytes());
}

/// Reads the body of a plain WRITE response: (first revision, count).
pub fn parse_plain(body: &[u8]) -> Parsed<(u64, u32)> {
    let mut reader = Reader::new(body);
    let plain = (reader.u64()?, reader.u32()?);
    reader.finish()?;
    Ok(plain)
}

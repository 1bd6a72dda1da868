//! Compares of a transaction. Parsed so that what reaches the state machine has a known target, result and operand size.
//!
//! ```text
//! [u8 result][u8 target][u16 0][u32 keyLen][u32 endLen][u32 operandLen][key][end][operand]
//! ```

use std::cmp::Ordering;

use crate::reader::{length_u32, u32_at, Malformed, Parsed, Reader};
use crate::selection::Selection;
use crate::{CompareResult, CompareTarget};

/// What is compared, with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand<'a> {
    /// Version of the key; 0 if it does not exist.
    Version(u64),
    /// Its create revision.
    Create(u64),
    /// Its mod revision.
    Modified(u64),
    /// Its value; never holds for a key that does not exist.
    Value(&'a [u8]),
    /// Its lease.
    Lease(u64),
}

/// One condition, on one key or on every key of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compare<'a> {
    /// How what is found must compare.
    pub result: CompareResult,
    /// What is compared, with what.
    pub operand: Operand<'a>,
    /// First key.
    pub key: &'a [u8],
    /// As in etcd; see [`Selection`].
    pub end: &'a [u8],
}

impl<'a> Compare<'a> {
    /// Which keys.
    #[must_use]
    pub fn selection(&self) -> Selection<'a> {
        Selection::new(self.key, self.end)
    }

    /// Whether `found` compared to the operand is what the condition asks for.
    #[must_use]
    pub const fn accepts(&self, found: Ordering) -> bool {
        match self.result {
            CompareResult::Equal => found.is_eq(),
            CompareResult::Greater => found.is_gt(),
            CompareResult::Less => found.is_lt(),
            CompareResult::NotEqual => found.is_ne(),
        }
    }

    /// Appends the compare.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let (target, number) = match self.operand {
            Operand::Version(number) => (CompareTarget::Version, number),
            Operand::Create(number) => (CompareTarget::Create, number),
            Operand::Modified(number) => (CompareTarget::Mod, number),
            Operand::Lease(number) => (CompareTarget::Lease, number),
            Operand::Value(_) => (CompareTarget::Value, 0),
        };
        let number = number.to_le_bytes();
        let operand = if let Operand::Value(value) = self.operand {
            value
        } else {
            &number
        };
        out.extend_from_slice(&[self.result as u8, target as u8, 0, 0]);
        for part in [self.key, self.end, operand] {
            out.extend_from_slice(&length_u32(part.len()).to_le_bytes());
        }
        for part in [self.key, self.end, operand] {
            out.extend_from_slice(part);
        }
    }
}

/// Walks compares; stops after the first malformed one, and reports bytes left over as malformed.
#[derive(Clone, Debug)]
pub struct Compares<'a> {
    reader: Reader<'a>,
    left: u16,
    failed: bool,
}

impl<'a> Compares<'a> {
    pub(crate) const fn new(bytes: &'a [u8], count: u16) -> Self {
        Self {
            reader: Reader::new(bytes),
            left: count,
            failed: false,
        }
    }

    fn read(&mut self) -> Parsed<Compare<'a>> {
        let header = self.reader.array::<16>()?;
        let result = CompareResult::try_from(header[0])?;
        let key = self.reader.bytes(u32_at(header, 4) as usize)?;
        let end = self.reader.bytes(u32_at(header, 8) as usize)?;
        let bytes = self.reader.bytes(u32_at(header, 12) as usize)?;
        let number = || {
            <[u8; 8]>::try_from(bytes)
                .map(u64::from_le_bytes)
                .map_err(|_| Malformed("a compare's number needs 8 bytes"))
        };
        let operand = match CompareTarget::try_from(header[1])? {
            CompareTarget::Version => Operand::Version(number()?),
            CompareTarget::Create => Operand::Create(number()?),
            CompareTarget::Mod => Operand::Modified(number()?),
            CompareTarget::Value => Operand::Value(bytes),
            CompareTarget::Lease => Operand::Lease(number()?),
        };
        Ok(Compare {
            result,
            operand,
            key,
            end,
        })
    }
}

impl<'a> Iterator for Compares<'a> {
    type Item = Parsed<Compare<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 || self.failed {
            if self.failed || self.reader.is_empty() {
                return None;
            }
            self.failed = true;
            return Some(Err(Malformed("bytes follow the last compare")));
        }
        self.left -= 1;
        let parsed = self.read();
        self.failed = parsed.is_err();
        Some(parsed)
    }
}

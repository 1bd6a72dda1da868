//! The keys that a transaction may write, to refuse one that could write a key twice in one revision.
//! A key may stand in both branches of a transaction, since only one of them runs. Knows no store.

use std::collections::BTreeSet;
use std::ops::Bound;

use crate::operations::{Operation, Operations, Txn};
use crate::refusal::Refusal;
use crate::selection::Selection;
use crate::Code;

/// What a run of operations may write.
#[derive(Debug, Default)]
pub(crate) struct WrittenKeys<'a> {
    puts: BTreeSet<&'a [u8]>,
    deletes: Vec<Selection<'a>>,
}

impl<'a> WrittenKeys<'a> {
    /// Of a transaction whose structure has been checked. `DUPLICATE_KEY` if one of its executions could put a key
    /// twice, or put and delete it. Deleting twice is fine: the second finds nothing.
    pub(crate) fn of_txn(txn: &Txn<'a>) -> Result<Self, Refusal> {
        let mut then = Self::of_branch(txn.branch(true))?;
        let mut otherwise = Self::of_branch(txn.branch(false))?;
        then.puts.append(&mut otherwise.puts);
        then.deletes.append(&mut otherwise.deletes);
        Ok(then)
    }

    fn of_branch(operations: Operations<'a>) -> Result<Self, Refusal> {
        let mut writes = Self::default();
        for operation in operations {
            match operation? {
                Operation::Put(put) => writes.add_put(put.key)?,
                Operation::DeleteRange(delete) => writes.add_delete(delete.selection())?,
                Operation::Txn(nested) => writes.add_nested(Self::of_txn(&nested)?)?,
                Operation::Range(_) | Operation::Compact { .. } | Operation::RaiseRevision { .. } => {}
            }
        }
        Ok(writes)
    }

    fn add_put(&mut self, key: &'a [u8]) -> Result<(), Refusal> {
        if self.deletes.iter().any(|delete| delete.contains(key)) || !self.puts.insert(key) {
            return Err(duplicate(key));
        }
        Ok(())
    }

    fn add_delete(&mut self, delete: Selection<'a>) -> Result<(), Refusal> {
        if let Some(key) = self.first_put_in(&delete) {
            return Err(duplicate(key));
        }
        self.deletes.push(delete);
        Ok(())
    }

    fn add_nested(&mut self, nested: Self) -> Result<(), Refusal> {
        // What the nested one deletes is added last: its own branches may put and delete the same key.
        for delete in &nested.deletes {
            if let Some(key) = self.first_put_in(delete) {
                return Err(duplicate(key));
            }
        }
        for key in nested.puts {
            self.add_put(key)?;
        }
        self.deletes.extend(nested.deletes);
        Ok(())
    }

    fn first_put_in(&self, selection: &Selection<'_>) -> Option<&'a [u8]> {
        match *selection {
            Selection::One(key) => self.puts.get(key).copied(),
            Selection::Span { end: Some(end), start } if end <= start => None,
            Selection::Span { start, end } => {
                let upper = end.map_or(Bound::Unbounded, Bound::Excluded);
                self.puts
                    .range::<[u8], _>((Bound::Included(start), upper))
                    .next()
                    .copied()
            }
        }
    }
}

fn duplicate(key: &[u8]) -> Refusal {
    let key = String::from_utf8_lossy(&key[..key.len().min(64)]).into_owned();
    (
        Code::DuplicateKey,
        format!("a branch of the transaction writes the key '{key}' twice: write it once"),
    )
}

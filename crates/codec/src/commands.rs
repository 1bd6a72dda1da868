//! Commands of the Raft core as they lie in the exchange's array of doubles, read one by one: FORMATS.md "The exchange" has the
//! table of their fields. Knows no group and carries out nothing.

use crate::kinds::{CommandKind, MessageKind, Role, SendAfter};
use crate::reader::{Malformed, Parsed};
use crate::Code;

/// One command, for one group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Command<'a> {
    /// Take the next chunk of proposals into the log.
    Accept {
        /// Index of its first entry.
        first: u64,
        /// Term of its entries.
        term: u64,
        /// How many they are.
        count: u64,
    },
    /// Write a new leader's first entry.
    Noop {
        /// Its index.
        index: u64,
        /// Its term.
        term: u64,
    },
    /// Write a received payload into the log, cutting the log first where it reaches further.
    Append {
        /// The payload.
        handle: u64,
        /// Index of the first entry that is written.
        first: u64,
        /// Entries of the payload before it.
        skip: u64,
        /// Terms of those that are written.
        runs: TermRuns<'a>,
    },
    /// A received payload is not wanted.
    Drop {
        /// The payload.
        handle: u64,
    },
    /// Write what a member must not forget.
    Persist {
        /// The term.
        term: u64,
        /// For whom this member voted in it; 0: nobody.
        vote: u64,
        /// What is known to be committed.
        commit: u64,
    },
    /// Send a Raft message.
    Send(SendCommand),
    /// Entries are committed.
    Commit {
        /// The last of them.
        index: u64,
    },
    /// Reads are confirmed.
    ServeReads {
        /// Those up to this number.
        sequence: u64,
        /// Once this entry is applied.
        index: u64,
    },
    /// Reads may be served without asking anyone.
    Lease {
        /// Until this moment, ms of the exchange's clock; 0: not at all.
        until: f64,
    },
    /// What this member now is.
    Role {
        /// Its role.
        role: Role,
        /// The term.
        term: u64,
        /// Who leads; 0: nobody that is known.
        leader: u64,
    },
    /// Everything that waits and is not in the log fails.
    Fail {
        /// With this code.
        code: Code,
    },
    /// Send a snapshot.
    SnapshotSend {
        /// To whom.
        peer: u64,
    },
    /// Entries may be forgotten.
    Cut {
        /// The last of them.
        index: u64,
    },
    /// The log begins anew after a snapshot.
    Restore {
        /// Index of the last entry in it.
        index: u64,
        /// Its term.
        term: u64,
    },
    /// The group is whole again.
    Recovered,
    /// Leadership does not go to a member by the transfer that was asked for.
    TransferOver {
        /// The member.
        peer: u64,
        /// Why.
        code: Code,
    },
    /// These are the group's members from now on.
    Roster {
        /// All of them.
        members: RosterMembers<'a>,
    },
    /// Write the entry of a configuration.
    Configure {
        /// Whose change it begins; 0: it ends one, or nobody is known to have asked.
        asker: u64,
        /// Its index.
        index: u64,
        /// Its term.
        term: u64,
        /// Who has which part in it.
        parts: MemberParts<'a>,
    },
    /// What became of a change of the members.
    ChangeOver {
        /// The number that it was asked for by.
        asker: u64,
        /// OK, or why it was not made.
        code: Code,
    },
}

/// The fields of SEND.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendCommand {
    /// To whom.
    pub to: u64,
    /// What the message is.
    pub kind: MessageKind,
    /// The sender's term.
    pub term: u64,
    /// When it is sent.
    pub after: SendAfter,
    /// a to f; their meaning depends on the kind.
    pub fields: [u64; 6],
    /// Index of the first entry that goes along.
    pub first: u64,
    /// Index after the last one; `first` or less: none.
    pub end: u64,
}

/// Consecutive entries of one term, several times: (term, count) one after another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TermRuns<'a>(&'a [f64]);

impl TermRuns<'_> {
    /// (term, count) of each, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.0.chunks_exact(2).map(|run| (whole(run[0]), whole(run[1])))
    }
}

/// Members and whether they vote: (id, 1 if it does, else 0) one after another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RosterMembers<'a>(&'a [f64]);

impl RosterMembers<'_> {
    /// (id, whether it votes) of each, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, bool)> + '_ {
        self.0
            .chunks_exact(2)
            .map(|member| (whole(member[0]), whole(member[1]) != 0))
    }
}

/// Members and their parts in a configuration: (id, part) one after another; FORMATS.md says what a part is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MemberParts<'a>(&'a [f64]);

impl MemberParts<'_> {
    /// (id, part) of each, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.0
            .chunks_exact(2)
            .map(|member| (whole(member[0]), whole(member[1])))
    }
}

/// A number of the core, which sends whole ones below 2^53.
#[inline]
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "what is no whole number below 2^53 is cut down to one"
)]
const fn whole(number: f64) -> u64 {
    number as u64
}

/// Walks the commands of an array, each with the group that it is for; stops after the first malformed one, behind which nothing
/// can be told apart.
#[derive(Clone, Debug)]
pub struct Commands<'a> {
    rest: &'a [f64],
}

impl<'a> Commands<'a> {
    /// The commands that fill `doubles`.
    #[must_use]
    pub const fn new(doubles: &'a [f64]) -> Self {
        Self { rest: doubles }
    }

    /// The next `N` numbers.
    #[inline]
    fn numbers<const N: usize>(&mut self) -> Parsed<[u64; N]> {
        let (head, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or(Malformed("a command is cut short"))?;
        self.rest = rest;
        Ok(head.map(whole))
    }

    fn number(&mut self) -> Parsed<u64> {
        let [number] = self.numbers()?;
        Ok(number)
    }

    /// The next number as a kind.
    fn kind<N: TryFrom<u64>, T: TryFrom<N, Error = Malformed>>(&mut self) -> Parsed<T> {
        T::try_from(small(self.number()?)?)
    }

    fn code(&mut self) -> Parsed<Code> {
        Code::from_number(small(self.number()?)?).ok_or(Malformed("a command has an unknown code"))
    }

    fn float(&mut self) -> Parsed<f64> {
        let (first, rest) = self.rest.split_first().ok_or(Malformed("a command is cut short"))?;
        self.rest = rest;
        Ok(*first)
    }

    /// As many pairs of numbers as the next number says.
    fn pairs(&mut self) -> Parsed<&'a [f64]> {
        let count = self.number()?;
        let doubles = usize::try_from(count).ok().and_then(|count| count.checked_mul(2));
        let (pairs, rest) = doubles
            .and_then(|doubles| self.rest.split_at_checked(doubles))
            .ok_or(Malformed("a command has fewer pairs of numbers than announced"))?;
        self.rest = rest;
        Ok(pairs)
    }

    fn send(&mut self) -> Parsed<SendCommand> {
        let to = self.number()?;
        let kind = self.kind::<u8, _>()?;
        let term = self.number()?;
        let after = self.kind::<u8, _>()?;
        let fields = self.numbers()?;
        let [first, end] = self.numbers()?;
        Ok(SendCommand {
            to,
            kind,
            term,
            after,
            fields,
            first,
            end,
        })
    }

    fn command(&mut self) -> Parsed<(u16, Command<'a>)> {
        let kind = self.kind::<u16, _>()?;
        let group = small(self.number()?)?;
        Ok((group, self.fields(kind)?))
    }

    fn fields(&mut self, kind: CommandKind) -> Parsed<Command<'a>> {
        Ok(match kind {
            CommandKind::Accept => {
                let [first, term, count] = self.numbers()?;
                Command::Accept { first, term, count }
            }
            CommandKind::Noop => {
                let [index, term] = self.numbers()?;
                Command::Noop { index, term }
            }
            CommandKind::Append => {
                let [handle, first, skip] = self.numbers()?;
                let runs = TermRuns(self.pairs()?);
                Command::Append {
                    handle,
                    first,
                    skip,
                    runs,
                }
            }
            CommandKind::Drop => Command::Drop { handle: self.number()? },
            CommandKind::Persist => {
                let [term, vote, commit] = self.numbers()?;
                Command::Persist { term, vote, commit }
            }
            CommandKind::Send => Command::Send(self.send()?),
            CommandKind::Commit => Command::Commit { index: self.number()? },
            CommandKind::ServeReads => {
                let [sequence, index] = self.numbers()?;
                Command::ServeReads { sequence, index }
            }
            CommandKind::Lease => Command::Lease { until: self.float()? },
            CommandKind::Role => {
                let role = self.kind::<u8, _>()?;
                let [term, leader] = self.numbers()?;
                Command::Role { role, term, leader }
            }
            CommandKind::Fail => Command::Fail { code: self.code()? },
            CommandKind::SnapshotSend => Command::SnapshotSend { peer: self.number()? },
            CommandKind::Cut => Command::Cut { index: self.number()? },
            CommandKind::Restore => {
                let [index, term] = self.numbers()?;
                Command::Restore { index, term }
            }
            CommandKind::Recovered => Command::Recovered,
            CommandKind::TransferOver => {
                let (peer, code) = (self.number()?, self.code()?);
                Command::TransferOver { peer, code }
            }
            CommandKind::Roster => Command::Roster {
                members: RosterMembers(self.pairs()?),
            },
            CommandKind::Configure => {
                let [asker, index, term] = self.numbers()?;
                let parts = MemberParts(self.pairs()?);
                Command::Configure {
                    asker,
                    index,
                    term,
                    parts,
                }
            }
            CommandKind::ChangeOver => {
                let (asker, code) = (self.number()?, self.code()?);
                Command::ChangeOver { asker, code }
            }
        })
    }
}

/// A number that must fit a smaller one.
fn small<N: TryFrom<u64>>(number: u64) -> Parsed<N> {
    N::try_from(number).map_err(|_| Malformed("a command has a number that is too large"))
}

impl<'a> Iterator for Commands<'a> {
    type Item = Parsed<(u16, Command<'a>)>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let command = self.command();
        if command.is_err() {
            self.rest = &[];
        }
        Some(command)
    }
}

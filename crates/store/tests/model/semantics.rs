//! etcd's semantics, naively: the whole map after every revision, and the list of changes. Slow and obvious on purpose.

use std::collections::BTreeMap;

use rafterdb_codec::Code;

pub type Bytes = Vec<u8>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kv {
    pub key: Bytes,
    pub value: Bytes,
    pub create: u64,
    pub modified: u64,
    pub version: u64,
    pub lease: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct PutOp {
    pub key: Bytes,
    pub value: Bytes,
    pub lease: u64,
    pub previous: bool,
    pub ignore_value: bool,
    pub ignore_lease: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct RangeOp {
    pub key: Bytes,
    pub end: Bytes,
    pub limit: u64,
    pub revision: u64,
    pub keys_only: bool,
    pub count_only: bool,
    pub reverse: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    Equal,
    Greater,
    Less,
    NotEqual,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Version(u64),
    Create(u64),
    Modified(u64),
    Lease(u64),
    Value(Bytes),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompareOp {
    pub key: Bytes,
    pub end: Bytes,
    pub relation: Relation,
    pub target: Target,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxnOp {
    pub compares: Vec<CompareOp>,
    pub then: Vec<Op>,
    pub otherwise: Vec<Op>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    Put(PutOp),
    Delete { key: Bytes, end: Bytes, previous: bool },
    Range(RangeOp),
    Txn(TxnOp),
    Compact(u64),
    Raise(u64),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Put {
        revision: u64,
        previous: Option<Kv>,
    },
    Delete {
        revision: u64,
        deleted: u64,
        pairs: Vec<Kv>,
    },
    Range {
        revision: u64,
        count: u64,
        pairs: Vec<Kv>,
        more: bool,
    },
    Txn {
        revision: u64,
        succeeded: bool,
        results: Vec<Outcome>,
    },
    Compact {
        revision: u64,
    },
    Raise {
        revision: u64,
    },
    Error(Code),
}

/// A change: the pair after it (`None`: deleted) and before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub revision: u64,
    pub key: Bytes,
    pub after: Option<Kv>,
    pub before: Option<Kv>,
}

type Map = BTreeMap<Bytes, Kv>;

#[derive(Clone, Debug)]
pub struct Semantics {
    /// The map after each revision that changed something; the first is revision 1's.
    maps: BTreeMap<u64, Map>,
    revision: u64,
    pub events: Vec<Event>,
    pub compacted: u64,
}

impl Default for Semantics {
    fn default() -> Self {
        Self {
            maps: [(1, Map::new())].into(),
            revision: 1,
            events: Vec::new(),
            compacted: 0,
        }
    }
}

pub fn selects(key: &[u8], end: &[u8], candidate: &[u8]) -> bool {
    match end {
        [] => candidate == key,
        [0] => candidate >= key,
        _ => candidate >= key && candidate < end,
    }
}

impl Semantics {
    pub fn revision(&self) -> u64 {
        self.revision
    }

    pub fn map(&self, revision: u64) -> &Map {
        self.maps.range(..=revision).next_back().unwrap().1
    }

    /// An operation of a batch.
    pub fn apply(&mut self, op: &Op) -> Outcome {
        let current = self.revision();
        match op {
            Op::Compact(revision) if *revision <= self.compacted => Outcome::Error(Code::Compacted),
            Op::Compact(revision) if *revision > current => Outcome::Error(Code::FutureRevision),
            Op::Compact(revision) => {
                self.compacted = *revision;
                Outcome::Compact { revision: current }
            }
            Op::Raise(revision) if *revision > 1 << 52 => Outcome::Error(Code::InvalidArgument),
            Op::Raise(revision) => {
                self.revision = current.max(*revision);
                Outcome::Raise {
                    revision: self.revision,
                }
            }
            Op::Txn(txn) => self.apply_txn(txn),
            Op::Put(put) if self.lacks_key(put) => Outcome::Error(Code::KeyNotFound),
            _ => {
                let (mut map, mut events) = (self.map(current).clone(), Vec::new());
                let outcome = self.run(op, &mut map, &mut events, &mut Vec::new().into_iter());
                self.commit(map, events);
                outcome
            }
        }
    }

    pub fn range(&self, range: &RangeOp) -> Outcome {
        self.range_in(range, self.map(self.revision()), self.revision())
    }

    fn lacks_key(&self, put: &PutOp) -> bool {
        (put.ignore_value || put.ignore_lease) && !self.map(self.revision()).contains_key(&put.key)
    }

    fn commit(&mut self, map: Map, events: Vec<Event>) {
        if !events.is_empty() {
            self.revision += 1;
            self.maps.insert(self.revision, map);
            self.events.extend(events);
        }
    }

    fn apply_txn(&mut self, txn: &TxnOp) -> Outcome {
        if executions(&txn.then)
            .iter()
            .chain(&executions(&txn.otherwise))
            .any(|writes| writes_twice(writes))
        {
            return Outcome::Error(Code::DuplicateKey);
        }
        let mut decisions = Vec::new();
        self.decide(txn, &mut decisions);
        let mut chosen = Vec::new();
        choose(txn, &mut decisions.clone().into_iter(), &mut chosen);
        for op in chosen {
            match op {
                Op::Put(put) if self.lacks_key(put) => return Outcome::Error(Code::KeyNotFound),
                Op::Range(range) if range.revision > self.revision() => return Outcome::Error(Code::FutureRevision),
                Op::Range(range) if range.revision != 0 && range.revision < self.compacted => {
                    return Outcome::Error(Code::Compacted)
                }
                _ => {}
            }
        }
        let (mut map, mut events) = (self.map(self.revision()).clone(), Vec::new());
        let outcome = self.run(&Op::Txn(txn.clone()), &mut map, &mut events, &mut decisions.into_iter());
        self.commit(map, events);
        outcome
    }

    fn decide(&self, txn: &TxnOp, decisions: &mut Vec<bool>) {
        let succeeded = txn.compares.iter().all(|compare| self.holds(compare));
        decisions.push(succeeded);
        for op in if succeeded { &txn.then } else { &txn.otherwise } {
            if let Op::Txn(nested) = op {
                self.decide(nested, decisions);
            }
        }
    }

    fn holds(&self, compare: &CompareOp) -> bool {
        let map = self.map(self.revision());
        let found: Vec<&Kv> = map
            .values()
            .filter(|kv| selects(&compare.key, &compare.end, &kv.key))
            .collect();
        if found.is_empty() {
            return match compare.target {
                Target::Value(_) => false,
                Target::Version(n) | Target::Create(n) | Target::Modified(n) | Target::Lease(n) => {
                    relates(&0, compare.relation, &n)
                }
            };
        }
        found.iter().all(|kv| match &compare.target {
            Target::Version(n) => relates(&kv.version, compare.relation, n),
            Target::Create(n) => relates(&kv.create, compare.relation, n),
            Target::Modified(n) => relates(&kv.modified, compare.relation, n),
            Target::Lease(n) => relates(&kv.lease, compare.relation, n),
            Target::Value(value) => relates(&kv.value, compare.relation, value),
        })
    }

    /// Runs an operation that has been checked, on a map that becomes the next revision's if it changes.
    fn run(
        &self,
        op: &Op,
        map: &mut Map,
        events: &mut Vec<Event>,
        decisions: &mut std::vec::IntoIter<bool>,
    ) -> Outcome {
        let next = self.revision() + 1;
        match op {
            Op::Put(put) => {
                let before = map.get(&put.key).cloned();
                let kept = |from: fn(&Kv) -> Bytes| before.as_ref().map(from).unwrap_or_default();
                let kv = Kv {
                    key: put.key.clone(),
                    value: if put.ignore_value {
                        kept(|kv| kv.value.clone())
                    } else {
                        put.value.clone()
                    },
                    create: before.as_ref().map_or(next, |kv| kv.create),
                    modified: next,
                    version: before.as_ref().map_or(1, |kv| kv.version + 1),
                    lease: if put.ignore_lease {
                        before.as_ref().map_or(0, |kv| kv.lease)
                    } else {
                        put.lease
                    },
                };
                map.insert(put.key.clone(), kv.clone());
                events.push(Event {
                    revision: next,
                    key: put.key.clone(),
                    after: Some(kv),
                    before: before.clone(),
                });
                Outcome::Put {
                    revision: next,
                    previous: before.filter(|_| put.previous),
                }
            }
            Op::Delete { key, end, previous } => {
                let gone: Vec<Kv> = map.values().filter(|kv| selects(key, end, &kv.key)).cloned().collect();
                for kv in &gone {
                    map.remove(&kv.key);
                    events.push(Event {
                        revision: next,
                        key: kv.key.clone(),
                        after: None,
                        before: Some(kv.clone()),
                    });
                }
                let revision = if events.is_empty() { next - 1 } else { next };
                let deleted = gone.len() as u64;
                Outcome::Delete {
                    revision,
                    deleted,
                    pairs: if *previous { gone } else { Vec::new() },
                }
            }
            Op::Range(range) => self.range_in(range, map, if events.is_empty() { next - 1 } else { next }),
            Op::Txn(txn) => {
                let succeeded = decisions.next().unwrap();
                let branch = if succeeded { &txn.then } else { &txn.otherwise };
                let results = branch.iter().map(|op| self.run(op, map, events, decisions)).collect();
                Outcome::Txn {
                    revision: if events.is_empty() { next - 1 } else { next },
                    succeeded,
                    results,
                }
            }
            Op::Compact(_) | Op::Raise(_) => unreachable!("a transaction does not compact, nor raise"),
        }
    }

    fn range_in(&self, range: &RangeOp, map: &Map, current: u64) -> Outcome {
        if range.revision > self.revision() {
            return Outcome::Error(Code::FutureRevision);
        }
        if range.revision != 0 && range.revision < self.compacted {
            return Outcome::Error(Code::Compacted);
        }
        let (map, revision) = if range.revision == 0 {
            (map, current)
        } else {
            (self.map(range.revision), range.revision)
        };
        let mut pairs: Vec<Kv> = map
            .values()
            .filter(|kv| selects(&range.key, &range.end, &kv.key))
            .cloned()
            .collect();
        let count = pairs.len() as u64;
        if range.reverse {
            pairs.reverse();
        }
        if range.count_only {
            return Outcome::Range {
                revision,
                count,
                pairs: Vec::new(),
                more: false,
            };
        }
        if range.limit > 0 {
            pairs.truncate(range.limit as usize);
        }
        if range.keys_only {
            pairs.iter_mut().for_each(|kv| kv.value.clear());
        }
        let more = (pairs.len() as u64) < count;
        Outcome::Range {
            revision,
            count,
            pairs,
            more,
        }
    }
}

fn relates<T: Ord>(found: &T, relation: Relation, asked: &T) -> bool {
    match relation {
        Relation::Equal => found == asked,
        Relation::Greater => found > asked,
        Relation::Less => found < asked,
        Relation::NotEqual => found != asked,
    }
}

/// The operations that run, in order, given the decisions.
fn choose<'a>(txn: &'a TxnOp, decisions: &mut std::vec::IntoIter<bool>, chosen: &mut Vec<&'a Op>) {
    let branch = if decisions.next().unwrap() {
        &txn.then
    } else {
        &txn.otherwise
    };
    for op in branch {
        match op {
            Op::Txn(nested) => choose(nested, decisions, chosen),
            _ => chosen.push(op),
        }
    }
}

/// Every way in which a branch could run: the writes of each.
fn executions(branch: &[Op]) -> Vec<Vec<&Op>> {
    let mut ways: Vec<Vec<&Op>> = vec![Vec::new()];
    for op in branch {
        match op {
            Op::Put(_) | Op::Delete { .. } => ways.iter_mut().for_each(|way| way.push(op)),
            Op::Txn(nested) => {
                let tails: Vec<Vec<&Op>> = executions(&nested.then)
                    .into_iter()
                    .chain(executions(&nested.otherwise))
                    .collect();
                ways = ways
                    .iter()
                    .flat_map(|way| tails.iter().map(|tail| [&way[..], tail].concat()))
                    .collect();
            }
            Op::Range(_) | Op::Compact(_) | Op::Raise(_) => {}
        }
    }
    ways
}

fn writes_twice(writes: &[&Op]) -> bool {
    writes.iter().enumerate().any(|(place, op)| {
        let Op::Put(put) = op else { return false };
        writes.iter().enumerate().any(|(other, op)| match op {
            Op::Put(second) => other != place && second.key == put.key,
            Op::Delete { key, end, .. } => selects(key, end, &put.key),
            _ => false,
        })
    })
}

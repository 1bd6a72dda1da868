//! How the store of a group is opened, and what it tells while it lives. Knows nothing of what is in it.

use std::sync::Arc;

use rafterdb_store::engine::MarkedState;
use rafterdb_store::{Engine, EngineOptions, LsmEngine, Machine, SharedCache};

use crate::ground::error::PlaneError;
use crate::ground::failure::Failure;
use crate::state::core_inbox::CoreInbox;
use crate::state::group::{Group, Home, StoreMachine};

/// Share of a member's memory that goes to the block cache which all groups share.
const SHARED_CACHE_SHARE: u64 = 8;

/// Called by a thread of the store, which must not wait for another flush.
pub type OnFlushed = Arc<dyn Fn(u16) + Send + Sync>;

/// What all groups' stores have in common.
pub struct Stores {
    /// Block cache of all groups.
    cache: SharedCache,
    /// Memory of each.
    memory_bytes: u64,
    /// Who is told what they flush.
    inbox: Arc<CoreInbox>,
    /// Called with the number of a group that has flushed: another flush may have been asked for meanwhile.
    on_flushed: OnFlushed,
    /// What ends the member if one of them fails.
    failure: Arc<Failure>,
}

impl Stores {
    /// Stores of so many groups in so much memory.
    #[must_use]
    pub fn new(memory: u64, groups: u16, inbox: Arc<CoreInbox>, on_flushed: OnFlushed, failure: Arc<Failure>) -> Self {
        Self {
            cache: SharedCache::new(memory / SHARED_CACHE_SHARE),
            memory_bytes: (memory - memory / SHARED_CACHE_SHARE) / u64::from(groups),
            inbox,
            on_flushed,
            failure,
        }
    }

    /// How each is opened.
    #[must_use]
    pub fn options(&self) -> EngineOptions {
        EngineOptions {
            memory_bytes: self.memory_bytes,
            cache: Some(self.cache.clone()),
            ..EngineOptions::default()
        }
    }

    /// Opens the store at a group's home.
    pub fn open(&self, home: &Home) -> Result<StoreMachine, PlaneError> {
        let (engine, recovered) = LsmEngine::open(&home.dir, self.options())?;
        Ok(Machine::new(engine, recovered, home.delivery.clone())?)
    }

    /// The machine over a store that was opened beside a group's.
    pub fn machine_of(
        engine: LsmEngine,
        marked: Option<MarkedState>,
        home: &Home,
    ) -> Result<Arc<StoreMachine>, PlaneError> {
        Ok(Arc::new(Machine::new(engine, marked, home.delivery.clone())?))
    }

    /// Connects a group's store to its member: what it flushes is told to the core, and what ends its writes ends the member,
    /// also while nobody writes.
    pub fn observe(&self, group: &Group) {
        let machine = group.machine();
        let (inbox, on_flushed, id) = (self.inbox.clone(), self.on_flushed.clone(), group.id);
        machine.engine().on_persisted(Box::new(move |mark| {
            inbox.record(id, |facts| facts.persisted = Some(mark.index));
            on_flushed(id);
        }));
        let failure = self.failure.clone();
        machine
            .engine()
            .on_failed(Box::new(move |error| failure.fail(error.clone().into())));
        let persisted = machine.engine().persisted().index;
        if persisted > 0 {
            self.inbox.record(id, |facts| facts.persisted = Some(persisted));
        }
    }
}

//! A state that no entry made: that of a cluster which begins anew with one of its members, as the majority of its voters is lost. All that
//! the member has is committed from then on. Knows no files, and not who may do so.

use std::sync::Arc;

use rafterdb_codec::store::digest::configuration_digest;
use rafterdb_codec::store::machine_state::{FormerCluster, FORMER_CLUSTERS_MAX};
use rafterdb_codec::{Configuration, ConfigurationEntry};

use super::Machine;
use crate::engine::MarkedState;
use crate::Engine;

/// With what a cluster begins anew.
#[derive(Clone, Debug)]
pub struct Anew {
    /// Its identity from then on; 0 in a group that keeps none.
    pub cluster: u64,
    /// The identity that it had.
    pub former: u64,
    /// A term that nobody has been in.
    pub term: u64,
    /// The revision is at least this one.
    pub raised: u64,
    /// Who the members are: one.
    pub configuration: Configuration,
}

impl<E: Engine> Machine<E> {
    /// The state that the store is closed with, as if one more entry had been applied, that says all this. The log begins after it, so
    /// whoever joins is sent the state, and none of the entries before it. Nothing of the machine is used after that but the engine's end.
    pub fn begun_anew(&self, anew: &Anew) -> MarkedState {
        let mut writer = self.writer.lock();
        let state = &mut writer.state;
        let index = state.mark.index + 1;
        state.mark.index = index;
        state.mark.term = anew.term;
        state.mark.revision = state.mark.revision.max(anew.raised);
        state.cluster = anew.cluster;
        let first = (state.former.len() + 1).saturating_sub(FORMER_CLUSTERS_MAX);
        let former = FormerCluster {
            cluster: anew.former,
            index,
        };
        state.former = state.former[first..].iter().copied().chain([former]).collect();
        let entry = ConfigurationEntry {
            index,
            term: anew.term,
            configuration: anew.configuration.clone(),
        };
        state.configuration_digest = configuration_digest(index, anew.term, &entry.body());
        state.configuration = Some(Arc::new(entry));
        (state.mark, state.encode())
    }
}

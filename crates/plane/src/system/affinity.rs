//! On which CPUs a member's threads run, as its owner chose. Threads inherit that from whoever starts them: the thread that opens
//! the member is bound while it does, the Raft worker for good. Knows nothing of what the threads do.

use rafterdb_codec::Code;
use rafterdb_topology::{allowed_cpus, format_cpus, pin_current_thread, AffinityError, Pinned, Topology};
use serde::Deserialize;

use crate::ground::error::PlaneError;

/// What the owner chose.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum CpuAffinity {
    /// These CPUs.
    Cpus(Vec<u32>),
    /// The CPUs that are found to be good.
    Found(Found),
}

/// How CPUs are found.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Found {
    /// Those of the NUMA node with the most free memory; all, if only one node may be used.
    Numa,
}

/// The calling thread is bound as long as this value lives.
#[derive(Debug, Default)]
pub struct Bound {
    /// The CPUs; `None`: it is not bound.
    pub cpus: Option<Vec<u32>>,
    /// What was chosen, for people.
    pub note: Option<String>,
    /// Where it ran before.
    before: Vec<u32>,
}

/// Binds the calling thread. Errors: `INVALID_ARGUMENT` if the CPUs are not there for this process, `IO`.
pub fn bind(chosen: Option<&CpuAffinity>) -> Result<Bound, PlaneError> {
    let machine;
    let (cpus, why) = match chosen {
        None => return Ok(Bound::default()),
        Some(CpuAffinity::Cpus(cpus)) => (cpus.clone(), String::new()),
        Some(CpuAffinity::Found(Found::Numa)) => {
            machine = Topology::read();
            let Some((node, cpus)) = machine.roomiest_node() else {
                return Ok(Bound::to_nothing("there is only one NUMA node to run on"));
            };
            (cpus, format!(": NUMA node {}, with the most free memory", node.id))
        }
    };
    let before = allowed_cpus()?;
    Ok(match pin_current_thread(&cpus)? {
        Pinned::Yes => Bound {
            note: Some(format!("the member's threads run on CPUs {}{why}", format_cpus(&cpus))),
            cpus: Some(cpus),
            before,
        },
        Pinned::No(reason) => Bound::to_nothing(reason),
    })
}

impl Bound {
    fn to_nothing(reason: &str) -> Self {
        Self {
            note: Some(format!("cpuAffinity changes nothing: {reason}")),
            cpus: None,
            before: Vec::new(),
        }
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        if self.cpus.is_some() {
            // It was there before; if it cannot go back, a CPU has been taken away meanwhile, and it runs where it is.
            let _ = pin_current_thread(&self.before);
        }
    }
}

impl From<AffinityError> for PlaneError {
    fn from(error: AffinityError) -> Self {
        let code = match error {
            AffinityError::System(_) => Code::Io,
            _ => Code::InvalidArgument,
        };
        Self::new(code, format!("cpuAffinity: {error}"))
    }
}

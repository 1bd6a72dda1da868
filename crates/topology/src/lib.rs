//! What machine this is (NUMA nodes, caches, cores, and the CPUs this process may use), and the binding of threads to CPUs.
//! Knows nothing of who asks. Everything is read when it is asked for and nothing is kept.

mod affinity;
mod cpu_list;
mod files;
mod topology;

pub use affinity::{allowed_cpus, pin_current_thread, AffinityError, Pinned};
pub use cpu_list::{format_cpus, parse_cpus, CPU_MAX};
pub use topology::{Cache, CacheKind, Core, Node, Topology};

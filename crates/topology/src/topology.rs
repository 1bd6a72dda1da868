//! The machine, read from a tree of files like that of Linux. What is missing or malformed leaves a simpler machine, never an
//! error: CPUs of which nothing is known are cores of their own, in the first node.
//!
//! ```text
//! sys/devices/system/cpu/online                                   0-7
//! sys/devices/system/cpu/cpu0/topology/{core_cpus_list, physical_package_id}
//! sys/devices/system/cpu/cpu0/cache/index0/{level, type, size, coherency_line_size, shared_cpu_list}
//! sys/devices/system/node/online                                  0-1
//! sys/devices/system/node/node0/{cpulist, meminfo}
//! proc/meminfo                                                    where there are no nodes
//! ```

use std::collections::BTreeSet;
use std::path::Path;

use crate::affinity::process_cpus;
use crate::files;

/// Caches looked for at one CPU.
const CACHES_MAX: u32 = 16;

/// A NUMA node: CPUs and memory that are near each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its number.
    pub id: u32,
    /// Its online CPUs; none if it is memory alone.
    pub cpus: Vec<u32>,
    /// Bytes of its memory, if the system says.
    pub memory_total: Option<u64>,
    /// Bytes of it that were free when it was read.
    pub memory_free: Option<u64>,
}

/// What a cache holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CacheKind {
    /// Data.
    Data,
    /// Instructions.
    Instruction,
    /// Both.
    Unified,
}

/// A cache. The order of its fields is that of `Topology::caches`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cache {
    /// 1 is nearest to the core.
    pub level: u32,
    /// The online CPUs that share it.
    pub cpus: Vec<u32>,
    /// What it holds.
    pub kind: CacheKind,
    /// Bytes.
    pub size: u64,
    /// Bytes of a line, if the system says.
    pub line: Option<u32>,
}

/// A physical core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Core {
    /// Number of its socket, if the system says.
    pub package: Option<u32>,
    /// Its online CPUs: several where it runs several threads at once (SMT).
    pub cpus: Vec<u32>,
}

/// A machine. Every online CPU is in one node and in one core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topology {
    /// The online CPUs; at least one.
    pub cpus: Vec<u32>,
    /// Those of them on which this process may run.
    pub allowed: Vec<u32>,
    /// By number; at least one.
    pub nodes: Vec<Node>,
    /// By their first CPU.
    pub cores: Vec<Core>,
    /// By level, then by their CPUs. Empty where the system does not say.
    pub caches: Vec<Cache>,
}

impl Topology {
    /// This machine. On other systems than Linux: as many CPUs as this process may use
    /// (`std::thread::available_parallelism`), each a core, all in one node, of which nothing more is known: there are no files.
    #[must_use]
    pub fn read() -> Self {
        Self::read_from(Path::new("/"), &process_cpus())
    }

    /// A machine whose files are under `root`, for a process that may run on `allowed`, which stands in for what is online
    /// where the files do not say.
    #[must_use]
    pub fn read_from(root: &Path, allowed: &[u32]) -> Self {
        let online = files::cpus(&root.join("sys/devices/system/cpu/online")).filter(|cpus| !cpus.is_empty());
        let mut cpus = online.unwrap_or_else(|| allowed.to_vec());
        if cpus.is_empty() {
            cpus.push(0);
        }
        let online: BTreeSet<u32> = cpus.iter().copied().collect();
        let may_run: Vec<u32> = allowed.iter().copied().filter(|cpu| online.contains(cpu)).collect();
        Self {
            allowed: if may_run.is_empty() { cpus.clone() } else { may_run },
            nodes: nodes(root, &online),
            cores: cores(root, &online),
            caches: caches(root, &online),
            cpus,
        }
    }

    /// Of the nodes with CPUs on which this process may run, the one with the most free memory, and those CPUs. `None` if there
    /// is only one such node: then there is nothing to choose.
    #[must_use]
    pub fn roomiest_node(&self) -> Option<(&Node, Vec<u32>)> {
        let usable = |node: &Node| -> Vec<u32> {
            let cpus = node.cpus.iter().copied();
            cpus.filter(|cpu| self.allowed.contains(cpu)).collect()
        };
        let choices: Vec<_> = self.nodes.iter().map(|node| (node, usable(node))).collect();
        let choices = || choices.iter().filter(|(_, cpus)| !cpus.is_empty());
        if choices().count() < 2 {
            return None;
        }
        // Of equals the first.
        choices().rev().max_by_key(|(node, _)| node.memory_free).cloned()
    }
}

/// Takes from `left` those of `cpus` that are in it.
fn claim(left: &mut BTreeSet<u32>, cpus: &[u32]) -> Vec<u32> {
    cpus.iter().copied().filter(|cpu| left.remove(cpu)).collect()
}

fn nodes(root: &Path, online: &BTreeSet<u32>) -> Vec<Node> {
    let dir = root.join("sys/devices/system/node");
    let mut left = online.clone();
    let ids = files::cpus(&dir.join("online")).unwrap_or_default();
    let mut nodes: Vec<Node> = ids
        .into_iter()
        .map(|id| (id, dir.join(format!("node{id}"))))
        .filter(|(_, dir)| dir.is_dir())
        .map(|(id, dir)| Node {
            id,
            cpus: claim(&mut left, &files::cpus(&dir.join("cpulist")).unwrap_or_default()),
            memory_total: files::memory(&dir.join("meminfo"), "MemTotal:"),
            memory_free: files::memory(&dir.join("meminfo"), "MemFree:"),
        })
        .collect();
    if nodes.is_empty() {
        let meminfo = root.join("proc/meminfo");
        nodes.push(Node {
            id: 0,
            cpus: Vec::new(),
            memory_total: files::memory(&meminfo, "MemTotal:"),
            memory_free: files::memory(&meminfo, "MemFree:"),
        });
    }
    nodes[0].cpus.extend(left);
    nodes[0].cpus.sort_unstable();
    nodes
}

fn cores(root: &Path, online: &BTreeSet<u32>) -> Vec<Core> {
    let mut left = online.clone();
    let mut cores = Vec::new();
    while let Some(cpu) = left.pop_first() {
        let dir = root.join(format!("sys/devices/system/cpu/cpu{cpu}/topology"));
        // The second name is that of kernels before 5.3.
        let siblings =
            files::cpus(&dir.join("core_cpus_list")).or_else(|| files::cpus(&dir.join("thread_siblings_list")));
        let mut cpus = vec![cpu];
        cpus.extend(claim(&mut left, &siblings.unwrap_or_default()));
        cores.push(Core {
            package: files::number(&dir.join("physical_package_id")),
            cpus,
        });
    }
    cores
}

fn caches(root: &Path, online: &BTreeSet<u32>) -> Vec<Cache> {
    // A cache that CPUs share is found at each of them.
    let mut caches = BTreeSet::new();
    for cpu in online {
        let dir = root.join(format!("sys/devices/system/cpu/cpu{cpu}/cache"));
        for index in 0..CACHES_MAX {
            let dir = dir.join(format!("index{index}"));
            if !dir.is_dir() {
                break;
            }
            caches.extend(cache(&dir, *cpu, online));
        }
    }
    caches.into_iter().collect()
}

/// A cache of a CPU; `None` if its files do not say what it is.
fn cache(dir: &Path, cpu: u32, online: &BTreeSet<u32>) -> Option<Cache> {
    let kind = match files::text(&dir.join("type"))?.as_str() {
        "Data" => CacheKind::Data,
        "Instruction" => CacheKind::Instruction,
        "Unified" => CacheKind::Unified,
        _ => return None,
    };
    let mut cpus = files::cpus(&dir.join("shared_cpu_list")).unwrap_or_default();
    cpus.retain(|cpu| online.contains(cpu));
    if !cpus.contains(&cpu) {
        cpus = vec![cpu];
    }
    Some(Cache {
        level: files::number(&dir.join("level"))?,
        kind,
        size: files::size(&dir.join("size"))?,
        line: files::number(&dir.join("coherency_line_size")),
        cpus,
    })
}

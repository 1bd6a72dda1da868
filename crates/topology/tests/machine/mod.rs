//! Made-up machines: trees of files like those of Linux, in a temporary directory.

#![allow(clippy::unwrap_used, dead_code)] // A test fails by panicking; not every test uses every piece.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

pub struct Machine(TempDir);

impl Machine {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn root(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file below `sys/devices/system`, as the kernel does: with a newline.
    pub fn file(&self, path: &str, content: &str) -> &Self {
        self.write(&format!("sys/devices/system/{path}"), format!("{content}\n").as_bytes())
    }

    pub fn write(&self, path: &str, content: &[u8]) -> &Self {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    pub fn core(&self, package: u32, cpus: &[u32], list: &str) -> &Self {
        for cpu in cpus {
            self.file(&format!("cpu/cpu{cpu}/topology/core_cpus_list"), list);
            self.file(
                &format!("cpu/cpu{cpu}/topology/physical_package_id"),
                &package.to_string(),
            );
        }
        self
    }

    pub fn cache(&self, index: u32, cpus: &[u32], [level, kind, size, line, list]: [&str; 5]) -> &Self {
        for cpu in cpus {
            let dir = format!("cpu/cpu{cpu}/cache/index{index}");
            self.file(&format!("{dir}/level"), level)
                .file(&format!("{dir}/type"), kind)
                .file(&format!("{dir}/size"), size)
                .file(&format!("{dir}/coherency_line_size"), line)
                .file(&format!("{dir}/shared_cpu_list"), list);
        }
        self
    }

    pub fn node(&self, id: u32, list: &str, total: u64, free: u64) -> &Self {
        let meminfo = format!("\nNode {id} MemTotal:       {total} kB\nNode {id} MemFree:        {free} kB");
        self.file(&format!("node/node{id}/cpulist"), list)
            .file(&format!("node/node{id}/meminfo"), &meminfo)
    }
}

/// Two sockets of two cores with two threads each, a NUMA node each; CPU 7 is offline.
pub fn two_nodes() -> Machine {
    let machine = Machine::new();
    machine
        .file("cpu/online", "0-6")
        .core(0, &[0, 4], "0,4")
        .core(0, &[1, 5], "1,5")
        .core(1, &[2, 6], "2,6")
        .core(1, &[3], "3")
        .file("node/online", "0-1")
        .node(0, "0-1,4-5", 1000, 100)
        .node(1, "2-3,6", 2000, 300);
    for (cpus, list) in [(&[0, 4][..], "0,4"), (&[1, 5], "1,5"), (&[2, 6], "2,6"), (&[3], "3,7")] {
        machine
            .cache(0, cpus, ["1", "Data", "48K", "64", list])
            .cache(1, cpus, ["1", "Instruction", "32K", "64", list])
            .cache(2, cpus, ["2", "Unified", "2M", "64", list]);
    }
    machine
        .cache(3, &[0, 1, 4, 5], ["3", "Unified", "36864K", "64", "0-1,4-5"])
        .cache(3, &[2, 3, 6], ["3", "Unified", "36864K", "64", "2-3,6-7"]);
    machine
}

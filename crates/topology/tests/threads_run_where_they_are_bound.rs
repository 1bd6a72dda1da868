//! Goal: a thread that is bound to CPUs, and those that it starts, run there and nowhere else, and other threads are not
//! touched; CPUs that do not exist are refused by number, and nothing has changed then.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // A test fails by panicking.

use std::fs;
use std::thread;

use rafterdb_topology::{allowed_cpus, parse_cpus, pin_current_thread, AffinityError, Pinned, Topology};

/// Where the kernel says that the calling thread may run.
fn kernel_says() -> Vec<u32> {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("Cpus_allowed_list:"));
    parse_cpus(line.unwrap().trim_start_matches("Cpus_allowed_list:")).unwrap()
}

#[test]
fn a_bound_thread_and_its_threads_run_there() {
    let before = kernel_says();
    let cpu = *before.last().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            assert_eq!(pin_current_thread(&[cpu]).unwrap(), Pinned::Yes);
            assert_eq!((kernel_says(), allowed_cpus().unwrap()), (vec![cpu], vec![cpu]));
            scope.spawn(|| assert_eq!(kernel_says(), [cpu], "threads inherit it"));
            assert!(
                Topology::read().allowed.len() >= before.len(),
                "the process is not bound"
            );
        });
    });
    assert_eq!(kernel_says(), before, "this thread is not touched");
}

#[test]
fn a_thread_is_bound_to_several_cpus_and_back() {
    let all = allowed_cpus().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            pin_current_thread(&all[..1]).unwrap();
            // Twice the same CPU is once.
            pin_current_thread(&[all.clone(), all.clone()].concat()).unwrap();
            assert_eq!(kernel_says(), all);
        });
    });
}

#[test]
fn cpus_that_do_not_exist_are_refused() {
    let before = kernel_says();
    for cpu in [9_999, 65_536, u32::MAX] {
        let error = pin_current_thread(&[before[0], cpu]).unwrap_err();
        assert!(
            matches!(&error, AffinityError::NoSuchCpu { cpu: found, .. } if *found == cpu),
            "{error}"
        );
        let text = error.to_string();
        assert!(
            text.starts_with(&format!(
                "CPU {cpu} does not exist or is not online; this machine has CPUs 0"
            )),
            "{text}"
        );
    }
    let error = pin_current_thread(&[]).unwrap_err();
    assert_eq!(error.to_string(), "the list of CPUs is empty: name at least one");
    assert_eq!(kernel_says(), before);
}

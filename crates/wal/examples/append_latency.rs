//! Prints how long an append of a 4 KiB block and its commit take, for each way of writing, alone and three logs at once.
//! `cargo run --release -p rafterdb-wal --example append_latency -- [directory] [commits]`; the directory decides the disk.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rafterdb_wal::{open, Backend, Durability, Options, WalError};

/// Body of the one entry of a commit: with its headers just below a block, so that a commit writes 4,096 bytes.
const BODY_BYTES: usize = 4096 - 40 - 12 - 24 - 8;

fn run(dir: &Path, durability: Durability, backend: Backend, commits: u64) -> Result<(String, Vec<u64>), WalError> {
    let (mut writer, _, recovered) = open(Options {
        durability,
        backend,
        ..Options::new(dir)
    })?;
    let mut block = vec![0x5a; 8 + BODY_BYTES];
    block[..8].copy_from_slice(&[BODY_BYTES as u8, (BODY_BYTES >> 8) as u8, 0, 0, 1, 0, 0, 0]);
    let mut times = Vec::new();
    for index in 1..=commits {
        let started = Instant::now();
        writer.entries(0, index, 1, 1, &[&block]);
        writer.commit()?;
        times.push(started.elapsed().as_nanos() as u64);
    }
    times.sort_unstable();
    Ok((recovered.mode, times))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let dir = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let commits = arguments.next().map_or(Ok(3000), |number| number.parse())?;
    println!(
        "{:<22} {:>5} {:>10} {:>10} {:>10}",
        "mode", "logs", "p50 µs", "p99 µs", "commits/s"
    );
    for (durability, backend) in [
        (Durability::Always, Backend::Direct),
        (Durability::Always, Backend::Buffered),
        (Durability::Interval(Duration::from_millis(10)), Backend::Buffered),
        (Durability::Os, Backend::Buffered),
    ] {
        for logs in [1u32, 3] {
            let dir = tempfile::tempdir_in(&dir)?;
            let results: Vec<_> = std::thread::scope(|scope| {
                let start = |at: u32| {
                    let dir = dir.path().join(at.to_string());
                    scope.spawn(move || run(&dir, durability, backend, commits))
                };
                let threads: Vec<_> = (0..logs).map(start).collect();
                threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
            });
            let (mut mode, mut times) = (String::new(), Vec::new());
            for result in results {
                match result {
                    Ok((of, mut its)) => {
                        mode = of;
                        times.append(&mut its);
                    }
                    Err(error) => println!("{durability:?} {backend:?}: {error}"),
                }
            }
            times.sort_unstable();
            if times.is_empty() {
                continue;
            }
            let percentile = |part: usize| times[times.len() * part / 100] as f64 / 1000.0;
            // Each log commits one after another: what the logs do together is their number over a commit's mean time.
            let rate = f64::from(logs) * 1e9 * times.len() as f64 / times.iter().sum::<u64>() as f64;
            println!(
                "{mode:<22} {logs:>5} {:>10.1} {:>10.1} {rate:>10.0}",
                percentile(50),
                percentile(99)
            );
        }
    }
    Ok(())
}

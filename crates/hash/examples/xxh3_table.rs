//! Prints ns a call of XXH3-64 by length, for what is chosen, each path and two other crates. All run in turn, 60 times, and the
//! least counts: on a machine that others use too, that is what can be compared. `-- <seed>` for another seed than 0.

use std::hint::black_box;
use std::time::Instant;

use rafterdb_hash::{xxh3_64, xxh3_64_on, Path};

const SIZES: [usize; 14] = [1, 8, 16, 32, 64, 128, 240, 256, 512, 1024, 1536, 4096, 65_536, 1 << 20];
const ROUNDS: usize = 60;

type Run = Box<dyn Fn(&[u8], u64, usize) -> u64>;

/// Calls inside, so that what is measured can be inlined as it is for callers.
fn run(hash: impl Fn(&[u8], u64) -> u64 + 'static) -> Run {
    Box::new(move |bytes, seed, calls| (0..calls).fold(0, |sum, _| sum ^ hash(black_box(bytes), black_box(seed))))
}

fn main() {
    let seed = std::env::args().nth(1).and_then(|seed| seed.parse().ok()).unwrap_or(0);
    let bytes: Vec<u8> = (0..1u32 << 20)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let mut columns = vec![("chosen", run(xxh3_64))];
    for path in Path::ALL.into_iter().filter(|path| xxh3_64_on(*path, b"", 0).is_some()) {
        columns.push((
            path.name(),
            run(move |bytes, seed| xxh3_64_on(path, bytes, seed).unwrap_or_default()),
        ));
    }
    columns.push((
        "twox-hash",
        run(|bytes, seed| twox_hash::XxHash3_64::oneshot_with_seed(seed, bytes)),
    ));
    columns.push(("xxhash-rust", run(xxhash_rust::xxh3::xxh3_64_with_seed)));

    let names: String = columns.iter().map(|(name, _)| format!("{name:>12}")).collect();
    println!("{:>8}{names}", "bytes");
    for size in SIZES {
        let calls = (40_000 / (size / 16 + 10)).max(1);
        let mut least = vec![f64::MAX; columns.len()];
        for _ in 0..ROUNDS {
            for (least, (_, run)) in least.iter_mut().zip(&columns) {
                let start = Instant::now();
                black_box(run(&bytes[..size], seed, calls));
                *least = least.min(start.elapsed().as_nanos() as f64 / calls as f64);
            }
        }
        let figures: String = least.iter().map(|ns| format!("{ns:>12.1}")).collect();
        println!("{size:>8}{figures}");
    }
}
